"""The roll of one meeting as it stands: who is on it, what is marked, what two people marked differently.

Plain tuples instead of ORM objects: a roll of 40 is opened and saved within a few milliseconds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from accounts.models import User
from attendance.makeup_models import PLACED, MakeUp
from attendance.minutes import by_name, joined_at
from attendance.models import AttendanceMark, MarkStatus, Roll
from courses.offering_models import Meeting
from students.models import ROLL_STATES, Enrollment, EnrollmentState, Student


class Seat(NamedTuple):
    """One student on a roll, with the current mark when there is one.

    ``difference_revision`` is the save that brought a differing mark which nobody has decided about; 0 when there is none.
    """

    enrollment_id: int
    name: str
    state: EnrollmentState
    mark_id: int | None
    status: MarkStatus | None
    minutes: int | None
    remark: str
    mark_revision: int
    made_at: datetime | None
    recorded_by_id: int | None
    recorded_by: str
    difference_revision: int
    wants_talk: bool
    joined_at: datetime
    is_guest: bool

    @property
    def has_differences(self) -> bool:
        """Whether two people said something else, and nobody has decided yet."""
        return self.difference_revision > 0


@dataclass(frozen=True, slots=True)
class Other:
    """A mark kept beside the current one, which says something else."""

    enrollment_id: int
    status: MarkStatus
    minutes: int
    remark: str
    made_at: datetime
    recorded_by: str


class Shown(NamedTuple):
    """What a page showed about a student: mark and remark."""

    status: MarkStatus
    minutes: int
    remark: str


def on_roll_of(meeting_id: Any, offering_id: Any) -> sa.ColumnElement[bool]:
    """Who is on the roll of a meeting, as a condition of a query on enrollments: whoever has a seat in its class, and the
    guests who make up something there."""
    guests = sa.select(MakeUp.enrollment_id).where(MakeUp.meeting_id == meeting_id, MakeUp.state.in_(PLACED))
    return sa.and_(
        Enrollment.state.in_(ROLL_STATES),
        sa.or_(Enrollment.offering_id == offering_id, Enrollment.id.in_(guests)),
    )


_MARK, _BESIDE, _RECORDER = aliased(AttendanceMark), aliased(AttendanceMark), aliased(User)
_MEETING, _OFFERING = (
    sa.bindparam("meeting_id", type_=sa.Integer),
    sa.bindparam("offering_id", type_=sa.Integer),
)
# The columns of a Seat, then the roll's revision. Built once: each roll that is opened or saved asks it.
_SEATS = (
    sa.select(
        Enrollment.id,
        User.name,
        Enrollment.state,
        _MARK.id,
        _MARK.status,
        _MARK.minutes,
        sa.func.coalesce(_MARK.remark, ""),
        sa.func.coalesce(_MARK.roll_revision, 0),
        _MARK.made_at,
        _MARK.recorded_by_id,
        sa.func.coalesce(_RECORDER.name, ""),
        sa.func.coalesce(
            sa.select(sa.func.max(_BESIDE.roll_revision))
            .where(_BESIDE.conflicts_with_id == _MARK.id)
            .scalar_subquery(),
            0,
        ),
        Enrollment.wants_talk,
        joined_at(),
        Enrollment.offering_id != _OFFERING,
        sa.select(Roll.revision).where(Roll.meeting_id == _MEETING).scalar_subquery(),
    )
    .join(Student, Student.id == Enrollment.student_id)
    .join(User, User.id == Student.user_id)
    .outerjoin(
        _MARK, sa.and_(_MARK.enrollment_id == Enrollment.id, _MARK.meeting_id == _MEETING, _MARK.is_current)
    )
    .outerjoin(_RECORDER, _RECORDER.id == _MARK.recorded_by_id)
    .where(on_roll_of(_MEETING, _OFFERING))
    .order_by(*by_name(), Enrollment.id)
)


def seats_of(session: Session, meeting_id: int, offering_id: int) -> tuple[dict[int, Seat], int]:
    """Everyone on the roll of a meeting, guests included, by enrollment id, in the order of their names; and the roll's
    revision (0 when it was never saved). One statement."""
    rows = session.execute(_SEATS, {"meeting_id": meeting_id, "offering_id": offering_id}).all()
    seats = {row[0]: Seat._make(row[:-1]) for row in rows}
    return seats, int(rows[0][-1] or 0) if rows else 0


def base_marks(session: Session, meeting_id: int, revision: int) -> dict[int, Shown]:
    """What a page showed that was opened at that revision, by enrollment id. One statement."""
    query = (
        sa.select(
            AttendanceMark.enrollment_id,
            AttendanceMark.status,
            AttendanceMark.minutes,
            AttendanceMark.remark,
        )
        .where(
            AttendanceMark.meeting_id == meeting_id,
            AttendanceMark.conflicts_with_id.is_(None),
            AttendanceMark.roll_revision <= revision,
        )
        .order_by(AttendanceMark.id)
    )
    return {row[0]: Shown(row[1], row[2], row[3]) for row in session.execute(query)}


def others_of(session: Session, meeting_id: int) -> dict[int, list[Other]]:
    """The marks of a meeting that wait for a decision, by enrollment id, oldest first. One statement."""
    current = aliased(AttendanceMark)
    query = (
        sa.select(
            AttendanceMark.enrollment_id,
            AttendanceMark.status,
            AttendanceMark.minutes,
            AttendanceMark.remark,
            AttendanceMark.made_at,
            sa.func.coalesce(User.name, ""),
        )
        .join(current, current.id == AttendanceMark.conflicts_with_id)
        .outerjoin(User, User.id == AttendanceMark.recorded_by_id)
        .where(AttendanceMark.meeting_id == meeting_id, current.is_current)
        .order_by(AttendanceMark.id)
    )
    found: dict[int, list[Other]] = {}
    for row in session.execute(query):
        found.setdefault(row[0], []).append(Other(*row))
    return found


def kept_beside(session: Session, meeting_id: int) -> set[tuple[int, MarkStatus, int, str, int | None]]:
    """The undecided marks of a meeting as (enrollment id, status, minutes, remark, user id): sent twice, kept once."""
    current = aliased(AttendanceMark)
    query = (
        sa.select(
            AttendanceMark.enrollment_id,
            AttendanceMark.status,
            AttendanceMark.minutes,
            AttendanceMark.remark,
            AttendanceMark.recorded_by_id,
        )
        .join(current, current.id == AttendanceMark.conflicts_with_id)
        .where(AttendanceMark.meeting_id == meeting_id, current.is_current)
    )
    return {(row[0], row[1], row[2], row[3], row[4]) for row in session.execute(query)}


def open_differences(session: Session, offering_id: int) -> set[tuple[int, int]]:
    """The (meeting id, enrollment id) pairs of a class where two people said something else. One statement."""
    current = aliased(AttendanceMark)
    query = (
        sa.select(AttendanceMark.meeting_id, AttendanceMark.enrollment_id)
        .join(current, current.id == AttendanceMark.conflicts_with_id)
        .join(Meeting, Meeting.id == AttendanceMark.meeting_id)
        .where(Meeting.offering_id == offering_id, current.is_current)
    )
    return {(row[0], row[1]) for row in session.execute(query)}
