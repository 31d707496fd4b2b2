"""Moving to another class of the same course in one act: the seat is there, or nothing changes here."""

from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.models import User
from core.errors import RuleError
from core.formatting import listing
from courses.offering_models import Offering
from students import calendar, prerequisites, seats, states, telling, waitlist
from students import enrollment as enrolling
from students.models import Enrollment, EnrollmentEvent, EnrollmentState, Source


def transfer(
    session: Session,
    enrollment: Enrollment,
    to_offering: Offering,
    *,
    actor: User,
    now: datetime,
    reason: str = "",
) -> Enrollment:
    """Move an enrolled student to another class of the course. Returns the new enrollment; price and policy go along.

    A student may move as often as the policy agreed to allows, before the class begins; the office may always, with a
    reason where the rules would say no (times, number of moves, prerequisites, approval, people waiting
    there). Raises RuleError when there is no seat or it is not allowed; both classes are locked, in the order of their ids.
    """
    if to_offering.id == enrollment.offering_id:
        raise RuleError(_("That is the same class. Choose another one."), field="to")
    both = seats.lock_several(session, {enrollment.offering_id, to_offering.id})
    here, there = both[enrollment.offering_id], both[to_offering.id]
    by_office = actor.is_staff and actor.id != enrollment.student.user_id
    if enrollment.state is not EnrollmentState.ENROLLED:
        raise RuleError(states.standing(enrollment.state))
    if enrollment.group_booking_id is not None:
        raise RuleError(_of_a_group())
    if there.course_id != here.course_id:
        raise RuleError(_("Choose a class of the same course."), field="to")
    seats.require_no_other(session, there, enrollment.student_id, by_office=by_office)
    enrolling.require_open(there, now, by_office=by_office)
    if there.seats_left <= 0:
        raise seats.NoSeatError(_("No seat is free in that class. Nothing was changed."))
    objections = _objections(session, enrollment, here, there, now)
    reason = reason.strip()
    if objections and not by_office:
        raise RuleError(objections[0])
    if objections and not reason:
        raise RuleError(
            _("%(objection)s Write why it is done all the same.", objection=objections[0]), field="reason"
        )
    return _move_over(session, enrollment, here, there, actor=actor, now=now, reason=reason)


def _objections(
    session: Session, enrollment: Enrollment, here: Offering, there: Offering, now: datetime
) -> list[str]:
    found = _about_leaving(session, enrollment, here, now)
    if there.needs_approval:
        found.append(_("The office decides about each seat of that class, and so about moves to it."))
    if there.waiting_count > 0:
        found.append(_("People wait for a seat in that class, and they come first."))
    missing = prerequisites.check(
        session, there.course_id, enrollment.student_id, before=there.starts_at
    ).missing_required
    if missing:
        names = listing([need.course.code for need in missing])
        found.append(_("By then %(courses)s is not finished, which this class asks for.", courses=names))
    return found


def _about_leaving(session: Session, enrollment: Enrollment, here: Offering, now: datetime) -> list[str]:
    found = []
    if now >= here.starts_at:
        found.append(_("The class has begun; the office decides about a move."))
    allowed = enrollment.policy.free_transfers
    if moves_so_far(session, enrollment) >= allowed:
        found.append(
            ngettext(
                "The terms of this enrollment include %(num)d move to another class, which is used up.",
                "The terms of this enrollment include %(num)d moves to another class, which are used up.",
                allowed,
            )
            if allowed
            else _("The terms of this enrollment include no move to another class.")
        )
    return found


def why_not(session: Session, enrollment: Enrollment, *, now: datetime) -> str:
    """Why the student can't move to any other class by themselves, as a sentence; empty when they may choose one."""
    if enrollment.state is not EnrollmentState.ENROLLED:
        return states.standing(enrollment.state)
    if enrollment.group_booking_id is not None:
        return _of_a_group()
    return next(iter(_about_leaving(session, enrollment, enrollment.offering, now)), "")


def _of_a_group() -> str:
    return _("This seat belongs to a group booking. Whoever booked it can name another person for it.")


def moves_so_far(session: Session, enrollment: Enrollment) -> int:
    """How many moves lie behind this enrollment: the chain of enrollments that it came from."""
    moves = 0
    current: int | None = enrollment.id
    while current is not None:
        details = session.scalar(
            sa.select(EnrollmentEvent.details)
            .where(EnrollmentEvent.enrollment_id == current, EnrollmentEvent.from_state.is_(None))
            .limit(1)
        )
        current = (details or {}).get("transferred_from")
        moves += current is not None
    return moves


def _move_over(
    session: Session,
    enrollment: Enrollment,
    here: Offering,
    there: Offering,
    *,
    actor: User,
    now: datetime,
    reason: str,
) -> Enrollment:
    same_list = enrollment.screening_set_id == there.course.screening_set_id
    new = Enrollment(
        student_id=enrollment.student_id,
        state=EnrollmentState.ENROLLED,
        source=Source.TRANSFER,
        certificate_name=enrollment.certificate_name,
        profession=enrollment.profession,
        license_id=enrollment.license_id,
        price_cents=enrollment.price_cents,
        policy_id=enrollment.policy_id,
        policy_agreed_at=enrollment.policy_agreed_at,
        screening_set_id=enrollment.screening_set_id if same_list else None,
        screening_acknowledged_at=enrollment.screening_acknowledged_at if same_list else None,
        wants_talk=enrollment.wants_talk,
        wants_access_help=enrollment.wants_access_help,
        access_help_done_at=enrollment.access_help_done_at,
    )
    seats.add(
        session,
        there,
        new,
        actor=actor,
        now=now,
        reason=reason,
        transferred_from=enrollment.id,
        source="transfer",
    )
    seats.move(
        session,
        enrollment,
        EnrollmentState.TRANSFERRED,
        actor=actor,
        now=now,
        reason=reason,
        transferred_to=new.id,
        kept_cents=0,
    )
    calendar.carry_over(enrollment, new)
    telling.transferred(session, enrollment, now=now, new_id=new.id)
    waitlist.promote(session, here, now=now, freed_by="transferred")
    return new
