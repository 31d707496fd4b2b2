"""Every mail that the school sends, as a sample student gets it: for the office, before and after changing a template."""

from flask import Response, abort, make_response, url_for
from flask.typing import ResponseReturnValue

from accounts.access import STAFF, roles
from core import clock
from core.database import db
from core.outbox import Message
from core.school import current_school
from core.web import page
from portal.blueprint import blueprint
from portal.mail_samples import SAMPLES, render_sample

# A mail's styles stand in it, because mail programs take no other. Nothing else may run or load.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; sandbox allow-popups; frame-ancestors 'none'"


@blueprint.get("/office/mail/preview")
@roles(*STAFF)
def mail_previews() -> ResponseReturnValue:
    """All kinds, by name."""
    return page("portal/mail_previews.html", kinds=sorted(SAMPLES))


@blueprint.get("/office/mail/preview/<kind>")
@roles(*STAFF)
def mail_preview(kind: str) -> ResponseReturnValue:
    """One kind: subject, text, files, and the way to its HTML."""
    return page("portal/mail_preview.html", kind=kind, message=_message(kind))


@blueprint.get("/office/mail/preview/<kind>/html")
@roles(*STAFF)
def mail_preview_html(kind: str) -> Response:
    """The HTML by itself, as a mail program shows it."""
    answer = make_response(
        _message(kind).html.replace("cid:wave", url_for("static", filename="mail-wave.png"))
    )
    answer.headers["Content-Security-Policy"] = MAIL_POLICY
    return answer


def _message(kind: str) -> Message:
    school = current_school(db.session)
    if school is None or kind not in SAMPLES:
        abort(404)
    return render_sample(kind, school, now=clock.now())
