"""Telling a class's students that it has moved: other times, another place. Their calendars follow (RFC 5546)."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from core import outbox
from courses.offering_models import Offering, OfferingState
from students.mail import HELD_OR_WAITING
from students.models import Enrollment, Student


def tell_moved(session: Session, offering: Offering, *, now: datetime) -> int:
    """Put a mail for everyone who holds or waits for a seat into the outbox; returns how many. Drafts tell nobody."""
    if offering.state is not OfferingState.PUBLISHED:
        return 0
    enrollments = session.scalars(
        sa.select(Enrollment)
        .where(Enrollment.offering_id == offering.id, Enrollment.state.in_(HELD_OR_WAITING))
        .options(joinedload(Enrollment.student).joinedload(Student.user))
    ).all()
    for enrollment in enrollments:
        user = enrollment.student.user
        outbox.enqueue(
            session,
            "moved",
            to=user.email,
            to_name=user.name,
            event=f"enrollment:{enrollment.id}:moved:{offering.calendar_sequence}",
            now=now,
            about_id=enrollment.id,
        )
    return len(enrollments)
