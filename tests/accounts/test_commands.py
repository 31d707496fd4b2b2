"""flask users …"""

import re

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import audit
from core.database import db
from tests.accounts.cast import PASSWORD, login, make_person

pytestmark = pytest.mark.both_databases
ASK = ["users", "create-admin", "--email", "Ada@Example.org", "--name", "Ada Lindqvist"]


def test_the_first_admin_is_made_with_a_password(app: Flask, client: FlaskClient) -> None:
    result = app.test_cli_runner().invoke(args=ASK, input=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    assert "Ada Lindqvist is an admin now." in result.output
    assert PASSWORD not in result.output
    assert login(client, "ada@example.org").status_code == 303
    with app.app_context():
        user = db.session.scalars(sa.select(User)).one()
        assert user.role is Role.ADMIN
        event = db.session.scalars(sa.select(audit.AuditEvent)).one()
        assert (event.action, event.actor_id) == ("accounts:user:made_admin_by_command", None)
        assert PASSWORD not in str(event.payload)


def test_everything_may_be_asked_for(app: Flask) -> None:
    typed = f"ada@example.org\nAda\n{PASSWORD}\n{PASSWORD}\n"
    assert app.test_cli_runner().invoke(args=["users", "create-admin"], input=typed).exit_code == 0


def test_the_first_admin_is_made_with_a_link(app: Flask, client: FlaskClient) -> None:
    result = app.test_cli_runner().invoke(args=[*ASK, "--link"])
    assert result.exit_code == 0, result.output
    found = re.search(r"https://school\.test(/accounts/invitation/\S+)", result.output)
    assert found
    assert client.post(found[1], data={"password": PASSWORD}).status_code == 303
    assert login(client, "ada@example.org").status_code == 303


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--password", "short"], "Use at least 10 characters."),
        (["--password", "x", "--link"], "Give --link or --password, not both."),
        (["--email", "ada", "--link"], "is not an email address"),
    ],
)
def test_what_cannot_be_used_is_told_and_nobody_is_made(app: Flask, arguments: list[str], told: str) -> None:
    result = app.test_cli_runner().invoke(args=[*ASK, *arguments])
    assert result.exit_code == 1
    assert told in result.output
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(User.id))) == 0


def test_an_address_with_an_account_is_told(app: Flask, session: Session) -> None:
    make_person(session, email="ada@example.org")
    session.commit()
    result = app.test_cli_runner().invoke(args=[*ASK, "--link"])
    assert result.exit_code == 1
    assert "ada@example.org has an account already." in result.output


def test_an_account_is_closed_by_command(app: Flask, client: FlaskClient, session: Session) -> None:
    person = make_person(session)
    session.commit()
    login(client, person.email)
    result = app.test_cli_runner().invoke(args=["users", "disable", person.email.upper()])
    assert f"The account of {person.name} is closed." in result.output
    assert client.get("/accounts/account").status_code == 303


def test_the_last_admin_is_not_closed_and_nobody_is_not_found(app: Flask, session: Session) -> None:
    admin = make_person(session, Role.ADMIN)
    email = admin.email
    session.commit()
    for address, told in ((email, "is the last admin"), ("x@example.org", "Nobody has the address")):
        result = app.test_cli_runner().invoke(args=["users", "disable", address])
        assert result.exit_code == 1
        assert told in result.output


def test_the_list_says_role_state_address_and_name(app: Flask, session: Session) -> None:
    make_person(session, Role.ADMIN, email="ada@example.org", name="Ada")
    make_person(session, email="new@example.org", name="New", confirmed_at=None)
    make_person(session, email="guest@example.org", name="Guest", password_hash=None, confirmed_at=None)
    session.commit()
    result = app.test_cli_runner().invoke(args=["users", "list"])
    assert result.output.splitlines() == [
        "admin\tactive\tada@example.org\tAda",
        "student\tinvited\tguest@example.org\tGuest",
        "student\tunconfirmed\tnew@example.org\tNew",
    ]
