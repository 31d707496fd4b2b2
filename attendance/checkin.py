"""Checking in and out by oneself: who may, when, and what it marks.

A scan is kept as it is (``CheckIn``); it marks the student when nobody has marked them yet. What an instructor said
stands: a scan never overrules it, except that leaving early takes minutes off who was there.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, contains_eager, joinedload

from accounts.models import User
from attendance.codes import NotACodeError, Way
from attendance.marking import LockedRoll, lock_roll, save_roll
from attendance.minutes import WAS_THERE, Sitting, minutes_between
from attendance.models import CheckIn, MarkMethod, MarkStatus
from attendance.rolls import Seat, on_roll_of
from attendance.writing import Entry
from core import audit
from core.errors import RuleError
from core.formatting import clock_time, full_date
from courses.models import Policy
from courses.offering_models import Meeting, Offering, OfferingState
from students.models import ROLL_STATES, Enrollment, Student

OPENS_BEFORE = timedelta(minutes=30)
# Who leaves at the end scans when the meeting is over already.
CLOSES_AFTER = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What came of a scan: the kept row, whether it was kept before, and whether it marked the student."""

    row: CheckIn
    again: bool
    marked: bool


def window_of(meeting: Meeting, way: Way) -> tuple[datetime, datetime]:
    """From when until when a meeting may be checked into (30 minutes before it begins, to its end) or out of (from its
    begin until 30 minutes after its end); UTC."""
    if way is Way.IN:
        return meeting.starts_at - OPENS_BEFORE, meeting.ends_at
    return meeting.starts_at, meeting.ends_at + CLOSES_AFTER


def require_window(meeting: Meeting, way: Way, now: datetime) -> None:
    """Raise RuleError with the reason when nobody can check in (or out) now."""
    offering, zone = meeting.offering, meeting.offering.time_zone
    if offering.state is not OfferingState.PUBLISHED:
        raise RuleError(_("This class does not take place. Ask the office."))
    opens, closes = window_of(meeting, way)
    if now < opens:
        words = {"date": full_date(opens, zone), "time": clock_time(opens, zone)}
        if way is Way.IN:
            raise RuleError(_("Check-in opens on %(date)s at %(time)s.", **words))
        raise RuleError(_("Check-out opens on %(date)s at %(time)s.", **words))
    if now >= closes:
        if way is Way.IN:
            raise RuleError(_("This meeting is over. Ask your instructor to mark you."))
        raise RuleError(_("Check-out for this meeting is over. Ask your instructor to mark you."))


def meeting_for_scan(session: Session, meeting_id: int) -> Meeting:
    """The meeting that a code names, with its class, course and venue. Raises NotACodeError when it is gone."""
    query = (
        sa.select(Meeting)
        .join(Meeting.offering)
        .options(
            contains_eager(Meeting.offering).options(
                joinedload(Offering.course, innerjoin=True), joinedload(Offering.venue, innerjoin=True)
            )
        )
        .where(Meeting.id == meeting_id, Offering.state != OfferingState.DRAFT)
    )
    meeting = session.scalar(query)
    if meeting is None:
        raise NotACodeError(_("This is not a check-in code. Scan the one on the screen in your room."))
    return meeting


def require_enrolled(session: Session, meeting: Meeting, user: User, now: datetime) -> tuple[int, int]:
    """The user's enrollment on the roll of a meeting, and its minutes of grace. Raises RuleError when there is none; it
    names the class that the user should be in now, when there is one."""
    query = (
        sa.select(Enrollment.id, Policy.grace_minutes_per_meeting)
        .join(Student, Student.id == Enrollment.student_id)
        .join(Policy, Policy.id == Enrollment.policy_id)
        .where(
            Student.user_id == user.id,
            on_roll_of(meeting.id, meeting.offering_id),
        )
        .limit(1)
    )
    found = session.execute(query).one_or_none()
    if found is not None:
        return found[0], found[1]
    elsewhere = sa.select(Offering.code).join(Meeting, Meeting.offering_id == Offering.id)
    elsewhere = elsewhere.join(Enrollment, Enrollment.offering_id == Offering.id)
    elsewhere = elsewhere.join(Student, Student.id == Enrollment.student_id).where(
        Student.user_id == user.id,
        Enrollment.state.in_(ROLL_STATES),
        Meeting.starts_at <= now + OPENS_BEFORE,
        Meeting.ends_at > now,
    )
    other = session.scalar(elsewhere.limit(1))
    if other is not None:
        raise RuleError(
            _(
                "This is the code of %(theirs)s, another class. Scan the code in the room of %(yours)s.",
                theirs=meeting.offering.code,
                yours=other,
            )
        )
    raise RuleError(
        _(
            "You are not enrolled in %(code)s. Speak to the instructor or the office.",
            code=meeting.offering.code,
        )
    )


