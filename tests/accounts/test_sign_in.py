"""/accounts/login and /accounts/logout."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts import ended_sessions
from accounts.models import Role, User
from accounts.signing_in import PER_ADDRESS
from core import clock
from core.database import begin_write, db
from tests import factories
from tests.accounts.cast import PASSWORD, login, make_person, text_of
from tests.helpers import mails_to, sign_in

pytestmark = pytest.mark.both_databases
NO_MATCH = "Email and password do not match."


@pytest.fixture
def ada(session: Session) -> User:
    factories.make_school(session)
    user = make_person(session, email="ada@example.org")
    session.commit()
    return user


def test_the_right_password_signs_in(client: FlaskClient, ada: User) -> None:
    answer = login(client, "ada@example.org")
    assert answer.status_code == 303
    assert client.get("/accounts/account").status_code == 200


def test_the_address_may_be_typed_in_any_case_and_with_spaces(client: FlaskClient, ada: User) -> None:
    assert login(client, " Ada@Example.ORG ").status_code == 303


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(client: FlaskClient, ada: User) -> None:
    wrong = login(client, "ada@example.org", "not this one at all")
    unknown = login(client, "nobody@example.org", "not this one at all")
    assert wrong.status_code == unknown.status_code == 422
    strip = [text_of(a).replace("ada@", "@").replace("nobody@", "@") for a in (wrong, unknown)]
    assert strip[0] == strip[1]
    assert NO_MATCH in strip[0]


def test_what_was_typed_is_kept_but_never_the_password(client: FlaskClient, ada: User) -> None:
    answer = login(client, "ada@example.org", "not this one at all", next="/classes/")
    html = answer.get_data(as_text=True)
    assert 'value="ada@example.org"' in html
    assert 'value="/classes/"' in html
    assert "not this one" not in html


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"email": "", "password": "x"}, "Email: Fill this in."),
        ({"email": "ada@example.org", "password": ""}, "Password: Fill this in."),
        ({"email": "ada", "password": "x"}, "Email: This is not an email address."),
        ({}, "Email: Fill this in."),
    ],
)
def test_bad_input_names_the_field(client: FlaskClient, fields: dict[str, str], named: str) -> None:
    answer = client.post("/accounts/login", data=fields)
    assert answer.status_code == 422
    assert named in text_of(answer)
    assert "<title>Error:" in answer.get_data(as_text=True)


def test_an_unconfirmed_person_is_told_and_mailed_a_link(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    make_person(session, email="new@example.org", confirmed_at=None)
    session.commit()
    answer = login(client, "new@example.org")
    assert answer.status_code == 422
    assert "Confirm your address first" in text_of(answer)
    login(client, "new@example.org")
    assert mails_to("new@example.org") == ["account-confirmation"]  # once an hour
    assert NO_MATCH in text_of(login(client, "new@example.org", "wrong password"))


def test_a_closed_account_says_so_only_to_its_owner(client: FlaskClient, session: Session) -> None:
    make_person(session, email="gone@example.org", disabled_at=datetime(2027, 1, 1, tzinfo=UTC))
    session.commit()
    assert "This account is closed" in text_of(login(client, "gone@example.org"))
    assert NO_MATCH in text_of(login(client, "gone@example.org", "wrong password"))
    assert client.get("/accounts/account").status_code == 303


def test_someone_who_was_invited_cannot_sign_in_before_setting_a_password(
    client: FlaskClient, session: Session
) -> None:
    factories.make_user(session, email="invited@example.org", password_hash=None)
    session.commit()
    for guess in ("", PASSWORD):
        assert login(client, "invited@example.org", guess).status_code == 422


@pytest.mark.usefixtures("early_in_the_hour")
def test_too_many_wrong_passwords_close_the_door_for_a_while(client: FlaskClient, ada: User) -> None:
    for _ in range(PER_ADDRESS):
        assert login(client, "ada@example.org", "wrong password").status_code == 422
    answer = login(client, "ada@example.org")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert "Too many attempts. Try again in" in text_of(answer)
    assert 'value="ada@example.org"' in answer.get_data(as_text=True)


@pytest.mark.usefixtures("early_in_the_hour")
def test_unknown_addresses_are_limited_like_known_ones(client: FlaskClient, session: Session) -> None:
    answers = [login(client, "nobody@example.org", "wrong password") for _ in range(PER_ADDRESS + 1)]
    assert [answer.status_code for answer in answers] == [422] * PER_ADDRESS + [429]


def test_the_right_password_forgets_the_wrong_ones(client: FlaskClient, ada: User) -> None:
    for _ in range(3):
        for _ in range(PER_ADDRESS - 1):
            login(client, "ada@example.org", "wrong password")
        assert login(client, "ada@example.org").status_code == 303


@pytest.mark.usefixtures("early_in_the_hour")
def test_one_network_cannot_try_many_addresses(
    client: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.signing_in.PER_NETWORK", 5)
    answers = [login(client, f"guess{n}@example.org", "wrong password") for n in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]


def test_right_passwords_do_not_count_against_a_network_that_many_share(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.signing_in.PER_NETWORK", 2)
    people = [make_person(session) for _ in range(5)]
    session.commit()
    for person in people:
        assert login(app.test_client(), person.email).status_code == 303


@pytest.mark.parametrize(
    ("role", "home"),
    [
        (Role.STUDENT, "/my/"),
        (Role.INSTRUCTOR, "/teaching/"),
        (Role.REGISTRAR, "/office/"),
        (Role.ADMIN, "/office/"),
    ],
)
def test_everyone_goes_to_their_own_desk(
    app: Flask, client: FlaskClient, session: Session, role: Role, home: str
) -> None:
    person = make_person(session, role)
    session.commit()
    landed = {str(rule) for rule in app.url_map.iter_rules()}
    expected = home if home in landed else "/"
    assert login(client, person.email).location == expected


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "http://[",
        "evil.example",
    ],
)
def test_signing_in_never_leads_to_another_site(client: FlaskClient, ada: User, elsewhere: str) -> None:
    answer = login(client, "ada@example.org", next=elsewhere)
    assert answer.status_code == 303
    assert answer.location.startswith("/")
    assert "evil" not in answer.location


def test_signing_in_goes_on_where_one_wanted_to_go(client: FlaskClient, ada: User) -> None:
    asked = client.get("/accounts/account")
    assert asked.location == "/accounts/login?next=/accounts/account"
    assert 'value="/accounts/account"' in client.get(asked.location).get_data(as_text=True)
    assert login(client, "ada@example.org", next="/accounts/account").location == "/accounts/account"


def test_who_is_signed_in_already_goes_on_at_once(client: FlaskClient, ada: User) -> None:
    sign_in(client, ada)
    assert client.get("/accounts/login?next=/accounts/account").location == "/accounts/account"


def test_a_session_planted_before_is_not_kept(client: FlaskClient, ada: User) -> None:
    with client.session_transaction() as planted:
        planted["planted"] = "by someone else"
        planted["csrf_token"] = "known to someone else"
    login(client, "ada@example.org")
    with client.session_transaction() as begun:
        assert "planted" not in begun
        assert begun.get("csrf_token") != "known to someone else"
        assert begun["_user_id"] == f"{ada.id}.1"


def test_a_session_outlives_the_browser_only_when_asked(client: FlaskClient, ada: User) -> None:
    plain = login(client, "ada@example.org").headers["Set-Cookie"]
    assert "Expires" not in plain
    kept = login(client, "ada@example.org", remember="y").headers["Set-Cookie"]
    assert "Expires" in kept
    for cookie in (plain, kept):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Secure" in cookie


def test_a_kept_session_ends_when_the_session_version_rises(client: FlaskClient, ada: User) -> None:
    login(client, "ada@example.org", remember="y")
    begin_write(db.session)
    db.session.get_one(User, ada.id).session_version += 1
    db.session.commit()
    assert client.get("/accounts/account").status_code == 303


def test_an_outdated_hash_is_renewed_at_sign_in(client: FlaskClient, session: Session) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    person = make_person(session, password_hash=old)
    session.commit()
    assert login(client, person.email).status_code == 303
    session.refresh(person)
    assert person.password_hash != old
    assert "m=19456,t=2,p=1" in str(person.password_hash)
    assert login(client, person.email).status_code == 303


def test_signing_out_ends_the_session(client: FlaskClient, ada: User) -> None:
    login(client, "ada@example.org")
    answer = client.post("/accounts/logout")
    assert answer.status_code == 303
    assert "You are signed out." in text_of(client.get(answer.location))
    assert client.get("/accounts/account").status_code == 303


def test_a_copy_of_the_cookie_ends_with_the_session(app: Flask, client: FlaskClient, ada: User) -> None:
    login(client, "ada@example.org")
    cookie = client.get_cookie("stillpoint")
    assert cookie is not None
    copied, elsewhere = app.test_client(), app.test_client()
    copied.set_cookie("stillpoint", cookie.value)
    login(elsewhere, "ada@example.org")
    assert copied.get("/accounts/account").status_code == 200
    client.post("/accounts/logout")
    assert copied.get("/accounts/account").status_code == 303
    assert elsewhere.get("/accounts/account").status_code == 200
    copied.post("/accounts/logout")  # twice is once


def test_ended_sessions_are_forgotten_when_every_copy_has_expired(client: FlaskClient, ada: User) -> None:
    login(client, "ada@example.org")
    client.post("/accounts/logout")
    assert ended_sessions.forget_expired() == 0
    with time_machine.travel(clock.now() + timedelta(days=14, minutes=1)):
        assert ended_sessions.forget_expired() == 1
        assert ended_sessions.forget_expired() == 0


def test_signing_out_needs_a_post(client: FlaskClient) -> None:
    assert client.get("/accounts/logout").status_code == 405


def test_other_methods_are_refused(client: FlaskClient) -> None:
    answer = client.put("/accounts/login")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_no_demo_logins_outside_the_demo(client: FlaskClient, session: Session) -> None:
    make_person(session, Role.ADMIN, email="admin@tideway.example")
    session.commit()
    assert "tideway" not in text_of(client.get("/accounts/login"))
