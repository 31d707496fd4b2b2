"""What an instructor needs today: meetings and the state of their rolls, who is new, who asked to talk, what to sign off.

Nothing about anyone's health: a student who ticked "I will talk to the instructor" may have any reason (DOMAIN).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from accounts.models import User
from attendance.access import marked_by, taught_by
from attendance.minutes import WAS_THERE, Summary, by_name
from attendance.models import AttendanceMark, Roll
from core.clock import local_date
from courses.offering_models import InstructorRole, Meeting, Offering, OfferingInstructor, OfferingState
from portal.reports import summaries_in
from students.models import ROLL_STATES, Enrollment, Student

COMING = 20
# Whoever joins so close to the first meeting, or has never been here, is worth a word of welcome.
NEW_WITHIN = timedelta(days=21)


@dataclass(frozen=True, slots=True)
class RollState:
    """The roll of one of today's meetings: students on it, marked, there; when it was saved."""

    meeting: Meeting
    students: int
    marked: int
    there: int
    saved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A student to greet, those who asked to talk (``wants_talk``) first; ``is_first``: their first class here."""

    enrollment_id: int
    name: str
    offering: Offering
    is_first: bool
    wants_talk: bool


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """A student of a running class who cannot complete it any more without a make-up: worth a word."""

    summary: Summary
    offering: Offering


@dataclass(frozen=True, slots=True)
class Day:
    """The teaching desk. ``to_sign_off`` are over, not signed off, and theirs to sign; ``coming`` run or begin later."""

    rolls: Sequence[RollState]
    newcomers: Sequence[Newcomer]
    out_of_reach: Sequence[OutOfReach]
    to_sign_off: Sequence[Offering]
    coming: Sequence[Offering]


def day_of(session: Session, user: User, now: datetime) -> Day:
    """Read the desk of an instructor, or of the office for all classes; at most nine statements, three of them only
    while a class runs."""
    meetings = _meetings_today(session, user, now)
    coming = _coming(session, user, now)
    soon = {meeting.offering.id: meeting.offering for meeting in meetings}
    soon |= {offering.id: offering for offering in coming if offering.starts_at - now <= NEW_WITHIN}
    return Day(
        rolls=_roll_states(session, meetings),
        newcomers=_newcomers(session, soon),
        out_of_reach=_out_of_reach(session, {item.code: item for item in coming if item.starts_at <= now}),
        to_sign_off=_to_sign_off(session, user, now),
        coming=coming,
    )


def _out_of_reach(session: Session, running: Mapping[str, Offering]) -> list[OutOfReach]:
    if not running:
        return []
    found = summaries_in(session, Offering.id.in_([offering.id for offering in running.values()]))
    return [OutOfReach(item[0], running[item[2]]) for item in found if not item[0].on_track]


def _meetings_today(session: Session, user: User, now: datetime) -> list[Meeting]:
    """Meetings of this calendar day on the clock of their class, and whatever runs past midnight."""
    query = (
        sa.select(Meeting)
        .join(Meeting.offering)
        .options(
            contains_eager(Meeting.offering).options(
                joinedload(Offering.course, innerjoin=True), joinedload(Offering.venue, innerjoin=True)
            )
        )
        .where(
            Meeting.starts_at > now - timedelta(hours=36),
            Meeting.starts_at < now + timedelta(hours=36),
            Offering.state == OfferingState.PUBLISHED,
            marked_by(user),
        )
        .order_by(Meeting.starts_at, Meeting.id)
    )
    return [
        meeting
        for meeting in session.scalars(query)
        if meeting.starts_at <= now < meeting.ends_at
        or local_date(meeting.starts_at, meeting.offering.time_zone)
        == local_date(now, meeting.offering.time_zone)
    ]


def _roll_states(session: Session, meetings: Sequence[Meeting]) -> list[RollState]:
    if not meetings:
        return []
    ids = [meeting.id for meeting in meetings]
    everyone = aliased(Enrollment)
    here = sa.case((AttendanceMark.status.in_(WAS_THERE), 1), else_=0)
    marks = (
        sa.select(
            Meeting.id,
            sa.select(sa.func.count(everyone.id))
            .where(everyone.offering_id == Meeting.offering_id, everyone.state.in_(ROLL_STATES))
            .scalar_subquery(),
            sa.func.count(Enrollment.id),
            sa.func.coalesce(sa.func.sum(sa.case((Enrollment.id.is_not(None), here), else_=0)), 0),
            sa.func.max(Roll.saved_at, type_=Roll.saved_at.type),
        )
        .outerjoin(
            AttendanceMark,
            sa.and_(AttendanceMark.meeting_id == Meeting.id, AttendanceMark.is_current),
        )
        .outerjoin(
            Enrollment,
            sa.and_(
                Enrollment.id == AttendanceMark.enrollment_id,
                Enrollment.offering_id == Meeting.offering_id,
                Enrollment.state.in_(ROLL_STATES),
            ),
        )
        .outerjoin(Roll, Roll.meeting_id == Meeting.id)
        .where(Meeting.id.in_(ids))
        .group_by(Meeting.id, Meeting.offering_id)
    )
    found = {row[0]: row for row in session.execute(marks)}
    return [
        RollState(
            meeting, found[meeting.id][1], found[meeting.id][2], found[meeting.id][3], found[meeting.id][4]
        )
        for meeting in meetings
    ]


def _newcomers(session: Session, offerings: dict[int, Offering]) -> list[Newcomer]:
    if not offerings:
        return []
    earlier, theirs = aliased(Enrollment), aliased(Offering)
    been_here = (
        sa.exists()
        .where(
            earlier.student_id == Enrollment.student_id,
            earlier.state.in_(ROLL_STATES),
            earlier.id != Enrollment.id,
            theirs.id == earlier.offering_id,
            theirs.starts_at < Offering.starts_at,
        )
        .correlate(Enrollment, Offering)
    )
    query = (
        sa.select(Enrollment.id, User.name, Enrollment.offering_id, ~been_here, Enrollment.wants_talk)
        .join(Offering, Offering.id == Enrollment.offering_id)
        .join(Student, Student.id == Enrollment.student_id)
        .join(User, User.id == Student.user_id)
        .where(
            Enrollment.offering_id.in_(offerings),
            Enrollment.state.in_(ROLL_STATES),
            sa.or_(~been_here, Enrollment.wants_talk),
        )
        .order_by(Enrollment.wants_talk.desc(), Offering.starts_at, *by_name())
    )
    return [
        Newcomer(number, name, offerings[offering_id], bool(first), talk)
        for number, name, offering_id, first, talk in session.execute(query)
    ]


def _classes(user: User) -> sa.Select[Offering]:
    return (
        sa.select(Offering)
        .options(joinedload(Offering.course, innerjoin=True), joinedload(Offering.venue, innerjoin=True))
        .where(Offering.state == OfferingState.PUBLISHED, taught_by(user))
    )


def _to_sign_off(session: Session, user: User, now: datetime) -> list[Offering]:
    query = _classes(user).where(
        Offering.ends_at <= now,
        Offering.finalized_at.is_(None),
        sa.true() if user.is_staff else _leads(user),
        sa.exists().where(Enrollment.offering_id == Offering.id, Enrollment.state.in_(ROLL_STATES)),
    )
    return list(session.scalars(query.order_by(Offering.ends_at.desc()).limit(COMING)))


def _leads(user: User) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        OfferingInstructor.offering_id == Offering.id,
        OfferingInstructor.user_id == user.id,
        OfferingInstructor.role == InstructorRole.LEAD,
    )


def _coming(session: Session, user: User, now: datetime) -> list[Offering]:
    query = (
        _classes(user).where(Offering.ends_at > now).order_by(Offering.starts_at, Offering.id).limit(COMING)
    )
    return list(session.scalars(query))


def past_classes(session: Session, user: User, now: datetime) -> list[Offering]:
    """Classes that are over and signed off, the latest first. One statement."""
    query = _classes(user).where(
        Offering.ends_at <= now,
        Offering.finalized_at.is_not(None),
        sa.exists().where(
            OfferingInstructor.offering_id == Offering.id, OfferingInstructor.user_id == user.id
        ),
    )
    return list(session.scalars(query.order_by(Offering.ends_at.desc()).limit(COMING)))
