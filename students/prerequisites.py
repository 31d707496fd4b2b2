"""Prerequisites: what a course asks for first, and whether a student has it.

A prerequisite is met by a completed class, by one that the student is enrolled in and that ends before this class
begins, or by staff's word (a waiver, or another school's certificate).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, contains_eager

from accounts.models import User
from core import audit
from core.errors import RuleError
from courses.models import Course, Prerequisite, PrerequisiteKind
from courses.offering_models import Offering, OfferingState
from students.models import Enrollment, EnrollmentState, PrerequisiteGrant, Student


class MetBy(StrEnum):
    """What a prerequisite is met by."""

    COMPLETED = "completed"
    IN_TIME = "in_time"  # a class that ends before this one begins
    WAIVER = "waiver"
    EXTERNAL = "external"  # another school's certificate


@dataclass(frozen=True)
class Need:
    """One course asked for, and what meets it. ``at`` is the end of the class that does, or when staff said so."""

    course: Course
    kind: PrerequisiteKind
    met_by: MetBy | None = None
    at: datetime | None = None
    time_zone: str = "UTC"

    @property
    def is_met(self) -> bool:
        """Whether anything meets it."""
        return self.met_by is not None


@dataclass(frozen=True)
class Result:
    """All needs of a course, strongest kind first."""

    needs: tuple[Need, ...]

    def _missing(self, kind: PrerequisiteKind) -> list[Need]:
        return [need for need in self.needs if need.kind is kind and not need.is_met]

    @property
    def missing_required(self) -> list[Need]:
        """Without these nobody enrolls, unless staff waive them."""
        return self._missing(PrerequisiteKind.REQUIRED)

    @property
    def missing_approval(self) -> list[Need]:
        """Without these the office decides."""
        return self._missing(PrerequisiteKind.INSTRUCTOR_APPROVAL)

    @property
    def missing_recommended(self) -> list[Need]:
        """Nice to have."""
        return self._missing(PrerequisiteKind.RECOMMENDED)

    @property
    def missing(self) -> list[Need]:
        """Everything that isn't met."""
        return [need for need in self.needs if not need.is_met]


_ASKED = (
    sa.select(Prerequisite.kind, Course)
    .join(Course, Course.id == Prerequisite.needs_id)
    .where(Prerequisite.course_id == sa.bindparam("course_id"))
    .order_by(Course.code)
)
_ORDER = (PrerequisiteKind.REQUIRED, PrerequisiteKind.INSTRUCTOR_APPROVAL, PrerequisiteKind.RECOMMENDED)


def check(session: Session, course_id: int, student_id: int | None, *, before: datetime) -> Result:
    """What the course asks for, and what of it the student has by ``before`` (the class's beginning, UTC).

    One statement for a course without prerequisites, three otherwise. ``student_id`` None: a visitor has nothing.
    """
    asked = session.execute(_ASKED, {"course_id": course_id}).all()
    if not asked:
        return Result(())
    courses = [course.id for _kind, course in asked]
    met: dict[int, tuple[MetBy, datetime, str]] = {}
    if student_id is not None:
        met = _taken(session, courses, student_id, before)
        for grant in _grants(session, courses, student_id):
            how = MetBy.EXTERNAL if grant.is_external else MetBy.WAIVER
            if met.get(grant.course_id, (MetBy.IN_TIME,))[0] is MetBy.IN_TIME:
                met[grant.course_id] = (how, grant.granted_at, "UTC")
    needs = [
        Need(course, kind, *met[course.id]) if course.id in met else Need(course, kind)
        for kind, course in asked
    ]
    return Result(tuple(sorted(needs, key=lambda need: _ORDER.index(need.kind))))


def _in_time(before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        Enrollment.state == EnrollmentState.ENROLLED,
        Offering.ends_at <= before,
        Offering.state == OfferingState.PUBLISHED,
    )


def _taken(
    session: Session, courses: list[int], student_id: int, before: datetime
) -> dict[int, tuple[MetBy, datetime, str]]:
    rows = session.execute(
        sa.select(Offering.course_id, Enrollment.state, Offering.ends_at, Offering.time_zone)
        .join(Offering, Offering.id == Enrollment.offering_id)
        .where(
            Enrollment.student_id == student_id,
            Offering.course_id.in_(courses),
            sa.or_(Enrollment.state == EnrollmentState.COMPLETED, _in_time(before)),
        )
        .order_by(Offering.ends_at)
    )
    met: dict[int, tuple[MetBy, datetime, str]] = {}
    for course_id, state, ends_at, zone in rows:
        how = MetBy.COMPLETED if state is EnrollmentState.COMPLETED else MetBy.IN_TIME
        if how is MetBy.COMPLETED or course_id not in met:
            met[course_id] = (how, ends_at, zone)
    return met


