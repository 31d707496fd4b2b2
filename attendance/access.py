"""Whose class it is: the lookups that authorize. A class that is not yours does not exist for you (404).

The office sees every class and an instructor theirs. A substitute sees the class on their day, and marks the meetings of
that day: the rolls of other days are not theirs.
"""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import abort, request
from sqlalchemy.orm import Session, contains_eager, joinedload

from accounts.models import User
from attendance.door_models import Substitute
from attendance.minutes import SITTING, Sitting
from core import clock
from core.typed import row_number
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


def meeting_of(
    session: Session,
    user: User,
    code: str,
    number: int,
    *,
    meeting_id: int | None = None,
    handing_in: bool = False,
) -> Meeting:
    """One meeting of a class that someone may mark, with class, course and venue; 404 otherwise. One statement.

    ``meeting_id`` when the page said which it was: numbers follow time, and change when a meeting is put in before.
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
            Meeting.number == number if meeting_id is None else Meeting.id == meeting_id,
            Offering.state != OfferingState.DRAFT,
            marked_by(user, handing_in=handing_in),
        )
    )
    meeting = session.scalar(query)
    if meeting is None:
        abort(404)
    return meeting


def meeting_sent(session: Session, user: User, code: str, number: int = 0) -> Meeting:
    """The meeting that the sent form was about: its field ``meeting`` says which (the id). As ``meeting_of``."""
    return meeting_of(session, user, code, number, meeting_id=row_number(request.form.get("meeting")))


def taught_by(user: User) -> sa.ColumnElement[bool]:
    """Whether someone may see an offering's attendance, as a condition of a query on offerings: the office sees all, its
    instructors theirs, a substitute the class of the day."""
    if user.is_staff:
        return sa.true()
    now = clock.now()
    return sa.or_(
        _teaches(user), _stands_in(user, Offering.id, Substitute.begins_at <= now, Substitute.ends_at > now)
    )


def marked_by(user: User, *, handing_in: bool = False) -> sa.ColumnElement[bool]:
    """Whether someone may see and take the roll of a meeting, as a condition of a query on meetings and their offerings:
    as ``taught_by``, but of a substitute's class the meetings of their day alone. ``handing_in`` as in ``meeting_of``."""
    if user.is_staff:
        return sa.true()
    now = clock.now()
    when = (
        [Substitute.ends_at > now - HAND_IN]
        if handing_in
        else [Substitute.begins_at <= now, Substitute.ends_at > now]
    )
    theirs = [Substitute.begins_at <= Meeting.starts_at, Substitute.ends_at > Meeting.starts_at]
    return sa.or_(_teaches(user), _stands_in(user, Meeting.offering_id, *theirs, *when))


def rolls_of(session: Session, user: User, offering_id: int) -> tuple[list[Sitting], list[Sitting]]:
    """The meetings of a class in order, and those of them whose rolls are the user's to take (``marked_by``). One
    statement."""
    query = (
        sa.select(*SITTING, marked_by(user))
        .join(Offering, Offering.id == Meeting.offering_id)
        .where(Meeting.offering_id == offering_id)
        .order_by(Meeting.number)
    )
    rows = session.execute(query).all()
    meetings = [Sitting._make(row[:-1]) for row in rows]
    return meetings, [meeting for meeting, row in zip(meetings, rows, strict=True) if row[-1]]


def _teaches(user: User) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        OfferingInstructor.offering_id == Offering.id, OfferingInstructor.user_id == user.id
    )


def _stands_in(user: User, offering_id: Any, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    if not user.is_instructor:
        return sa.false()
    return sa.exists().where(
        Substitute.offering_id == offering_id, Substitute.user_id == user.id, *conditions
    )
