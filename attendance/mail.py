"""Mails of the attendance room."""

from sqlalchemy.orm import Session

from attendance.makeup_models import MakeUp, MakeUpState
from core import outbox
from core.formatting import date_time
from core.links import absolute
from core.mailing import compose
from core.outbox import Message, OutgoingMail
from students.mail import class_facts


@outbox.mail("make-up")
def make_up(session: Session, row: OutgoingMail) -> Message | None:
    """What the office decided about a make-up: when and where to come, or why not. Dropped when it was taken back."""
    makeup = session.get(MakeUp, row.about_id)
    if makeup is None or makeup.state not in (MakeUpState.PLANNED, MakeUpState.DECLINED):
        return None
    meeting, lost = makeup.meeting, makeup.missed_meeting
    return compose(
        "make-up",
        greeting=makeup.enrollment.student.user.given_name,
        planned=makeup.state is MakeUpState.PLANNED,
        klass=class_facts(meeting.offering),
        home=lost.offering.code,
        when=date_time(meeting.starts_at, meeting.offering.time_zone),
        missed_when=date_time(lost.starts_at, lost.offering.time_zone),
        message=makeup.message,
        makeups_url=absolute("attendance.my_makeups", enrollment_id=makeup.enrollment_id),
    )
