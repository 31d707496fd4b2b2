"""The office's reports: plain tables over a span of days, read in a constant number of statements each.

Days are those on which a class ends (unless the report says otherwise), on the school's clock, both included; "now" decides
what runs or is late. Moments in the rows are on the clock of their class, which the last column names.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from accounts.models import User
from attendance.minutes import WAS_THERE, Marked, Sitting, Summary, Terms, by_name, joined_at, summarize
from attendance.models import AttendanceMark, Roll
from attendance.words import STATUS_LABELS
from core.clock import local
from core.tables import Column, Kind
from courses.models import Course, Policy
from courses.offering_models import (
    InstructorRole,
    Meeting,
    Offering,
    OfferingInstructor,
    OfferingState,
)
from students.models import ROLL_STATES, Enrollment, EnrollmentState, Student
from students.states import LABELS as STATE_LABELS

S = EnrollmentState


@dataclass(frozen=True, slots=True)
class Span:
    """Days on the school's clock, both included, and the present moment (UTC)."""

    first: date
    last: date
    zone: str
    now: datetime

    @property
    def begins(self) -> datetime:
        """The first day's midnight, in UTC."""
        return datetime.combine(self.first, time.min, ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def ends(self) -> datetime:
        """The end of the last day, in UTC."""
        return datetime.combine(self.last, time.max, ZoneInfo(self.zone)).astimezone(UTC)


Table = tuple[list[Column], Iterable[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Report:
    """One report: its name in addresses, its title, what it says, what makes its table, and which days are asked for."""

    key: str
    title: object
    says: object
    table: Callable[[Session, Span], Table]
    days: object = lazy_gettext("Classes that end from")


def classes(session: Session, span: Span) -> Table:
    """Each class: seats, how its students ended, minutes taught. One statement."""
    count = sa.func.count
    states = [
        sa.func.coalesce(sa.func.sum(sa.case((Enrollment.state == state, 1), else_=0)), 0) for state in ROLL
    ]
    minutes = (
        sa.select(sa.func.coalesce(sa.func.sum(Meeting.credit_minutes), 0))
        .where(Meeting.offering_id == Offering.id)
        .correlate(Offering)
        .scalar_subquery()
    )
    query = (
        sa.select(
            Offering.code, Course.title, Offering.starts_at, Offering.ends_at, Offering.capacity, minutes,
            count(Enrollment.id), *states, Offering.finalized_at, Offering.time_zone,
        )
        .join(Course, Course.id == Offering.course_id)
        .outerjoin(
            Enrollment,
            sa.and_(Enrollment.offering_id == Offering.id, Enrollment.state.in_(ROLL_STATES)),
        )
        .where(_in(span), Offering.state == OfferingState.PUBLISHED)
        .group_by(Offering.id, Course.id)
        .order_by(Offering.starts_at, Offering.id)
    )  # fmt: skip
    columns = [
        Column(_("Class")), Column(_("Course"), width=32), Column(_("Begins"), Kind.LOCAL),
        Column(_("Ends"), Kind.LOCAL), Column(_("Capacity"), Kind.WHOLE), Column(_("Contact minutes"), Kind.WHOLE),
        Column(_("Students"), Kind.WHOLE), *(Column(STATE_LABELS[state], Kind.WHOLE) for state in ROLL),
        Column(_("Signed off"), Kind.LOCAL), _clock(),
    ]  # fmt: skip
    return columns, _on_class_clock(session.execute(query))


ROLL = (S.ENROLLED, S.COMPLETED, S.INCOMPLETE, S.NO_SHOW)


def students(session: Session, span: Span) -> Table:
    """Each student: classes, how they ended, minutes credited. Two statements."""
    query = (
        sa.select(
            Student.id,
            User.name,
            User.email,
            sa.func.count(Enrollment.id),
            *(sa.func.sum(sa.case((Enrollment.state == state, 1), else_=0)) for state in ROLL),
        )
        .join(User, User.id == Student.user_id)
        .join(Enrollment, Enrollment.student_id == Student.id)
        .join(Offering, Offering.id == Enrollment.offering_id)
        .where(_in(span), Enrollment.state.in_(ROLL_STATES))
        .group_by(Student.id, User.id)
        .order_by(*by_name(), Student.id)
    )
    credited = (
        sa.select(Enrollment.student_id, sa.func.sum(AttendanceMark.minutes))
        .join(AttendanceMark, AttendanceMark.enrollment_id == Enrollment.id)
        .join(Meeting, Meeting.id == AttendanceMark.meeting_id)
        .join(Offering, Offering.id == Enrollment.offering_id)
        .where(
            _in(span),
            AttendanceMark.is_current,
            Meeting.offering_id == Enrollment.offering_id,  # what a guest attended is credited at home
            Enrollment.state.in_(ROLL_STATES),
        )
        .group_by(Enrollment.student_id)
    )
    minutes = {row[0]: row[1] for row in session.execute(credited)}
    columns = [
        Column(_("Student"), width=28),
        Column(_("Email"), width=30),
        Column(_("Classes"), Kind.WHOLE),
        *(Column(STATE_LABELS[state], Kind.WHOLE) for state in ROLL),
        Column(_("Minutes marked"), Kind.WHOLE),
    ]
    return columns, ((*row[1:], minutes.get(row[0], 0)) for row in session.execute(query))


def instructors(session: Session, span: Span) -> Table:
    """Each instructor: classes led and assisted, meetings, minutes. One statement."""
    query = (
        sa.select(
            User.name,
            User.email,
            *(
                sa.func.count(sa.distinct(sa.case((OfferingInstructor.role == role, Offering.id))))
                for role in (InstructorRole.LEAD, InstructorRole.ASSISTANT)
            ),
            sa.func.count(Meeting.id),
            sa.func.coalesce(sa.func.sum(Meeting.credit_minutes), 0),
            sa.func.coalesce(sa.func.sum(sa.case((_ended_without_roll(span), 1), else_=0)), 0),
        )
        .join(OfferingInstructor, OfferingInstructor.user_id == User.id)
        .join(Offering, Offering.id == OfferingInstructor.offering_id)
        .join(Meeting, Meeting.offering_id == Offering.id)
        .outerjoin(Roll, Roll.meeting_id == Meeting.id)
        .where(_in(span), Offering.state == OfferingState.PUBLISHED)
        .group_by(User.id)
        .order_by(*by_name(), User.id)
    )
    columns = [
        Column(_("Instructor"), width=28),
        Column(_("Email"), width=30),
        Column(_("Classes led"), Kind.WHOLE),
        Column(_("Classes assisted"), Kind.WHOLE),
        Column(_("Meetings"), Kind.WHOLE),
        Column(_("Contact minutes"), Kind.WHOLE),
        Column(_("Rolls not taken"), Kind.WHOLE),
    ]
    return columns, (tuple(row) for row in session.execute(query))


def _ended_without_roll(span: Span) -> sa.ColumnElement[bool]:
    return sa.and_(Meeting.ends_at <= span.now, Roll.meeting_id.is_(None))


def untaken(session: Session, span: Span) -> Table:
    """Meetings that are over and have no roll. One statement."""
    lead = (
        sa.select(User.name)
        .join(OfferingInstructor, OfferingInstructor.user_id == User.id)
        .where(OfferingInstructor.offering_id == Offering.id, OfferingInstructor.role == InstructorRole.LEAD)
        .correlate(Offering)
        .scalar_subquery()
    )
    seated = sa.exists().where(Enrollment.offering_id == Offering.id, Enrollment.state.in_(ROLL_STATES))
    query = (
        sa.select(Offering.code, Course.title, Meeting.number, Meeting.starts_at, lead, Offering.time_zone)
        .join(Offering, Offering.id == Meeting.offering_id)
        .join(Course, Course.id == Offering.course_id)
        .outerjoin(Roll, Roll.meeting_id == Meeting.id)
        .where(
            _ended_without_roll(span), Meeting.ends_at >= span.begins, Meeting.ends_at <= span.ends,
            Offering.state == OfferingState.PUBLISHED, seated,
        )
        .order_by(Meeting.starts_at, Meeting.id)
    )  # fmt: skip
    columns = [
        Column(_("Class")),
        Column(_("Course"), width=32),
        Column(_("Meeting"), Kind.WHOLE),
        Column(_("Began"), Kind.LOCAL),
        Column(_("Lead instructor"), width=28),
        _clock(),
    ]
    return columns, _on_class_clock(session.execute(query))


def at_risk(session: Session, span: Span) -> Table:
    """Whoever cannot meet the attendance policy of a running class any more without a make-up. Three statements."""
    running = sa.and_(
        _in(span), Offering.state == OfferingState.PUBLISHED, Offering.finalized_at.is_(None),
        Offering.starts_at <= span.now,
    )  # fmt: skip
    columns = [
        Column(_("Student"), width=28),
        Column(_("Email"), width=30),
        Column(_("Class")),
        Column(_("Class ends"), Kind.LOCAL),
        Column(_("Minutes counted"), Kind.WHOLE),
        Column(_("Minutes in reach"), Kind.WHOLE),
        Column(_("Minutes needed"), Kind.WHOLE),
        _clock(),
    ]
    rows = [
        (summary.name, email, code, ends_at, summary.counted, summary.reachable, summary.needed, zone)
        for summary, email, code, ends_at, zone in summaries_in(session, running)
        if not summary.on_track
    ]
    return columns, _on_class_clock(rows)


def summaries_in(
    session: Session, condition: sa.ColumnElement[bool]
) -> Iterator[tuple[Summary, str, str, datetime, str]]:
    """Everyone on the rolls of the classes that fit a condition on offerings: the summary, without bodies; address, class
    code, its end, its zone. Three statements."""
    meetings: dict[int, list[Sitting]] = defaultdict(list)
    query = (
        sa.select(Meeting.offering_id, Meeting.id, Meeting.number, Meeting.starts_at, Meeting.ends_at,
            Meeting.kind, Meeting.credit_minutes)
        .join(Offering, Offering.id == Meeting.offering_id).where(condition).order_by(Meeting.number)
    )  # fmt: skip
    for row in session.execute(query):
        meetings[row[0]].append(Sitting(*row[1:]))
    marks: dict[int, dict[int, Marked]] = defaultdict(dict)
    current = (
        sa.select(AttendanceMark.meeting_id, AttendanceMark.enrollment_id, AttendanceMark.status, AttendanceMark.minutes)
        .join(Meeting, Meeting.id == AttendanceMark.meeting_id)
        .join(Offering, Offering.id == Meeting.offering_id)
        .where(condition, AttendanceMark.is_current)
    )  # fmt: skip
    for mark in session.execute(current):
        marks[mark[1]][mark[0]] = Marked(*mark)
    people = (
        sa.select(
            Enrollment.id, User.name, Enrollment.state, Policy.minimum_percent, Policy.grace_minutes_per_meeting,
            Policy.excused_counts, joined_at(), User.email, Offering.code, Offering.ends_at, Offering.time_zone,
            Offering.id,
        )
        .join(Offering, Offering.id == Enrollment.offering_id)
        .join(Policy, Policy.id == Enrollment.policy_id)
        .join(Student, Student.id == Enrollment.student_id)
        .join(User, User.id == Student.user_id)
        .where(condition, Enrollment.state.in_(ROLL_STATES))
        .order_by(Offering.ends_at, Offering.id, *by_name(), Enrollment.id)
    )  # fmt: skip
    for person in session.execute(people):
        number, name, state, percent, grace, excused, joined, email, code, ends, zone, offering = person
        terms = Terms(percent, grace, excused)
        found = summarize(number, name, state, terms, joined, meetings[offering], marks[number], ())
        yield found, email, code, ends, zone


def no_shows(session: Session, span: Span) -> Table:
    """Who never came, and who has been absent from everything so far in a running class. One statement."""
    here = sa.exists().where(
        AttendanceMark.enrollment_id == Enrollment.id,
        AttendanceMark.is_current,
        AttendanceMark.status.in_(WAS_THERE),
    )
    away = sa.exists().where(AttendanceMark.enrollment_id == Enrollment.id, AttendanceMark.is_current)
    query = (
        sa.select(
            User.name,
            User.email,
            Student.phone,
            Offering.code,
            Offering.starts_at,
            Enrollment.state,
            Offering.time_zone,
        )
        .join(Offering, Offering.id == Enrollment.offering_id)
        .join(Student, Student.id == Enrollment.student_id)
        .join(User, User.id == Student.user_id)
        .where(
            _in(span),
            sa.or_(Enrollment.state == S.NO_SHOW, sa.and_(Enrollment.state == S.ENROLLED, away, ~here)),
        )
        .order_by(Offering.starts_at, Offering.id, *by_name())
    )
    columns = [
        Column(_("Student"), width=28),
        Column(_("Email"), width=30),
        Column(_("Phone"), width=18),
        Column(_("Class")),
        Column(_("Began"), Kind.LOCAL),
        Column(_("Standing"), width=18),
        _clock(),
    ]
    rows = ((*row[:5], STATE_LABELS[row[5]], row[6]) for row in session.execute(query))
    return columns, _on_class_clock(rows)


def attendance(session: Session, span: Span) -> Table:
    """Every student at every meeting: the mark that stands. Read in parts, so that any number of rows fits."""
    query = (
        sa.select(
            Offering.code, User.name, User.email, Meeting.number, Meeting.starts_at, AttendanceMark.status,
            AttendanceMark.minutes, Meeting.credit_minutes, AttendanceMark.method, AttendanceMark.made_at,
            Offering.time_zone,
        )
        .join(Meeting, Meeting.id == AttendanceMark.meeting_id)
        .join(Enrollment, Enrollment.id == AttendanceMark.enrollment_id)
        .join(Offering, Offering.id == Meeting.offering_id)
        .join(Student, Student.id == Enrollment.student_id)
        .join(User, User.id == Student.user_id)
        .where(_in(span), AttendanceMark.is_current)
        .order_by(Offering.starts_at, Offering.id, *by_name(), Enrollment.id, Meeting.number)
        .execution_options(yield_per=1000)
    )  # fmt: skip
    columns = [
        Column(_("Class")), Column(_("Student"), width=28), Column(_("Email"), width=30),
        Column(_("Meeting"), Kind.WHOLE), Column(_("Began"), Kind.LOCAL), Column(_("Mark"), width=12),
        Column(_("Minutes"), Kind.WHOLE), Column(_("of"), Kind.WHOLE), Column(_("How"), width=12),
        Column(_("Marked at"), Kind.LOCAL), _clock(),
    ]  # fmt: skip
    words = {status: str(label) for status, label in STATUS_LABELS.items()}
    return columns, _on_class_clock((*row[:5], words[row[5]], *row[6:]) for row in session.execute(query))


def _clock() -> Column:
    """The last column of a table with moments: whose clock they are on."""
    return Column(_("Time zone"), width=20)


def _on_class_clock(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """The rows with every moment on the clock of the class, whose zone is the last value of the row."""
    for row in rows:
        zone = row[-1]
        yield tuple(local(value, zone) if isinstance(value, datetime) else value for value in row)


def _in(span: Span) -> sa.ColumnElement[bool]:
    return sa.and_(Offering.ends_at >= span.begins, Offering.ends_at <= span.ends)
