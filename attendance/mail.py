"""Mails of the attendance room."""

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from attendance import guests
from attendance.door_models import Substitute
from attendance.makeup_models import MakeUp, MakeUpState
from attendance.words import meeting_name
from core import outbox
from core.formatting import date_time, full_date, time_range, zone_name
from core.links import absolute
from core.mailing import compose
from core.outbox import Attachment, Message, OutgoingMail
from core.school import current_school
from courses.offering_models import Offering, OfferingState
from students.mail import calendar_file, class_facts


@outbox.mail("make-up")
def make_up(session: Session, row: OutgoingMail) -> Message | None:
    """What the office decided about a make-up: when and where to come, or why not; or that the class moved. Dropped when
    it was taken back."""
    makeup = session.get(MakeUp, row.about_id)
    if makeup is None or makeup.state not in (MakeUpState.PLANNED, MakeUpState.DECLINED):
        return None
    meeting, lost, school = makeup.meeting, makeup.missed_meeting, current_school(session)
    planned = makeup.state is MakeUpState.PLANNED
    cancelled = meeting.offering.state is OfferingState.CANCELLED
    files: tuple[Attachment, ...] = ()
    if school is not None and (planned or (cancelled and guests.was_invited(session, makeup))):
        content = guests.message(makeup, school, now=row.created_at, cancelled=not planned)
        files = (calendar_file(content, cancelled=not planned),)
    return compose(
        "make-up",
        attachments=files,
        greeting=makeup.enrollment.student.user.given_name,
        planned=planned,
        moved=bool(row.details.get("moved")),
        cancelled=cancelled,
        klass=class_facts(meeting.offering),
        home=lost.offering.code,
        when=date_time(meeting.starts_at, meeting.offering.time_zone),
        missed_when=date_time(lost.starts_at, lost.offering.time_zone),
        message=makeup.message,
        makeups_url=absolute("attendance.my_makeups", enrollment_id=makeup.enrollment_id),
    )


@outbox.mail("substitute")
def substitute(session: Session, row: OutgoingMail) -> Message | None:
    """Someone was given a class for a day: which, its meetings that day, where, and the page. With ``ended`` the class was
    taken back (``about_id`` is the class then). Dropped when the substitution is gone before the mail is sent."""
    details = row.details
    if details.get("ended"):
        user, offering = session.get(User, details["user"]), session.get(Offering, row.about_id)
        if user is None or offering is None:
            return None
        begins, by, meetings = datetime.fromisoformat(details["begins"]), "", []
    else:
        found = session.get(Substitute, row.about_id)
        if found is None:
            return None
        user, offering, begins = found.user, found.offering, found.begins_at
        by = found.named_by.name if found.named_by else _("The office")
        meetings = [item for item in offering.meetings if found.begins_at <= item.starts_at < found.ends_at]
    zone = offering.time_zone
    return compose(
        "substitute",
        greeting=user.given_name,
        stands_in=bool(meetings),
        by=by,
        day=full_date(begins, zone),
        klass=class_facts(offering),
        meetings=[
            [
                meeting_name(item.starts_at, zone),
                f"{time_range(item.starts_at, item.ends_at, zone)} {zone_name(item.starts_at, zone)}",
            ]
            for item in meetings
        ],
        students=str(offering.seats_taken),
        teaching_url=absolute("attendance.class_grid", code=offering.code.lower()),
    )