def scan(session: Session, meeting_id: int, way: Way, *, user: User, now: datetime) -> Scanned:
    """Keep a scan and mark what follows from it. The code was read and found good before (``attendance.codes``).

    Coming within the policy's grace is present, later is late with the minutes left. Leaving early takes off the minutes
    missed beyond the grace. Scanning twice is once. Raises RuleError: the class does not take place, it is too early or
    too late, the user is not enrolled here.
    """
    meeting = meeting_for_scan(session, meeting_id)
    roll = lock_roll(session, meeting)
    require_window(meeting, way, now)
    enrollment_id, grace = require_enrolled(session, meeting, user, now)
    rows = {
        row.way: row
        for row in session.scalars(
            sa.select(CheckIn).where(CheckIn.meeting_id == meeting.id, CheckIn.enrollment_id == enrollment_id)
        )
    }
    if way in rows:
        return Scanned(rows[way], again=True, marked=False)
    row = CheckIn(meeting_id=meeting.id, enrollment_id=enrollment_id, way=way, at=now)
    session.add(row)
    session.flush()
    audit.record(session, f"attendance:check:{way}", row, actor=user, now=now, meeting=meeting.id)
    arrived = rows[Way.IN].at if Way.IN in rows else None
    seat = roll.seats[enrollment_id]
    sitting = Sitting.of(meeting)
    entry = (
        _arrival(seat, sitting, grace, now)
        if way is Way.IN
        else _departure(seat, sitting, grace, arrived, now)
    )
    if entry is not None:
        _mark(session, meeting, entry, roll, user=user, now=now)
    return Scanned(row, again=False, marked=entry is not None)


def _mark(
    session: Session, meeting: Meeting, entry: Entry, roll: LockedRoll, *, user: User, now: datetime
) -> None:
    save_roll(
        session,
        meeting,
        [entry],
        actor=user,
        now=now,
        method=MarkMethod.CHECK_IN,
        reason=_("Checked in or out by phone.") if roll.offering.finalized_at else "",
        roll=roll,
        opens_early=OPENS_BEFORE,
    )


def _arrival(seat: Seat, sitting: Sitting, grace: int, now: datetime) -> Entry | None:
    if seat.status is not None:
        return None
    minutes = minutes_between(sitting, arrived=now)
    if sitting.credit - minutes <= grace:
        return Entry(seat.enrollment_id, MarkStatus.PRESENT)
    return Entry(seat.enrollment_id, MarkStatus.LATE, minutes) if minutes else None


def _departure(
    seat: Seat, sitting: Sitting, grace: int, arrived: datetime | None, now: datetime
) -> Entry | None:
    if seat.status not in WAS_THERE or seat.minutes is None:
        return None
    minutes = minutes_between(sitting, arrived=arrived, left=now)
    if arrived is None:  # someone wrote down how late
        minutes = max(0, minutes - (sitting.credit - seat.minutes))
    minutes = min(minutes, seat.minutes)
    if sitting.credit - minutes <= grace or minutes == seat.minutes:
        return None
    if not minutes:
        return Entry(seat.enrollment_id, MarkStatus.ABSENT)
    return Entry(seat.enrollment_id, MarkStatus.LEFT_EARLY, minutes)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One student as the instructor sees them arrive."""

    enrollment_id: int
    name: str
    came_at: datetime | None
    left_at: datetime | None
    status: MarkStatus | None
    minutes: int | None


def arrivals(session: Session, meeting: Meeting, seats: dict[int, Seat]) -> list[Arrival]:
    """Everyone on a roll with their scans, who came last first, then who has not. One statement."""
    scans = scans_of(session, meeting.id)
    found = [
        Arrival(
            number,
            seat.name,
            scans.get((number, Way.IN)),
            scans.get((number, Way.OUT)),
            seat.status,
            seat.minutes,
        )
        for number, seat in seats.items()
    ]
    here = sorted((item for item in found if item.came_at), key=lambda item: str(item.came_at), reverse=True)
    return [*here, *(item for item in found if not item.came_at)]


def scans_of(session: Session, meeting_id: int) -> dict[tuple[int, Way], datetime]:
    """When each student of a meeting scanned, by (enrollment id, way). One statement."""
    query = sa.select(CheckIn.enrollment_id, CheckIn.way, CheckIn.at).where(CheckIn.meeting_id == meeting_id)
    return {(number, way): at for number, way, at in session.execute(query)}


def here_now(session: Session, meeting_id: int) -> int:
    """How many have checked in: for the screen, which shows no names. One statement."""
    query = (
        sa.select(sa.func.count())
        .select_from(CheckIn)
        .where(CheckIn.meeting_id == meeting_id, CheckIn.way == Way.IN)
    )
    return session.scalar(query) or 0
