"""Limits on attempts, kept in the database so that they hold across processes and hosts."""

import hashlib
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, db, writing
from core.errors import ThrottledError


class AttemptCounter(Base):
    """How often something was tried in the running window. The key is a hash: no address is kept readable."""

    __tablename__ = "attempt_counters"

    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    window: Mapped[int] = mapped_column(sa.BigInteger)
    count: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)


def _key(name: str, who: str) -> str:
    return hashlib.sha256(f"{name}\x1f{who}".encode()).hexdigest()


def _window(seconds: int, now: datetime) -> tuple[int, datetime]:
    number = int(now.timestamp()) // seconds
    return number, datetime.fromtimestamp((number + 1) * seconds, tz=now.tzinfo)


def hit(name: str, who: str, *, limit: int, seconds: int, now: datetime) -> None:
    """Count an attempt, in a transaction of its own: call it before ``begin_write``, never inside.

    Raises ThrottledError when there were more than ``limit`` within the running window of ``seconds``.
    """
    window, ends = _window(seconds, now)
    db.session.rollback()  # on SQLite an open reading transaction is fine, but a writing one would wait for itself
    with writing() as session:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = insert(AttemptCounter).values(
            key=_key(name, who), window=window, count=1, expires_at=ends
        )
        statement = statement.on_conflict_do_update(
            index_elements=[AttemptCounter.key],
            set_={
                "count": sa.case((AttemptCounter.window == window, AttemptCounter.count + 1), else_=1),
                "window": window,
                "expires_at": ends,
            },
        )
        count = session.scalar(statement.returning(AttemptCounter.count))
    if count is not None and count > limit:
        raise too_many(ends, now)


def check(name: str, who: str, *, limit: int, seconds: int, now: datetime) -> None:
    """Refuse, without counting, when the limit of the running window is already reached. Raises ThrottledError."""
    window, ends = _window(seconds, now)
    row = db.session.get(AttemptCounter, _key(name, who))
    if row is not None and row.window == window and row.count >= limit:
        raise too_many(ends, now)


def clear(name: str, who: str) -> None:
    """Forget the attempts: the right answer was given."""
    db.session.rollback()
    with writing() as session:
        session.execute(sa.delete(AttemptCounter).where(AttemptCounter.key == _key(name, who)))


def too_many(ends: datetime, now: datetime) -> ThrottledError:
    """The error for the person who tried too often."""
    seconds = max(1, int((ends - now).total_seconds()))
    minutes = -(-seconds // 60)
    return ThrottledError(
        _("Too many attempts. Try again in %(minutes)d minutes.", minutes=minutes), retry_after=seconds
    )
