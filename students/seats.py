"""The one door for seats: whatever takes or frees a seat, or changes the waitlist, passes through here.

``lock`` locks the offering and counts again; ``add``, ``move``, ``reserve`` and ``release`` then decide and record, under
that lock. A change of seats without the lock raises, so no path can go around it. Fees follow each move
(``students.ledger.follow``). Offerings are locked in the order of their ids, and the
audit chain's head comes last (``core.audit``), so two acts never wait for each other.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import event
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from accounts.models import User
from core import audit
from core.database import locked
from core.errors import RuleError
from courses.models import Course, Policy
from courses.offering_models import Offering, OfferingState
from students import ledger, states
from students.group_models import GroupBooking
from students.models import SEATED_STATES, Enrollment, EnrollmentEvent, EnrollmentState, Student

log = logging.getLogger("stillpoint.seats")

_LOCKED = "students.seats.locked"
_ALONE = "students.seats.alone"


class NoSeatError(RuleError):
    """No seat is free."""


class AlreadyThereError(RuleError):
    """The student holds or waits for a seat in this class already."""


@dataclass(frozen=True)
class Count:
    """Seats held and people waiting, as the rows say."""

    held: int
    waiting: int


_NAMED = sa.select(sa.func.count()).where(Enrollment.offering_id == Offering.id, Enrollment.holds_seat)
_UNNAMED = sa.select(sa.func.coalesce(sa.func.sum(GroupBooking.seats_open), 0)).where(
    GroupBooking.offering_id == Offering.id
)
_WAITING = sa.select(sa.func.count()).where(
    Enrollment.offering_id == Offering.id, Enrollment.state == EnrollmentState.WAITLISTED
)
_STANDING = (
    sa.select(
        _NAMED.scalar_subquery() + _UNNAMED.scalar_subquery(), _WAITING.scalar_subquery(), Course, Policy
    )
    .select_from(Offering)
    .join(Offering.course)
    .join(Offering.policy)
    .where(Offering.id == sa.bindparam("offering_id"))
)


def _standing(session: Session, offering_id: int) -> sa.Row[int, int, Course, Policy]:
    return session.execute(_STANDING, {"offering_id": offering_id}).one()


def count(session: Session, offering_id: int) -> Count:
    """Count the seats held and the people waiting from the rows themselves, not from the offering's columns.

    Seats that a group booking holds without a name yet count as held.
    """
    held, waiting, _course, _policy = _standing(session, offering_id)
    return Count(held=held, waiting=waiting)


def lock(session: Session, offering_id: int) -> Offering:
    """Lock an offering until the transaction ends, read it and its enrollments anew, and count again.

    Course and policy are loaded. Raises LookupError when there is no such offering. Locking twice in a transaction is
    harmless. Needs ``begin_write``.
    """
    held: dict[int, Offering] = session.info.setdefault(_LOCKED, {})
    if offering_id in held:
        return held[offering_id]
    if held and offering_id < max(held):
        raise RuntimeError("lock several offerings with lock_several: in the order of their ids")
    session.flush()
    offering = locked(session, Offering, offering_id)
    if offering is None:
        raise LookupError(f"offering {offering_id}")
    return _hold(session, offering)


def lock_public(session: Session, code: str) -> Offering | None:
    """Lock the one class with this code as ``lock`` does; None when there is none that students may know of."""
    if session.info.get(_LOCKED):
        raise RuntimeError("lock several offerings with lock_several: in the order of their ids")
    session.flush()
    offering = session.scalar(
        sa.select(Offering)
        .where(Offering.code == code.upper(), Offering.state != OfferingState.DRAFT)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return _hold(session, offering) if offering else None


def _hold(session: Session, offering: Offering) -> Offering:
    """Note a lock that was taken, and let its counters be those that the rows say."""
    _read_again(session, offering.id)
    session.info.setdefault(_LOCKED, {})[offering.id] = offering
    held, waiting, course, policy = _standing(session, offering.id)
    # A statement of its own, after the lock: read along with it they could be those from before the wait.
    set_committed_value(offering, "course", course)
    set_committed_value(offering, "policy", policy)
    if (offering.seats_taken, offering.waiting_count) != (held, waiting):
        log.warning(
            "offering %s said %s held, %s waiting; the rows say %s and %s",
            offering.code,
            offering.seats_taken,
            offering.waiting_count,
            held,
            waiting,
        )
        offering.seats_taken, offering.waiting_count = held, waiting
    return offering


def lock_several(session: Session, offering_ids: set[int]) -> dict[int, Offering]:
    """Lock offerings in the order of their ids; see ``lock``."""
    return {offering_id: lock(session, offering_id) for offering_id in sorted(offering_ids)}


def lock_of(session: Session, enrollment: Enrollment) -> Offering:
    """Lock the offering of an enrollment; the enrollment is read anew, so its state is that of now."""
    return lock(session, enrollment.offering_id)


def _read_again(session: Session, offering_id: int) -> None:
    # What was loaded before the lock may be stale: another transaction may have changed it while this one waited.
    for row in session.identity_map.values():
        if isinstance(row, Enrollment | GroupBooking) and row.__dict__.get("offering_id") in (
            None,
            offering_id,
        ):
            session.expire(row)


@event.listens_for(Session, "after_commit")
@event.listens_for(Session, "after_rollback")
def _unlock(session: Session) -> None:
    session.info.pop(_LOCKED, None)
    session.info.pop(_ALONE, None)


def _door(session: Session, offering_id: int) -> Offering:
    offering: Offering | None = session.info.get(_LOCKED, {}).get(offering_id)
    if offering is None:
        raise RuntimeError("seats change only under seats.lock")
    return offering


_LIVE = sa.select(Enrollment).where(
    Enrollment.offering_id == sa.bindparam("offering_id"),
    Enrollment.student_id == sa.bindparam("student_id"),
    Enrollment.state.not_in(states.FINAL_STATES),
)


def live_enrollment(session: Session, offering_id: int, student_id: int) -> Enrollment | None:
    """The student's one live enrollment in an offering, if any."""
    return session.scalars(_LIVE, {"offering_id": offering_id, "student_id": student_id}).one_or_none()


