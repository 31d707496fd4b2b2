"""One lookup per subject: 404 for what is not there. Codes in addresses may be written in lower case."""

import sqlalchemy as sa
from flask import abort
from sqlalchemy.orm import Session

from courses.models import Course
from courses.offering_models import Offering, Venue


def course_of(session: Session, code: str) -> Course:
    """Any course, drafts too: for the office."""
    found = session.scalar(sa.select(Course).where(Course.code == code.upper()))
    return found or abort(404)


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
