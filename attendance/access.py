"""Whose class it is: the lookups that authorize. A class that is not yours does not exist for you (404)."""

from datetime import timedelta

import sqlalchemy as sa
from flask import abort
from sqlalchemy.orm import Session, contains_eager, joinedload

from accounts.models import User
from attendance.door_models import Substitute
from core import clock
from courses.offering_models import (
    InstructorRole,
    Meeting,
    Offering,
    OfferingInstructor,
    OfferingState,
)

# So long after their day a substitute's phone may bring what it marked on it without a network.
HAND_IN = timedelta(days=14)


def teaches(session: Session, user: User, offering_id: int) -> InstructorRole | None:
    """What someone does in a class; None when nothing."""
    part = session.get(OfferingInstructor, (offering_id, user.id))
    return part.role if part else None


def may_sign_off(session: Session, user: User, offering_id: int) -> bool:
    """Whether someone may sign the attendance off: the lead instructor, or the office."""
    return user.is_staff or teaches(session, user, offering_id) is InstructorRole.LEAD


def class_of(session: Session, user: User, code: str, *, lock: bool = False) -> Offering:
    """The class with that code, for its instructors and the office, with course and venue; 404 otherwise. One statement.

    With ``lock`` its row is locked until the end of the transaction: what is marked, signed off or re-opened at the same
    time waits.
    """
    query = (
        sa.select(Offering)
        .options(joinedload(Offering.course, innerjoin=True), joinedload(Offering.venue, innerjoin=True))
        .where(Offering.code == code.upper(), Offering.state != OfferingState.DRAFT, taught_by(user))
    )
    if lock:
        query = query.with_for_update(of=Offering).execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        abort(404)
    return found


def meeting_of(session: Session, user: User, code: str, number: int, *, handing_in: bool = False) -> Meeting:
    """One meeting of a class that someone may mark, with class, course and venue; 404 otherwise. One statement.

    ``handing_in``: marks come from a phone that had no network when they were made, so whoever stood in at that meeting
    may bring them for ``HAND_IN`` after their day.
    """
    query = (
        sa.select(Meeting)
        .join(Meeting.offering)
        .options(
            contains_eager(Meeting.offering).options(
                joinedload(Offering.course, innerjoin=True), joinedload(Offering.venue, innerjoin=True)
            )
        )
        .where(
            Offering.code == code.upper(),
            Meeting.number == number,
            Offering.state != OfferingState.DRAFT,
            sa.or_(taught_by(user), _stood_in(user)) if handing_in else taught_by(user),
        )
    )
    meeting = session.scalar(query)
    if meeting is None:
        abort(404)
    return meeting


def taught_by(user: User) -> sa.ColumnElement[bool]:
    """Whether someone may see an offering's attendance, as a condition of a query on offerings: the office sees all, its
    instructors theirs, a substitute the class of the day."""
    if user.is_staff:
        return sa.true()
    teaches_it = sa.exists().where(
        OfferingInstructor.offering_id == Offering.id, OfferingInstructor.user_id == user.id
    )
    if not user.is_instructor:
        return teaches_it
    now = clock.now()
    stands_in = sa.exists().where(
        Substitute.offering_id == Offering.id,
        Substitute.user_id == user.id,
        Substitute.begins_at <= now,
        Substitute.ends_at > now,
    )
    return sa.or_(teaches_it, stands_in)


def _stood_in(user: User) -> sa.ColumnElement[bool]:
    """Whether someone had the class on the day of a meeting lately, as a condition of a query on meetings."""
    return sa.exists().where(
        Substitute.offering_id == Meeting.offering_id,
        Substitute.user_id == user.id,
        Substitute.begins_at <= Meeting.starts_at,
        Substitute.ends_at > Meeting.starts_at,
        Substitute.ends_at > clock.now() - HAND_IN,
    )
