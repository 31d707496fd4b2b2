"""One lookup per subject, with everything its pages show; 404 for what you may not know exists."""

import sqlalchemy as sa
from flask import abort
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.strategy_options import _AbstractLoad

from accounts.models import User
from core.search import has_part
from courses.models import Course
from courses.offering_models import Offering, OfferingState
from students import seats
from students.models import Enrollment, EnrollmentEvent, License, Student

WITH_COURSE = joinedload(Offering.course).joinedload(Course.screening_set)


def _class_options() -> tuple[_AbstractLoad, ...]:
    return (WITH_COURSE, joinedload(Offering.policy), joinedload(Offering.venue))


def class_of(session: Session, code: str) -> Offering:
    """A class that students may know of: published, or cancelled since. Course, safety list, policy, venue: loaded."""
    statement = sa.select(Offering).where(
        Offering.code == code.upper(), Offering.state != OfferingState.DRAFT
    )
    return session.scalar(statement.options(*_class_options())) or abort(404)


def lock_class_of(session: Session, code: str) -> Offering:
    """The same, locked for a change of seats (``seats.lock``), with course and policy."""
    return seats.lock_public(session, code) or abort(404)


def office_class_of(session: Session, code: str) -> Offering:
    """Any class, drafts too: for the office."""
    statement = sa.select(Offering).where(Offering.code == code.upper())
    return session.scalar(statement.options(*_class_options())) or abort(404)


def _enrollment(session: Session, *conditions: sa.ColumnElement[bool]) -> Enrollment | None:
    return session.scalar(
        sa.select(Enrollment)
        .join(Enrollment.student)
        .where(*conditions)
        .options(
            joinedload(Enrollment.student).joinedload(Student.user),
            joinedload(Enrollment.policy),
            joinedload(Enrollment.offering).options(*_class_options()),
        )
    )


def own_enrollment(session: Session, user: User, enrollment_id: int) -> Enrollment:
    """One of the user's own enrollments; someone else's is 404 like one that does not exist."""
    found = _enrollment(session, Enrollment.id == enrollment_id, Student.user_id == user.id)
    return found or abort(404)


def office_enrollment(session: Session, enrollment_id: int) -> Enrollment:
    """Any enrollment, for the office."""
    return _enrollment(session, Enrollment.id == enrollment_id) or abort(404)


def history_of(session: Session, enrollment_id: int) -> list[EnrollmentEvent]:
    """The moves of an enrollment, oldest first, with who made them. One statement."""
    return list(
        session.scalars(
            sa.select(EnrollmentEvent)
            .where(EnrollmentEvent.enrollment_id == enrollment_id)
            .options(joinedload(EnrollmentEvent.actor))
            .order_by(EnrollmentEvent.id)
        )
    )


def office_student(session: Session, student_id: int) -> Student:
    """A student with user and licenses, for the office."""
    statement = sa.select(Student).where(Student.id == student_id)
    statement = statement.options(joinedload(Student.user), selectinload(Student.licenses))
    return session.scalar(statement) or abort(404)


def search_people(session: Session, q: str, *, limit: int = 20) -> list[tuple[User, Student | None]]:
    """People whose name, address or license number has every word of ``q`` in it, by name; one statement."""
    words = q.split()[:5]
    if not words:
        return []
    statement = (
        sa.select(User, Student)
        .outerjoin(Student, Student.user_id == User.id)
        .where(User.disabled_at.is_(None))
        .order_by(User.family_name, User.name)
        .limit(limit)
    )
    for word in words:
        by_license = sa.exists().where(License.student_id == Student.id, has_part(License.number, word))
        by_address = User.email.contains(word.lower(), autoescape=True)
        statement = statement.where(sa.or_(has_part(User.name, word), by_address, by_license))
    return [(row[0], row[1]) for row in session.execute(statement)]
