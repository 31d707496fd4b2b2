"""Cancelling a class: everyone is told, everything is released."""

from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from core import audit
from core.errors import RuleError
from courses.offering_models import Offering, OfferingState
from students import groups, seats, states, telling
from students.models import LIVE_STATES, Enrollment, EnrollmentState, Student


def cancel(session: Session, offering: Offering, *, reason: str, actor: User, now: datetime) -> int:
    """Cancel a class. Whoever held or waited for a seat is released and told; the policy gives everything back.

    Returns how many people were told. Raises RuleError without a reason, for a class that was cancelled or finalized
    already, or that is over.
    """
    offering = seats.lock(session, offering.id)
    reason = reason.strip()
    require_cancellable(offering, now)
    if not reason:
        raise RuleError(_("Write why; everyone who is enrolled or waits reads it."), field="reason")
    released = session.scalars(
        sa.select(Enrollment)
        .where(
            Enrollment.offering_id == offering.id,
            Enrollment.state.in_(LIVE_STATES - states.FINALIZED_STATES),
        )
        .options(joinedload(Enrollment.student).joinedload(Student.user))
        .order_by(Enrollment.ticket)
    ).all()
    offering.state = OfferingState.CANCELLED
    offering.cancelled_at = now
    offering.cancel_reason = reason
    for enrollment in released:
        was = enrollment.state
        seats.move(
            session, enrollment, EnrollmentState.CANCELLED, actor=actor, now=now, reason=reason, kept_cents=0
        )
        telling.cancelled(session, enrollment, now=now, was=was.value)
    groups.close_for_cancelled(session, offering, actor=actor, now=now)
    audit.record(
        session,
        "students:offering:cancelled",
        offering,
        actor=actor,
        now=now,
        reason=reason,
        released=len(released),
    )
    return len(released)


def require_cancellable(offering: Offering, now: datetime) -> None:
    """Raise RuleError with the reason when there is nothing (more) to cancel."""
    if offering.state is OfferingState.CANCELLED:
        raise RuleError(_("This class was cancelled already."))
    if offering.finalized_at is not None:
        raise RuleError(_("The attendance of this class is signed off; it can't be cancelled any more."))
    if now >= offering.ends_at:
        raise RuleError(_("This class is over; it can't be cancelled any more."))
