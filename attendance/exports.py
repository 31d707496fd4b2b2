"""The roster of a class as a table: people, licenses, minutes of each meeting. Nothing about talks or health (DOMAIN)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from attendance.minutes import Marked, Sitting, Summary, Terms, by_name, joined_at, sittings, summarize
from attendance.models import AttendanceMark
from attendance.words import standing
from core.clock import local, local_date
from core.tables import Column, Kind
from courses.models import Policy
from courses.offering_models import Meeting, Offering
from students.models import ROLL_STATES, Enrollment, EnrollmentState, License, Student
from students.states import LABELS as STATE_LABELS

# Rows that are read at a time: a class of any size needs little memory.
_CHUNK = 500


class Person(NamedTuple):
    """One line of the roster, before the marks."""

    id: int
    name: str
    certificate_name: str
    email: str
    phone: str
    profession: str
    jurisdiction: str | None
    license_number: str | None
    state: EnrollmentState
    joined_at: datetime
    minimum_percent: int
    grace: int
    excused_counts: bool


def roster_table(session: Session, offering: Offering) -> tuple[list[Column], Iterator[Sequence[Any]]]:
    """Columns and rows of a class's roster; minutes per meeting are those marked, empty where nothing is.

    Three statements, however many students and meetings, of which two are read while the rows are asked for.
    """
    meetings = sittings(session, offering.id)
    columns = [
        Column(_("Name"), width=28),
        Column(_("Name on certificate"), width=28),
        Column(_("Email"), width=30),
        Column(_("Phone"), width=18),
        Column(_("Profession"), width=12),
        Column(_("Licensed in"), width=12),
        Column(_("License number"), width=20),
        Column(_("Standing"), width=16),
        Column(_("Enrolled on"), Kind.DATE),
        *(Column(_meeting_title(meeting, offering.time_zone), Kind.WHOLE, 16) for meeting in meetings),
        Column(_("Minutes attended"), Kind.WHOLE),
        Column(_("Minutes counted"), Kind.WHOLE),
        Column(_("Minutes needed"), Kind.WHOLE),
        Column(_("Attendance"), width=20),
    ]
    rows = (
        _row(person, _summary(person, meetings, marks), meetings, offering.time_zone)
        for person, marks in _with_marks(_people(session, offering.id), _marks(session, offering.id))
    )
    return columns, rows


def _people(session: Session, offering_id: int) -> Iterator[Person]:
    query = (
        sa.select(
            Enrollment.id,
            User.name,
            Enrollment.certificate_name,
            User.email,
            Student.phone,
            Enrollment.profession,
            License.jurisdiction,
            License.number,
            Enrollment.state,
            joined_at(),
            Policy.minimum_percent,
            Policy.grace_minutes_per_meeting,
            Policy.excused_counts,
        )
        .join(Student, Student.id == Enrollment.student_id)
        .join(User, User.id == Student.user_id)
        .join(Policy, Policy.id == Enrollment.policy_id)
        .outerjoin(License, License.id == Enrollment.license_id)
        .where(Enrollment.offering_id == offering_id, Enrollment.state.in_(ROLL_STATES))
        .order_by(*by_name(), Enrollment.id)
    )
    return map(Person._make, session.execute(query.execution_options(yield_per=_CHUNK)))


def _marks(session: Session, offering_id: int) -> Iterator[Marked]:
    """The current marks of everyone on the roll, in the order of ``_people``."""
    query = (
        sa.select(
            AttendanceMark.meeting_id,
            AttendanceMark.enrollment_id,
            AttendanceMark.status,
            AttendanceMark.minutes,
        )
        .join(Meeting, sa.and_(Meeting.id == AttendanceMark.meeting_id, Meeting.offering_id == offering_id))
        .join(Enrollment, Enrollment.id == AttendanceMark.enrollment_id)
        .join(Student, Student.id == Enrollment.student_id)
        .join(User, User.id == Student.user_id)
        .where(
            AttendanceMark.is_current,
            Enrollment.offering_id == offering_id,
            Enrollment.state.in_(ROLL_STATES),
        )
        .order_by(*by_name(), Enrollment.id)
    )
    rows = session.execute(query.execution_options(yield_per=_CHUNK))
    return (Marked(*row) for row in rows)


def _with_marks(
    people: Iterator[Person], marks: Iterator[Marked]
) -> Iterator[tuple[Person, dict[int, Marked]]]:
    """Each person with the marks by meeting id; both come in the same order, and some people have no marks."""
    nobody: tuple[int, Iterator[Marked]] = (0, iter(()))
    groups = groupby(marks, key=lambda mark: mark.enrollment_id)
    marked, theirs = next(groups, nobody)
    for person in people:
        own: dict[int, Marked] = {}
        if person.id == marked:
            own = {mark.meeting_id: mark for mark in theirs}
            marked, theirs = next(groups, nobody)
        yield person, own


def _summary(person: Person, meetings: Sequence[Sitting], marks: Mapping[int, Marked]) -> Summary:
    terms = Terms(person.minimum_percent, person.grace, person.excused_counts)
    return summarize(person.id, person.name, person.state, terms, person.joined_at, meetings, marks, rules=())


def _row(person: Person, summary: Summary, meetings: Sequence[Sitting], zone: str) -> list[Any]:
    marks = [summary.marks.get(meeting.id) for meeting in meetings]
    return [
        person.name,
        person.certificate_name,
        person.email,
        person.phone,
        person.profession,
        person.jurisdiction or "",
        person.license_number or "",
        STATE_LABELS[person.state],
        local_date(summary.joined_at, zone),
        *(mark.minutes if mark else None for mark in marks),
        summary.attended,
        summary.counted,
        summary.needed,
        standing(summary),
    ]


def _meeting_title(meeting: Sitting, zone: str) -> str:
    return f"{meeting.number}. {local(meeting.starts_at, zone):%Y-%m-%d %H:%M}"
