"""Asking by mail how a class was: once when it is over, and once more a week later where a certificate waits for it.

The outbox row is what remembers that somebody was asked, so the job may be killed and run again at any point; the mail
itself is dropped when the evaluation has been filled in meanwhile.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from certificates.evaluation import is_open
from certificates.evaluation_models import EvaluationReceipt
from core import clock, jobs, outbox
from core.database import db, writing
from core.outbox import OutgoingMail
from courses.models import Course, Evaluation
from courses.offering_models import Offering
from students.models import Enrollment, EnrollmentState, Student

KIND = "evaluation"
# Whoever was not asked within this time after the class (the worker stood still) is not asked any more.
ASKED_WITHIN = timedelta(days=14)
AGAIN_AFTER = timedelta(days=7)


@jobs.job("ask-for-evaluations", every=10)
def ask() -> int:
    """Put the mails that are due into the outbox. Returns for how many enrollments."""
    now = clock.now()
    event = sa.literal("enrollment:") + sa.cast(Enrollment.id, sa.String) + f":{KIND}"
    told = sa.exists().where(OutgoingMail.kind == KIND, OutgoingMail.event == event)
    query = (
        sa.select(Enrollment)
        .join(Enrollment.offering)
        .join(Offering.course)
        .where(
            Course.evaluation != Evaluation.NONE,
            Offering.cancelled_at.is_(None),
            Offering.ends_at <= now,
            Offering.ends_at > now - ASKED_WITHIN,
            Enrollment.state.in_(
                [EnrollmentState.ENROLLED, EnrollmentState.COMPLETED, EnrollmentState.INCOMPLETE]
            ),
            ~sa.exists().where(EvaluationReceipt.enrollment_id == Enrollment.id),
            ~told,
        )
        .options(
            joinedload(Enrollment.offering).joinedload(Offering.course),
            joinedload(Enrollment.student).joinedload(Student.user),
        )
        .order_by(Enrollment.id)
    )
    due = [row for row in db.session.scalars(query) if is_open(row, now) and _wants(row)]
    if due:
        with writing() as session:
            for row in due:
                _ask(session, row, event_of(row.id), now=now, not_before=now)
                if row.offering.course.evaluation is Evaluation.REQUIRED:
                    later = row.offering.ends_at + AGAIN_AFTER
                    _ask(session, row, f"{event_of(row.id)}:again", now=now, not_before=later)
    db.session.rollback()
    return len(due)


def _ask(session: Session, row: Enrollment, event: str, *, now: datetime, not_before: datetime) -> None:
    user = row.student.user
    outbox.enqueue(
        session,
        KIND,
        to=user.email,
        to_name=user.name,
        event=event,
        about_id=row.id,
        now=now,
        not_before=not_before,
    )


def event_of(enrollment_id: int) -> str:
    """The event of the first mail."""
    return f"enrollment:{enrollment_id}:{KIND}"


def _wants(row: Enrollment) -> bool:
    """Whoever switched reminders off is asked only where the certificate depends on it."""
    return row.student.wants_reminders or row.offering.course.evaluation is Evaluation.REQUIRED
