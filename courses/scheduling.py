"""Schedules: meetings made in local time from a daily pattern, clock changes, and who or what is double-booked.

A schedule is made on the clock of the class's zone, so a class that crosses a clock change starts at 09:00 on every day;
it is stored in UTC.
"""

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core.clock import local_date
from core.errors import RuleError
from core.formatting import medium_date
from courses.offering_models import (
    DailyPattern,
    Meeting,
    MeetingKind,
    Offering,
    OfferingInstructor,
    OfferingState,
    Venue,
)

# The usual days of a school that has not written down its own (the catalog file's ``daily_patterns``).
DAILY_PATTERNS: dict[str, tuple[str, ...]] = {
    "full-day": ("09:00-10:30", "10:45-12:15", "13:15-14:45", "15:00-16:30"),
    "evening": ("17:30-19:00", "19:10-20:40"),
    "long-afternoon": ("13:00-15:00", "15:15-17:15"),
}
MOST_MEETINGS = 120

_SITTING = re.compile(r"(\d{1,2})[:.](\d{2})\s*(?:-|–|—|to)\s*(\d{1,2})[:.](\d{2})")


@dataclass(frozen=True, order=True)
class Sitting:
    """One sitting of a day, on the clock of the class's zone."""

    starts: time
    ends: time


@dataclass(frozen=True, kw_only=True)
class PlannedMeeting:
    """A meeting that is to be: moments in UTC, credit in minutes. ``id`` is that of the meeting it moves, if any."""

    starts_at: datetime
    ends_at: datetime
    credit_minutes: int
    kind: MeetingKind = MeetingKind.TEACHING
    id: int | None = None


@dataclass(frozen=True)
class ClockChange:
    """A clock change between two days of a class; ``minutes`` is positive when clocks go forward."""

    after: date
    before: date
    minutes: int


class Double(StrEnum):
    """What is double-booked."""

    PERSON = "person"
    ROOM = "room"


@dataclass(frozen=True)
class Conflict:
    """A person or a room that another class has at the same time; the moments are those of the other's first clash."""

    kind: Double
    name: str
    code: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str


def daily_patterns(session: Session) -> dict[str, tuple[str, ...]]:
    """The sittings of the school's usual days, like ``09:00-10:30``, by name."""
    stored = session.scalars(sa.select(DailyPattern).order_by(DailyPattern.id))
    return {row.code: tuple(row.sittings) for row in stored} or DAILY_PATTERNS


def parse_pattern(text: str) -> list[Sitting]:
    """The sittings of a day, written like ``09:00-10:30``, one per line or separated by commas, in order.

    Raises RuleError (field ``sittings``) naming the one that cannot be read, ends before it starts or overlaps.
    """
    sittings = [_sitting(part.strip()) for part in re.split(r"[\n,;]+", text) if part.strip()]
    if not sittings:
        raise RuleError(_("Write at least one sitting, like 09:00-10:30."), field="sittings")
    for earlier, later in itertools.pairwise(sittings):
        if later.starts < earlier.ends:
            raise RuleError(
                _(
                    "The sitting at %(later)s begins before the one at %(earlier)s has ended.",
                    later=f"{later.starts:%H:%M}",
                    earlier=f"{earlier.starts:%H:%M}",
                ),
                field="sittings",
            )
    return sittings


def _sitting(text: str) -> Sitting:
    found = _SITTING.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        hours, minutes, end_hours, end_minutes = (int(group) for group in found.groups())
        sitting = Sitting(time(hours, minutes), time(end_hours, end_minutes))
    except ValueError:
        raise RuleError(
            _("“%(text)s” is not a sitting. Write one like 09:00-10:30.", text=text[:40]), field="sittings"
        ) from None
    if sitting.ends <= sitting.starts:
        raise RuleError(_("The sitting %(text)s ends before it begins.", text=text), field="sittings")
    return sitting


def following_days(first: date, count: int) -> list[date]:
    """So many days in a row, from the first."""
    return [first + timedelta(days=number) for number in range(count)]


def moment(day: date, clock: time, zone: str) -> datetime:
    """The moment, in UTC, at which a clock in the zone shows this. A time that comes twice is its first.

    Raises RuleError for a time that clocks jump over.
    """
    made = datetime.combine(day, clock, ZoneInfo(zone)).astimezone(UTC)
    if made.astimezone(ZoneInfo(zone)).time() != clock:
        raise RuleError(
            _(
                "On %(day)s clocks are put forward: %(time)s does not exist there.",
                day=medium_date(day),
                time=f"{clock:%H:%M}",
            )
        )
    return made


