"""Guests of a class that moves: told, with the entry in their calendar; the meeting they come to stays."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from attendance import mail, makeups
from attendance.makeup_models import MakeUp
from attendance.makeup_upkeep import keep_up
from core.database import begin_write
from core.outbox import OutgoingMail
from courses.offering_models import OfferingState
from tests import calendars
from tests.attendance.classes import NOW
from tests.attendance.test_makeups import Two, make_two, planned
from tests.calendars import CalendarProgram
from tests.helpers import fields_of, mails_to, sign_in

pytestmark = pytest.mark.usefixtures("at_ten")


@pytest.fixture
def two(session: Session) -> Two:
    return make_two(session)


def newest(session: Session, program: CalendarProgram) -> str:
    """Hand the program what the newest mail about a make-up carries; its text."""
    row = session.scalars(
        sa.select(OutgoingMail).where(OutgoingMail.kind == "make-up").order_by(OutgoingMail.id.desc())
    ).first()
    assert row is not None
    found = mail.make_up(session, row)
    assert found is not None
    for file in found.attachments:
        program.read(file.content)
    return f"{found.subject}\n{found.text}"


def send(client: FlaskClient, two: Two, **changes: str) -> str:
    address = f"/office/classes/{two.host.code.lower()}/schedule"
    form = fields_of(client.get(address)) | changes
    shown = client.post(address, data=form)
    return client.post(address, data=fields_of(shown) | {"act": "save"}, follow_redirects=True).text


def test_a_guest_of_a_class_that_moves_is_told_and_their_calendar_follows(
    session: Session, client: FlaskClient, two: Two
) -> None:
    program, guest = CalendarProgram(), two.enrollment.student.user
    planned(session, two)
    newest(session, program)
    before, uids = program.begins(), set(program.entries)
    assert before == [two.there.starts_at]
    sign_in(client, two.office)
    assert "is told by email" in send(client, two, shift="7")
    assert mails_to(guest.email)[-2:] == ["make-up", "make-up"]
    session.expire_all()
    text = newest(session, program)
    assert "New time for your make-up" in text
    assert "has moved, and your make-up with it" in text
    assert program.begins() == [before[0] + timedelta(days=7)] == [two.there.starts_at]
    assert set(program.entries) == uids
    feed = client.get(f"/my/calendar/{two.enrollment.student.calendar_token}.ics").data
    assert uids <= {str(entry["UID"]) for entry in calendars.read(feed)[1]}


def test_a_guest_whose_meeting_stays_is_not_told_of_the_others(
    session: Session, client: FlaskClient, two: Two
) -> None:
    planned(session, two)
    sign_in(client, two.office)
    assert "has its new schedule" in send(
        client, two, **{"meetings-1-starts": "12:00", "meetings-1-ends": "13:30"}
    )
    assert mails_to(two.enrollment.student.user.email).count("make-up") == 1


def test_a_meeting_that_a_make_up_names_moves_but_does_not_go(
    session: Session, client: FlaskClient, two: Two
) -> None:
    makeup = planned(session, two)
    begin_write(session)
    makeups.withdraw(session, makeup, actor=two.office, now=NOW)  # its row stays, and names the meeting
    session.commit()
    sign_in(client, two.office)
    told = send(client, two, **{"meetings-0-day": ""})
    assert "A make-up names meeting 1" in told
    session.expire_all()
    assert len(two.host.meetings) == 2


def test_the_entry_of_a_guest_goes_with_the_class(session: Session, two: Two) -> None:
    program = CalendarProgram()
    planned(session, two)
    newest(session, program)
    begin_write(session)
    two.host.state, two.host.cancelled_at = OfferingState.CANCELLED, NOW
    session.commit()
    keep_up()
    session.rollback()
    assert "does not take place" in newest(session, program)
    assert program.entries == {}


def test_who_was_never_invited_gets_nothing_to_take_out(session: Session, two: Two) -> None:
    begin_write(session)
    user = two.enrollment.student.user
    makeups.ask(session, two.enrollment, two.lost.id, two.there.id, actor=user, now=NOW)
    two.host.state, two.host.cancelled_at = OfferingState.CANCELLED, NOW
    session.commit()
    keep_up()
    session.rollback()
    assert session.scalars(sa.select(MakeUp)).one().message
    program = CalendarProgram()
    newest(session, program)
    assert program.entries == {}
    row = session.scalars(sa.select(OutgoingMail).where(OutgoingMail.kind == "make-up")).one()
    found = mail.make_up(session, row)
    assert found is not None
    assert replace(found, attachments=()) == found
