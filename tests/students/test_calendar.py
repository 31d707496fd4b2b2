"""Calendar entries from enrolling to leaving, as a calendar program reads them (RFC 5545, RFC 5546)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.database import begin_write, db
from core.outbox import OutgoingMail, kinds
from courses.offering_models import Offering
from courses.rescheduling import reschedule
from courses.scheduling import PlannedMeeting
from students import calendar, cancelling, leaving, transferring
from students.models import Enrollment
from students.moving import tell_moved
from tests import calendars
from tests.calendars import CalendarProgram
from tests.factories import NOW, make_course, make_offering, make_school, make_user
from tests.students.acting import ask

pytestmark = pytest.mark.both_databases


@pytest.fixture
def rosa(session: Session) -> User:
    make_school(session)
    return make_user(session, Role.REGISTRAR)


def read_mail(session: Session, program: CalendarProgram, enrollment: Enrollment) -> str:
    """Hand the program what the newest mail to the student carries; the METHOD that its one file declares."""
    session.commit()
    row = session.scalars(
        sa.select(OutgoingMail)
        .where(OutgoingMail.recipient == enrollment.student.user.email)
        .order_by(OutgoingMail.id.desc())
        .limit(1)
    ).one()
    message = kinds()[row.kind].render(db.session, row)
    assert message is not None
    (attachment,) = message.attachments  # mail programs act on one file of a mail
    assert attachment.mime_type == "text/calendar"
    program.read(attachment.content)
    method = attachment.parameters["method"]
    assert f"METHOD:{method}" in attachment.content.decode()
    begin_write(session)
    return method


def planned(offering: Offering, *, by: timedelta = timedelta()) -> list[PlannedMeeting]:
    """The meetings of a class as they stand, or so much later."""
    return [
        PlannedMeeting(
            id=meeting.id,
            starts_at=meeting.starts_at + by,
            ends_at=meeting.ends_at + by,
            credit_minutes=meeting.credit_minutes,
            kind=meeting.kind,
        )
        for meeting in offering.meetings
    ]


def move(session: Session, offering: Offering, plan: list[PlannedMeeting], actor: User) -> None:
    """The office gives the class another schedule, and its students are told."""
    assert reschedule(session, offering, offering.venue_id, plan, marked=(), actor=actor, now=NOW)
    assert tell_moved(session, offering, now=NOW) == 1


def three_days(session: Session, **values: Any) -> Offering:
    """A class on three days in a row, from nine to half past ten."""
    offering = make_offering(session, meetings=3, **values)
    days = planned(offering)
    for number, plan in enumerate(days):
        begins = offering.starts_at + timedelta(days=number)
        days[number] = replace(plan, starts_at=begins, ends_at=begins + timedelta(minutes=90))
    reschedule(
        session, offering, offering.venue_id, days, marked=(), actor=make_user(session, Role.ADMIN), now=NOW
    )
    return offering


def test_a_move_updates_the_entry_and_leaving_takes_it_out(session: Session, rosa: User) -> None:
    program, offering = CalendarProgram(), three_days(session)
    enrollment = ask(session, offering)
    assert read_mail(session, program, enrollment) == "REQUEST"
    before, uids = program.begins(), set(program.entries)
    assert before == [meeting.starts_at for meeting in offering.meetings]
    assert len(uids) == 1
    move(session, offering, planned(offering, by=timedelta(days=3)), rosa)
    assert read_mail(session, program, enrollment) == "REQUEST"
    assert program.begins() == [begin + timedelta(days=3) for begin in before]
    assert set(program.entries) == uids, "the same entry, not a new one beside it"
    move(session, offering, planned(offering, by=timedelta(days=-1)), rosa)
    read_mail(session, program, enrollment)
    assert program.begins() == [begin + timedelta(days=2) for begin in before]
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    assert read_mail(session, program, enrollment) == "CANCEL"
    assert program.entries == {}


def test_a_meeting_that_is_moved_added_or_dropped_is_so_in_the_calendar(session: Session, rosa: User) -> None:
    program, offering = CalendarProgram(), three_days(session)
    enrollment = ask(session, offering)
    read_mail(session, program, enrollment)
    first, second, third = planned(offering)
    later = replace(
        second, starts_at=second.starts_at + timedelta(days=9), ends_at=second.ends_at + timedelta(days=9)
    )
    move(session, offering, [first, third, later], rosa)
    read_mail(session, program, enrollment)
    assert program.begins() == [first.starts_at, third.starts_at, later.starts_at]
    new = PlannedMeeting(
        starts_at=first.ends_at + timedelta(minutes=30),
        ends_at=first.ends_at + timedelta(minutes=90),
        credit_minutes=60,
    )
    move(session, offering, [*planned(offering), new], rosa)
    read_mail(session, program, enrollment)
    assert program.times()[0] == (first.starts_at, new.ends_at)
    assert len(program.times()) == 3
    move(session, offering, planned(offering)[:1], rosa)
    read_mail(session, program, enrollment)
    assert program.times() == [(first.starts_at, first.ends_at)]


def test_cancelling_the_class_takes_it_out_also_after_a_move(session: Session, rosa: User) -> None:
    program, offering = CalendarProgram(), make_offering(session)
    enrollment = ask(session, offering)
    read_mail(session, program, enrollment)
    move(session, offering, planned(offering, by=timedelta(days=1)), rosa)
    read_mail(session, program, enrollment)
    cancelling.cancel(session, offering, reason="The river rose", actor=rosa, now=NOW)
    assert read_mail(session, program, enrollment) == "CANCEL"
    assert program.entries == {}


def test_moving_to_another_class_moves_the_entry_there_and_back(session: Session, rosa: User) -> None:
    course = make_course(session)
    program, offering = CalendarProgram(), make_offering(session, course)
    other = make_offering(session, course, starts=NOW + timedelta(days=70))
    enrollment = ask(session, offering)
    read_mail(session, program, enrollment)
    for _ in range(3):  # the numbers of this class are ahead of the other's
        move(session, offering, planned(offering, by=timedelta(days=1)), rosa)
        read_mail(session, program, enrollment)
    uids = set(program.entries)
    there = transferring.transfer(session, enrollment, other, actor=enrollment.student.user, now=NOW)
    assert read_mail(session, program, there) == "REQUEST"
    assert program.begins() == [other.starts_at]
    assert set(program.entries) == uids, "the entry went along"
    move(session, other, planned(other, by=timedelta(days=2)), rosa)
    read_mail(session, program, there)
    assert program.begins() == [other.starts_at]
    back = transferring.transfer(session, there, offering, actor=rosa, now=NOW, reason="They asked")
    read_mail(session, program, back)
    assert program.begins() == [offering.starts_at]
    assert set(program.entries) == uids
    leaving.withdraw(session, back, actor=back.student.user, now=NOW)
    assert read_mail(session, program, back) == "CANCEL"
    assert program.entries == {}


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


def test_the_feed_names_a_class_as_the_mails_do(session: Session, rosa: User) -> None:
    course = make_course(session)
    program, offering = CalendarProgram(), three_days(session, course=course)
    enrollment = ask(session, offering)
    there = transferring.transfer(
        session, enrollment, make_offering(session, course), actor=enrollment.student.user, now=NOW
    )
    read_mail(session, program, there)
    feed = calendar.feed(session, there.student, [there], name="Classes", time_zone="Europe/Lisbon", now=NOW)
    _, listed = calendars.read(feed)
    assert {str(entry["UID"]) for entry in listed} == set(program.entries)
    assert calendars.instances(listed) == program.times()


def test_a_class_is_at_nine_on_the_wall_on_both_sides_of_a_clock_change(session: Session, rosa: User) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    saturday = datetime(2027, 11, 6, 9, 0, tzinfo=zone)
    offering = make_offering(session, starts=saturday, meetings=1)
    enrollment = ask(session, offering)
    program = CalendarProgram()
    read_mail(session, program, enrollment)
    (first,) = planned(offering)
    sunday = saturday + timedelta(days=1)
    second = replace(first, id=None, starts_at=sunday, ends_at=sunday + timedelta(minutes=90))
    move(session, offering, [first, second], rosa)
    read_mail(session, program, enrollment)
    assert [begin.astimezone(zone).hour for begin in program.begins()] == [9, 9]
