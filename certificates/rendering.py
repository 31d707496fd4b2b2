"""A certificate's PDF from its snapshot: drawn, with its credential attached, signed. Only the worker imports this."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import gettext as _

from certificates import badges
from certificates.badge_signing import sign_credential
from certificates.badges import STATUS_LIST_BITS, Achievement, Award, Issuer
from certificates.keys import SigningKey
from certificates.signing import http_timestamper, sign_pdf
from core import links
from core.files import store
from core.pdf import Attachment, PdfError, render_document
from core.settings import Settings


@dataclass(frozen=True)
class Made:
    """The bytes of a certificate, and the credential inside it (None without a key)."""

    pdf: bytes
    badge_jwt: str | None


def render_certificate(
    snapshot: dict[str, Any],
    *,
    certificate_id: int,
    issued_at: datetime,
    signed_at: datetime,
    key: SigningKey | None,
) -> Made:
    """Make the PDF of a snapshot: the same snapshot, key and times give the same bytes.

    Raises PdfError or SigningKeyError with a sentence, also when a picture is gone from the file store.
    """
    jwt = None
    attachments: list[Attachment] = []
    if key is not None:
        issuer, award = award_of(snapshot, certificate_id=certificate_id, issued_at=issued_at)
        jwt = sign_credential(badges.credential(issuer, award), issuer, key)
        attachments.append(
            Attachment(
                name="credential.jwt",
                data=jwt.encode(),
                media_type="application/vc+jwt",
                description="Open Badges 3.0 credential",
                made_at=issued_at,
            )
        )
    drawn = draw(snapshot, attachments=attachments, signature_field=key is not None)
    return Made(drawn if key is None else _signed(drawn, snapshot, key, signed_at), jwt)


def draw(
    snapshot: dict[str, Any], *, attachments: list[Attachment] | None = None, signature_field: bool = False
) -> bytes:
    """The page alone, unsigned: a preview, or what is signed next."""
    pictures = {name: _picture(name, digest) for name, digest in snapshot["pictures"].items()}
    return render_document(
        snapshot["template"],
        snapshot["document"],
        page_size=snapshot["page_size"],
        lang=snapshot["lang"],
        images=pictures,
        attachments=attachments or (),
        signature_field=signature_field,
        source=snapshot.get("source") or None,
        css=snapshot.get("css", ""),
    )


def _picture(name: str, digest: str) -> bytes:
    try:
        return store().get(digest)
    except OSError as error:
        told = {
            "logo": _("The logo is lost or damaged in the store of files."),
            "provider": _("The school’s signature picture is lost or damaged in the store of files."),
        }.get(name, _("The instructor’s signature picture is lost or damaged in the store of files."))
        raise PdfError(f"{told} {_('Choose the same picture again under How certificates look.')}") from error


def _signed(drawn: bytes, snapshot: dict[str, Any], key: SigningKey, signed_at: datetime) -> bytes:
    settings: Settings = current_app.extensions["settings"]
    timestamper = http_timestamper(settings.tsa_url) if settings.tsa_url else None
    return sign_pdf(
        drawn, key, signed_at=signed_at, name=snapshot["facts"]["school"], timestamper=timestamper
    )


def award_of(snapshot: dict[str, Any], *, certificate_id: int, issued_at: datetime) -> tuple[Issuer, Award]:
    """The certificate as Open Badges knows it."""
    facts, badge = snapshot["facts"], snapshot["badge"]
    issuer = Issuer(links.public_base(), badge["issuer"], badge["email"])
    number, index = divmod(certificate_id, STATUS_LIST_BITS)
    award = Award(
        identifier=links.absolute("certificates.badge_credential", token=snapshot["token"]),
        subject=badge["subject"],
        holder=facts["participant"],
        achievement=Achievement(
            code=facts["course_code"],
            title=facts["course_title"],
            description=badge["description"],
            criteria=badge["criteria"],
            hours=badge["course_hours"],
            language=snapshot["lang"],
        ),
        hours=facts["attended_minutes"] / 60,
        issued_at=issued_at,
        status_list=links.absolute("certificates.badge_status", number=number),
        status_index=index,
        expires_at=_end_of(facts.get("valid_until"), facts["time_zone"]),
    )
    return issuer, award


def _end_of(day: str | None, zone: str) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(date.fromisoformat(day), time(23, 59, 59), ZoneInfo(zone)).astimezone(UTC)
