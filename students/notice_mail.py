"""The mails beside the moves of an enrollment: reminders. Each has a folder in ``templates/mail``."""

from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from core import clock
from core.formatting import date_time
from core.outbox import Message, OutgoingMail, mail
from courses.offering_models import OfferingState
from students.mail import load, message_about
from students.models import EnrollmentState


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
