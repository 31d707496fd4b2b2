"""One lookup per subject: 404 for what is not there. Codes in addresses may be written in lower case."""

from typing import TypeVar

import sqlalchemy as sa
from flask import abort
from sqlalchemy.orm import Session, joinedload, selectinload

from courses.models import Body, Course, Policy, ScreeningSet
from courses.offering_models import Offering, OfferingInstructor, Venue

V = TypeVar("V", Policy, ScreeningSet)


def course_of(session: Session, code: str) -> Course:
    """Any course, drafts too: for the office."""
    found = session.scalar(sa.select(Course).where(Course.code == code.upper()))
    return found or abort(404)


def body_of(session: Session, code: str) -> Body:
    """A body. Codes from a catalog file may hold small letters: the one written like this comes first."""
    query = (
        sa.select(Body)
        .where(sa.func.lower(Body.code) == code.lower())
        .order_by((Body.code == code).desc(), Body.id)
        .limit(1)
    )
    return session.scalar(query) or abort(404)


def policy_of(session: Session, code: str, version: int) -> Policy:
    """One version of a policy."""
    found = session.scalars(_version(Policy, code, version)).first()
    return found or abort(404)


def safety_list_of(session: Session, code: str, version: int) -> ScreeningSet:
    """One version of a safety list."""
    found = session.scalars(_version(ScreeningSet, code, version)).first()
    return found or abort(404)


def _version(kind: type[V], code: str, version: int) -> sa.Select[V]:
    """Names from a catalog file may differ in case only: the one written like this comes first."""
    return (
        sa.select(kind)
        .where(sa.func.lower(kind.code) == code.lower(), kind.version == version)
        .order_by((kind.code == code).desc(), kind.id)
    )


def offering_of(session: Session, code: str, *, lock: bool = False) -> Offering:
    """Any class, drafts too: for the office. With ``lock`` it is read again and locked."""
    query = sa.select(Offering).where(Offering.code == code.upper())
    if lock:
        query = query.with_for_update(of=Offering).execution_options(populate_existing=True)
    found = session.scalar(query)
    return found or abort(404)


def venue_of(session: Session, code: str) -> Venue:
    """A venue."""
    found = session.scalar(sa.select(Venue).where(Venue.code == code.upper()))
    return found or abort(404)


def whole_class(session: Session, code: str) -> Offering:
    """A class as it stands in the database, with course, venue, policy, meetings and instructors; 404 when there is none."""
    query = (
        sa.select(Offering)
        .where(Offering.code == code.upper())
        .options(
            joinedload(Offering.course),
            joinedload(Offering.venue),
            joinedload(Offering.policy),
            selectinload(Offering.meetings),
            selectinload(Offering.instructors).joinedload(OfferingInstructor.user),
        )
        .execution_options(populate_existing=True)
    )
    return session.scalar(query) or abort(404)
