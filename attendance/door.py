"""At the door: someone who is not on the roster, and an instructor who stands in for a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.models import Role, User
from accounts.people import invite
from accounts.registration import by_email
from attendance import makeups
from attendance.door_models import Substitute, WalkIn
from core import audit, outbox
from core.clock import local_date
from core.errors import RuleError
from courses.offering_models import Meeting, Offering, OfferingInstructor
from students import seats
from students.enrollment import EnrollRequest, enroll
from students.models import Enrollment, EnrollmentState, Source
from students.people import student_of


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Someone at the door. ``has_agreed``: they read the terms and the safety list and agree, on the spot."""

    name: str
    email: str
    profession: str = ""
    license_state: str = ""
    license_number: str = ""
    has_agreed: bool = False


def walk_in(
    session: Session, meeting: Meeting, person: Newcomer, *, actor: User, now: datetime
) -> Enrollment | WalkIn:
    """Enroll someone at the door when a seat is free, nobody waits for it, and the rules allow; else note them for the
    office with the reason. A new address gets an account and a mail to set a password.

    Raises RuleError for an address of someone who cannot be a student here (field ``email``), and without agreement.
    """
    if not person.has_agreed:
        raise RuleError(_("They have to read and agree to the terms first."), field="has_agreed")
    offering = seats.lock(session, meeting.offering_id)
    try:
        with session.begin_nested():
            return _enroll(session, offering, person, actor=actor, now=now)
    except seats.AlreadyThereError as error:
        raise RuleError(_("This person is in the class already, or waits for a seat.")) from error
    except RuleError as error:
        return _note(session, meeting, person, str(error), actor=actor, now=now)


def _enroll(
    session: Session, offering: Offering, person: Newcomer, *, actor: User, now: datetime
) -> Enrollment:
    user = by_email(session, person.email)
    if user is not None:
        existing = seats.live_enrollment(session, offering.id, student_of(session, user).id)
        if existing is not None:
            raise seats.AlreadyThereError(seats.already(existing.state, by_office=True))
    if offering.seats_left <= 0:
        raise RuleError(_("No seat is free."))
    if offering.waiting_count:
        raise RuleError(_("Others wait for a seat and come first."))
    guests = makeups.most_guests(session, offering.id, now) if offering.guest_places else 0
    if guests and offering.seats_taken + guests >= offering.venue.seats:
        raise RuleError(_("The chairs that are left are for guests who make up a meeting."))
    if user is None:
        user = invite(session, email=person.email, name=person.name, role=Role.STUDENT, actor=None, now=now)
    elif not user.is_active:
        raise RuleError(_("The account of this person is closed."))
    student = student_of(session, user)
    request = EnrollRequest(
        certificate_name=student.certificate_name or person.name,
        profession=person.profession or student.profession,
        license_state=person.license_state,
        license_number=person.license_number,
        policy_id=offering.policy_id,
        screening_set_id=offering.course.screening_set_id,
        source=Source.DOOR,
    )
    enrollment = enroll(session, offering, student, request, actor=actor, now=now)
    if enrollment.state is not EnrollmentState.ENROLLED:
        raise RuleError(_("The office must approve this enrollment first."))
    session.flush()
    return enrollment


def _note(
    session: Session, meeting: Meeting, person: Newcomer, problem: str, *, actor: User, now: datetime
) -> WalkIn:
    row = WalkIn(
        meeting_id=meeting.id,
        name=person.name,
        email=person.email,
        problem=problem,
        noted_at=now,
        noted_by_id=actor.id,
    )
    session.add(row)
    session.flush()
    audit.record(session, "attendance:walk_in:noted", row, actor=actor, now=now, meeting=meeting.id)
    return row


def settle(session: Session, row: WalkIn, *, actor: User, now: datetime) -> None:
    """The office has settled it. Raises RuleError when it was settled before."""
    if row.settled_at is not None:
        raise RuleError(_("This was settled already."))
    row.settled_at, row.settled_by_id = now, actor.id
    audit.record(session, "attendance:walk_in:closed", row, actor=actor, now=now)


def open_walk_ins(session: Session) -> list[WalkIn]:
    """Those that wait for the office, the oldest first. One statement."""
    query = (
        sa.select(WalkIn)
        .where(WalkIn.settled_at.is_(None))
        .options(joinedload(WalkIn.meeting).joinedload(Meeting.offering), joinedload(WalkIn.noted_by))
        .order_by(WalkIn.id)
        .limit(200)
    )
    return list(session.scalars(query))


def name_substitute(
    session: Session, offering: Offering, user: User, day: date, *, actor: User, now: datetime
) -> Substitute:
    """Give a class to another instructor for one day on the clock of the class: they see it from the midnight before, and
    may take the rolls of that day until it is over (past midnight when a meeting runs so long).

    Raises RuleError (field ``person`` or ``day``): nobody who teaches, has the class anyway, no meeting on that day.
    """
    if user.role is not Role.INSTRUCTOR or not user.is_active:
        raise RuleError(_("Choose an instructor."), field="person")
    if session.get(OfferingInstructor, (offering.id, user.id)) is not None:
        raise RuleError(_("%(name)s teaches this class anyway.", name=user.name), field="person")
    zone = ZoneInfo(offering.time_zone)
    meetings = [item for item in offering.meetings if local_date(item.starts_at, offering.time_zone) == day]
    if not meetings:
        raise RuleError(_("This class has no meeting on that day."), field="day")
    begins = datetime.combine(day, time.min, zone)
    ends = max(
        datetime.combine(day + timedelta(days=1), time.min, zone), *(item.ends_at for item in meetings)
    )
    if ends <= now:
        raise RuleError(_("That day is over."), field="day")
    query = sa.select(Substitute.id).where(
        Substitute.offering_id == offering.id, Substitute.user_id == user.id, Substitute.begins_at == begins
    )
    if session.scalar(query) is not None:
        raise RuleError(_("%(name)s has the class on that day already.", name=user.name), field="person")
    row = Substitute(
        offering_id=offering.id,
        user_id=user.id,
        begins_at=begins,
        ends_at=ends,
        named_by_id=actor.id,
        named_at=now,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        "attendance:substitute:named",
        offering,
        actor=actor,
        now=now,
        substitute=user.name,
        day=day.isoformat(),
    )
    _tell(session, row, f"substitute:{row.id}:named", row.id, now)
    return row


def _tell(
    session: Session, row: Substitute, event: str, about_id: int, now: datetime, **details: Any
) -> None:
    user = row.user
    outbox.enqueue(
        session,
        "substitute",
        to=user.email,
        to_name=user.name,
        event=event,
        now=now,
        about_id=about_id,
        **details,
    )


def end_substitution(session: Session, row: Substitute, *, actor: User, now: datetime) -> None:
    """Take the class back; what the substitute marked stays."""
    audit.record(
        session, "attendance:substitute:ended", row.offering, actor=actor, now=now, substitute=row.user.name
    )
    if row.ends_at > now:
        begins = row.begins_at.isoformat()
        event = f"substitute:{row.id}:ended:{begins}"
        _tell(session, row, event, row.offering_id, now, ended=True, user=row.user_id, begins=begins)
    session.delete(row)


def substitutes_of(session: Session, offering_id: int, now: datetime) -> Sequence[Substitute]:
    """Who stands in for a class, today and later. One statement."""
    query = (
        sa.select(Substitute)
        .where(Substitute.offering_id == offering_id, Substitute.ends_at > now)
        .options(joinedload(Substitute.user))
        .order_by(Substitute.begins_at, Substitute.id)
    )
    return session.scalars(query).all()
