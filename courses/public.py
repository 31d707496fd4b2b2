"""Lookups of the public pages: 404 for what a reader may not know of. Codes may be written in lower case."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import abort
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from accounts.models import User
from core.formatting import hours
from core.pathlayout import PathCourse, PathEdge
from courses.models import Approval, Course, CourseState, Prerequisite
from courses.offering_models import Offering, OfferingInstructor, OfferingState


def _is_staff(user: Any) -> bool:
    return bool(user is not None and user.is_authenticated and user.is_staff)


def course_for(session: Session, code: str, reader: User | None) -> Course:
    """A course with subject, terms, screening, prerequisites and approvals; drafts and retired ones only for the office."""
    course = session.scalar(
        sa.select(Course)
        .where(Course.code == code.upper())
        .options(
            joinedload(Course.subject),
            joinedload(Course.policy),
            joinedload(Course.screening_set),
            selectinload(Course.prerequisites).joinedload(Prerequisite.needs),
            selectinload(Course.approvals).joinedload(Approval.body),
        )
    )
    if course is None or (course.state is not CourseState.PUBLISHED and not _is_staff(reader)):
        abort(404)
    return course


def offering_for(session: Session, code: str, reader: User | None) -> Offering:
    """A class with all that its page shows. A draft, or a class of a draft course, only for the office and its instructors.

    Cancelled classes, and those of a course that has left the catalog, stay: their addresses are in mails.
    """
    offering = session.scalar(
        sa.select(Offering)
        .join(Offering.course)
        .where(Offering.code == code.upper())
        .options(
            contains_eager(Offering.course).options(
                joinedload(Course.subject),
                joinedload(Course.screening_set),
                selectinload(Course.prerequisites).joinedload(Prerequisite.needs),
                selectinload(Course.approvals).joinedload(Approval.body),
            ),
            joinedload(Offering.venue),
            joinedload(Offering.policy),
            selectinload(Offering.meetings),
            selectinload(Offering.instructors).joinedload(OfferingInstructor.user),
        )
    )
    if offering is None:
        abort(404)
    hidden = offering.state is OfferingState.DRAFT or offering.course.state is CourseState.DRAFT
    teaches = reader is not None and any(item.user_id == reader.id for item in offering.instructors)
    if hidden and not teaches and not _is_staff(reader):
        abort(404)
    return offering


def coming_offerings(
    session: Session, course: Course, condition: sa.ColumnElement[bool]
) -> Sequence[Offering]:
    """The classes of a course that meet a condition, with place, terms and instructors, by date; sixty at most."""
    return session.scalars(
        sa.select(Offering)
        .where(Offering.course_id == course.id, condition)
        .options(
            joinedload(Offering.venue),
            joinedload(Offering.policy),
            selectinload(Offering.instructors).joinedload(OfferingInstructor.user),
        )
        .order_by(Offering.starts_at, Offering.id)
        .limit(60)
    ).all()


def curriculum(session: Session, course: Course) -> tuple[list[PathCourse], list[PathEdge]]:
    """All published courses and how they build on each other, for the path picture; with this one, whatever its state."""
    shown = sa.or_(Course.state == CourseState.PUBLISHED, Course.id == course.id)
    rows = session.execute(
        sa.select(Course.id, Course.code, Course.title, Course.contact_minutes)
        .where(shown)
        .order_by(Course.id)
    ).all()
    codes = {row.id: row.code for row in rows}
    edges = session.execute(sa.select(Prerequisite.course_id, Prerequisite.needs_id, Prerequisite.kind))
    return (
        [PathCourse(row.code, row.title, f"{hours(row.contact_minutes)} h") for row in rows],
        [
            PathEdge(codes[needs_id], codes[course_id], kind.value)
            for course_id, needs_id, kind in edges
            if needs_id in codes and course_id in codes
        ],
    )


def approvals_on(course: Course, day: date) -> list[Approval]:
    """The approvals that are valid on a day, by body."""
    valid = [approval for approval in course.approvals if approval.valid_from <= day <= approval.valid_until]
    return sorted(valid, key=lambda approval: approval.body.title)
