"""Approval: the registrar decides on requests that the offering, a prerequisite or a profession sends to the office."""

from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core.errors import RuleError
from courses.offering_models import Offering, OfferingState
from students import seats, telling, waitlist
from students.models import Enrollment, EnrollmentState


def approve(
    session: Session, enrollment: Enrollment, *, actor: User, now: datetime, message: str = ""
) -> EnrollmentState:
    """Say yes: the student is enrolled, or waits with the ticket of when they asked. Returns the new state.

    Raises RuleError when it was decided already, the class is over or cancelled, or it is full and the list is closed.
    """
    offering = seats.lock_of(session, enrollment)
    _require_pending(enrollment)
    _require_running(offering, now)
    held_seat = enrollment.holds_seat
    if held_seat or (offering.seats_left > 0 and not _is_anyone_before(session, enrollment)):
        to_state = EnrollmentState.ENROLLED
    elif waitlist.is_open(offering, offering.policy, now):
        to_state = EnrollmentState.WAITLISTED
    elif offering.seats_left > 0:
        raise seats.NoSeatError(
            _(
                "Others asked earlier and wait for the seat. Seat them on the roster, or decline with a message."
            )
        )
    else:
        raise seats.NoSeatError(
            _(
                "This class is full and its waitlist has closed. Raise the capacity, or decline with a message."
            )
        )
    seats.move(
        session, enrollment, to_state, actor=actor, now=now, message=message.strip(), held_seat=held_seat
    )
    telling.approved(session, enrollment, now=now, message=message.strip())
    return to_state


def decline(session: Session, enrollment: Enrollment, *, actor: User, now: datetime, message: str) -> None:
    """Say no, with a message for the student; a seat that was held goes to the head of the list.

    Raises RuleError when it was decided already, or without a message.
    """
    offering = seats.lock_of(session, enrollment)
    _require_pending(enrollment)
    if not message.strip():
        raise RuleError(_("Write to the student why; the message is mailed to them."), field="message")
    held_seat = enrollment.holds_seat
    seats.move(session, enrollment, EnrollmentState.DECLINED, actor=actor, now=now, reason=message.strip())
    telling.not_approved(session, enrollment, now=now, message=message.strip())
    if held_seat:
        waitlist.promote(session, offering, now=now, freed_by="not approved")


def _require_pending(enrollment: Enrollment) -> None:
    if enrollment.state is EnrollmentState.PENDING:
        return
    if enrollment.state is EnrollmentState.WITHDRAWN:
        raise RuleError(_("The student withdrew this request in the meantime."))
    raise RuleError(_("This request was decided already."))


def _require_running(offering: Offering, now: datetime) -> None:
    if offering.state is not OfferingState.PUBLISHED:
        raise RuleError(_("This class is not open: it is cancelled or not published."))
    if offering.finalized_at is not None or now >= offering.ends_at:
        raise RuleError(_("This class is over; nobody can be seated in it any more."))


def _is_anyone_before(session: Session, enrollment: Enrollment) -> bool:
    earlier = sa.select(Enrollment.id).where(
        Enrollment.offering_id == enrollment.offering_id,
        Enrollment.state == EnrollmentState.WAITLISTED,
        Enrollment.ticket < enrollment.ticket,
    )
    return session.scalar(earlier.limit(1)) is not None
