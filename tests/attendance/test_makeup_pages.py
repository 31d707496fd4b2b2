"""The pages and the mail of make-ups: the student asks, the office plans and decides."""

from datetime import datetime

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from attendance.history import class_history
from attendance.makeup_models import MakeUp, MakeUpState
from attendance.models import MarkMethod
from core.database import begin_write, db
from core.outbox import OutgoingMail
from tests.attendance.classes import START, later
from tests.attendance.test_makeups import NEXT_WEEK, P, Two, at_home, marked_there, planned, signed_off, two
from tests.helpers import sign_in, statements

__all__ = ["two"]  # the fixtures

pytestmark = pytest.mark.usefixtures("at_ten")


def test_after_sign_off_the_students_page_leads_to_make_ups_and_the_class_remembers_them(
    session: Session, two: Two, client: FlaskClient
) -> None:
    signed_off(session, two)
    sign_in(client, two.enrollment.student.user)
    link = f'href="/my/enrollments/{two.enrollment.id}/make-ups"'
    assert link in client.get("/my/").text
    planned(session, two)
    marked_there(session, two, P)
    assert link not in client.get("/my/").text  # complete now
    made_up, signed = class_history(session, two.home.offering)
    assert (made_up.what, made_up.name, made_up.number) == ("made_up", "Student 000", 1)
    assert signed.what == "signed_off"
    sign_in(client, two.home.lead)
    page = client.get(f"/teaching/{two.home.offering.code.lower()}/finalize").text
    assert "makes up meeting 1 for Student 000: Present." in page


def test_the_student_asks_and_the_office_decides(
    app: Flask, client: FlaskClient, session: Session, two: Two
) -> None:
    student = two.enrollment.student.user
    sign_in(client, student)
    address = f"/my/enrollments/{two.enrollment.id}/make-ups"
    html = client.get(address).text
    assert two.host.code in html
    assert "1 guest place" in html
    for odd in ("x", "999999999999999999999-1", "1-9999999999999", "-", "1-", "1-2-3"):
        assert client.post(address, data={"choice": odd}).status_code == 422
    answer = client.post(address, data={"choice": f"{two.lost.id}-{two.there.id}"})
    assert answer.status_code == 303
    assert "Waits for the office" in client.get(address).text
    makeup = session.scalars(sa.select(MakeUp)).one()
    assert makeup.state is MakeUpState.ASKED
    assert client.get("/office/make-ups").status_code == 403
    office = app.test_client()
    sign_in(office, two.office)
    assert student.name in office.get("/office/make-ups").text
    refused = office.post(f"/office/make-ups/{makeup.id}/decline", data={"message": " "})
    assert refused.status_code == 422
    assert office.post(f"/office/make-ups/{makeup.id}/approve").status_code == 303
    assert "Planned" in client.get(address).text
    assert (
        "decided already" in office.post(f"/office/make-ups/{makeup.id}/approve", follow_redirects=True).text
    )
    teacher = app.test_client()
    sign_in(teacher, two.host_lead)
    with time_machine.travel(later(60 * 24 * 7), tick=False):
        html = teacher.get(f"/teaching/{two.host.code}/meetings/1/roll").text
        assert "Guest, makes up a missed meeting" in html
        roll = {f"status-{two.enrollment.id}": "present", "revision": "0"}
        assert teacher.post(f"/teaching/{two.host.code}/meetings/1/roll", data=roll).status_code == 303
    assert at_home(app, two)[-1] == (P, 90, MarkMethod.MAKE_UP)
    assert "Made up" in client.get(address).text


def test_a_declined_one_may_be_asked_for_again_and_one_may_be_taken_back(
    app: Flask, client: FlaskClient, session: Session, two: Two
) -> None:
    sign_in(client, two.enrollment.student.user)
    address = f"/my/enrollments/{two.enrollment.id}/make-ups"
    choice = {"choice": f"{two.lost.id}-{two.there.id}"}
    client.post(address, data=choice)
    office = app.test_client()
    sign_in(office, two.office)
    first = session.scalars(sa.select(MakeUp)).one().id
    office.post(f"/office/make-ups/{first}/decline", data={"message": "The room changes."})
    assert "The room changes." in client.get(address).text
    assert client.post(address, data=choice).status_code == 303
    second = session.scalars(sa.select(MakeUp.id).where(MakeUp.id != first)).one()
    stranger = app.test_client()
    sign_in(stranger, two.home.enrollments[1].student.user)
    assert stranger.post(f"/my/make-ups/{second}/withdraw").status_code == 404
    assert stranger.get(address).status_code == 404
    assert client.post(f"/my/make-ups/{second}/withdraw").status_code == 303
    assert "Taken back" in client.get(address).text


def test_only_who_missed_something_is_led_to_make_ups(
    client: FlaskClient, session: Session, two: Two
) -> None:
    for number, led in ((0, True), (1, False)):  # the first was absent, the second was there
        sign_in(client, two.home.enrollments[number].student.user)
        assert ("Make up what you missed" in client.get("/my/").text) is led


def test_the_office_plans_at_once(client: FlaskClient, session: Session, two: Two) -> None:
    sign_in(client, two.office)
    address = f"/office/enrollments/{two.enrollment.id}/make-ups"
    with statements(client.application) as seen:
        html = client.get(address).text
    assert len(seen) <= 14, "\n".join(seen)
    assert 'aria-label="Office"' in html
    answer = client.post(address, data={"choice": f"{two.lost.id}-{two.there.id}"})
    assert answer.status_code == 303
    assert session.scalars(sa.select(MakeUp.state)).one() is MakeUpState.PLANNED
    assert "Guests to come" in client.get("/office/make-ups").text


def test_the_mail_says_when_and_where(app: Flask, session: Session, two: Two) -> None:
    from attendance.mail import make_up

    planned(session, two)
    row = session.scalars(sa.select(OutgoingMail).where(OutgoingMail.kind == "make-up")).one()
    message = make_up(session, row)
    assert message is not None
    assert "Monday, March 8, 2027 at 9:00" in message.text
    assert two.host.code in message.html
    db.session.rollback()


def test_a_guest_may_check_in_there(app: Flask, session: Session, two: Two) -> None:
    from attendance.checkin import scan
    from attendance.codes import Way

    planned(session, two)
    begin_write(session)
    at: datetime = START + NEXT_WEEK
    scan(session, two.there.id, Way.IN, user=two.enrollment.student.user, now=at)
    session.commit()
    assert at_home(app, two)[-1] == (P, 90, MarkMethod.MAKE_UP)
