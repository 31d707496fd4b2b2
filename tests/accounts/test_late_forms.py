"""A form that is sent after its session has ended: nothing of it is lost, and no other site can use that."""

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from accounts.models import User
from tests import factories
from tests.accounts.cast import PASSWORD, make_person
from tests.helpers import sign_in

ADDRESS = "/accounts/account"
OURS = {"Origin": "http://localhost"}
THEIRS = {"Origin": "http://elsewhere.test"}
TYPED = {"name": 'Ada "Countess" King', "family_name": '"Countess" King'}


@pytest.fixture
def guarded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application as it is served: CSRF on."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    return app


@pytest.fixture
def ada(session: Session) -> User:
    factories.make_school(session)
    user = make_person(session, email="ada@example.org")
    session.commit()
    return user


def hidden(answer: TestResponse) -> dict[str, str]:
    """The hidden fields of a page's main form."""
    main = answer.get_data(as_text=True).split("<main", 1)[1]
    found = re.findall(r'<input[^>]*name="([^"]+)"[^>]*type="hidden"[^>]*value="([^"]*)"', main)
    found += re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', main)
    found += [
        (name, value)
        for name, value in re.findall(r'<input id="[^"]*" name="([^"]+)" type="hidden" value="([^"]*)"', main)
    ]
    return {name: unescape(value) for name, value in found}


def send(browser: FlaskClient, address: str, fields: dict[str, str], headers: dict[str, str]) -> TestResponse:
    return browser.post(address, data=fields, headers=headers)


def test_what_was_typed_comes_through_signing_in_again(guarded: Flask, session: Session, ada: User) -> None:
    browser = guarded.test_client()
    late = send(browser, ADDRESS, TYPED | {"csrf_token": "of a session that is gone"}, OURS)
    assert late.status_code == 401
    assert "what you typed is kept" in late.get_data(as_text=True)
    kept = hidden(late)
    who = {"email": ada.email, "password": "not this one at all"}
    wrong = send(browser, "/accounts/login", kept | who, OURS)
    assert wrong.status_code == 422
    again = send(browser, "/accounts/login", hidden(wrong) | who | {"password": PASSWORD}, OURS)
    assert again.status_code == 200
    fields = hidden(again)
    assert fields["family_name"] == TYPED["family_name"]
    assert send(browser, ADDRESS, fields, OURS).status_code == 303
    session.expire_all()
    assert ada.name == TYPED["name"]


def test_a_form_of_another_session_of_the_same_person_goes_with_one_press(
    guarded: Flask, session: Session, ada: User
) -> None:
    browser = guarded.test_client()
    sign_in(browser, ada)
    late = send(browser, ADDRESS, TYPED | {"csrf_token": "of the session before"}, OURS)
    assert late.status_code == 400
    assert "Send it now" in late.get_data(as_text=True)
    assert send(browser, ADDRESS, hidden(late), OURS).status_code == 303
    session.expire_all()
    assert ada.name == TYPED["name"]


@pytest.mark.parametrize(
    "headers",
    [
        THEIRS,
        {},
        OURS | {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
    ],
)
def test_another_sites_words_are_not_kept(guarded: Flask, ada: User, headers: dict[str, str]) -> None:
    browser = guarded.test_client()
    for signed_in in (False, True):
        if signed_in:
            sign_in(browser, ada)
        answer = send(browser, ADDRESS, TYPED, headers)
        assert answer.status_code == 400
        assert "Countess" not in answer.get_data(as_text=True)


def test_passwords_are_never_kept(guarded: Flask, ada: User) -> None:
    browser = guarded.test_client()
    fields = {"email": ada.email, "password": "secret of mine", "new_password": "secret of mine"}
    late = send(browser, "/accounts/login", fields, OURS)
    assert late.status_code == 400
    assert "secret of mine" not in late.get_data(as_text=True)
    assert hidden(late)["email"] == ada.email


def test_a_seal_that_is_not_ours_is_passed_over(guarded: Flask, ada: User) -> None:
    browser = guarded.test_client()
    token = hidden(browser.get("/accounts/login", headers=OURS))["csrf_token"]
    fields = {"email": ada.email, "password": PASSWORD, "kept": "forged", "csrf_token": token}
    assert send(browser, "/accounts/login", fields, OURS).status_code == 303


def test_a_person_signed_out_everywhere_meanwhile_loses_nothing(
    guarded: Flask, session: Session, ada: User
) -> None:
    browser = guarded.test_client()
    sign_in(browser, ada)
    token = hidden(browser.get(ADDRESS, headers=OURS))["csrf_token"]
    ada.session_version += 1
    session.commit()
    late = send(browser, ADDRESS, TYPED | {"csrf_token": token}, OURS)
    assert late.status_code == 401
    assert hidden(late)["kept"]
