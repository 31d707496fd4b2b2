"""A certificate by the office's decision, although the attendance policy or the payment speaks against it.

The reason stays on the record and is never printed. Bodies' lines are never decided: each body's own rule holds.
"""

from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.models import CertificateOverride
from core import audit
from core.audit import Actor
from core.database import locked
from core.errors import RuleError
from students.models import Enrollment, EnrollmentState

# What can be decided: the class is signed off, and the student sat in it.
DECIDABLE = frozenset({EnrollmentState.COMPLETED, EnrollmentState.INCOMPLETE})


def is_decidable(enrollment: Enrollment) -> bool:
    """Whether there is something to decide: the class is signed off (not opened again), and the student sat in it."""
    return enrollment.state in DECIDABLE and enrollment.offering.finalized_at is not None


def allow(session: Session, enrollment: Enrollment, *, reason: str, actor: Actor, now: datetime) -> None:
    """Let someone have a certificate nevertheless. Raises RuleError without a reason, or when there is nothing to decide."""
    row = locked(session, Enrollment, enrollment.id)
    if row is None or not is_decidable(row):
        raise RuleError(
            _("This is decided after the class has been signed off, for someone whose attendance was marked.")
        )
    if not reason.strip():
        raise RuleError(_("Say why. The words stay on the record."), field="reason")
    if session.scalar(sa.select(CertificateOverride.id).where(CertificateOverride.enrollment_id == row.id)):
        raise RuleError(_("This has been decided already."))
    session.add(
        CertificateOverride(
            enrollment_id=row.id, reason=reason.strip(), granted_by_id=actor.id, granted_at=now
        )
    )
    session.flush()
    audit.record(
        session, "certificates:eligibility:overridden", row, actor=actor, now=now, reason=reason.strip()
    )


def take_back(session: Session, enrollment: Enrollment, *, actor: Actor, now: datetime) -> None:
    """Undo the decision. A certificate that was issued on it stands until it is revoked."""
    decided = session.scalar(
        sa.select(CertificateOverride).where(CertificateOverride.enrollment_id == enrollment.id)
    )
    if decided is None:
        raise RuleError(_("There is no decision to take back."))
    audit.record(
        session,
        "certificates:eligibility:override-taken-back",
        enrollment,
        actor=actor,
        now=now,
        reason=decided.reason,
    )
    session.delete(decided)