def _grants(session: Session, courses: list[int], student_id: int) -> Iterable[PrerequisiteGrant]:
    return session.scalars(
        sa.select(PrerequisiteGrant).where(
            PrerequisiteGrant.student_id == student_id, PrerequisiteGrant.course_id.in_(courses)
        )
    )


def missing_of(session: Session, offering: Offering, student_ids: Collection[int]) -> dict[int, list[str]]:
    """Codes of required courses that students of a class do not have (any more), by student; who has all is left out.

    A class that met the need may have been left, moved or cancelled since. Three statements at most, one when the
    course asks for nothing.
    """
    asked = session.execute(
        sa.select(Prerequisite.needs_id, Course.code)
        .join(Course, Course.id == Prerequisite.needs_id)
        .where(Prerequisite.course_id == offering.course_id, Prerequisite.kind == PrerequisiteKind.REQUIRED)
        .order_by(Course.code)
    ).all()
    if not asked or not student_ids:
        return {}
    courses = [course_id for course_id, _code in asked]
    taken = session.execute(
        sa.select(Enrollment.student_id, Offering.course_id)
        .join(Offering, Offering.id == Enrollment.offering_id)
        .where(
            Enrollment.student_id.in_(student_ids),
            Offering.course_id.in_(courses),
            sa.or_(Enrollment.state == EnrollmentState.COMPLETED, _in_time(offering.starts_at)),
        )
    )
    granted = session.execute(
        sa.select(PrerequisiteGrant.student_id, PrerequisiteGrant.course_id).where(
            PrerequisiteGrant.student_id.in_(student_ids), PrerequisiteGrant.course_id.in_(courses)
        )
    )
    met = {(row[0], row[1]) for row in [*taken, *granted]}
    missing = {
        student_id: [code for course_id, code in asked if (student_id, course_id) not in met]
        for student_id in student_ids
    }
    return {student_id: codes for student_id, codes in missing.items() if codes}


def next_classes(session: Session, course_ids: Iterable[int], *, now: datetime) -> dict[int, list[Offering]]:
    """The coming published classes of these courses, soonest first: where what is missing is taught. One statement."""
    wanted = list(course_ids)
    found: dict[int, list[Offering]] = {course_id: [] for course_id in wanted}
    if wanted:
        statement = (
            sa.select(Offering)
            .join(Offering.venue)
            .options(contains_eager(Offering.venue))
            .where(
                Offering.course_id.in_(wanted),
                Offering.state == OfferingState.PUBLISHED,
                Offering.starts_at > now,
            )
            .order_by(Offering.starts_at)
        )
        for offering in session.scalars(statement):
            found[offering.course_id].append(offering)
    return found


def grant(
    session: Session,
    student: Student,
    course: Course,
    *,
    reason: str,
    is_external: bool,
    actor: User,
    now: datetime,
) -> PrerequisiteGrant:
    """Staff let a course count as met: a waiver, or another school's certificate that they accept.

    Raises RuleError without a reason, or when there is such a word already.
    """
    reason = reason.strip()
    if not reason:
        raise RuleError(_("Write why; it stays in the student's history."), field="reason")
    existing = session.scalar(
        sa.select(PrerequisiteGrant.id).where(
            PrerequisiteGrant.student_id == student.id, PrerequisiteGrant.course_id == course.id
        )
    )
    if existing is not None:
        raise RuleError(_("%(course)s counts as met for this student already.", course=course.code))
    granted = PrerequisiteGrant(
        student_id=student.id,
        course_id=course.id,
        is_external=is_external,
        reason=reason,
        granted_by_id=actor.id,
        granted_at=now,
    )
    session.add(granted)
    session.flush()
    audit.record(
        session,
        "students:prerequisite:granted",
        granted,
        actor=actor,
        now=now,
        student=student.id,
        course=course.code,
        external=is_external,
        reason=reason,
    )
    return granted


def take_back(session: Session, granted: PrerequisiteGrant, *, actor: User, now: datetime) -> None:
    """Staff take such a word back. Enrollments made on it stay."""
    audit.record(
        session,
        "students:prerequisite:taken_back",
        granted,
        actor=actor,
        now=now,
        student=granted.student_id,
        course=granted.course_id,
    )
    session.delete(granted)
