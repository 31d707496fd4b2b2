"""Mails of the certificates room."""

from typing import Any

from sqlalchemy.orm import Session

from certificates.models import Certificate, CertificateState
from certificates.revoking import reason_name
from core import links, outbox
from core.formatting import date_range, long_date
from core.mailing import compose
from core.outbox import Message, OutgoingMail


def _common(certificate: Certificate) -> dict[str, Any]:
    facts = certificate.snapshot["facts"]
    printed = certificate.snapshot["document"]["certificate"]
    offering = certificate.enrollment.offering
    return {
        "greeting": certificate.enrollment.student.user.given_name,
        "number": certificate.number,
        "course": facts["course_title"],
        "course_code": facts["course_code"],
        "dates": date_range(offering.starts_at, offering.ends_at, offering.time_zone),
        "facts": facts,
        "printed": printed,
        "download_url": links.absolute("certificates.download", number=certificate.number),
        "verify_url": links.absolute("certificates.verify", token=certificate.token),
    }


@outbox.mail("certificate")
def certificate_mail(session: Session, row: OutgoingMail) -> Message | None:
    """The certificate is ready: where to download it, and how others verify it."""
    certificate = session.get(Certificate, row.about_id)
    if certificate is None or certificate.state is not CertificateState.ISSUED:
        return None
    return compose("certificate", **_common(certificate))


@outbox.mail("certificate-revoked")
def revoked_mail(session: Session, row: OutgoingMail) -> Message | None:
    """A certificate was revoked: since when, and the category of the reason."""
    certificate = session.get(Certificate, row.about_id)
    if certificate is None or certificate.revoked_at is None or certificate.revocation is None:
        return None
    zone = certificate.enrollment.offering.time_zone
    return compose(
        "certificate-revoked",
        **_common(certificate),
        revoked_on=long_date(certificate.revoked_at, zone),
        reason=reason_name(certificate.revocation),
    )
