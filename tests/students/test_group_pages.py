"""The pages and mails of group bookings: the office's and the contact's."""

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.database import begin_write
from core.delivery import deliver_due
from core.outbox import OutgoingMail, kinds
from students import groups, leaving
from students.group_models import GroupBooking
from students.models import Enrollment
from tests.factories import NOW, make_offering, make_student, make_user
from tests.helpers import mails_to, sign_in
from tests.students.acting import ask
from tests.students.grouping import book, name, person, rendered

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("school_now")]


PERSON = {"name": "Noa Quill", "email": "Noa@Clinic.example"}
BOOKING = {
    "seats": "2",
    "organization": "Harbor Clinic",
    "contact_name": "Kim Park",
    "contact_email": "kim@clinic.example",
    "address": "1 Quay\nAstoria",
}


@pytest.fixture
def rosa(session: Session, client: FlaskClient) -> User:
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    begin_write(session)
    sign_in(client, rosa)
    return rosa


@pytest.fixture
def booking(session: Session, rosa: User) -> GroupBooking:
    booking = book(session, make_offering(session, code="CST1-A"), actor=rosa)
    session.commit()
    return booking


def test_the_office_books_names_and_changes(session: Session, client: FlaskClient, rosa: User) -> None:
    make_offering(session, code="CST1-A", capacity=4)
    session.commit()
    assert client.get("/office/groups/new?class=cst1-a").status_code == 200
    unknown = client.post("/office/groups/new", data=BOOKING | {"offering": "NOPE"})
    assert (unknown.status_code, "There is no class NOPE" in unknown.text) == (422, True)
    full = client.post("/office/groups/new", data=BOOKING | {"offering": "CST1-A", "seats": "5"})
    assert (full.status_code, "Only 4 seats are free" in full.text) == (422, True)
    made = client.post("/office/groups/new", data=BOOKING | {"offering": "cst1-a"})
    assert made.status_code == 303
    here = made.headers["Location"]
    assert "/groups/" in client.get(here).text
    named = client.post(f"{here}/people", data=PERSON, follow_redirects=True)
    assert "1 of 2 seats have a name" in named.text
    assert client.post(f"{here}/people", data={"name": "?"}).status_code == 422
    assert (
        "The booking is changed"
        in client.post(f"{here}/more", data={"count": "1"}, follow_redirects=True).text
    )
    assert client.post(f"{here}/fewer", data={"count": "9"}).status_code == 422
    again = client.post(f"{here}/more", data={"count": "1", "seen": "2"})
    assert (again.status_code, 'name="seen" value="3"' in again.text) == (422, True)
    assert client.post(f"{here}/fewer", data={"count": "1"}).status_code == 303
    session.rollback()
    off = f"{here}/people/{session.scalars(sa.select(Enrollment.id)).one()}/off"
    assert "stays reserved" in client.get(off).text
    assert "off the booking" in client.post(off, follow_redirects=True).text
    assert client.post(off).status_code == 422
    assert "Harbor Clinic" in client.get("/office/groups?q=clinic").text
    assert "No booking like this" in client.get("/office/groups?q=zzz").text


def test_the_contact_names_swaps_and_gets_the_invoice(
    session: Session, app: Flask, booking: GroupBooking
) -> None:
    here = f"/groups/{booking.token}"
    contact = app.test_client()
    shown = contact.get(here)
    assert "0 of 2 seats have a name" in shown.text
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert contact.post(here, data={"name": "Noa", "email": "nowhere"}).status_code == 422
    assert "has a seat and is told" in contact.post(here, data=PERSON, follow_redirects=True).text
    session.rollback()
    enrollment = session.scalars(sa.select(Enrollment)).one()
    swap = f"{here}/people/{enrollment.id}"
    assert "Noa Quill" in contact.get(swap).text
    other = {"name": "Ola Berg", "email": "ola@clinic.example"}
    assert "Ola Berg takes the seat" in contact.post(swap, data=other, follow_redirects=True).text
    assert contact.post(swap, data=other).status_code == 422
    assert "on its way to kim@clinic.example" in contact.post(f"{here}/invoice", follow_redirects=True).text
    session.rollback()
    assert "group-invoice" in mails_to("kim@clinic.example")


def test_another_address_finds_no_booking(
    session: Session, app: Flask, client: FlaskClient, booking: GroupBooking
) -> None:
    begin_write(session)
    stranger = ask(session, make_offering(session)).id
    session.commit()
    contact = app.test_client()
    for address in ("/groups/x", f"/groups/{booking.token}x", f"/groups/{booking.token}/people/{stranger}"):
        assert contact.get(address).status_code == 404
    assert contact.post("/groups/x/invoice").status_code == 404
    assert contact.get(f"/groups/{booking.token}/invoice").status_code == 405
    office = ["/office/groups", "/office/groups/new", f"/office/groups/{booking.id}"]
    for address in office:
        assert contact.get(address).status_code == 303
    begin_write(session)
    others = [make_user(session, Role.STUDENT), make_user(session, Role.INSTRUCTOR)]
    session.commit()
    for other in others:
        sign_in(client, other)
        for address in office:
            assert client.get(address).status_code == 403
        assert client.post(f"/office/groups/{booking.id}/more").status_code == 403


def test_the_mails_to_the_contact_can_be_sent(session: Session, booking: GroupBooking) -> None:
    begin_write(session)
    groups.mail_invoice(session, booking, actor=None, now=NOW)
    session.commit()
    deliver_due()
    session.rollback()
    rows = session.scalars(
        sa.select(OutgoingMail)
        .where(OutgoingMail.recipient == "kim@clinic.example")
        .order_by(OutgoingMail.id)
    ).all()
    assert [(row.kind, row.state.value) for row in rows] == [
        ("group-booking", "sent"),
        ("group-invoice", "sent"),
    ]


