"""What other software reads: the issuer, its keys, achievements, credentials and the list of what was revoked."""

import logging
from typing import Any

import sqlalchemy as sa
from flask import Response, abort, jsonify, make_response
from flask.typing import ResponseReturnValue

from accounts.access import me, signed_in
from certificates.blueprint import blueprint
from certificates.lookups import certificate_for
from certificates.models import Certificate, CertificateState
from certificates.numbers import normal_token
from core import clock, links
from core.database import db
from core.school import current_school
from courses.models import Course, CourseState

log = logging.getLogger("stillpoint.certificates")


def _issuer() -> Any:
    from certificates.badges import Issuer

    school = current_school(db.session)
    if school is None:
        abort(404)
    return Issuer(links.public_base(), school.name, school.email)


def _open_to_all(response: Response, *, seconds: int = 300) -> Response:
    # Verifiers run in other sites' pages: these documents are public and hold nothing private.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    return response


@blueprint.get("/.well-known/did.json")
def did() -> ResponseReturnValue:
    """The issuer's DID document: every key of its history."""
    from certificates.badges import did_document
    from certificates.key_standing import published

    return _open_to_all(jsonify(did_document(_issuer(), published(db.session))))


@blueprint.get("/badges/issuer")
def badge_issuer() -> ResponseReturnValue:
    """The issuer's profile."""
    from certificates.badges import issuer_profile

    return _open_to_all(jsonify(issuer_profile(_issuer())))


@blueprint.get("/badges/keys/<name>")
def badge_key(name: str) -> ResponseReturnValue:
    """One public key, as a bare JWK."""
    from certificates.key_standing import published

    jwk = published(db.session).get(name)
    if jwk is None:
        abort(404)
    return _open_to_all(jsonify(jwk))


@blueprint.get("/badges/achievements/<code>")
def badge_achievement(code: str) -> ResponseReturnValue:
    """A course, as an achievement."""
    from certificates.badges import Achievement, achievement_document

    course = db.session.scalar(sa.select(Course).where(Course.code == code.upper()))
    if course is None or course.state is CourseState.DRAFT:
        abort(404)
    achievement = Achievement(
        course.code, course.title, course.summary, " ".join(course.outcomes), course.contact_minutes / 60
    )
    return _open_to_all(jsonify(achievement_document(_issuer(), achievement)))


@blueprint.get("/badges/status/<int:number>")
def badge_status(number: int) -> ResponseReturnValue:
    """A signed list with a bit for each certificate: set when it was revoked or replaced.

    503 while the key cannot be opened: a verifier tries again, and takes nothing for valid in between.
    """
    from certificates.badge_signing import sign_credential
    from certificates.badges import STATUS_LIST_BITS, status_list
    from certificates.key_faults import SigningKeyError
    from certificates.keyring import key_at_hand

    first = number * STATUS_LIST_BITS
    highest = db.session.scalar(sa.select(sa.func.max(Certificate.id))) or 0
    try:
        key = key_at_hand()
    except SigningKeyError:
        log.exception("the list of revoked badges cannot be signed")
        abort(503)
    if key is None or first > highest:
        abort(404)
    query = sa.select(Certificate.id).where(
        Certificate.id >= first,
        Certificate.id < first + STATUS_LIST_BITS,
        Certificate.state.in_([CertificateState.REVOKED, CertificateState.SUPERSEDED]),
    )
    issuer, address = _issuer(), links.absolute("certificates.badge_status", number=number)
    revoked = [row_id - first for row_id in db.session.scalars(query)]
    signed = sign_credential(status_list(issuer, address, revoked, made_at=clock.now()), issuer, key)
    return _open_to_all(_jwt(signed))


@blueprint.get("/badges/credentials/<token>")
def badge_credential(token: str) -> ResponseReturnValue:
    """The credential of a certificate, for whoever holds its token (as printed in the QR code).

    It says all the facts, so it is not handed out here when the holder wants the page to confirm only.
    """
    normal = normal_token(token)
    row = db.session.scalar(sa.select(Certificate).where(Certificate.token == normal)) if normal else None
    if row is None or row.badge_jwt is None or row.confirm_only:
        abort(404)
    response = _open_to_all(_jwt(row.badge_jwt))
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@blueprint.get("/certificates/<number>.png")
@signed_in
def badge_picture(number: str) -> ResponseReturnValue:
    """The badge: a picture with the credential baked in, for its owner and for staff."""
    from certificates.badges import badge_picture as picture
    from certificates.badges import bake_png

    row = certificate_for(db.session, number, me())
    if row.badge_jwt is None:
        abort(404)
    response = make_response(bake_png(picture(), row.badge_jwt))
    response.mimetype = "image/png"
    response.headers["Content-Disposition"] = f'attachment; filename="{row.number}.png"'
    return response


def _jwt(text: str) -> Response:
    response = make_response(text)
    response.mimetype = "application/vc+jwt"
    return response
