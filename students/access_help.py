"""Requests for help with access: a tick on the enrollment form, and the office gets in touch. No reason is asked or kept."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, contains_eager, joinedload

from accounts.models import User
from core import audit
from core.database import locked
from core.errors import RuleError
from courses.offering_models import Offering
from students.models import LIVE_STATES, Enrollment, Student


def waiting(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a request still waits for the office, as a condition of a query on enrollments and offerings."""
    return sa.and_(
        Enrollment.wants_access_help,
        Enrollment.access_help_done_at.is_(None),
        Enrollment.state.in_(LIVE_STATES),
        Offering.ends_at > now,
    )


def open_requests(session: Session, *, now: datetime) -> Sequence[Enrollment]:
    """The enrollments whose request waits, the class that begins first at the head; people and courses are loaded."""
    return session.scalars(
        sa.select(Enrollment)
        .join(Enrollment.offering)
        .where(waiting(now))
        .options(
            contains_eager(Enrollment.offering).joinedload(Offering.course),
            joinedload(Enrollment.student).joinedload(Student.user),
        )
        .order_by(Offering.starts_at, Enrollment.id)
    ).all()


def done(session: Session, enrollment: Enrollment, *, actor: User, now: datetime) -> None:
    """The office has been in touch. Raises RuleError when there was no request, or it is done already."""
    locked(session, Enrollment, enrollment.id)
    if not enrollment.wants_access_help or enrollment.access_help_done_at is not None:
        raise RuleError(_("This request is done already."))
    enrollment.access_help_done_at = now
    audit.record(session, "students:access:done", enrollment, actor=actor, now=now)