def test_a_contact_does_not_change_what_a_known_student_said(session: Session) -> None:
    offering = make_offering(session, capacity=2)
    booking = book(session, offering)
    known = make_student(session)
    number = known.licenses[0].number
    stranger = person(email=known.user.email, profession="RN", license_state="OR", license_number="RN-FORGED")
    enrollment = groups.name_person(session, booking, stranger, actor=None, now=NOW)
    forged = person(email=known.user.email, profession="LMT", license_state="OR", license_number="LMT-FORGED")
    groups.swap(session, booking, enrollment, forged, actor=None, now=NOW)
    session.flush()
    session.refresh(known)
    assert known.profession == "LMT"
    assert [license_.number for license_ in known.licenses] == [number]


def test_someone_the_contact_takes_off_is_told_who_did_it(session: Session, app: Flask) -> None:
    offering = make_offering(session, capacity=2)
    booking = book(session, offering)
    enrollment = name(session, booking)
    groups.take_off(session, booking, enrollment, actor=None, now=NOW)
    session.flush()
    row = session.scalars(sa.select(OutgoingMail).where(OutgoingMail.kind == "withdrawn")).one()
    with app.test_request_context():
        message = kinds()["withdrawn"].render(session, row)
    assert message is not None
    for text in (message.text, message.html):
        assert "Harbor Clinic gave your seat in this class to someone else" in text
        assert "the office took you out" not in text


def test_the_roster_names_seats_without_a_name_and_who_pays(
    session: Session, client: FlaskClient, booking: GroupBooking
) -> None:
    begin_write(session)
    name(session, booking)
    session.commit()
    shown = client.get("/office/classes/CST1-A/roster").text
    assert "1 seat without a name" in shown
    assert f"/office/groups/{booking.id}" in shown
    assert "Enrolled (Harbor Clinic)" in shown
    assert "For a seat given back today $795.00 less is asked for; the terms keep $0.00 of it." in (
        client.get(f"/office/groups/{booking.id}").text
    )


def test_whoever_has_the_address_cannot_send_without_end(
    app: Flask, booking: GroupBooking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("students.views.groups.ACTS_AN_HOUR", 5)
    contact = app.test_client()
    with time_machine.travel(NOW, tick=False):
        codes = [contact.post(f"/groups/{booking.token}", data={}).status_code for _ in range(6)]
    assert codes == [422] * 5 + [429]


def test_a_contact_sees_of_a_known_person_only_what_was_typed(
    session: Session, app: Flask, client: FlaskClient, booking: GroupBooking
) -> None:
    """Neither naming, nor the page, nor swapping, nor a mail tells whose account an address belongs to."""
    begin_write(session)
    known = make_student(session, make_user(session, name="Zelda Marchetti", email="z@home.example"))
    session.commit()
    here, contact = f"/groups/{booking.token}", app.test_client()
    typed = {"name": "Ana Ramos", "email": "Z@home.example"}
    said = contact.post(here, data=typed, follow_redirects=True)
    session.rollback()
    seat = session.scalars(sa.select(Enrollment)).one()
    swap = contact.get(f"{here}/people/{seat.id}")
    twice = contact.post(here, data=typed | {"name": "Bo Lind"})
    swapped = contact.post(
        f"{here}/people/{seat.id}", data=typed | {"name": "Cy Dahl"}, follow_redirects=True
    )
    session.rollback()
    begin_write(session)
    again = session.scalars(sa.select(Enrollment).order_by(Enrollment.id.desc())).first()
    assert again is not None
    known.user.name, known.user.email = "Zelda Bianchi", "zelda@elsewhere.example"
    leaving.withdraw(session, again, actor=known.user, now=NOW)
    session.commit()
    begin_write(session)
    mails = rendered(session, app, "kim@clinic.example")
    session.commit()
    shown = [said.text, swap.text, twice.text, swapped.text, contact.get(here).text, *mails]
    for word in ("Zelda", "Marchetti", "Bianchi", "elsewhere"):
        assert not any(word in text for text in shown)
    assert "Ana Ramos has a seat" in said.text
    assert ("Ana Ramos" in swap.text, "Cy Dahl takes the seat of Ana Ramos" in swapped.text) == (True, True)
    assert any("Cy Dahl is no longer in this class" in text for text in mails)


def test_the_office_sees_whom_a_contact_named_and_by_which_name(
    session: Session, client: FlaskClient, booking: GroupBooking
) -> None:
    begin_write(session)
    known = make_student(session, make_user(session, name="Zelda Marchetti"))
    typed = person(name="Ana Ramos", email=known.user.email)
    groups.name_person(session, booking, typed, actor=None, now=NOW)
    session.commit()
    assert "Zelda Marchetti, named as Ana Ramos" in client.get(f"/office/groups/{booking.id}").text


def test_a_contact_is_not_told_that_a_closed_account_is_there(
    session: Session, app: Flask, booking: GroupBooking
) -> None:
    begin_write(session)
    closed = make_user(session, disabled_at=NOW)
    session.commit()
    answer = app.test_client().post(f"/groups/{booking.token}", data=PERSON | {"email": closed.email})
    assert answer.status_code == 422
    assert "Nobody can be named by this address" in answer.text
    assert "account of" not in answer.text


def test_a_contact_can_t_make_up_a_profession(session: Session, app: Flask, booking: GroupBooking) -> None:
    for made_up in ("SHAMAN", "x" * 5000):
        answer = app.test_client().post(f"/groups/{booking.token}", data=PERSON | {"profession": made_up})
        assert answer.status_code == 422
    session.rollback()
    assert session.scalars(sa.select(Enrollment)).all() == []
