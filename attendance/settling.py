"""What attendance means for an enrollment once a class is signed off: revisions rise, and states follow."""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import User
from attendance.minutes import Summary, summaries
from courses.offering_models import Offering
from students.models import Enrollment, EnrollmentState
from students.seats import move


def lock_classes(session: Session, *conditions: sa.ColumnElement[bool]) -> list[Offering]:
    """Lock every class that fits one of the conditions, in the order of their ids; they are read again. One statement."""
    session.flush()
    query = (
        sa.select(Offering)
        .where(sa.or_(*conditions))
        .order_by(Offering.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def after_change(
    session: Session,
    offering: Offering,
    enrollment_ids: Collection[int],
    *,
    reason: str,
    actor: User | None,
    now: datetime,
) -> None:
    """Follow a change of marks. Whoever was signed off before gets a higher ``attendance_revision``, because whatever was
    printed rests on older attendance; while the class is signed off, states move to what the marks now say."""
    enrollments = _enrollments(session, enrollment_ids)
    for enrollment in enrollments:
        if enrollment.state is not EnrollmentState.ENROLLED:
            enrollment.attendance_revision += 1
    if offering.finalized_at is not None:
        settle(session, enrollments, summaries(session, offering), reason=reason, actor=actor, now=now)


def settle(
    session: Session,
    enrollments: Collection[Enrollment],
    found: Mapping[int, Summary],
    *,
    reason: str,
    actor: User | None,
    now: datetime,
) -> None:
    """Move each enrollment to the state that its summary gives (DESIGN: completed, incomplete, no_show)."""
    for enrollment in enrollments:
        summary = found.get(enrollment.id)
        if summary is not None and summary.outcome is not enrollment.state:
            move(
                session,
                enrollment,
                summary.outcome,
                actor=actor,
                now=now,
                reason=reason,
                attended_minutes=summary.attended,
                counted_minutes=summary.counted,
                needed_minutes=summary.needed,
            )


def _enrollments(session: Session, ids: Collection[int]) -> list[Enrollment]:
    query = (
        sa.select(Enrollment)
        .where(Enrollment.id.in_(ids))
        .order_by(Enrollment.id)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))
