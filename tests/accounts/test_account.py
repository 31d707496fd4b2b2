"""/accounts/account and what hangs on it: name, address, password, signing out everywhere."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.database import begin_write
from tests import factories
from tests.accounts.cast import PASSWORD, link_in, login, mail_to, make_person, text_of
from tests.helpers import mails_to, sign_in

pytestmark = pytest.mark.both_databases
NEW = "another slow tide"
PAGES = ["/accounts/account", "/accounts/account/email", "/accounts/account/password"]


@pytest.fixture
def ada(session: Session, client: FlaskClient) -> User:
    """Ada, signed in."""
    factories.make_school(session)
    user = make_person(session, email="ada@example.org", name="Ada Lindqvist", family_name="Lindqvist")
    session.commit()
    sign_in(client, user)
    return user


@pytest.mark.parametrize("path", PAGES)
def test_a_visitor_is_sent_to_sign_in(app: Flask, session: Session, path: str) -> None:
    stranger = app.test_client()
    assert stranger.get(path).location == f"/accounts/login?next={path}"
    assert stranger.post(path, data={}).location == "/accounts/login"
    assert stranger.put(path).status_code == 405


def test_the_page_shows_my_data(client: FlaskClient, ada: User) -> None:
    html = client.get("/accounts/account").get_data(as_text=True)
    assert 'value="Ada Lindqvist"' in html
    assert "ada@example.org" in html


def test_i_change_my_name(client: FlaskClient, ada: User, session: Session) -> None:
    answer = client.post("/accounts/account", data={"name": "Ada  van  Dijk", "family_name": "van Dijk"})
    assert answer.status_code == 303
    session.refresh(ada)
    assert (ada.name, ada.family_name, ada.given_name) == ("Ada van Dijk", "van Dijk", "Ada")
    event = session.scalars(sa.select(audit.AuditEvent)).one()
    assert event.action == "accounts:user:renamed"
    assert event.actor_id == ada.id


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "Name: Fill this in."),
        (
            {"name": "Ada", "family_name": "Lovelace"},
            "Family name: Your family name is not part of your name",
        ),
        ({"name": "A" * 121}, "Name: A name here has at most 120 characters."),
    ],
)
def test_a_bad_name_is_told_and_kept(
    client: FlaskClient, ada: User, session: Session, fields: dict[str, str], told: str
) -> None:
    answer = client.post("/accounts/account", data=fields)
    assert answer.status_code == 422
    assert told in text_of(answer)
    assert f'value="{fields["name"]}"' in answer.get_data(as_text=True)
    session.refresh(ada)
    assert ada.name == "Ada Lindqvist"


def test_a_new_address_counts_once_it_is_confirmed(
    app: Flask, client: FlaskClient, ada: User, session: Session
) -> None:
    answer = client.post("/accounts/account/email", data={"email": "Ada@New.example", "password": PASSWORD})
    assert answer.status_code == 303
    assert "A link was mailed to ada@new.example." in text_of(client.get("/accounts/account"))
    session.refresh(ada)
    assert ada.email == "ada@example.org"
    assert mails_to("ada@example.org") == ["account-address-notice"]
    link = link_in(mail_to(app, "ada@new.example", "account-new-address"))
    assert "ada@new.example" in text_of(client.get(link))
    session.refresh(ada)
    assert ada.email == "ada@example.org"  # a mail scanner that follows links changes nothing
    assert client.post(link).status_code == 303
    session.refresh(ada)
    assert (ada.email, ada.pending_email) == ("ada@new.example", None)
    assert client.post(link).status_code == 410
    assert login(app.test_client(), "ada@new.example").status_code == 303


def test_an_address_of_someone_else_gets_the_same_answer(
    client: FlaskClient, ada: User, session: Session
) -> None:
    make_person(session, email="bob@example.org")
    session.commit()
    answers = [
        client.post("/accounts/account/email", data={"email": email, "password": PASSWORD})
        for email in ("bob@example.org", "free@example.org")
    ]
    assert answers[0].status_code == answers[1].status_code == 303
    assert mails_to("bob@example.org") == ["account-known"]


def test_an_address_that_somebody_took_meanwhile_is_told(
    app: Flask, client: FlaskClient, ada: User, session: Session
) -> None:
    client.post("/accounts/account/email", data={"email": "new@example.org", "password": PASSWORD})
    link = link_in(mail_to(app, "new@example.org"))
    begin_write(session)
    make_person(session, email="new@example.org")
    session.commit()
    answer = client.post(link)
    assert answer.status_code == 422
    assert "This address belongs to another account by now." in text_of(answer)
    session.refresh(ada)
    assert ada.email == "ada@example.org"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"email": "", "password": PASSWORD}, "New email: Fill this in."),
        ({"email": "ada", "password": PASSWORD}, "New email: This is not an email address."),
        ({"email": "ada@example.org", "password": PASSWORD}, "New email: This is your address already."),
        (
            {"email": "x@example.org", "password": "wrong"},
            "Your password: This is not your current password.",
        ),
    ],
)
def test_a_bad_new_address_is_told(client: FlaskClient, ada: User, fields: dict[str, str], told: str) -> None:
    answer = client.post("/accounts/account/email", data=fields)
    assert answer.status_code == 422
    assert told in text_of(answer)
    assert f'value="{fields["email"]}"' in answer.get_data(as_text=True)


def test_a_new_password_ends_every_other_session_but_not_this_one(
    app: Flask, client: FlaskClient, ada: User
) -> None:
    elsewhere = app.test_client()
    login(elsewhere, "ada@example.org")
    answer = client.post("/accounts/account/password", data={"current": PASSWORD, "password": NEW})
    assert answer.status_code == 303
    assert "Your password is changed." in text_of(client.get("/accounts/account"))
    assert elsewhere.get("/accounts/account").status_code == 303
    assert mails_to("ada@example.org") == ["account-password-changed"]
    assert login(app.test_client(), "ada@example.org", NEW).status_code == 303


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"current": "", "password": NEW}, "Current password: Fill this in."),
        ({"current": "wrong", "password": NEW}, "Current password: This is not your current password."),
        ({"current": PASSWORD, "password": "short"}, "New password: Use at least 10 characters."),
        ({"current": PASSWORD, "password": "AdaLindqvist1"}, "New password: This is your name or address."),
    ],
)
def test_a_bad_password_change_is_told(
    client: FlaskClient, ada: User, fields: dict[str, str], told: str
) -> None:
    answer = client.post("/accounts/account/password", data=fields)
    assert answer.status_code == 422
    assert told in text_of(answer)
    assert PASSWORD not in answer.get_data(as_text=True)


@pytest.mark.usefixtures("early_in_the_hour")
def test_an_open_session_cannot_be_used_to_guess_the_password(client: FlaskClient, ada: User) -> None:
    fields = {"current": "wrong", "password": NEW}
    answers = [client.post("/accounts/account/password", data=fields) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_signing_out_everywhere_ends_all_sessions(app: Flask, client: FlaskClient, ada: User) -> None:
    elsewhere = app.test_client()
    login(elsewhere, "ada@example.org")
    assert client.post("/accounts/account/sign-out-everywhere").status_code == 303
    assert client.get("/accounts/account").status_code == 303
    assert elsewhere.get("/accounts/account").status_code == 303
    assert client.get("/accounts/account/sign-out-everywhere").status_code == 405
