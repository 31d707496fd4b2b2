"""The office's day: which classes meet today, how their rolls stand, who is in two rooms at once. Five statements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from attendance.models import AttendanceMark, Roll
from core.clock import local_date
from courses.offering_models import Meeting, Offering, OfferingInstructor, OfferingState
from students.models import ROLL_STATES, Enrollment


class RollState(StrEnum):
    """How the roll of a meeting stands."""

    AHEAD = "ahead"
    OPEN = "open"
    SAVED = "saved"


@dataclass(frozen=True)
class MeetingToday:
    """A meeting, with how many are marked of how many on the roll, and how many of them were there."""

    meeting: Meeting
    state: RollState
    marked: int
    here: int
    saved_at: datetime | None


@dataclass
class ClassToday:
    """A class that meets today. ``clashes``: (instructor, other class's code, from when), each once."""

    offering: Offering
    on_roll: int
    day: int
    days: int
    meetings: list[MeetingToday] = field(default_factory=list)
    clashes: list[tuple[str, str, datetime]] = field(default_factory=list)

    @property
    def open_meeting(self) -> MeetingToday | None:
        """The first meeting whose roll should have been taken by now."""
        return next((item for item in self.meetings if item.state is RollState.OPEN), None)

    @property
    def last_saved(self) -> MeetingToday | None:
        """The last meeting whose roll is complete."""
        return next((item for item in reversed(self.meetings) if item.state is RollState.SAVED), None)


def classes_today(session: Session, *, now: datetime) -> list[ClassToday]:
    """The published classes that meet today, each on its own clock, by their first meeting."""
    query = (
        sa.select(Meeting)
        .join(Meeting.offering)
        .where(
            Offering.state == OfferingState.PUBLISHED,
            Meeting.starts_at > now - timedelta(hours=48),
            Meeting.starts_at < now + timedelta(hours=48),
        )
        .options(
            contains_eager(Meeting.offering).options(
                joinedload(Offering.course),
                joinedload(Offering.venue),
                selectinload(Offering.instructors).joinedload(OfferingInstructor.user),
            )
        )
        .order_by(Meeting.starts_at, Offering.code)
    )
    today = [m for m in session.scalars(query) if _is_today(m, now)]
    on_roll = _on_roll(session, {meeting.offering_id for meeting in today})
    marks = _marks(session, [meeting.id for meeting in today])
    days = _days(session, {meeting.offering_id for meeting in today})
    found: dict[int, ClassToday] = {}
    for meeting in today:
        offering = meeting.offering
        if offering.id not in found:
            held = days.get(offering.id, [])
            mine = sorted({local_date(moment, offering.time_zone) for moment in held})
            day = mine.index(local_date(meeting.starts_at, offering.time_zone)) + 1
            found[offering.id] = ClassToday(offering, on_roll.get(offering.id, 0), day, len(mine))
        item = found[offering.id]
        item.meetings.append(_state(meeting, item.on_roll, marks.get(meeting.id, (0, 0, None)), now))
    classes = list(found.values())
    _note_clashes(classes)
    return classes


def _is_today(meeting: Meeting, now: datetime) -> bool:
    zone = meeting.offering.time_zone
    return local_date(meeting.starts_at, zone) == local_date(now, zone)


def _on_roll(session: Session, offering_ids: set[int]) -> dict[int, int]:
    query = (
        sa.select(Enrollment.offering_id, sa.func.count())
        .where(Enrollment.offering_id.in_(offering_ids), Enrollment.state.in_(ROLL_STATES))
        .group_by(Enrollment.offering_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def _marks(session: Session, meeting_ids: Sequence[int]) -> dict[int, tuple[int, int, datetime | None]]:
    """Per meeting: how many on the roll are marked, how many of them were there at all, when it was saved last."""
    there = sa.func.sum(sa.case((AttendanceMark.minutes > 0, 1), else_=0))
    query = (
        sa.select(Roll.meeting_id, Roll.saved_at, sa.func.count(AttendanceMark.id), there)
        .join(
            AttendanceMark, sa.and_(AttendanceMark.meeting_id == Roll.meeting_id, AttendanceMark.is_current)
        )
        .join(
            Enrollment,
            sa.and_(Enrollment.id == AttendanceMark.enrollment_id, Enrollment.state.in_(ROLL_STATES)),
        )
        .where(Roll.meeting_id.in_(meeting_ids))
        .group_by(Roll.meeting_id, Roll.saved_at)
    )
    return {row[0]: (row[2], row[3] or 0, row[1]) for row in session.execute(query)}


def _days(session: Session, offering_ids: set[int]) -> dict[int, list[datetime]]:
    query = sa.select(Meeting.offering_id, Meeting.starts_at).where(Meeting.offering_id.in_(offering_ids))
    found: dict[int, list[datetime]] = {}
    for key, starts_at in session.execute(query):
        found.setdefault(key, []).append(starts_at)
    return found


def _state(
    meeting: Meeting, on_roll: int, counted: tuple[int, int, datetime | None], now: datetime
) -> MeetingToday:
    marked, here, saved_at = counted
    if on_roll and marked >= on_roll:
        state = RollState.SAVED
    else:
        state = RollState.OPEN if meeting.starts_at <= now and on_roll else RollState.AHEAD
    return MeetingToday(meeting, state, marked, here, saved_at)


def _note_clashes(classes: list[ClassToday]) -> None:
    """Instructors who are in two classes at once today; told at the class that begins later."""
    for number, later in enumerate(classes):
        people = {row.user_id: row.user.name for row in later.offering.instructors}
        for earlier in classes[:number]:
            both = [people[row.user_id] for row in earlier.offering.instructors if row.user_id in people]
            if both and (moment := _overlap(earlier, later)):
                later.clashes += [(name, earlier.offering.code, moment) for name in both]


def _overlap(one: ClassToday, other: ClassToday) -> datetime | None:
    moments = [
        max(a.meeting.starts_at, b.meeting.starts_at)
        for a in one.meetings
        for b in other.meetings
        if a.meeting.starts_at < b.meeting.ends_at and b.meeting.starts_at < a.meeting.ends_at
    ]
    return min(moments, default=None)