def plan(days: Sequence[date], sittings: Sequence[Sitting], zone: str) -> list[PlannedMeeting]:
    """The meetings of some days with the same sittings each, in the zone's local time; full length is credited.

    Raises RuleError for no day, too many meetings, or a time that does not exist.
    """
    if not days:
        raise RuleError(_("Choose at least one day."))
    if len(set(days)) * len(sittings) > MOST_MEETINGS:
        raise RuleError(_("A class has at most %(n)s meetings.", n=MOST_MEETINGS))
    planned = []
    for day in sorted(set(days)):
        for sitting in sittings:
            starts, ends = moment(day, sitting.starts, zone), moment(day, sitting.ends, zone)
            length = int((ends - starts).total_seconds() // 60)
            planned.append(PlannedMeeting(starts_at=starts, ends_at=ends, credit_minutes=length))
    return planned


def check_order(meetings: Sequence[PlannedMeeting], zone: str) -> list[PlannedMeeting]:
    """The meetings in order of time. Raises RuleError when there is none, or two overlap."""
    if not meetings:
        raise RuleError(_("A class has at least one meeting."))
    ordered = sorted(meetings, key=lambda meeting: meeting.starts_at)
    for meeting in ordered:
        if meeting.ends_at <= meeting.starts_at:
            day = medium_date(meeting.starts_at, zone)
            raise RuleError(_("The meeting on %(day)s ends before it begins.", day=day))
    for earlier, later in itertools.pairwise(ordered):
        if later.starts_at < earlier.ends_at:
            day = medium_date(later.starts_at, zone)
            raise RuleError(_("Two meetings on %(day)s overlap.", day=day))
    return ordered


def clock_changes(meetings: Sequence[PlannedMeeting | Meeting], zone: str) -> list[ClockChange]:
    """The clock changes that fall between the days of a class."""
    place = ZoneInfo(zone)
    moments = sorted(meeting.starts_at for meeting in meetings)
    changes = []
    for earlier, later in itertools.pairwise(moments):
        before, after = earlier.astimezone(place).utcoffset(), later.astimezone(place).utcoffset()
        if before is not None and after is not None and before != after:
            minutes = int((after - before).total_seconds() // 60)
            changes.append(ClockChange(local_date(earlier, zone), local_date(later, zone), minutes))
    return changes


def conflicts(
    session: Session,
    meetings: Sequence[PlannedMeeting | Meeting],
    *,
    venue_id: int,
    user_ids: Collection[int],
    except_offering_id: int | None = None,
) -> list[Conflict]:
    """Who of these people, and whether this room, has another class at the same time; once per class and person.

    Drafts count, cancelled classes do not; an online venue is never full. Two statements, whatever the number of
    meetings.
    """
    if not meetings:
        return []
    first = min(meeting.starts_at for meeting in meetings)
    last = max(meeting.ends_at for meeting in meetings)
    nearby = (
        sa.select(Meeting, Offering)
        .join(Meeting.offering)
        .where(
            Offering.state != OfferingState.CANCELLED,
            Offering.id != (except_offering_id or 0),
            Meeting.starts_at < last,
            Meeting.ends_at > first,
        )
        .order_by(Meeting.starts_at, Offering.code)
    )
    return _double_rooms(session, nearby, meetings, venue_id) + _double_people(
        session, nearby, meetings, user_ids
    )


def _double_rooms(
    session: Session,
    nearby: sa.Select[Meeting, Offering],
    meetings: Sequence[PlannedMeeting | Meeting],
    venue_id: int,
) -> list[Conflict]:
    query = nearby.add_columns(Venue.name).join(
        Venue, sa.and_(Venue.id == Offering.venue_id, Venue.id == venue_id, Venue.is_online.is_(False))
    )
    found: dict[int, Conflict] = {}
    for other, offering, name in session.execute(query):
        if offering.id not in found and _clashes(other, meetings):
            found[offering.id] = _conflict(Double.ROOM, name, other, offering)
    return list(found.values())


def _double_people(
    session: Session,
    nearby: sa.Select[Meeting, Offering],
    meetings: Sequence[PlannedMeeting | Meeting],
    user_ids: Collection[int],
) -> list[Conflict]:
    if not user_ids:
        return []
    query = (
        nearby.add_columns(User.id, User.name)
        .join(OfferingInstructor, OfferingInstructor.offering_id == Offering.id)
        .join(User, sa.and_(User.id == OfferingInstructor.user_id, User.id.in_(list(user_ids))))
    )
    found: dict[tuple[int, int], Conflict] = {}
    for other, offering, user_id, name in session.execute(query):
        if (user_id, offering.id) not in found and _clashes(other, meetings):
            found[user_id, offering.id] = _conflict(Double.PERSON, name, other, offering)
    return list(found.values())


def _clashes(other: Meeting, meetings: Sequence[PlannedMeeting | Meeting]) -> bool:
    return any(m.starts_at < other.ends_at and other.starts_at < m.ends_at for m in meetings)


def _conflict(kind: Double, name: str, meeting: Meeting, offering: Offering) -> Conflict:
    return Conflict(kind, name, offering.code, meeting.starts_at, meeting.ends_at, offering.time_zone)
