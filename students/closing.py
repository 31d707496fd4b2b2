"""What ends by itself: places on the waitlist when the class begins, requests that nobody decided about when it is over."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from courses.offering_models import Offering
from students import seats, telling
from students.models import Enrollment, EnrollmentState, Student


def close_list(session: Session, offering: Offering, *, now: datetime) -> None:
    """The class has begun: whoever still waits is told that no seat became free. The offering is locked."""
    for enrollment in _in(session, offering, EnrollmentState.WAITLISTED):
        seats.move(session, enrollment, EnrollmentState.WITHDRAWN, actor=None, now=now, list_closed=True)
        telling.list_closed(session, enrollment, now=now)


def end_requests(session: Session, offering: Offering, *, now: datetime) -> None:
    """The class is over: whoever still waits for the office's answer is told that there was none. The offering is locked."""
    for enrollment in _in(session, offering, EnrollmentState.PENDING):
        seats.move(session, enrollment, EnrollmentState.DECLINED, actor=None, now=now, unanswered=True)
        telling.not_approved(session, enrollment, now=now, message="", unanswered=True)


def _in(session: Session, offering: Offering, state: EnrollmentState) -> Sequence[Enrollment]:
    return session.scalars(
        sa.select(Enrollment)
        .where(Enrollment.offering_id == offering.id, Enrollment.state == state)
        .options(joinedload(Enrollment.student).joinedload(Student.user))
        .order_by(Enrollment.ticket)
    ).all()
