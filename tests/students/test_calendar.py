"""Calendar entries from enrolling to leaving, as a calendar program reads them (RFC 5545, RFC 5546)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from icalendar import Calendar
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.database import begin_write, db
from core.outbox import OutgoingMail, kinds
from courses.offering_models import Offering
from courses.rescheduling import reschedule
from courses.scheduling import PlannedMeeting
from students import cancelling, leaving, transferring
from students.models import Enrollment
from students.moving import tell_moved
from tests.factories import NOW, make_course, make_offering, make_school, make_user
from tests.students.acting import ask

pytestmark = pytest.mark.both_databases


@dataclass
class CalendarProgram:
    """What a calendar program does with invitations: it matches by UID, and takes what is newer (RFC 5546, 2.1.5)."""

    entries: dict[str, Any] = field(default_factory=dict)
    newest: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def read(self, content: bytes) -> None:
        """Take in an iCalendar file from a mail."""
        calendar = Calendar.from_ical(content)
        method = str(calendar["METHOD"])
        assert method in ("REQUEST", "CANCEL")
        for entry in calendar.walk("VEVENT"):
            uid = str(entry["UID"])
            version = (int(str(entry["SEQUENCE"])), entry.decoded("DTSTAMP"))
            assert entry["ORGANIZER"] == "mailto:office@tideway.example"
            assert "ATTENDEE" in entry
            if version <= self.newest.get(uid, (-1, version[1])):
                continue
            self.newest[uid] = version
            if method == "CANCEL":
                assert str(entry["STATUS"]) == "CANCELLED"
                del self.entries[uid]
            else:
                self.entries[uid] = entry

    def begins(self) -> list[datetime]:
        """When the entries begin, in order."""
        return sorted(entry.decoded("DTSTART") for entry in self.entries.values())


@pytest.fixture
def rosa(session: Session) -> User:
    make_school(session)
    return make_user(session, Role.REGISTRAR)


def read_mail(session: Session, program: CalendarProgram, enrollment: Enrollment) -> list[str]:
    """Hand the program what the newest mail to the student carries; the METHODs that its attachments declare."""
    session.commit()
    row = session.scalars(
        sa.select(OutgoingMail)
        .where(OutgoingMail.recipient == enrollment.student.user.email)
        .order_by(OutgoingMail.id.desc())
        .limit(1)
    ).one()
    message = kinds()[row.kind].render(db.session, row)
    assert message is not None
    for attachment in message.attachments:
        assert attachment.mime_type == "text/calendar"
        program.read(attachment.content)
        assert f"METHOD:{attachment.parameters['method']}" in attachment.content.decode()
    begin_write(session)
    return [attachment.parameters["method"] for attachment in message.attachments]


def shift(session: Session, offering: Offering, actor: User, *, by: timedelta, keep: int) -> None:
    """The office moves the first ``keep`` meetings and takes the others out."""
    before = len(offering.meetings)
    planned = [
        PlannedMeeting(
            id=meeting.id,
            starts_at=meeting.starts_at + by,
            ends_at=meeting.ends_at + by,
            credit_minutes=meeting.credit_minutes,
            kind=meeting.kind,
        )
        for meeting in offering.meetings[:keep]
    ]
    assert reschedule(session, offering, offering.venue_id, planned, marked=(), actor=actor, now=NOW)
    assert tell_moved(session, offering, meetings_before=before, now=NOW) == 1


def test_a_move_updates_the_entries_and_leaving_takes_them_out(session: Session, rosa: User) -> None:
    program, offering = CalendarProgram(), make_offering(session, meetings=3)
    enrollment = ask(session, offering)
    assert read_mail(session, program, enrollment) == ["REQUEST"]
    before, uids = program.begins(), set(program.entries)
    assert before == [meeting.starts_at for meeting in offering.meetings]
    shift(session, offering, rosa, by=timedelta(days=3), keep=3)
    assert read_mail(session, program, enrollment) == ["REQUEST"]
    assert program.begins() == [begin + timedelta(days=3) for begin in before]
    assert set(program.entries) == uids, "the same entries, not new ones beside them"
    shift(session, offering, rosa, by=timedelta(days=-1), keep=3)
    read_mail(session, program, enrollment)
    assert program.begins() == [begin + timedelta(days=2) for begin in before]
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    assert read_mail(session, program, enrollment) == ["CANCEL"]
    assert program.entries == {}


def test_a_meeting_that_is_dropped_leaves_the_calendar(session: Session, rosa: User) -> None:
    program, offering = CalendarProgram(), make_offering(session, meetings=3)
    enrollment = ask(session, offering)
    read_mail(session, program, enrollment)
    shift(session, offering, rosa, by=timedelta(hours=1), keep=2)
    assert sorted(read_mail(session, program, enrollment)) == ["CANCEL", "REQUEST"]
    assert program.begins() == [meeting.starts_at for meeting in offering.meetings]
    assert len(program.entries) == 2


def test_cancelling_the_class_takes_them_out_also_after_a_move(session: Session, rosa: User) -> None:
    program, offering = CalendarProgram(), make_offering(session)
    enrollment = ask(session, offering)
    read_mail(session, program, enrollment)
    shift(session, offering, rosa, by=timedelta(days=1), keep=2)
    read_mail(session, program, enrollment)
    cancelling.cancel(session, offering, reason="The river rose", actor=rosa, now=NOW)
    assert read_mail(session, program, enrollment) == ["CANCEL"]
    assert program.entries == {}


def test_moving_to_another_class_swaps_the_entries(session: Session, rosa: User) -> None:
    course = make_course(session)
    program, offering = CalendarProgram(), make_offering(session, course)
    other = make_offering(session, course, starts=NOW + timedelta(days=70))
    enrollment = ask(session, offering)
    read_mail(session, program, enrollment)
    transferring.transfer(session, enrollment, other, actor=enrollment.student.user, now=NOW)
    assert sorted(read_mail(session, program, enrollment)) == ["CANCEL", "REQUEST"]
    assert program.begins() == [meeting.starts_at for meeting in other.meetings]


def test_a_late_mail_does_not_bring_back_what_is_gone(session: Session, rosa: User) -> None:
    offering = make_offering(session)
    enrollment = ask(session, offering)
    session.commit()
    row = session.scalars(sa.select(OutgoingMail).where(OutgoingMail.kind == "confirmation")).one()
    message = kinds()["confirmation"].render(db.session, row)
    assert message is not None
    begin_write(session)
    program = CalendarProgram()
    program.read(message.attachments[0].content)
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    read_mail(session, program, enrollment)
    program.read(message.attachments[0].content)
    assert program.entries == {}


def test_meetings_are_at_nine_on_the_wall_on_both_sides_of_a_clock_change(
    session: Session, rosa: User
) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    saturday = datetime(2027, 11, 6, 9, 0, tzinfo=zone)
    offering = make_offering(session, starts=saturday, meetings=1)
    enrollment = ask(session, offering)
    program = CalendarProgram()
    read_mail(session, program, enrollment)
    days = [datetime(2027, 11, day, 9, 0, tzinfo=zone) for day in (6, 7)]
    first = offering.meetings[0]
    planned = [
        PlannedMeeting(
            id=first.id if number == 0 else None,
            starts_at=day,
            ends_at=day + timedelta(hours=2),
            credit_minutes=120,
            kind=first.kind,
        )
        for number, day in enumerate(days)
    ]
    assert reschedule(session, offering, offering.venue_id, planned, marked=(), actor=rosa, now=NOW)
    tell_moved(session, offering, meetings_before=1, now=NOW)
    read_mail(session, program, enrollment)
    assert [begin.astimezone(zone).hour for begin in program.begins()] == [9, 9]
