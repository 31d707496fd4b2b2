"""The mails beside the moves of an enrollment: reminders, messages, decisions, openings."""

from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from core import clock
from core.formatting import date_time, medium_date
from core.mailing import compose
from core.outbox import Message, OutgoingMail, mail
from courses.cards import Door, door_of
from courses.offering_models import Offering, OfferingState
from students import running
from students.mail import class_facts, load, message_about
from students.models import LIVE_STATES, EnrollmentState, Student
from students.notice_models import ClassMessage


@mail("reminder")
def reminder(session: Session, row: OutgoingMail) -> Message | None:
    """The class begins in 7 days, or tomorrow. Dropped when they left, switched it off, or it moved or was cancelled."""
    enrollment = load(session, row.about_id)
    if enrollment is None or enrollment.state is not EnrollmentState.ENROLLED:
        return None
    offering, now = enrollment.offering, clock.now()
    moved_away = offering.starts_at > now + timedelta(days=int(row.details.get("days", 7)))
    off = not (enrollment.student.wants_reminders and offering.sends_reminders)
    if off or moved_away or offering.starts_at <= now or offering.state is not OfferingState.PUBLISHED:
        return None
    days = clock.local_date(offering.starts_at, offering.time_zone) - clock.local_date(
        now, offering.time_zone
    )
    return message_about(
        session,
        row,
        "reminder",
        days=days.days,
        when=_("It begins %(when)s.", when=date_time(offering.starts_at, offering.time_zone)),
        directions=offering.venue.directions,
        preparation=offering.course.preparation,
        notes=offering.notes,
    )


@mail("class-message")
def class_message(session: Session, row: OutgoingMail) -> Message | None:
    """What an instructor or the office wrote to the class. Dropped for whoever left in the meantime."""
    message = session.get(ClassMessage, row.details.get("message_id"))
    if message is None:
        return None
    return message_about(
        session,
        row,
        "class-message",
        only_in=LIVE_STATES,
        note_subject=message.subject,
        note=message.body,
        sender=message.sender.name,
    )


@mail("runs")
def runs(session: Session, row: OutgoingMail) -> Message | None:
    """The class takes place. Dropped for whoever left in the meantime."""
    return message_about(session, row, "runs", only_in=frozenset({EnrollmentState.ENROLLED}))


@mail("put-off")
def put_off(session: Session, row: OutgoingMail) -> Message | None:
    """Whether the class takes place is decided later. Dropped when it is decided by now."""
    enrollment = load(session, row.about_id)
    if enrollment is None or not running.is_open(enrollment.offering, clock.now()):
        return None
    day = enrollment.offering.decide_by
    return message_about(
        session,
        row,
        "put-off",
        only_in=frozenset({EnrollmentState.ENROLLED}),
        day=medium_date(day) if day else "",
    )


@mail("opened")
def opened(session: Session, row: OutgoingMail) -> Message | None:
    """Enrollment is open in a class that a student asked to be told of. Dropped when it has closed again."""
    student = session.get(Student, row.about_id)
    offering = session.get(Offering, row.details.get("offering_id"))
    if student is None or offering is None:
        return None
    if door_of(offering, now=clock.now()) not in (Door.OPEN, Door.WAITLIST):
        return None
    return compose("opened", greeting=student.user.given_name, klass=class_facts(offering))
