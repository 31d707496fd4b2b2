"""What many tests do: sign in, count statements, read what would be mailed."""

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from accounts.models import User
from core.database import db
from core.outbox import OutgoingMail


def sign_in(client: FlaskClient, user: User) -> None:
    """Make the client's session that of a user (committed before), without the sign-in page."""
    with client.session_transaction() as session:
        session["_user_id"] = user.get_id()
        session["_fresh"] = True


# So many rows more for a test that counts statements; a thousand in the full run.
MANY = [pytest.param(190, id="two hundred"), pytest.param(990, id="a thousand", marks=pytest.mark.full)]


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """The SQL statements sent to the database inside the block (transaction control left out)."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "ROLLBACK", "COMMIT")):
            seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def mails_to(recipient: str) -> list[str]:
    """The kinds of mail in the outbox for someone, oldest first (inside an application context)."""
    query = sa.select(OutgoingMail.kind).where(OutgoingMail.recipient == recipient).order_by(OutgoingMail.id)
    return list(db.session.scalars(query))


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.area = self.choice = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and name and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self.found[name] = given.get("value") or ""
        elif tag == "textarea":
            self.area = name
            self.found[name] = ""
        elif tag == "select":
            self.choice = name
        elif tag == "option" and self.choice and ("selected" in given or self.choice not in self.found):
            self.found[self.choice] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.found[self.area] = self.found[self.area].lstrip("\r\n")
            self.area = ""
        elif tag == "select":
            self.choice = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.found[self.area] += data


def fields_of(answer: TestResponse) -> dict[str, str]:
    """What the forms of a page would send as they stand (one value per name; selects by their chosen option)."""
    reader = _Fields()
    reader.feed(answer.text)
    return reader.found
