"""Revoking: a certificate that should not stand. It is never deleted; verification says revoked, since when, and why."""

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.models import Certificate, CertificateState, RevocationReason
from core import audit, outbox
from core.audit import Actor
from core.database import locked
from core.errors import RuleError
from students.models import Enrollment


def not_valid(row: Certificate | None) -> RuleError:
    """Why only an issued certificate is revoked."""
    if row is not None and row.state is CertificateState.PREPARING:
        return RuleError(_("This certificate is still being made. It can be revoked when it is ready."))
    return RuleError(_("This certificate is not valid any more, so it cannot be revoked."))


def revoke(
    session: Session,
    certificate: Certificate,
    *,
    reason: RevocationReason,
    note: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Revoke an issued certificate. The category is shown to verifiers; the note stays in the office.

    Its owner is told. Raises RuleError when it is not valid any more, or when the note is missing.
    """
    row = locked(session, Certificate, certificate.id)
    if row is None or row.state is not CertificateState.ISSUED:
        raise not_valid(row)
    if not note.strip():
        raise RuleError(_("Say why it is revoked. The words stay in the office."), field="note")
    row.state = CertificateState.REVOKED
    row.revoked_at = now
    row.revoked_by_id = actor.id
    row.revocation = reason
    row.revocation_note = note.strip()
    audit.record(
        session,
        "certificates:certificate:revoked",
        row,
        actor=actor,
        now=now,
        number=row.number,
        reason=reason.value,
        note=note.strip(),
    )
    user = session.get_one(Enrollment, row.enrollment_id).student.user
    outbox.enqueue(
        session,
        "certificate-revoked",
        to=user.email,
        to_name=user.name,
        event=f"certificate:{row.id}:revoked",
        about_id=row.id,
        now=now,
    )


def reason_name(reason: RevocationReason) -> str:
    """The category in words, as a verifier reads it."""
    names = {
        RevocationReason.ISSUED_IN_ERROR: _("It was issued in error."),
        RevocationReason.ATTENDANCE_CORRECTED: _("The attendance it rests on was corrected."),
        RevocationReason.IDENTITY: _("The name or the identity on it was not right."),
        RevocationReason.OTHER: _("The school withdrew it."),
    }
    return str(names[reason])
