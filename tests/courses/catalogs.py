"""Edits and loads copies of the demo school's catalog file."""

from datetime import UTC, date, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Role
from courses.catalog_file import read_catalog
from courses.importing import Imported, load_catalog
from tests.factories import make_user

DEMO = Path(__file__).parents[2] / "portal" / "demo"
TODAY = date(2027, 1, 4)
NOW = datetime(2027, 1, 4, 17, 0, tzinfo=UTC)


def edit(path: Path, old: str, new: str) -> int:
    """Replace a text that stands once; returns its line."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def make_cast(session: Session) -> None:
    for login in ("ines", "ivan", "theo"):
        make_user(session, Role.INSTRUCTOR, email=f"{login}@tideway.example", name=login.title())


def load(session: Session, path: Path, today: date = TODAY, now: datetime = NOW) -> Imported:
    return load_catalog(session, read_catalog(path), today=today, now=now, actor=None)


def count(session: Session, model: type) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0
