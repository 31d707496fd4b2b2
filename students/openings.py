"""Being told when it opens: for a class whose enrollment is not open yet, or for any class of a course.

A wish is gone as soon as its mail stands in the outbox, in the same transaction: told once, and nothing is kept.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from core import audit, clock, jobs, outbox
from core.database import db, insert_for, writing
from core.errors import RuleError
from courses.models import Course, CourseState
from courses.offering_models import Offering, OfferingState
from students import people
from students.models import Student
from students.notice_models import OpeningWish

KIND = "opened"
BATCH = 100
# When enrollment opened: at its own time, or when the class was published after that.
OPENED_AT = sa.case(
    (Offering.enrollment_opens_at > Offering.published_at, Offering.enrollment_opens_at),
    else_=sa.func.coalesce(Offering.published_at, Offering.created_at),
)


def wish_for_course(session: Session, course: Course, *, actor: User, now: datetime) -> None:
    """Be told when a class of the course opens. Asking twice is asking once. Raises RuleError when one is open now."""
    if course.state is not CourseState.PUBLISHED:
        raise RuleError(_("This course is not in the catalog."))
    free = session.scalar(
        sa.select(Offering.code)
        .where(
            Offering.course_id == course.id,
            _is_open(now),
            Offering.seats_taken < Offering.capacity,
            Offering.waiting_count == 0,
        )
        .limit(1)
    )
    if free is not None:
        raise RuleError(_("A class of this course is open: %(code)s. You can enroll now.", code=free))
    _wish(session, actor, now, course_id=course.id)


def wish_for_class(session: Session, offering: Offering, *, actor: User, now: datetime) -> None:
    """Be told when enrollment in this class opens. Raises RuleError when it is open, over or cancelled."""
    opens = offering.enrollment_opens_at
    if offering.state is not OfferingState.PUBLISHED or offering.starts_at <= now:
        raise RuleError(_("This class will not open any more."))
    if opens is None or opens <= now:
        raise RuleError(_("This class is open already."))
    _wish(session, actor, now, offering_id=offering.id)


def _wish(session: Session, actor: User, now: datetime, **what: int) -> None:
    student = people.student_of(session, actor)
    insert = insert_for(session)
    values = {"student_id": student.id, "created_at": now, **what}
    added = session.scalar(
        insert(OpeningWish).values(values).on_conflict_do_nothing().returning(OpeningWish.id)
    )
    if added is None:
        return
    audit.record(session, "students:opening:wished", student, actor=actor, now=now, **what)


def take_back(
    session: Session,
    *,
    course_id: int | None = None,
    offering_id: int | None = None,
    actor: User,
    now: datetime,
) -> None:
    """No mail, please. Taking back what is not there is fine."""
    what = {"course_id": course_id} if course_id else {"offering_id": offering_id}
    student = people.student_of(session, actor)
    wish = session.scalar(sa.select(OpeningWish).filter_by(student_id=student.id, **what))
    if wish is not None:
        session.delete(wish)
        audit.record(session, "students:opening:taken_back", student, actor=actor, now=now, **what)


def wishes_of(session: Session, student: Student | None) -> Sequence[OpeningWish]:
    """What a student asked to be told of, with courses and classes, oldest first. One statement."""
    if student is None:
        return []
    return session.scalars(
        sa.select(OpeningWish)
        .where(OpeningWish.student_id == student.id)
        .options(joinedload(OpeningWish.course), joinedload(OpeningWish.offering).joinedload(Offering.course))
        .order_by(OpeningWish.id)
    ).all()


def has_wish(session: Session, student: Student | None, **what: int) -> bool:
    """Whether a student asked to be told of this course (``course_id``) or class (``offering_id``). One statement."""
    if student is None:
        return False
    return session.scalar(sa.select(OpeningWish.id).filter_by(student_id=student.id, **what)) is not None


def _is_open(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        Offering.state == OfferingState.PUBLISHED,
        Offering.starts_at > now,
        sa.or_(Offering.enrollment_opens_at.is_(None), Offering.enrollment_opens_at <= now),
        sa.or_(Offering.enrollment_closes_at.is_(None), Offering.enrollment_closes_at > now),
    )


@jobs.job("tell-openings", every=5)
def tell() -> int:
    """Mail everyone whose class has opened, so many at a time. Returns how many."""
    now, total = clock.now(), 0
    while True:
        pairs = _due(db.session, now)
        db.session.rollback()
        if not pairs:
            return total
        with writing() as session:
            total += _tell(session, _due(session, now), now)


def _due(session: Session, now: datetime) -> dict[int, int]:
    """Wishes that have come true: the wish, and the class that opened first. One statement."""
    matches = sa.or_(
        OpeningWish.offering_id == Offering.id,
        sa.and_(OpeningWish.course_id == Offering.course_id, OpeningWish.created_at < OPENED_AT),
    )
    rows = session.execute(
        sa.select(OpeningWish.id, Offering.id)
        .join(Offering, sa.and_(matches, _is_open(now)))
        .order_by(OpeningWish.id, Offering.starts_at.desc())
        .limit(BATCH)
    )
    return {row[0]: row[1] for row in rows}


def _tell(session: Session, due: dict[int, int], now: datetime) -> int:
    wishes = session.scalars(
        sa.select(OpeningWish)
        .where(OpeningWish.id.in_(due))
        .options(joinedload(OpeningWish.student).joinedload(Student.user))
        .with_for_update(of=OpeningWish)
    ).all()
    for wish in wishes:
        user = wish.student.user
        if user.is_active:
            outbox.enqueue(
                session,
                KIND,
                to=user.email,
                to_name=user.name,
                event=f"student:{wish.student_id}:opened:{due[wish.id]}:{wish.created_at.isoformat()}",
                now=now,
                about_id=wish.student_id,
                offering_id=due[wish.id],
            )
        session.delete(wish)
    return len(wishes)
