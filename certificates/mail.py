"""Mails of the certificates room."""

from typing import Any

from sqlalchemy.orm import Session

from certificates.evaluation import still_to_fill_in
from certificates.models import Certificate, CertificateState
from certificates.revoking import reason_name
from core import clock, links, outbox
from core.formatting import date_range, long_date
from core.mailing import compose
from core.outbox import Message, OutgoingMail
from core.school import current_school
from courses.models import Evaluation
from students.mail import load, message_about


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
    """The certificate is ready: where to download it, which older one it replaces, and how others verify it."""
    certificate = session.get(Certificate, row.about_id)
    if certificate is None or certificate.state is not CertificateState.ISSUED:
        return None
    older = certificate.supersedes
    return compose(
        "certificate",
        **_common(certificate),
        replaces=older.number if older else "",
        confirm_only=certificate.confirm_only,
    )


@outbox.mail("evaluation")
def evaluation_mail(session: Session, row: OutgoingMail) -> Message | None:
    """How was the class? Dropped when it has been filled in, or is not asked for any more."""
    enrollment = load(session, row.about_id)
    if enrollment is None or not still_to_fill_in(session, [enrollment], clock.now()):
        return None
    return message_about(
        session,
        row,
        "evaluation",
        evaluation_url=links.absolute("certificates.evaluate", enrollment_id=enrollment.id),
        required=enrollment.offering.course.evaluation is Evaluation.REQUIRED,
    )


@outbox.mail("certificate-revoked")
def revoked_mail(session: Session, row: OutgoingMail) -> Message | None:
    """A certificate was revoked: since when, and the category of the reason."""
    certificate = session.get(Certificate, row.about_id)
    if certificate is None or certificate.revoked_at is None or certificate.revocation is None:
        return None
    school = current_school(session)
    zone = school.time_zone if school else "UTC"  # as on the page that verifiers see
    return compose(
        "certificate-revoked",
        **_common(certificate),
        revoked_on=long_date(certificate.revoked_at, zone),
        reason=reason_name(certificate.revocation),
    )
