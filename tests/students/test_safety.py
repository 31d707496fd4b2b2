"""The safety list for whoever did not enroll by themselves: told by mail and on their page, confirmed once."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import clock
from core.audit import AuditEvent
from core.errors import RuleError
from core.outbox import OutgoingMail, kinds
from courses.models import ScreeningSet
from portal.importing import reading, running
from students import groups, safety, talks
from students.models import Enrollment, EnrollmentState, Source
from tests.accounts.cast import text_of
from tests.factories import (
    make_course,
    make_offering,
    make_school,
    make_screening,
    make_student,
    make_user,
    put_enrollment,
)
from tests.helpers import sign_in
from tests.students.acting import ask

pytestmark = pytest.mark.both_databases
READ = {"acknowledge_screening": "y"}


@pytest.fixture
def entered(session: Session) -> Enrollment:
    """A student whom the office entered in a coming class with a list."""
    make_school(session)
    offering = make_offering(session, starts=clock.now() + timedelta(days=40))
    rosa = make_user(session, Role.REGISTRAR)
    student = make_student(session)
    values = {"policy_id": None, "screening_set_id": None, "source": Source.STAFF}
    made = ask(session, offering, student, now=clock.now(), actor=rosa, **values)
    session.commit()
    return made


def acknowledge(session: Session, enrollment: Enrollment, version: int, **values: bool) -> None:
    usual = {"wants_talk": False, "wants_access_help": False}
    user = enrollment.student.user
    safety.acknowledge(session, enrollment, version, **(usual | values), actor=user, now=clock.now())


def list_of(enrollment: Enrollment) -> ScreeningSet:
    return enrollment.offering.course.screening_set


def test_the_page_leads_to_the_list_until_it_is_confirmed(
    client: FlaskClient, session: Session, entered: Enrollment
) -> None:
    sign_in(client, entered.student.user)
    address = f"/my/enrollments/{entered.id}/safety"
    assert address in client.get("/my/").text
    shown = client.get(address)
    assert "Recent skull fracture" in shown.text
    fields = {"screening_version": str(list_of(entered).id), "talk_to_instructor": "y"}
    refused = client.post(address, data=fields)
    assert (refused.status_code, "It refuses nobody" in refused.text) == (422, True)
    answer = client.post(address, data=fields | READ)
    assert (answer.status_code, answer.location) == (303, "/my/")
    assert address not in client.get("/my/").text
    session.expire_all()
    assert entered.screening_set_id == list_of(entered).id
    assert entered.screening_acknowledged_at is not None
    assert (entered.wants_talk, entered.wants_access_help) == (True, False)
    event = session.scalars(
        sa.select(AuditEvent).where(AuditEvent.action == "students:screening:acknowledged")
    ).one()
    assert event.payload is not None
    assert set(event.payload) == {"version", "by"}  # nothing of the talk
    again = client.post(address, data=fields | READ)
    assert again.status_code == 422
    assert "confirmed the safety list of this class already" in text_of(again)
    assert "You confirmed this list on" in text_of(client.get(address))


def test_a_list_that_changed_meanwhile_is_read_again(session: Session, entered: Enrollment) -> None:
    old = list_of(entered).id
    entered.offering.course.screening_set = make_screening(session)
    with pytest.raises(RuleError, match="Read it again") as caught:
        acknowledge(session, entered, old)
    assert caught.value.field == "acknowledge_screening"
    assert entered.screening_acknowledged_at is None


@pytest.mark.parametrize("why", ["withdrawn", "over", "empty"])
def test_there_is_nothing_to_confirm_when_the_class_is_left_or_over_or_has_no_list(
    session: Session, entered: Enrollment, why: str
) -> None:
    if why == "withdrawn":
        entered = put_enrollment(session, make_offering(session), entered.student, EnrollmentState.WITHDRAWN)
    elif why == "over":
        old = make_offering(session, starts=clock.now() - timedelta(days=9))
        entered = put_enrollment(session, old, entered.student)
    else:
        empty = make_screening(session, do_not_receive=[], ask_first=[])
        course = make_course(session, screening_set_id=empty.id)
        soon = make_offering(session, course, starts=clock.now() + timedelta(days=40))
        entered = put_enrollment(session, soon, entered.student)
    with pytest.raises(RuleError, match="no safety list to confirm"):
        acknowledge(session, entered, list_of(entered).id)


def test_whoever_enrolled_by_themselves_is_not_asked_again(client: FlaskClient, session: Session) -> None:
    make_school(session)
    student = make_student(session)
    enrollment = ask(
        session, make_offering(session, starts=clock.now() + timedelta(days=40)), student, now=clock.now()
    )
    session.commit()
    sign_in(client, student.user)
    assert f"/my/enrollments/{enrollment.id}/safety" not in client.get("/my/").text


def confirmation_of(session: Session, app: Flask, enrollment: Enrollment) -> str:
    row = session.scalars(
        sa.select(OutgoingMail).where(
            OutgoingMail.kind == "confirmation", OutgoingMail.about_id == enrollment.id
        )
    ).one()
    with app.test_request_context():
        message = kinds()["confirmation"].render(session, row)
    assert message is not None
    link = f"/my/enrollments/{enrollment.id}/safety"
    assert (link in message.text) == (link in message.html)
    return message.text


@pytest.mark.parametrize("way", ["import", "group"])
def test_people_from_a_file_or_a_group_are_led_to_the_list_by_mail_and_page(
    client: FlaskClient, session: Session, app: Flask, way: str
) -> None:
    make_school(session)
    offering = make_offering(session, code="CST1-A", starts=clock.now() + timedelta(days=40))
    rosa = make_user(session, Role.REGISTRAR)
    if way == "import":
        (row,) = reading.read(b"Name,Email,Class\nNina New,nina@x.example,CST1-A\n").rows
        running.take(session, row, actor=rosa, now=clock.now())
    else:
        booking = groups.book(
            session,
            offering,
            organization="Harbor Clinic",
            contact_name="Kim Park",
            contact_email="kim@x.example",
            seat_count=1,
            actor=rosa,
            now=clock.now(),
        )
        person = groups.Person("Nina New", "nina@x.example")
        groups.name_person(session, booking, person, actor=None, now=clock.now())
    session.flush()
    enrollment = session.scalars(sa.select(Enrollment)).one()
    assert f"/my/enrollments/{enrollment.id}/safety" in confirmation_of(session, app, enrollment)
    nina = session.scalars(sa.select(User).where(User.email == "nina@x.example")).one()
    nina.confirmed_at = clock.now()
    session.commit()
    sign_in(client, nina)
    assert f"/my/enrollments/{enrollment.id}/safety" in client.get("/my/").text
    assert [talk.has_read for talk in talks.talks_of(session, offering)] == [False]
    fields = READ | {"screening_version": str(list_of(enrollment).id)}
    assert client.post(f"/my/enrollments/{enrollment.id}/safety", data=fields).status_code == 303
    session.expire_all()
    assert [talk.has_read for talk in talks.talks_of(session, offering)] == [True]
    assert f"/my/enrollments/{enrollment.id}/safety" not in confirmation_of(session, app, enrollment)


def test_a_strangers_list_is_not_found(client: FlaskClient, session: Session, entered: Enrollment) -> None:
    sign_in(client, make_user_committed(session))
    address = f"/my/enrollments/{entered.id}/safety"
    assert client.get(address).status_code == 404
    assert client.post(address, data=READ).status_code == 404


def make_user_committed(session: Session) -> User:
    user = make_user(session)
    session.commit()
    return user
