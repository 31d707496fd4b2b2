"""How a view ends: an invalid form is shown again (422), a rule's no is said, success redirects (303)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from flask import Response, make_response, redirect, render_template, request
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField

from core.database import begin_write, db
from core.errors import RuleError


@contextmanager
def acting() -> Iterator[Session]:
    """The write transaction of a view: begins, commits when the block ends well, rolls back on any error.

    Everything loaded before is read again inside: load and authorize within the block, then call the rule.
    """
    session = db.session
    begin_write(session)
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


def page(
    template: str, *, form: FlaskForm | None = None, status: int | None = None, **context: Any
) -> Response:
    """Render a page; 422 when its form was sent and has errors, 200 otherwise."""
    failed = form is not None and bool(form.errors or form.form_errors)
    body = render_template(template, form=form, **context)
    return make_response(body, status or (422 if failed else 200))


def note(form: FlaskForm, error: RuleError) -> None:
    """Put a rule's no into a form, at its field when it has one, else above the form; what else it names likewise."""
    for wrong in (error, *error.also):
        field = form._fields.get(wrong.field) if wrong.field else None
        if field is not None:
            if isinstance(field, BooleanField):
                field.data = False  # what it stood for is not what the page says now: it is ticked anew
            field.errors = [*field.errors, str(wrong)]
        else:
            form.form_errors = [*form.form_errors, str(wrong)]


def see_other(address: str) -> Response:
    """Redirect after a successful post."""
    return make_response(redirect(address, 303))


def safe_next(fallback: str, value: str | None = None) -> str:
    """The address to go on to after signing in: only a path on this site, else the fallback."""
    target = value if value is not None else request.values.get("next", "")
    try:
        parts = urlsplit(target)
    except ValueError:
        return fallback
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return fallback
    if any(ord(c) < 32 or c == "\\" for c in target):
        return fallback
    return target
