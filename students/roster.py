"""Who sits in a class, and everyone who ever asked for a seat in it."""

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from accounts.models import User
from students.models import ROLL_STATES, Enrollment, EnrollmentEvent, Student


def on_roll(session: Session, offering_id: int) -> list[Enrollment]:
    """The enrollments on the roll, by family name; students, users and licenses are loaded. Two statements."""
    return list(
        session.scalars(
            sa.select(Enrollment)
            .join(Enrollment.student)
            .join(Student.user)
            .where(Enrollment.offering_id == offering_id, Enrollment.state.in_(ROLL_STATES))
            .options(
                joinedload(Enrollment.student).options(
                    joinedload(Student.user), selectinload(Student.licenses)
                ),
                joinedload(Enrollment.license),
            )
            .order_by(User.family_name, User.name, Enrollment.ticket)
        ).unique()
    )


def everyone(session: Session, offering_id: int) -> list[Enrollment]:
    """Every enrollment of a class, by ticket, with student, user, licenses and history. Four statements at most."""
    return list(
        session.scalars(
            sa.select(Enrollment)
            .where(Enrollment.offering_id == offering_id)
            .options(
                joinedload(Enrollment.student).options(
                    joinedload(Student.user), selectinload(Student.licenses)
                ),
                joinedload(Enrollment.license),
                selectinload(Enrollment.history).joinedload(EnrollmentEvent.actor),
            )
            .order_by(Enrollment.ticket)
        ).unique()
    )
