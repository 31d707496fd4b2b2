"""/accounts/register and /accounts/confirm/<token>."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from accounts.models import Role, User
from accounts.views.register import MAILS_PER_ADDRESS
from core import audit, clock
from core.database import db
from tests import factories
from tests.accounts.cast import link_in, login, mail_to, make_person, text_of
from tests.helpers import mails_to

pytestmark = pytest.mark.both_databases
NEW = {"name": "Ada Lindqvist", "email": "Ada@Example.org", "password": "slow tide at dawn"}
CHOSEN = {"password": NEW["password"]}


@pytest.fixture(autouse=True)
def school(session: Session) -> None:
    factories.make_school(session)
    session.commit()


def register(client: FlaskClient, **fields: str) -> TestResponse:
    return client.post("/accounts/register", data=NEW | fields)


def user_called(email: str) -> User:
    return db.session.scalars(sa.select(User).where(User.email == email)).one()


def test_a_newcomer_registers_confirms_and_signs_in(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    answer = register(client)
    assert answer.status_code == 303
    assert "We have sent a mail to ada@example.org." in text_of(client.get(answer.location))
    assert login(client, "ada@example.org").status_code == 422  # not before the address is confirmed

    link = link_in(mail_to(app, "ada@example.org"))
    shown = client.get(link)
    assert "the account of Ada Lindqvist works with ada@example.org" in text_of(shown)
    assert (
        user_called("ada@example.org").confirmed_at is None
    )  # a mail scanner that follows links changes nothing

    confirmed = client.post(link, data=CHOSEN)
    assert confirmed.status_code == 303
    assert "Your address is confirmed, and you are signed in." in text_of(client.get(confirmed.location))
    assert client.get("/accounts/account").status_code == 200
    user = user_called("ada@example.org")
    assert (user.name, user.family_name, user.role) == ("Ada Lindqvist", "Lindqvist", Role.STUDENT)
    events = session.scalars(sa.select(audit.AuditEvent).order_by(audit.AuditEvent.id)).all()
    assert [event.action for event in events] == ["accounts:user:registered", "accounts:user:confirmed"]
    assert "argon2" not in str([event.payload for event in events])
    assert list(audit.verify(session)) == []


def test_a_bad_address_and_a_short_password_are_told_together(client: FlaskClient) -> None:
    answer = register(client, email="not an address", password="short")
    assert answer.status_code == 422
    assert "2 things to fix" in text_of(answer)
    assert "Use at least 10 characters" in text_of(answer)


def test_confirming_twice_is_fine(app: Flask, client: FlaskClient) -> None:
    register(client)
    link = link_in(mail_to(app, "ada@example.org"))
    assert client.post(link, data=CHOSEN).location == "/my/"
    assert client.post(link, data=CHOSEN).location == "/accounts/login"
    assert client.get(link).location == "/accounts/login"


def test_after_confirming_one_goes_on_where_one_wanted_to_go(app: Flask, client: FlaskClient) -> None:
    assert 'value="/courses/"' in client.get("/accounts/register?next=/courses/").get_data(as_text=True)
    register(client, next="/courses/")
    link = link_in(mail_to(app, "ada@example.org"))
    assert client.post(link, data=CHOSEN).location == "/courses/"


@pytest.mark.parametrize(
    ("password", "told"),
    [("", "The password you chose: Fill this in."), ("another one of mine", "This is not the password")],
)
def test_only_who_chose_the_password_confirms_the_address(
    app: Flask, client: FlaskClient, password: str, told: str
) -> None:
    register(client)
    answer = client.post(link_in(mail_to(app, "ada@example.org")), data={"password": password})
    assert answer.status_code == 422
    assert told in text_of(answer)
    assert "Set a new one by mail" in text_of(answer)
    assert user_called("ada@example.org").confirmed_at is None
    assert client.get("/accounts/account").status_code == 303


@pytest.mark.usefixtures("early_in_the_hour")
def test_passwords_cannot_be_tried_out_at_the_link(app: Flask, client: FlaskClient) -> None:
    register(client)
    link = link_in(mail_to(app, "ada@example.org"))
    answers = [client.post(link, data={"password": f"a guess of mine {n}"}).status_code for n in range(11)]
    assert answers == [422] * 10 + [429]


def test_who_registers_a_strangers_address_gains_nothing_by_their_confirming(
    app: Flask, client: FlaskClient
) -> None:
    register(client)
    register(client, password="the password of a stranger")
    link = link_in(mail_to(app, "ada@example.org"))
    assert client.post(link, data=CHOSEN).status_code == 422
    assert user_called("ada@example.org").confirmed_at is None


def test_a_link_to_another_site_is_not_carried_along(app: Flask, client: FlaskClient) -> None:
    register(client, next="https://evil.example/")
    assert "evil" not in mail_to(app, "ada@example.org").text


def test_a_known_address_gets_the_same_answer_and_a_mail_that_says_so(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    known = make_person(session, email="ada@example.org", name="Ada Before")
    session.commit()
    answer = register(client)
    unknown = register(client, email="other@example.org")
    assert (answer.status_code, answer.location) == (unknown.status_code, unknown.location)
    assert mails_to("ada@example.org") == ["account-known"]
    assert "It has one already" in mail_to(app, "ada@example.org").text
    session.refresh(known)
    assert known.name == "Ada Before"
    assert login(client, "ada@example.org").status_code == 303  # with the password it had


def test_registering_again_before_confirming_ends_the_older_link(app: Flask, client: FlaskClient) -> None:
    register(client, password="the first password")
    first = link_in(mail_to(app, "ada@example.org"))
    register(client, password="the second password")
    second = link_in(mail_to(app, "ada@example.org"))
    stale = client.post(first, data={"password": "the first password"})
    assert stale.status_code == 410
    assert "Send me a new link" in text_of(stale)
    assert client.post(second, data={"password": "the second password"}).status_code == 303
    assert login(client, "ada@example.org", "the first password").status_code == 422
    assert login(client, "ada@example.org", "the second password").status_code == 303


def test_a_stranger_cannot_set_the_password_of_someone_who_was_invited(
    client: FlaskClient, session: Session
) -> None:
    invited = factories.make_user(
        session, Role.ADMIN, email="ada@example.org", password_hash=None, confirmed_at=None
    )
    session.commit()
    register(client)
    session.refresh(invited)
    assert invited.password_hash is None
    assert mails_to("ada@example.org") == ["account-invitation"]


def test_a_closed_account_is_not_opened_by_registering(client: FlaskClient, session: Session) -> None:
    make_person(session, email="ada@example.org", disabled_at=factories.NOW)
    session.commit()
    assert register(client).status_code == 303
    assert mails_to("ada@example.org") == []


def test_an_expired_link_offers_a_new_one(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from itsdangerous import TimestampSigner

    register(client)
    with monkeypatch.context() as earlier:
        past = int((clock.now() - timedelta(days=4)).timestamp())
        earlier.setattr(TimestampSigner, "get_timestamp", lambda self: past)
        link = link_in(mail_to(app, "ada@example.org"))
    answer = client.get(link)
    assert answer.status_code == 410
    assert "Send me a new link" in text_of(answer)
    assert client.post(link, data=CHOSEN).status_code == 410
    assert user_called("ada@example.org").confirmed_at is None
    assert client.post(f"{link}/again").status_code == 303
    assert mails_to("ada@example.org") == ["account-confirmation"] * 2
    assert client.post(link_in(mail_to(app, "ada@example.org")), data=CHOSEN).status_code == 303


@pytest.mark.parametrize("token", ["x", "WzEsImEiXQ.aaaa.bbbb", "%00", "a" * 3000])
def test_a_link_that_was_never_made_here_is_not_found(client: FlaskClient, token: str) -> None:
    for path in (f"/accounts/confirm/{token}", f"/accounts/confirm/{token}/again"):
        assert client.post(path).status_code == 404
    assert client.get(f"/accounts/confirm/{token}").status_code == 404


def test_a_link_for_one_purpose_does_nothing_else(app: Flask, client: FlaskClient) -> None:
    register(client)
    token = link_in(mail_to(app, "ada@example.org")).rsplit("/", 1)[1]
    for purpose in ("reset", "invitation", "new-address"):
        assert client.get(f"/accounts/{purpose}/{token}").status_code == 404


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "Name: Fill this in."),
        ({"name": "123"}, "Name: A name has at least one letter."),
        ({"email": ""}, "Email: Fill this in."),
        ({"email": "ada@"}, "Email: This is not an email address."),
        ({"password": ""}, "Password: Fill this in."),
        ({"password": "short"}, "Password: Use at least 10 characters."),
        ({"password": "x" * 201}, "Password: Use at most 200 characters."),
        ({"password": "password2027"}, "Password: This password is among the first that anyone tries."),
        ({"password": "ada@example.org"}, "Password: This is your name or address."),
        ({"password": "Lindqvist-2027"}, "Password: This is your name or address."),
    ],
)
def test_bad_input_names_the_field_and_keeps_what_was_typed(
    client: FlaskClient, fields: dict[str, str], told: str
) -> None:
    answer = register(client, **fields)
    assert answer.status_code == 422
    assert told in text_of(answer)
    html = answer.get_data(as_text=True)
    assert "<title>Error:" in html
    if "name" not in fields:
        assert 'value="Ada Lindqvist"' in html
    assert "slow tide" not in html
    assert db.session.scalar(sa.select(sa.func.count(User.id))) == 0


@pytest.mark.usefixtures("early_in_the_hour")
def test_mails_to_one_address_are_limited(client: FlaskClient) -> None:
    answers = [register(client) for _ in range(MAILS_PER_ADDRESS + 1)]
    assert [answer.status_code for answer in answers] == [303] * MAILS_PER_ADDRESS + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "Too many attempts." in text_of(answers[-1])


def test_other_methods_are_refused(client: FlaskClient) -> None:
    assert client.delete("/accounts/register").status_code == 405
    assert client.get("/accounts/confirm/x/again").status_code == 405
