"""Guests of a class while it moves: they are told, their calendars follow, and no meeting goes that a make-up names."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from attendance.makeup_models import MakeUp, MakeUpState
from attendance.makeups import tell
from core.outbox import OutgoingMail
from core.school import School
from courses import entries
from courses.offering_models import Meeting, Offering, OfferingState
from students import calendar
from students.models import Enrollment, Student

if TYPE_CHECKING:
    from icalendar import Calendar

Times = tuple[datetime, datetime, int]


def times_of(offering: Offering) -> dict[int, Times]:
    """When and where (the venue's id) the meetings of a class are, by their ids: to be kept while it moves."""
    return {
        meeting.id: (meeting.starts_at, meeting.ends_at, offering.venue_id) for meeting in offering.meetings
    }


def tell_moved(session: Session, offering: Offering, before: Mapping[int, Times], *, now: datetime) -> int:
    """Put a mail for each guest whose meeting has another time or place into the outbox; returns how many."""
    moved = [key for key, times in times_of(offering).items() if before.get(key) != times]
    if not moved:
        return 0
    guests = session.scalars(
        sa.select(MakeUp)
        .where(MakeUp.meeting_id.in_(moved), MakeUp.state == MakeUpState.PLANNED)
        .options(joinedload(MakeUp.enrollment).joinedload(Enrollment.student).joinedload(Student.user))
        .order_by(MakeUp.id)
    ).all()
    for makeup in guests:
        tell(session, makeup, f"moved:{offering.calendar_sequence}", now=now, moved=True)
    return len(guests)


def named_meetings(session: Session, offering: Offering) -> set[int]:
    """The ids of the meetings of a class that a make-up names, missed or gone to: they may move, and do not go."""
    mine = sa.select(Meeting.id).where(Meeting.offering_id == offering.id)
    missed = sa.select(MakeUp.missed_meeting_id).where(MakeUp.missed_meeting_id.in_(mine))
    return set(session.scalars(missed.union(sa.select(MakeUp.meeting_id).where(MakeUp.meeting_id.in_(mine)))))


def was_invited(session: Session, makeup: MakeUp) -> bool:
    """Whether a mail has put the meeting into the guest's calendar."""
    asked = sa.select(OutgoingMail.id).where(
        OutgoingMail.kind == "make-up", OutgoingMail.event == f"makeup:{makeup.id}:planned"
    )
    return session.scalar(asked.limit(1)) is not None


def message(makeup: MakeUp, school: School, *, now: datetime, cancelled: bool = False) -> bytes:
    """The meeting as an entry in the guest's calendar, or what takes it out. UTF-8."""
    host = makeup.meeting.offering
    return calendar.invite(
        host,
        makeup.enrollment.student.user,
        school,
        uid=_uid(makeup),
        sequence=entries.sequence_of(host, cancelled=cancelled),
        now=now,
        cancelled=cancelled,
        meetings=[makeup.meeting],
    )


@calendar.in_feed
def _planned(session: Session, student: Student, feed: "Calendar", now: datetime) -> None:
    """Meetings that a student goes to as a guest stand in their calendar, too."""
    planned = session.scalars(
        sa.select(MakeUp)
        .join(MakeUp.enrollment)
        .where(Enrollment.student_id == student.id, MakeUp.state == MakeUpState.PLANNED)
        .options(
            joinedload(MakeUp.meeting)
            .joinedload(Meeting.offering)
            .options(joinedload(Offering.venue), joinedload(Offering.course))
        )
        .order_by(MakeUp.id)
    )
    for makeup in planned:
        host = makeup.meeting.offering
        if host.state is not OfferingState.PUBLISHED:
            continue
        entries.add_class(
            feed,
            host,
            uid=_uid(makeup),
            sequence=entries.sequence_of(host, cancelled=False),
            stamp=now,
            url=calendar.class_url(host),
            meetings=[makeup.meeting],
        )


def _uid(makeup: MakeUp) -> str:
    return f"make-up-{makeup.id}@{calendar.host()}"
