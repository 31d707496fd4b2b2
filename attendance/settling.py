"""What a change of attendance means once a class was signed off: revisions rise, and states follow."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import User
from courses.offering_models import Offering
from students.models import Enrollment, EnrollmentState


def after_change(
    session: Session,
    offering: Offering,
    enrollment_ids: Collection[int],
    *,
    reason: str,
    actor: User | None,
    now: datetime,
) -> None:
    """Raise ``attendance_revision`` of those whose attendance was signed off before: what was printed rests on it."""
    query = sa.select(Enrollment).where(
        Enrollment.id.in_(enrollment_ids), Enrollment.state != EnrollmentState.ENROLLED
    )
    for enrollment in session.scalars(query):
        enrollment.attendance_revision += 1