def require_no_other(
    session: Session, offering: Offering, student_id: int, *, by_office: bool = False
) -> None:
    """Raise AlreadyThereError when the student has a live enrollment here. Asked once under the lock, then known.

    ``by_office``: the sentence is for the office, not for the student.

    The record is held until the transaction ends, so that it is not merged away meanwhile (``students.merging``): RuleError
    when it has been.
    """
    _door(session, offering.id)
    known: set[tuple[int, int]] = session.info.setdefault(_ALONE, set())
    if (offering.id, student_id) in known:
        return
    merged_into = session.scalar(
        sa.select(Student.merged_into_id)
        .where(Student.id == student_id)
        .with_for_update(read=True, key_share=True)
    )
    if merged_into is not None:
        raise RuleError(_("This record was merged into another one. Use that one instead."))
    existing = live_enrollment(session, offering.id, student_id)
    if existing is not None:
        raise AlreadyThereError(already(existing.state, by_office=by_office))
    known.add((offering.id, student_id))


def add(
    session: Session,
    offering: Offering,
    enrollment: Enrollment,
    *,
    actor: User | None,
    now: datetime,
    reason: str = "",
    **details: Any,
) -> Enrollment:
    """Add a new enrollment under the lock: it gets the next ticket, and its seat is counted.

    ``enrollment.state`` says what it begins as; a pending one holds a seat when its ``holds_seat`` says so. Raises
    AlreadyThereError when the student has a live one here, NoSeatError when it would hold a seat and none is free.
    """
    require_no_other(session, offering, enrollment.student_id or enrollment.student.id)
    session.info[_ALONE].discard((offering.id, enrollment.student_id or enrollment.student.id))
    states.check(None, enrollment.state)
    if enrollment.state is not EnrollmentState.PENDING:
        enrollment.holds_seat = enrollment.state in SEATED_STATES
    enrollment.offering_id = offering.id
    enrollment.ticket = offering.next_ticket
    enrollment.created_at = enrollment.changed_at = now
    offering.next_ticket += 1
    seats = int(enrollment.holds_seat)
    _count_change(
        offering, seats=seats - _from_group(enrollment, seats), waiting=int(_waits(enrollment.state))
    )
    session.add(enrollment)
    _note(session, enrollment, None, actor=actor, now=now, reason=reason, details=details)
    session.flush()
    ledger.follow(session, enrollment, None, actor=actor, now=now, details=details)
    return enrollment


