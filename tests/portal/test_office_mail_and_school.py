"""The mail outbox's page, and the school's settings."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.outbox import MailState, OutgoingMail
from core.school import School
from tests.factories import NOW, add, make_course, make_school, make_user
from tests.helpers import fields_of, sign_in, statements


@pytest.fixture
def ada(session: Session, client: FlaskClient) -> User:
    ada = make_user(session, Role.ADMIN, name="Ada Lindqvist")
    session.commit()
    sign_in(client, ada)
    return ada


def put_mail(session: Session, number: int, state: MailState, **values: Any) -> int:
    row = OutgoingMail(
        kind="seat-offer",
        event=f"event {number}",
        recipient=f"person{number}@example.org",
        state=state,
        created_at=NOW,
        next_attempt_at=NOW + timedelta(hours=2),
        message_key=f"key{number}",
        **values,
    )
    key: int = add(session, row).id
    return key


def state_of(session: Session, key: int) -> tuple[MailState, int]:
    row = session.get(OutgoingMail, key, populate_existing=True)
    assert row is not None
    return row.state, row.attempts


@pytest.mark.both_databases
def test_mail_that_failed_says_why_and_is_sent_again(
    session: Session, client: FlaskClient, rosa: User, backend: str
) -> None:
    failed = put_mail(session, 1, MailState.FAILED, attempts=9, problem="refused by the mail server: 550")
    session.commit()
    text = client.get("/office/mail").text
    assert "Given up after 9 tries" in text
    assert "refused by the mail server: 550" in text
    answer = client.post(f"/office/mail/{failed}/again", follow_redirects=True)
    assert "The mail to person1@example.org is on its way again." in answer.text
    assert state_of(session, failed) == (MailState.QUEUED, 0)


def test_only_what_was_tried_is_tried_again(session: Session, client: FlaskClient, rosa: User) -> None:
    reminder = put_mail(session, 1, MailState.QUEUED)
    sent = put_mail(session, 2, MailState.SENT, sent_at=NOW, attempts=1)
    tried = put_mail(session, 3, MailState.QUEUED, attempts=2, problem="the mail server cannot be reached")
    session.commit()
    for key in (reminder, sent, 999):
        answer = client.post(f"/office/mail/{key}/again", follow_redirects=True)
        assert "This mail is sent, or on its way, or no longer needed." in answer.text
    client.post(f"/office/mail/{tried}/again")
    assert state_of(session, tried) == (MailState.QUEUED, 0)
    text = client.get("/office/mail?state=sent&q=person2").text
    assert ("person2@example.org" in text, "person1@example.org" in text) == (True, False)


def test_all_that_failed_is_sent_again(session: Session, client: FlaskClient, rosa: User) -> None:
    keys = [put_mail(session, number, MailState.FAILED, attempts=9) for number in range(3)]
    session.commit()
    assert "Send all 3 that failed again" in client.get("/office/mail").text
    assert "3 mails are on their way again." in client.post("/office/mail/again", follow_redirects=True).text
    assert {state_of(session, key)[0] for key in keys} == {MailState.QUEUED}


def test_the_mail_page_takes_as_many_statements_with_1000_mails(
    session: Session, client: FlaskClient, app: Flask, rosa: User
) -> None:
    counts = []
    for first, last in ((0, 10), (10, 1000)):
        for number in range(first, last):
            put_mail(session, number, MailState.FAILED, attempts=1)
        session.commit()
        with statements(app) as seen:
            assert client.get("/office/mail").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 6


def test_the_school_is_changed_by_an_administrator(session: Session, client: FlaskClient, ada: User) -> None:
    make_school(session)
    session.commit()
    form = fields_of(client.get("/office/school")) | {"signatory": "Ada Lindqvist", "number_prefix": "tide"}
    assert client.post("/office/school", data=form).status_code == 303
    school = session.get_one(School, 1, populate_existing=True)
    assert (school.signatory, school.number_prefix, school.currency) == ("Ada Lindqvist", "TIDE", "USD")


@pytest.mark.parametrize(
    ("typed", "kept", "shown"),
    [("19", 190_000, "19"), ("8,875 %", None, ""), ("8.8750%", 88_750, "8.875"), ("0.5", 5000, "0.5")],
)
def test_a_rate_is_kept_exactly_as_typed(
    session: Session, client: FlaskClient, ada: User, typed: str, kept: int | None, shown: str
) -> None:
    make_school(session)
    session.commit()
    form = fields_of(client.get("/office/school")) | {"tax_name": "VAT", "tax_id": "DE1", "tax_rate": typed}
    answer = client.post("/office/school", data=form)
    if kept is None:  # the comma of a German, or eight thousand of an American: it is asked again
        assert "Use a percentage from 0 to 100" in answer.text
        return
    assert session.scalars(sa.select(School.tax_rate)).one() == kept
    assert fields_of(client.get("/office/school"))["tax_rate"] == shown


def test_an_empty_school_is_set_up(session: Session, client: FlaskClient, ada: User) -> None:
    form = {
        "name": "New School",
        "address": "1 Road",
        "email": "Office@New.example",
        "currency": "eur",
        "time_zone": "Europe/Lisbon",
        "number_prefix": "NS",
    }
    shown = fields_of(client.get("/office/school"))
    assert client.post("/office/school", data=shown | form).status_code == 303
    assert session.scalars(sa.select(School.email)).one() == "office@new.example"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": ""}, "Name: Fill this in."),
        ({"email": "nobody"}, "Email: This is not an email address."),
        ({"time_zone": "Here"}, "Time zone: This is not a time zone."),
        ({"currency": "XQQ"}, "Currency: This is not a currency."),
        ({"number_prefix": "T"}, "Certificate numbers begin with: Use two to eight"),
        ({"currency": "JPY"}, "Currency: Prices are written in USD already."),
        ({"tax_rate": "nineteen"}, "Rate in percent: Use a percentage from 0 to 100"),
        ({"tax_rate": "100.5", "tax_name": "VAT"}, "Rate in percent: Use a percentage from 0 to 100"),
        ({"tax_rate": "8.12345", "tax_name": "VAT"}, "Rate in percent: Use a percentage from 0 to 100"),
        ({"tax_name": "VAT"}, "Rate in percent: Write the rate of the tax"),
        ({"tax_rate": "19", "tax_id": "DE1"}, "Name of the tax: Write what the tax is called"),
        ({"tax_rate": "19", "tax_name": "VAT"}, "Tax or registration number: Write the number"),
        (
            {"tax_rate": "19", "tax_name": "VAT", "tax_id": "DE1", "tax_note": "None."},
            "Why no tax is charged: An invoice can",
        ),
    ],
)
def test_bad_input_is_told_at_its_field(
    session: Session, client: FlaskClient, ada: User, wrong: dict[str, str], told: str
) -> None:
    make_school(session)
    make_course(session)
    session.commit()
    form = fields_of(client.get("/office/school")) | {"phone": "555 0100"}
    answer = client.post("/office/school", data=form | wrong)
    assert answer.status_code == 422
    assert told in answer.text
    assert "555 0100" in answer.text


def test_two_administrators_change_the_school(session: Session, client: FlaskClient, ada: User) -> None:
    make_school(session)
    session.commit()
    mine, other = (fields_of(client.get("/office/school")) for _ in range(2))
    client.post("/office/school", data=other | {"phone": "555 0100"})
    answer = client.post("/office/school", data=mine | {"website": "https://tideway.example"})
    assert answer.status_code == 422
    assert "<dt>Phone</dt><dd>555 0100</dd>" in answer.text


def test_strangers_and_wrong_methods_are_refused(session: Session, client: FlaskClient, rosa: User) -> None:
    assert client.get("/office/school").status_code == 403
    assert client.post("/office/school").status_code == 403
    assert client.get("/office/mail/again").status_code == 405
    assert client.get("/office/mail/1/again").status_code == 405
    people = [make_user(session), make_user(session, Role.INSTRUCTOR)]
    session.commit()
    for person in people:
        sign_in(client, person)
        for address in ("/office/mail", "/office/school"):
            assert client.get(address).status_code == 403
        assert client.post("/office/mail/again").status_code == 403
    stranger = client.application.test_client()
    assert stranger.get("/office/mail").status_code == 303
    assert stranger.get("/office/school").status_code == 303
