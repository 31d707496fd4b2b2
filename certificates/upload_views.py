"""Dropping a PDF on the verification page: is it byte for byte what was issued, signed by us, changed, or not ours?"""

import hashlib

import sqlalchemy as sa
from flask import jsonify
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from certificates.blueprint import blueprint
from certificates.forms import UploadForm
from certificates.models import Certificate
from certificates.verification import finding
from certificates.verify_views import answer, private, start_page, today_there, who_asks
from core import clock, throttle
from core.database import db
from core.pages import wants_json
from core.web import page

UPLOADS_PER_TEN_MINUTES = 30


@blueprint.post("/verify/file")
def verify_file() -> ResponseReturnValue:
    """Judge an uploaded file; nothing of it is kept."""
    throttle.hit("verify-file", who_asks(), limit=UPLOADS_PER_TEN_MINUTES, seconds=600, now=clock.now())
    form = UploadForm()
    if not form.validate_on_submit():
        return start_page(upload=form, status=422)
    content = form.file.data.read()
    zone, today = today_there()
    digest = hashlib.sha256(content).hexdigest()
    row = db.session.scalar(sa.select(Certificate).where(Certificate.pdf_sha256 == digest))
    if row is not None:
        words = _("This file is byte for byte what we issued.")
        return answer(finding(db.session, row, today), row.number, zone, file_words=words)
    from certificates.judging import judge_pdf, sentence
    from certificates.key_standing import history

    known = [record.certificate_pem.encode() for record in history(db.session)]
    judged = judge_pdf(content, known)
    if wants_json():
        told = {"status": "unknown", "file": judged.outcome.value, "file_says": sentence(judged.outcome)}
        return private(jsonify(told))
    return private(
        page(
            "certificates/verify_file.html",
            judged=judged,
            words=sentence(judged.outcome),
            now=clock.now(),
            zone=zone,
        )
    )
