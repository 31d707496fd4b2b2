"""The verifier's pages: open to all, limited in rate, never indexed."""

from datetime import date

from flask import Response, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from certificates.blueprint import blueprint
from certificates.forms import UploadForm, VerifyForm
from certificates.revoking import reason_name
from certificates.verification import Finding, find_by_number, find_by_token
from core import clock, throttle
from core.clock import local_date
from core.database import db
from core.pages import wants_json
from core.school import current_school

PER_MINUTE = 60
TYPED_PER_TEN_MINUTES = 20


def who_asks() -> str:
    """Whom the limits count: the network that the request comes from."""
    return throttle.network_of(request.remote_addr)


def today_there() -> tuple[str, date]:
    """The school's zone, and the date there."""
    school = current_school(db.session)
    zone = school.time_zone if school else "UTC"
    return zone, local_date(clock.now(), zone)


@blueprint.get("/verify/")
def verify_start() -> ResponseReturnValue:
    """Where a verifier begins: a number and the family name, or the file."""
    return start_page()


def start_page(
    form: VerifyForm | None = None, upload: UploadForm | None = None, status: int = 200
) -> Response:
    """The page with both forms; the one that was sent keeps what was typed. A program is told what was wrong with it."""
    if status == 422 and wants_json():
        sent = form or upload
        problems = [str(text) for texts in sent.errors.values() for text in texts] if sent else []
        return private(make_response(jsonify(error=" ".join(problems)), status))
    page = render_template(
        "certificates/verify_start.html",
        form=form or VerifyForm(formdata=None),
        upload=upload or UploadForm(formdata=None),
        page_has_errors=status == 422,
    )
    return private(make_response(page, status))


@blueprint.post("/verify/")
def verify_number() -> ResponseReturnValue:
    """Check a typed number together with the family name: one answer for unknown and mismatch."""
    throttle.hit("verify-typed", who_asks(), limit=TYPED_PER_TEN_MINUTES, seconds=600, now=clock.now())
    form = VerifyForm()
    if not form.validate_on_submit():
        return start_page(form=form, status=422)
    zone, today = today_there()
    found = find_by_number(db.session, form.number.data, form.family_name.data, today)
    return answer(found, form.number.data, zone)


@blueprint.get("/verify/<token>")
def verify(token: str) -> ResponseReturnValue:
    """The address of the QR code: valid, superseded, revoked, expired or unknown."""
    throttle.hit("verify", who_asks(), limit=PER_MINUTE, seconds=60, now=clock.now())
    zone, today = today_there()
    return answer(find_by_token(db.session, token, today), token, zone)


def answer(found: Finding | None, typed: str, zone: str, *, file_words: str = "") -> Response:
    """What a verifier is told, as a page or as JSON; ``file_words`` say what an uploaded file turned out to be."""
    status = 200 if found else 404
    if wants_json():
        body = found.public(zone) if found else {"status": "unknown"}
        if file_words:
            body |= {"file": "as_issued", "file_says": file_words}
        return private(make_response(jsonify(body), status))
    revocation = found.certificate.revocation if found else None
    page = render_template(
        "certificates/verify.html",
        found=found,
        typed=typed[:60],
        now=clock.now(),
        zone=zone,
        form=VerifyForm(formdata=None, number=found.certificate.number if found and found.brief else ""),
        reason=reason_name(revocation) if revocation else "",
        title=_title(found),
        file_words=file_words,
    )
    return private(make_response(page, status))


def _title(found: Finding | None) -> str:
    if found is None:
        return str(_("We have no such certificate"))
    titles = {
        "valid": _("This certificate is valid"),
        "preparing": _("This certificate is being made"),
        "superseded": _("This certificate was replaced"),
        "revoked": _("This certificate was revoked"),
        "no_longer_kept": _("This certificate was issued; the name is no longer kept"),
        "expired": _("This certificate has expired"),
    }
    return str(titles[found.standing.value])


def private(response: Response) -> Response:
    """Never indexed; JSON and HTML are kept apart by caches."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Vary"] = "Accept"
    return response
