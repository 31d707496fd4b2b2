"""The teaching desk: works, strangers refused, constant statements, the right day in every zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from attendance.marking import save_roll
from attendance.models import MarkStatus
from attendance.writing import Entry
from core.database import begin_write
from tests import factories
from tests.attendance.classes import NOW, Class, entries, later, make_class
from tests.helpers import sign_in, statements

pytestmark = pytest.mark.usefixtures("at_ten")


def test_a_visitor_signs_in_and_a_student_is_refused(client: FlaskClient, made: Class) -> None:
    assert client.get("/teaching/").status_code == 303
    sign_in(client, made.enrollments[0].student.user)
    assert client.get("/teaching/").status_code == 403


def test_todays_meetings_come_first_with_the_state_of_their_rolls(
    teacher: FlaskClient, made: Class, session: Session
) -> None:
    html = teacher.get("/teaching/").text
    assert "Monday, March 1, 2027" in html
    assert "2 meetings today" in html
    assert "Roll not taken yet" in html
    assert "Roll opens at 11:00" in html
    begin_write(session)
    save_roll(session, made.meeting, entries(made.ids[:2]), actor=made.lead, now=NOW)
    session.commit()
    assert "Roll open, 2 of 3 marked" in teacher.get("/teaching/").text
    begin_write(session)
    last = [Entry(made.ids[2], MarkStatus.ABSENT)]
    save_roll(session, made.meeting, last, actor=made.lead, now=NOW)
    session.commit()
    assert "Roll saved at 10:00 AM, 2 of 3 here" in teacher.get("/teaching/").text


def test_who_is_new_and_who_asked_to_talk_is_said(
    teacher: FlaskClient, made: Class, session: Session
) -> None:
    begin_write(session)
    made.enrollments[2].wants_talk = True
    been_here = made.enrollments[1].student
    earlier = factories.make_offering(session, starts=NOW - timedelta(days=90))
    factories.put_enrollment(session, earlier, been_here)
    session.commit()
    html = teacher.get("/teaching/").text
    assert html.count("Wants to talk") == 1
    assert html.count("First class here") == 1
    assert been_here.user.name not in html
    assert html.index("Wants to talk") < html.index("First class here")


def test_who_needs_a_word_is_said_while_the_class_runs(
    teacher: FlaskClient, made: Class, session: Session
) -> None:
    assert "Needs a word" not in teacher.get("/teaching/").text
    begin_write(session)
    first, second, _third = made.ids
    roll = [Entry(first, MarkStatus.ABSENT), Entry(second, MarkStatus.PRESENT)]
    save_roll(session, made.meeting, roll, actor=made.lead, now=NOW)
    session.commit()
    html = teacher.get("/teaching/").text
    needs = html[html.index("Needs a word") : html.index("To greet")]
    assert "Student 000" in needs
    assert "At most 1.5 h" in needs
    assert "Student 001" not in needs
    with time_machine.travel(later(60 * 24 * 3), tick=False):  # over: the sign-off says it
        assert "Needs a word" not in teacher.get("/teaching/").text


def test_classes_that_are_over_wait_to_be_signed_off(
    app: Flask, teacher: FlaskClient, made: Class, session: Session
) -> None:
    with time_machine.travel(later(60 * 24 * 3), tick=False):
        html = teacher.get("/teaching/").text
        assert "No meetings today" in html
        assert f"/teaching/{made.offering.code.lower()}/finalize" in html
        helper = app.test_client()  # who may not sign is not asked to
        sign_in(helper, made.assistant)
        assert f"/teaching/{made.offering.code.lower()}/finalize" not in helper.get("/teaching/").text
        begin_write(session)
        made.offering.finalized_at = later(60 * 24 * 2)
        session.commit()
        html = teacher.get("/teaching/").text
        assert "Nothing waits for your signature." in html
        assert "Signed off" in html


def test_instructors_see_only_their_classes_and_the_office_all(
    app: Flask, made: Class, session: Session
) -> None:
    begin_write(session)
    other = factories.make_user(session, Role.INSTRUCTOR)
    registrar = factories.make_user(session, Role.REGISTRAR)
    session.commit()
    for user, seen in ((other, False), (registrar, True), (made.assistant, True)):
        client = app.test_client()
        sign_in(client, user)
        assert (made.offering.code in client.get("/teaching/").text) is seen


@pytest.mark.parametrize(
    ("zone", "starts", "now", "today"),
    [
        # 23:30 in Lisbon on the 5th is still the 5th there, whatever the day in Astoria.
        ("Europe/Lisbon", "2027-03-05T09:00", "2027-03-05T23:30", True),
        ("Europe/Lisbon", "2027-03-05T09:00", "2027-03-06T00:30", False),
        # A meeting past midnight is today's while it runs.
        ("America/Chicago", "2027-03-05T22:00", "2027-03-06T00:30", True),
        ("America/Chicago", "2027-03-05T22:00", "2027-03-06T01:30", False),
        # The day on which the clocks go forward.
        ("America/Chicago", "2027-03-14T09:00", "2027-03-14T00:05", True),
    ],
)
def test_today_is_the_day_on_the_clock_of_the_class(
    app: Flask, session: Session, zone: str, starts: str, now: str, today: bool
) -> None:
    there = ZoneInfo(zone)
    begin = datetime.fromisoformat(starts).replace(tzinfo=there).astimezone(UTC)
    venue = factories.make_venue(session, time_zone=zone)
    made = make_class(session, venue=venue, starts=begin, meetings=1, minutes=180)
    client = app.test_client()
    sign_in(client, made.lead)
    with time_machine.travel(datetime.fromisoformat(now).replace(tzinfo=there), tick=False):
        assert ("1 meeting today" in client.get("/teaching/").text) is today


def test_the_number_of_statements_does_not_grow_with_classes(app: Flask, session: Session) -> None:
    made = make_class(session, students=8)
    client = app.test_client()
    sign_in(client, made.lead)
    with statements(app) as few:
        client.get("/teaching/")
    begin_write(session)
    for days in range(12):
        more = factories.make_offering(
            session, starts=NOW + timedelta(days=days - 4, minutes=-30), lead=made.lead, capacity=9
        )
        for _n in range(4):
            factories.put_enrollment(session, more)
    session.commit()
    with statements(app) as many:
        client.get("/teaching/")
    assert len(many) <= len(few) <= 12, "\n".join(many)
