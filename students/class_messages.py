"""Messages to a class by its instructors or the office: everyone gets a mail of their own and sees no other address."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from core import audit, outbox
from core.database import locked
from core.errors import RuleError
from courses.offering_models import Offering
from students.models import ROLL_STATES, Enrollment, EnrollmentState, Student
from students.notice_models import ClassMessage

KIND = "class-message"
# So many messages to one class within a day: a slip of the hand does not fill fifty mailboxes.
PER_DAY = 5
# Within this time the same once more is a form that was sent twice.
TWICE = timedelta(minutes=10)
WAITING = frozenset({EnrollmentState.WAITLISTED, EnrollmentState.OFFERED})


def send(
    session: Session,
    offering: Offering,
    *,
    subject: str,
    body: str,
    to_waiting: bool,
    actor: User,
    now: datetime,
) -> ClassMessage:
    """Write to everyone enrolled in a class, and to those who wait when asked. Returns the message as it is kept.

    Raises RuleError without a subject or a text, when nobody would get it, for the same once more within ``TWICE``, and past
    ``PER_DAY`` messages in 24 hours.
    """
    locked(session, Offering, offering.id)
    subject, body = " ".join(subject.split()), body.strip()
    if not subject:
        raise RuleError(_("Write a subject."), field="subject")
    if not body:
        raise RuleError(_("Write the message."), field="body")
    twin = session.scalar(
        sa.select(ClassMessage.id)
        .where(
            ClassMessage.offering_id == offering.id,
            ClassMessage.sent_at > now - TWICE,
            ClassMessage.subject == subject,
            ClassMessage.body == body,
        )
        .limit(1)
    )
    if twin is not None:
        raise RuleError(_("This message was sent a moment ago. Nobody gets it twice."))
    sent_today = session.scalar(
        sa.select(sa.func.count(ClassMessage.id)).where(
            ClassMessage.offering_id == offering.id, ClassMessage.sent_at > now - timedelta(days=1)
        )
    )
    if (sent_today or 0) >= PER_DAY:
        raise RuleError(_("This class got %(n)s messages within a day. Send the next one later.", n=PER_DAY))
    people = session.scalars(
        sa.select(Enrollment)
        .where(
            Enrollment.offering_id == offering.id,
            Enrollment.state.in_(ROLL_STATES | WAITING if to_waiting else ROLL_STATES),
        )
        .options(joinedload(Enrollment.student).joinedload(Student.user))
        .order_by(Enrollment.ticket)
    ).all()
    if not people:
        raise RuleError(_("Nobody would get this message: no one is enrolled."))
    message = ClassMessage(
        offering_id=offering.id,
        sender_id=actor.id,
        sent_at=now,
        subject=subject,
        body=body,
        to_waiting=to_waiting,
        recipients=len(people),
    )
    session.add(message)
    session.flush()
    for enrollment in people:
        outbox.enqueue(
            session,
            KIND,
            to=enrollment.student.user.email,
            to_name=enrollment.student.user.name,
            event=f"message:{message.id}:{enrollment.id}",
            now=now,
            about_id=enrollment.id,
            message_id=message.id,
        )
    audit.record(
        session,
        "students:class:messaged",
        offering,
        actor=actor,
        now=now,
        code=offering.code,
        message=message.id,
        recipients=len(people),
        waiting=to_waiting,
    )
    return message


def sent_to(session: Session, offering_id: int) -> Sequence[ClassMessage]:
    """The messages to a class with their senders, the newest first. One statement."""
    return session.scalars(
        sa.select(ClassMessage)
        .where(ClassMessage.offering_id == offering_id)
        .options(joinedload(ClassMessage.sender))
        .order_by(ClassMessage.id.desc())
    ).all()
