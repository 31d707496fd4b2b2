"""Reminders by mail 7 days and 1 day before a class, once each: a class may have them off, and so may a student.

The outbox row is what remembers that a reminder was given, so the job may be killed and run again at any point.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import User
from core import clock, jobs, outbox
from core.database import db, writing
from core.outbox import OutgoingMail
from courses.offering_models import Offering, OfferingState
from students.models import Enrollment, EnrollmentState, Student

REMIND_JOB = "remind"
KIND = "reminder"


@dataclass(frozen=True)
class Reminder:
    """``days`` before the class; after a standstill it may still go out until ``latest`` days before."""

    days: int
    latest: int


REMINDERS = (Reminder(7, 2), Reminder(1, 0))


@jobs.job(REMIND_JOB, every=10)
def remind() -> int:
    """Put the reminders that are due into the outbox, a class at a time. Returns how many."""
    now, total = clock.now(), 0
    for reminder in REMINDERS:
        coming = db.session.scalars(_in_time(reminder, now)).all()
        due = [item.id for item in coming if db.session.scalar(_due(item, reminder).limit(1))]
        db.session.rollback()
        for offering_id in due:
            with writing() as session:
                total += remind_class(session, offering_id, reminder, now=now)
    return total


def remind_class(session: Session, offering_id: int, reminder: Reminder, *, now: datetime) -> int:
    """Remind everyone of one class who was not reminded of this day yet; returns how many."""
    offering = session.scalar(_in_time(reminder, now).where(Offering.id == offering_id))
    if offering is None:
        return 0
    rows = session.execute(_due(offering, reminder).add_columns(User.email, User.name)).all()
    for enrollment_id, email, name in rows:
        outbox.enqueue(
            session,
            KIND,
            to=email,
            to_name=name,
            event=f"enrollment:{enrollment_id}:{KIND}:{reminder.days}:{offering.starts_on}",
            now=now,
            about_id=enrollment_id,
            days=reminder.days,
        )
    return len(rows)


def _in_time(reminder: Reminder, now: datetime) -> sa.Select[Offering]:
    return sa.select(Offering).where(
        Offering.state == OfferingState.PUBLISHED,
        Offering.sends_reminders,
        Offering.starts_at > now + timedelta(days=reminder.latest),
        Offering.starts_at <= now + timedelta(days=reminder.days),
    )


def _due(offering: Offering, reminder: Reminder) -> sa.Select[int]:
    """Who was not reminded yet. Whoever got the seat later than that has just been told the dates."""
    event = (
        sa.literal("enrollment:")
        + sa.cast(Enrollment.id, sa.String)
        + f":{KIND}:{reminder.days}:{offering.starts_on}"
    )
    told = sa.exists().where(OutgoingMail.kind == KIND, OutgoingMail.event == event)
    return (
        sa.select(Enrollment.id)
        .join(Student, Student.id == Enrollment.student_id)
        .join(User, User.id == Student.user_id)
        .where(
            Enrollment.offering_id == offering.id,
            Enrollment.state == EnrollmentState.ENROLLED,
            Enrollment.changed_at <= offering.starts_at - timedelta(days=reminder.days),
            Student.wants_reminders,
            ~told,
        )
        .order_by(Enrollment.id)
    )
