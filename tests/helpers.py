"""What many tests do: sign in, count statements, read what would be mailed."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from accounts.models import User
from core.database import db
from core.outbox import OutgoingMail


def sign_in(client: FlaskClient, user: User) -> None:
    """Make the client's session that of a user (committed before), without the sign-in page."""
    with client.session_transaction() as session:
        session["_user_id"] = user.get_id()
        session["_fresh"] = True


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
