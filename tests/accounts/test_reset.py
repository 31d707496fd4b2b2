"""/accounts/reset, /accounts/reset/<token> and /accounts/invitation/<token>."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner
from sqlalchemy.orm import Session

from accounts.models import Role, User
from accounts.people import invite
from accounts.views.register import MAILS_PER_ADDRESS
from core import audit, clock
from core.database import begin_write
from tests import factories
from tests.accounts.cast import PASSWORD, link_in, login, mail_to, make_person, text_of
from tests.helpers import fields_of, mails_to

pytestmark = pytest.mark.both_databases
NEW = "another slow tide"


@pytest.fixture
def ada(session: Session) -> User:
    factories.make_school(session)
    user = make_person(session, email="ada@example.org")
    session.commit()
    return user


def reset_link(app: Flask, client: FlaskClient) -> str:
    assert client.post("/accounts/reset", data={"email": "ada@example.org"}).status_code == 303
    return link_in(mail_to(app, "ada@example.org", "account-reset"))


def test_a_forgotten_password_is_set_anew(
    app: Flask, client: FlaskClient, ada: User, session: Session
) -> None:
    link = reset_link(app, client)
    assert "ada@example.org" in text_of(client.get(link))
    answer = client.post(link, data={"password": NEW})
    assert answer.status_code == 303
    assert "Your password is set." in text_of(client.get(answer.location))
    assert login(client, "ada@example.org", PASSWORD).status_code == 422
    assert login(client, "ada@example.org", NEW).status_code == 303
    assert mails_to("ada@example.org") == ["account-reset", "account-password-changed"]
    payloads = str(session.scalars(sa.select(audit.AuditEvent.payload)).all())
    assert "reset" in payloads
    assert "argon2" not in payloads


def test_a_form_sent_twice_says_that_the_password_is_set(
    app: Flask, client: FlaskClient, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = reset_link(app, client)
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    typed = {"password": NEW, "csrf_token": fields_of(client.get(link))["csrf_token"]}
    for words in ("Your password is set.", "Your password was set already."):
        answer = client.post(link, data=typed)
        assert answer.status_code == 303
        assert words in text_of(client.get(answer.location))
    assert client.post(link, data=typed | {"password": "quite another one"}).status_code == 410


def test_the_link_works_once(app: Flask, client: FlaskClient, ada: User) -> None:
    link = reset_link(app, client)
    client.post(link, data={"password": NEW})
    for answer in (client.get(link), client.post(link, data={"password": "a third password"})):
        assert answer.status_code == 410
        assert "This link no longer works" in text_of(answer)
    assert login(client, "ada@example.org", NEW).status_code == 303


def test_the_link_dies_when_the_password_changes_another_way(
    app: Flask, client: FlaskClient, ada: User
) -> None:
    link = reset_link(app, client)
    login(client, "ada@example.org")
    client.post("/accounts/account/password", data={"current": PASSWORD, "password": NEW})
    assert client.post(link, data={"password": "a third password"}).status_code == 410


def test_the_link_dies_after_two_hours(
    app: Flask, client: FlaskClient, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        past = int((clock.now() - timedelta(hours=2, minutes=1)).timestamp())
        earlier.setattr(TimestampSigner, "get_timestamp", lambda self: past)
        link = reset_link(app, client)
    assert client.post(link, data={"password": NEW}).status_code == 410
    assert login(client, "ada@example.org", PASSWORD).status_code == 303


def test_every_other_session_ends(app: Flask, client: FlaskClient, ada: User) -> None:
    elsewhere = app.test_client()
    login(elsewhere, "ada@example.org", remember="y")
    client.post(reset_link(app, client), data={"password": NEW})
    assert elsewhere.get("/accounts/account").status_code == 303


def test_the_answer_never_says_whether_an_address_is_known(client: FlaskClient, ada: User) -> None:
    answers = []
    for email in ("ada@example.org", "nobody@example.org"):
        answer = client.post("/accounts/reset", data={"email": email})
        answers.append((answer.status_code, text_of(client.get(answer.location)).replace(email, "")))
    assert answers[0] == answers[1]
    assert mails_to("nobody@example.org") == []


def test_a_closed_account_gets_no_link(client: FlaskClient, session: Session) -> None:
    make_person(session, email="gone@example.org", disabled_at=factories.NOW)
    session.commit()
    client.post("/accounts/reset", data={"email": "gone@example.org"})
    assert mails_to("gone@example.org") == []


def test_closing_an_account_ends_its_links(
    app: Flask, client: FlaskClient, ada: User, session: Session
) -> None:
    link = reset_link(app, client)
    begin_write(session)
    session.get_one(User, ada.id).disabled_at = factories.NOW
    session.commit()
    assert client.post(link, data={"password": NEW}).status_code == 404


def test_setting_a_password_by_mail_confirms_the_address(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    factories.make_school(session)
    make_person(session, email="ada@example.org", confirmed_at=None)
    session.commit()
    client.post(reset_link(app, client), data={"password": NEW})
    assert login(client, "ada@example.org", NEW).status_code == 303


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("", "New password: Fill this in."),
        ("short", "New password: Use at least 10 characters."),
        ("qwertyuiop", "New password: This password is among the first that anyone tries."),
        ("ada@example.org", "New password: This is your name or address."),
    ],
)
def test_a_weak_password_is_refused_and_the_link_still_works(
    app: Flask, client: FlaskClient, ada: User, password: str, told: str
) -> None:
    link = reset_link(app, client)
    answer = client.post(link, data={"password": password})
    assert answer.status_code == 422
    assert told in text_of(answer)
    assert client.post(link, data={"password": NEW}).status_code == 303


@pytest.mark.parametrize(("email", "told"), [("", "Fill this in."), ("ada", "This is not an email address.")])
def test_bad_input_names_the_field(client: FlaskClient, session: Session, email: str, told: str) -> None:
    answer = client.post("/accounts/reset", data={"email": email})
    assert answer.status_code == 422
    assert f"Email: {told}" in text_of(answer)


@pytest.mark.usefixtures("early_in_the_hour")
def test_mails_to_one_address_are_limited_known_or_not(client: FlaskClient, ada: User) -> None:
    for email in ("ada@example.org", "nobody@example.org"):
        answers = [
            client.post("/accounts/reset", data={"email": email}) for _ in range(MAILS_PER_ADDRESS + 1)
        ]
        assert [answer.status_code for answer in answers] == [303] * MAILS_PER_ADDRESS + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0


def test_an_invitation_is_accepted_once(app: Flask, client: FlaskClient, session: Session) -> None:
    factories.make_school(session)
    invite(
        session,
        email="ines@example.org",
        name="Ines Batista",
        role=Role.INSTRUCTOR,
        actor=None,
        now=clock.now(),
    )
    session.commit()
    link = link_in(mail_to(app, "ines@example.org", "account-invitation"))
    assert "Welcome, Ines" in text_of(client.get(link))
    assert client.post(link, data={"password": "short"}).status_code == 422
    assert client.post(link, data={"password": NEW}).status_code == 303
    assert client.post(link, data={"password": "a third password"}).status_code == 410
    assert login(client, "ines@example.org", NEW).status_code == 303


@pytest.mark.parametrize("path", ["/accounts/reset/x", "/accounts/invitation/x"])
def test_a_link_that_was_never_made_here_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path, data={"password": NEW}).status_code == 404
    assert client.put(path).status_code == 405
