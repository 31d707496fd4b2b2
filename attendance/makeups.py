"""Make-ups: what was missed, where it can be made up, asking, planning, declining.

A guest sits in the room without a seat of the class: there is a place when the room holds more people than the class may
(its capacity) and the guests planned before. The guest is on the roll of that one meeting; what is marked there is
credited at home, once (``attendance.crediting``).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from accounts.models import User
from attendance.makeup_models import PLACED, MakeUp, MakeUpState
from attendance.minutes import Sitting, Summary, attended_minutes
from attendance.models import AttendanceMark
from attendance.settling import lock_classes
from core import audit, outbox
from core.errors import RuleError
from courses.offering_models import Meeting, Offering, OfferingState
from students.models import LIVE_STATES, ROLL_STATES, Enrollment, Student

LIVE = PLACED | {MakeUpState.ASKED}


@dataclass(frozen=True, slots=True)
class Choice:
    """A meeting where something can be made up: its class is loaded; ``places`` are free for guests."""

    meeting: Meeting
    places: int


def missed(
    meetings: Sequence[Sitting], summary: Summary, made_up: Collection[int], now: datetime
) -> list[Sitting]:
    """The meetings that a student missed, wholly or beyond the grace, and that no live make-up covers yet."""
    found = []
    for meeting in meetings:
        mark = summary.marks.get(meeting.id)
        if mark is None:
            lost = meeting.ends_at <= now
        else:
            counted = attended_minutes(mark.status, mark.minutes, meeting.credit, summary.terms.grace)
            lost = counted < meeting.credit
        if lost and meeting.id not in made_up and meeting.credit:
            found.append(meeting)
    return found


def choices_for(
    session: Session, enrollment: Enrollment, lost: Sequence[Sitting], now: datetime
) -> dict[int, list[Choice]]:
    """Where each missed meeting can be made up, by the missed meeting's id, soonest first. One statement.

    The matching meeting has the same number in another published class of the course, is of the same kind, has at least
    as many minutes, and has not begun; the student has no seat in that class.
    """
    if not lost:
        return {}
    mine = aliased(Enrollment)
    query = (
        sa.select(Meeting, _guests(Meeting.id))
        .join(Meeting.offering)
        .options(contains_eager(Meeting.offering).joinedload(Offering.venue))
        .where(
            Offering.course_id == enrollment.offering.course_id,
            Offering.id != enrollment.offering_id,
            Offering.state == OfferingState.PUBLISHED,
            Meeting.starts_at > now,
            Meeting.number.in_([meeting.number for meeting in lost]),
            ~sa.exists().where(
                mine.offering_id == Offering.id,
                mine.student_id == enrollment.student_id,
                mine.state.in_(LIVE_STATES),
            ),
        )
        .order_by(Meeting.starts_at)
    )
    found: dict[int, list[Choice]] = {meeting.id: [] for meeting in lost}
    for meeting, guests in session.execute(query):
        for wanted in lost:
            if _matches(meeting, wanted.number, wanted.kind, wanted.credit):
                found[wanted.id].append(Choice(meeting, places(meeting.offering, guests)))
    return found


def _matches(meeting: Meeting, number: int, kind: object, credit: int) -> bool:
    return meeting.number == number and meeting.kind is kind and meeting.credit_minutes >= credit


def places(offering: Offering, guests: int) -> int:
    """How many more guests a room holds beside a full class."""
    return max(0, offering.venue.seats - max(offering.capacity, offering.seats_taken) - guests)


def ask(
    session: Session, enrollment: Enrollment, missed_id: int, meeting_id: int, *, actor: User, now: datetime
) -> MakeUp:
    """Ask for a make-up: the student does, the office decides. Raises RuleError when it is not possible."""
    return _new(session, enrollment, missed_id, meeting_id, MakeUpState.ASKED, actor=actor, now=now)


def plan(
    session: Session, enrollment: Enrollment, missed_id: int, meeting_id: int, *, actor: User, now: datetime
) -> MakeUp:
    """Plan a make-up: the office does. Raises RuleError when it is not possible, or the room is full."""
    makeup = _new(session, enrollment, missed_id, meeting_id, MakeUpState.PLANNED, actor=actor, now=now)
    tell(session, makeup, str(makeup.state), now=now)
    return makeup


def approve(session: Session, makeup: MakeUp, *, actor: User, now: datetime) -> None:
    """Say yes to one that was asked for. Raises RuleError when it was decided already, or the room is full."""
    _lock(session, makeup.meeting, makeup.missed_meeting)
    session.refresh(makeup)
    _require(makeup, MakeUpState.ASKED)
    meeting, lost = makeup.meeting, makeup.missed_meeting
    _require_possible(session, makeup.enrollment, lost, meeting, now, but=makeup.id)
    _require_place(session, meeting)
    _decide(session, makeup, MakeUpState.PLANNED, actor=actor, now=now)
    tell(session, makeup, str(makeup.state), now=now)


def decline(session: Session, makeup: MakeUp, *, message: str, actor: User, now: datetime) -> None:
    """Say no, with a message to the student. Raises RuleError when it was decided already, or without a message."""
    _lock(session, makeup.meeting, makeup.missed_meeting)
    session.refresh(makeup)
    _require(makeup, MakeUpState.ASKED)
    message = message.strip()[:500]
    if not message:
        raise RuleError(_("Write the student why not."), field="message")
    makeup.message = message
    _decide(session, makeup, MakeUpState.DECLINED, actor=actor, now=now)
    tell(session, makeup, str(makeup.state), now=now)


def withdraw(session: Session, makeup: MakeUp, *, actor: User, now: datetime) -> None:
    """Take back one that was asked for or planned; the guest place is free again. Raises RuleError once credited."""
    _lock(session, makeup.meeting, makeup.missed_meeting)
    session.refresh(makeup)
    _require(makeup, MakeUpState.ASKED, MakeUpState.PLANNED)
    _decide(session, makeup, MakeUpState.WITHDRAWN, actor=actor, now=now)


def overtaken(makeup: MakeUp) -> bool:
    """Whether nothing can come of a make-up that was asked for or planned: the class gone to is cancelled, or the student
    has left their own."""
    waits = makeup.state in (MakeUpState.ASKED, MakeUpState.PLANNED)
    gone = makeup.enrollment.state not in ROLL_STATES
    return waits and (gone or makeup.meeting.offering.state is OfferingState.CANCELLED)


def give_up(session: Session, makeup: MakeUp, *, now: datetime) -> None:
    """Close a make-up that was overtaken. Who still has a seat in their own class is told, to choose another meeting."""
    _lock(session, makeup.meeting, makeup.missed_meeting)
    session.refresh(makeup)
    if not overtaken(makeup):
        return
    if makeup.enrollment.state not in ROLL_STATES:
        _decide(session, makeup, MakeUpState.WITHDRAWN, actor=None, now=now)
        return
    makeup.message = _("The class was cancelled. Choose another meeting.")
    _decide(session, makeup, MakeUpState.DECLINED, actor=None, now=now)
    tell(session, makeup, str(makeup.state), now=now)


def of_enrollment(session: Session, enrollment_id: int) -> list[MakeUp]:
    """All make-ups of an enrollment, the newest first, with both meetings and the class gone to. One statement."""
    return list(
        session.scalars(_loaded().where(MakeUp.enrollment_id == enrollment_id).order_by(MakeUp.id.desc()))
    )


def asked_for(session: Session) -> list[MakeUp]:
    """Those that wait for the office, the oldest first, with student and classes. One statement."""
    return list(session.scalars(_loaded().where(MakeUp.state == MakeUpState.ASKED).order_by(MakeUp.id)))


def coming(session: Session, now: datetime) -> list[MakeUp]:
    """Those that are planned for meetings to come, the soonest first. One statement."""
    query = _loaded().join(Meeting, Meeting.id == MakeUp.meeting_id)
    query = query.where(MakeUp.state == MakeUpState.PLANNED, Meeting.ends_at > now)
    return list(session.scalars(query.order_by(Meeting.starts_at, MakeUp.id).limit(200)))


def _loaded() -> sa.Select[MakeUp]:
    return sa.select(MakeUp).options(
        joinedload(MakeUp.meeting, innerjoin=True)
        .joinedload(Meeting.offering, innerjoin=True)
        .options(joinedload(Offering.venue, innerjoin=True), joinedload(Offering.course, innerjoin=True)),
        joinedload(MakeUp.missed_meeting, innerjoin=True).joinedload(Meeting.offering, innerjoin=True),
        joinedload(MakeUp.enrollment, innerjoin=True)
        .joinedload(Enrollment.student, innerjoin=True)
        .joinedload(Student.user, innerjoin=True),
    )


def _new(
    session: Session,
    enrollment: Enrollment,
    missed_id: int,
    meeting_id: int,
    state: MakeUpState,
    *,
    actor: User,
    now: datetime,
) -> MakeUp:
    lost, meeting = session.get(Meeting, missed_id), session.get(Meeting, meeting_id)
    if lost is None or meeting is None or lost.offering_id != enrollment.offering_id:
        raise RuleError(_("Choose a missed meeting and where to make it up."))
    _lock(session, meeting, lost)
    _require_possible(session, enrollment, lost, meeting, now)
    _require_place(session, meeting)
    makeup = MakeUp(
        enrollment_id=enrollment.id,
        missed_meeting_id=lost.id,
        meeting_id=meeting.id,
        state=state,
        asked_by_id=actor.id,
        asked_at=now,
    )
    session.add(makeup)
    _decide(session, makeup, state, actor=actor, now=now)
    return makeup


def _require_possible(
    session: Session, enrollment: Enrollment, lost: Meeting, meeting: Meeting, now: datetime, but: int = 0
) -> None:
    host = meeting.offering
    if enrollment.state not in ROLL_STATES:
        raise RuleError(_("This student has no seat in the class any more."))
    if host.state is not OfferingState.PUBLISHED or meeting.starts_at <= now:
        raise RuleError(_("This meeting has begun or does not take place. Choose another."))
    same_course = host.course_id == lost.offering.course_id and host.id != lost.offering_id
    if not same_course or not _matches(meeting, lost.number, lost.kind, lost.credit_minutes):
        raise RuleError(_("These two meetings do not match. Choose the same meeting of another class."))
    query = sa.select(MakeUp.id).where(
        MakeUp.enrollment_id == enrollment.id,
        MakeUp.state.in_(LIVE),
        MakeUp.id != but,
        sa.or_(MakeUp.missed_meeting_id == lost.id, MakeUp.meeting_id == meeting.id),
    )
    if session.scalar(query.limit(1)) is not None:
        raise RuleError(_("This meeting is being made up already. One missed meeting is credited once."))
    seated = sa.select(Enrollment.id).where(
        Enrollment.offering_id == host.id,
        Enrollment.student_id == enrollment.student_id,
        Enrollment.state.in_(LIVE_STATES),
    )
    if session.scalar(seated.limit(1)) is not None:
        raise RuleError(_("The student is enrolled in that class already."))
    mark = session.scalar(
        sa.select(AttendanceMark).where(
            AttendanceMark.meeting_id == lost.id,
            AttendanceMark.enrollment_id == enrollment.id,
            AttendanceMark.is_current,
        )
    )
    if mark is None and lost.ends_at > now:
        raise RuleError(_("This meeting is not over yet, so it was not missed."))
    if mark is not None:
        grace = enrollment.policy.grace_minutes_per_meeting
        if attended_minutes(mark.status, mark.minutes, lost.credit_minutes, grace) >= lost.credit_minutes:
            raise RuleError(_("This meeting counts in full already. Nothing was missed."))


def _require_place(session: Session, meeting: Meeting) -> None:
    guests = session.scalar(sa.select(_guests(meeting.id))) or 0
    if not places(meeting.offering, guests):
        raise RuleError(_("The room is full at that meeting. Choose another."))


def _guests(meeting_id: object) -> sa.ScalarSelect[int]:
    guest, home = aliased(MakeUp), aliased(Enrollment)
    return (
        sa.select(sa.func.count(guest.id))
        .join(home, home.id == guest.enrollment_id)
        .where(guest.meeting_id == meeting_id, guest.state.in_(PLACED), home.state.in_(ROLL_STATES))
        .scalar_subquery()
    )


def most_guests(session: Session, offering_id: int, now: datetime) -> int:
    """The guests of the fullest of a class's meetings that are not over: so many chairs must stand there beside its
    capacity."""
    counted = (
        sa.select(sa.func.count(MakeUp.id).label("guests"))
        .join(Meeting, Meeting.id == MakeUp.meeting_id)
        .join(Enrollment, Enrollment.id == MakeUp.enrollment_id)
        .where(
            Meeting.offering_id == offering_id,
            Meeting.ends_at > now,
            MakeUp.state.in_(PLACED),
            Enrollment.state.in_(ROLL_STATES),
        )
        .group_by(MakeUp.meeting_id)
        .subquery()
    )
    return session.scalar(sa.select(sa.func.max(counted.c.guests))) or 0


def _lock(session: Session, *meetings: Meeting) -> None:
    lock_classes(session, Offering.id.in_({meeting.offering_id for meeting in meetings}))


def _require(makeup: MakeUp, *states: MakeUpState) -> None:
    if makeup.state not in states:
        raise RuleError(_("This make-up was decided already."))


def _decide(
    session: Session, makeup: MakeUp, state: MakeUpState, *, actor: User | None, now: datetime
) -> None:
    makeup.state = state
    if state is not MakeUpState.ASKED:
        makeup.decided_at, makeup.decided_by_id = now, actor.id if actor else None
    session.flush()
    makeup.meeting.offering.guest_places = most_guests(session, makeup.meeting.offering_id, now)
    audit.record(
        session,
        f"attendance:makeup:{state}",
        makeup,
        actor=actor,
        now=now,
        enrollment=makeup.enrollment_id,
        missed=makeup.missed_meeting_id,
        meeting=makeup.meeting_id,
    )


def tell(session: Session, makeup: MakeUp, what: str, *, now: datetime, **details: Any) -> None:
    """Mail the student about a make-up, once for each ``what``; its student and user are loaded."""
    user = makeup.enrollment.student.user
    outbox.enqueue(
        session,
        "make-up",
        to=user.email,
        to_name=user.name,
        event=f"makeup:{makeup.id}:{what}",
        now=now,
        about_id=makeup.id,
        **details,
    )