def move(
    session: Session,
    enrollment: Enrollment,
    to_state: EnrollmentState,
    *,
    actor: User | None,
    now: datetime,
    reason: str = "",
    **details: Any,
) -> None:
    """Move an enrollment to another state: the only way its state ever changes.

    Asks the transition table, keeps the offering's counters, and writes history and audit event. ``details`` must be
    JSON. Raises IllegalMoveError (the table says no), NoSeatError (it would take a seat and none is free), and
    RuntimeError when seats or the waitlist would change without ``lock``.
    """
    before = enrollment.state
    states.check(before, to_state)
    seats = int(to_state in SEATED_STATES) - int(enrollment.holds_seat)
    waiting = int(_waits(to_state)) - int(_waits(before))
    if seats or waiting:
        offering = _door(session, enrollment.offering_id)
        _count_change(offering, seats=seats - _from_group(enrollment, seats), waiting=waiting)
    enrollment.state = to_state
    enrollment.holds_seat = to_state in SEATED_STATES
    if to_state is not EnrollmentState.OFFERED:
        enrollment.offer_expires_at = None
    enrollment.changed_at = now
    _note(session, enrollment, before, actor=actor, now=now, reason=reason, details=details)
    ledger.follow(session, enrollment, before, actor=actor, now=now, details=details)


def reserve(session: Session, offering: Offering, booking: GroupBooking, seats: int) -> None:
    """Hold so many seats for a group booking, under the lock. Raises NoSeatError when fewer are free.

    Nobody passes the queue: while people wait for a seat, none is free for a group either.
    """
    _door(session, offering.id)
    if offering.waiting_count:
        raise NoSeatError(_("People wait for a seat in this class, and they come first."))
    if 0 < offering.seats_left < seats:
        raise NoSeatError(
            ngettext(
                "Only %(num)d seat is free in this class. Nothing was changed.",
                "Only %(num)d seats are free in this class. Nothing was changed.",
                offering.seats_left,
            )
        )
    _count_change(offering, seats=seats, waiting=0)
    booking.seats += seats
    booking.seats_open += seats


def release(session: Session, offering: Offering, booking: GroupBooking, seats: int) -> None:
    """Give back seats of a group booking that nobody is named for, under the lock. Raises NoSeatError for more."""
    _door(session, offering.id)
    if seats > booking.seats_open:
        raise NoSeatError(_("Only seats that nobody is named for can be given back."))
    booking.seats -= seats
    booking.seats_open -= seats
    _count_change(offering, seats=-seats, waiting=0)


def _from_group(enrollment: Enrollment, seats: int) -> int:
    """How much of a change of seats a group booking bears: its seat is named (1) or open again (-1)."""
    booking = enrollment.group_booking
    if booking is None or not seats:
        return 0
    if seats > booking.seats_open:
        raise NoSeatError(_("Every seat of this booking has a name already."))
    booking.seats_open -= seats
    return seats


def _waits(state: EnrollmentState) -> bool:
    return state is EnrollmentState.WAITLISTED


def _count_change(offering: Offering, *, seats: int, waiting: int) -> None:
    if seats > 0 and offering.seats_left < seats:
        raise NoSeatError(_("No seat is free in this class. Nothing was changed."))
    offering.seats_taken += seats
    offering.waiting_count += waiting


def _note(
    session: Session,
    enrollment: Enrollment,
    before: EnrollmentState | None,
    *,
    actor: User | None,
    now: datetime,
    reason: str,
    details: dict[str, Any],
) -> None:
    session.add(
        EnrollmentEvent(
            enrollment=enrollment,
            at=now,
            from_state=before,
            to_state=enrollment.state,
            actor_id=actor.id if actor else None,
            reason=reason,
            details=details,
        )
    )
    audit.record(
        session,
        f"students:enrollment:{enrollment.state.value}",
        enrollment,
        actor=actor,
        now=now,
        offering=enrollment.offering_id,
        student=enrollment.student_id,
        before=before.value if before else None,
        reason=reason,
        **details,
    )


def already(state: EnrollmentState, *, by_office: bool = False) -> str:
    """Why a second enrollment beside a live one is refused, as a sentence for the student, or for the office."""
    if by_office:
        return {
            EnrollmentState.PENDING: _("This student's request for this class waits for approval already."),
            EnrollmentState.WAITLISTED: _("This student is on the waitlist of this class already."),
            EnrollmentState.OFFERED: _("A seat in this class is offered to this student already."),
            EnrollmentState.ENROLLED: _("This student is enrolled in this class already."),
        }.get(state, _("This student has taken this class already."))
    return {
        EnrollmentState.PENDING: _("Your request for this class already waits for the office's approval."),
        EnrollmentState.WAITLISTED: _("You are on the waitlist of this class already."),
        EnrollmentState.OFFERED: _("A seat in this class is held for you already. Accept it on your page."),
        EnrollmentState.ENROLLED: _("You are enrolled in this class already."),
    }.get(state, _("You have taken this class already."))
