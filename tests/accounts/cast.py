"""People with a password, and what their pages say."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from accounts.models import Role, User
from accounts.passwords import hash_password
from core.database import db
from core.outbox import Message, OutgoingMail, kinds
from tests import factories

PASSWORD = "slow tide at dawn"
HASH = hash_password(PASSWORD)


def make_person(session: Session, role: Role = Role.STUDENT, **values: Any) -> User:
    """A user who signs in with ``PASSWORD``."""
    return factories.make_user(session, role, **({"password_hash": HASH} | values))


def login(client: FlaskClient, email: str, password: str = PASSWORD, **fields: str) -> TestResponse:
    return client.post("/accounts/login", data={"email": email, "password": password, **fields})


def text_of(answer: TestResponse) -> str:
    """What a reader sees: tags removed, spaces collapsed."""
    plain = re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))
    return " ".join(plain.replace("&#39;", "'").split())


def mail_to(app: Flask, recipient: str, kind: str | None = None) -> Message:
    """The newest mail in the outbox for someone, rendered."""
    with app.app_context():
        rows = db.session.query(OutgoingMail).filter_by(recipient=recipient).order_by(OutgoingMail.id)
        row = [row for row in rows if kind is None or row.kind == kind][-1]
        message = kinds()[row.kind].render(db.session, row)
        db.session.rollback()
    assert message is not None, f"{row.kind} has nothing to say"
    return message


def link_in(message: Message) -> str:
    """The path of the link that a mail carries."""
    found = re.search(r"https://school\.test(/\S+/\S{20,})", message.text)
    assert found, message.text
    return found[1]
