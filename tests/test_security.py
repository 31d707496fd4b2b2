"""What every answer carries and every form asks, whatever address it is: new ones are covered by themselves."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter, Rule

from accounts.models import Role, User
from app import create_app
from core.database import db
from core.security import csrf
from core.settings import Settings
from tests import factories
from tests.accounts.cast import PASSWORD, make_person
from tests.conftest import Databases
from tests.helpers import sign_in

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture
def guarded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application as it is served: CSRF on."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    return app


@pytest.fixture
def admin(session: Session) -> User:
    factories.make_school(session)
    user = make_person(session, Role.ADMIN)
    session.commit()
    return user


def some_value(kind: BaseConverter) -> object:
    if isinstance(kind, AnyConverter):
        return sorted(kind.items)[0]
    return 1 if isinstance(kind, IntegerConverter) else "x"


def some_address(app: Flask, rule: Rule) -> str:
    values = {name: some_value(kind) for name, kind in rule._converters.items()}
    return app.url_map.bind("school.test").build(rule.endpoint, values)


def changing_rules(app: Flask) -> list[tuple[str, str]]:
    """Method and address of everything that may change something."""
    return sorted(
        (method, some_address(app, rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & CHANGING
    )


def test_every_address_that_changes_something_asks_for_the_token(guarded: Flask, admin: User) -> None:
    rules = changing_rules(guarded)
    assert ("POST", "/accounts/login") in rules
    assert len(rules) > 15
    known = guarded.test_client()
    sign_in(known, admin)
    for browser in (guarded.test_client(), known):
        answers = {rule: browser.open(rule[1], method=rule[0]).status_code for rule in rules}
        assert {rule: code for rule, code in answers.items() if code != 400} == {}


def test_nothing_is_excused_from_the_token(guarded: Flask) -> None:
    assert csrf._exempt_views == set()
    assert csrf._exempt_blueprints == set()
    assert (
        guarded.config["WTF_CSRF_METHODS"] >= CHANGING or set(guarded.config["WTF_CSRF_METHODS"]) >= CHANGING
    )


def test_a_false_token_and_that_of_another_session_are_refused(guarded: Flask, admin: User) -> None:
    mine, theirs = guarded.test_client(), guarded.test_client()
    fields = {"email": admin.email, "password": PASSWORD}
    for token in ("", "x", token_of(theirs)):
        assert mine.post("/accounts/login", data=fields | {"csrf_token": token}).status_code == 400
    assert mine.post("/accounts/login", data=fields | {"csrf_token": token_of(mine)}).status_code == 303


def test_a_token_of_before_signing_in_dies_with_that_session(guarded: Flask, admin: User) -> None:
    client = guarded.test_client()
    before = token_of(client)
    fields = {"email": admin.email, "password": PASSWORD, "csrf_token": before}
    assert client.post("/accounts/login", data=fields).status_code == 303
    assert client.post("/accounts/logout", data={"csrf_token": before}).status_code == 400
    assert (
        client.post(
            "/accounts/logout", data={"csrf_token": token_of(client, "/accounts/account")}
        ).status_code
        == 303
    )


def test_a_refused_form_says_what_to_do(guarded: Flask) -> None:
    text = guarded.test_client().post("/accounts/login", data={}).get_data(as_text=True)
    assert "Nothing was changed." in text
    assert "Open the form again" in text


def token_of(client: FlaskClient, path: str = "/accounts/login") -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).get_data(as_text=True))
    assert found
    return found[1]


# ── headers ──

EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}


@pytest.fixture
def client(guarded: Flask, admin: User) -> FlaskClient:
    return guarded.test_client()


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/accounts/login", 200),
        ("HEAD", "/accounts/login", 200),
        ("OPTIONS", "/accounts/login", 200),
        ("GET", "/accounts/account", 303),
        ("POST", "/accounts/login", 400),
        ("GET", "/nowhere", 404),
        ("DELETE", "/accounts/login", 405),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 503),
        ("GET", "/static/stillpoint.css", 200),
        ("GET", "/static/none.css", 404),
    ],
)
def test_every_kind_of_answer_carries_the_strict_headers(
    client: FlaskClient, method: str, path: str, code: int
) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == code
    strict(answer.headers)


def strict(headers: Any) -> None:
    for name, value in EXPECTED.items():
        assert headers[name] == value
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


def test_signed_in_pages_and_refusals_carry_them_too(guarded: Flask, session: Session) -> None:
    student = make_person(session)
    session.commit()
    client = guarded.test_client()
    sign_in(client, student)
    for path, code in (("/accounts/account", 200), ("/office/people", 403)):
        answer = client.get(path)
        assert answer.status_code == code
        strict(answer.headers)
        assert answer.headers["Cache-Control"] in ("no-store", "no-cache")
    fields = {"csrf_token": token_of(client, "/accounts/account"), "name": ""}
    invalid = client.post("/accounts/account", data=fields)
    assert invalid.status_code == 422
    strict(invalid.headers)


def test_pages_are_not_kept_by_caches_and_static_files_are(client: FlaskClient) -> None:
    assert client.get("/accounts/login").headers["Cache-Control"] == "no-store"
    kept = client.get("/static/stillpoint.css")
    assert "max-age=31536000" in kept.headers["Cache-Control"]
    again = client.get("/static/stillpoint.css", headers={"If-None-Match": kept.headers["ETag"]})
    assert again.status_code == 304
    strict(again.headers)


def test_the_cookie_is_for_this_site_and_not_for_scripts(client: FlaskClient) -> None:
    cookie = client.get("/accounts/login").headers["Set-Cookie"]
    for flag in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
        assert flag in cookie
    assert "Domain" not in cookie


@pytest.fixture
def plain(databases: Databases) -> Iterator[Flask]:
    """The application at an address without TLS, as in the demo."""
    databases.app("sqlite")
    folder = databases.root / "instance"
    made = create_app(
        Settings(instance_path=folder, secret_key="x", public_url="http://127.0.0.1:8000").completed()
    )
    yield made
    with made.app_context():
        db.engine.dispose()


def test_without_tls_neither_cookie_nor_header_asks_for_it(plain: Flask) -> None:
    answer = plain.test_client().get("/accounts/login")
    assert "Secure" not in answer.headers["Set-Cookie"]
    assert "Strict-Transport-Security" not in answer.headers
