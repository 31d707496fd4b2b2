"""What the tests of this room do over and over: ask for a seat, start anew with fresh eyes, hold the invariants."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core import clock
from core.database import begin_write
from courses.offering_models import Offering
from students import enrollment as enrolling
from students.enrollment import EnrollRequest
from students.models import Enrollment, EnrollmentEvent, EnrollmentState, Source, Student
from tests.factories import NOW, make_offering, make_school, make_student


def soon(session: Session, course: Any = None, **values: Any) -> Offering:
    """A class forty days from now, by the real clock, as pages see it."""
    values.setdefault("starts", clock.now() + timedelta(days=40))
    return make_offering(session, course, **values)


def request_of(offering: Offering, student: Student, **values: Any) -> EnrollRequest:
    """A request that agrees to everything and has a license."""
    licensed = student.licenses[0] if student.licenses else None
    defaults: dict[str, Any] = {
        "certificate_name": student.certificate_name,
        "profession": student.profession,
        "license_state": licensed.jurisdiction if licensed else "",
        "license_number": licensed.number if licensed else "",
        "policy_id": offering.policy_id,
        "screening_set_id": offering.course.screening_set_id,
    }
    return EnrollRequest(**(defaults | values))


def ask(
    session: Session,
    offering: Offering,
    student: Student | None = None,
    *,
    now: datetime = NOW,
    **values: Any,
) -> Enrollment:
    """A student asks for a seat by themselves."""
    student = student or make_student(session)
    actor = values.pop("actor", None) or student.user
    request = request_of(offering, student, **values)
    return enrolling.enroll(session, offering, student, request, actor=actor, now=now)


def fill(session: Session, offering: Offering, count: int, *, now: datetime = NOW) -> list[Enrollment]:
    """So many new students ask, one after the other."""
    return [ask(session, offering, now=now) for _ in range(count)]


@contextmanager
def changes_nothing(session: Session, *offerings: Offering) -> Iterator[None]:
    """The tables of this room and the offerings are the same afterwards (what was done before is committed)."""
    session.commit()
    ids = [offering.id for offering in offerings]
    before = snapshot(session, ids)
    begin_write(session)
    yield
    session.rollback()
    begin_write(session)
    assert snapshot(session, ids) == before


def snapshot(session: Session, offering_ids: list[int]) -> list[Any]:
    """Counters, states and the length of the history."""
    return [
        session.execute(
            sa.select(
                Offering.id, Offering.state, Offering.capacity, Offering.seats_taken, Offering.waiting_count
            )
            .where(Offering.id.in_(offering_ids))
            .order_by(Offering.id)
        ).all(),
        session.execute(
            sa.select(Enrollment.id, Enrollment.state, Enrollment.holds_seat).order_by(Enrollment.id)
        ).all(),
        session.scalar(sa.select(sa.func.count(EnrollmentEvent.id))),
    ]


def states_of(session: Session, offering: Offering) -> list[EnrollmentState]:
    """The states in ticket order."""
    session.flush()
    return list(
        session.scalars(
            sa.select(Enrollment.state)
            .where(Enrollment.offering_id == offering.id)
            .order_by(Enrollment.ticket)
        )
    )


__all__ = [
    "NOW",
    "Source",
    "ask",
    "changes_nothing",
    "fill",
    "make_school",
    "request_of",
    "snapshot",
    "states_of",
]
