"""Tables, sessions and the recipe for writing under a lock.

Reading needs nothing: use ``db.session``. A view or job that writes calls ``begin_write`` first; on SQLite this takes
the one write lock at once (``BEGIN IMMEDIATE``), so that nobody fails half-way with "database is locked", and on both
databases the rule then locks its rows by ``locked``, which reads them again.
"""

import inspect
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column

from core.errors import RuleError

M = TypeVar("M")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment, stored in UTC (without a zone, so that SQLite and PostgreSQL compare alike)."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """To the database: refuse a naive time, it is nobody's time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a zone cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """From the database: aware again."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables. Names are plural snake case; constraints have names that migrations can rely on."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: UtcDateTime(),
        dict[str, Any]: sa.JSON(),
        list[str]: sa.JSON(),
        list[dict[str, Any]]: sa.JSON(),
    }


# Kinds of column that recur, with their unit in the name.
Key = Annotated[int, mapped_column(primary_key=True)]
Code = Annotated[str, mapped_column(sa.String(40))]
ShortText = Annotated[str, mapped_column(sa.String(200))]
LongText = Annotated[str, mapped_column(sa.Text)]
Cents = Annotated[int, mapped_column(sa.Integer)]
Minutes = Annotated[int, mapped_column(sa.Integer)]


def one_of(kind: type[StrEnum], name: str) -> sa.Enum:
    """A column type for a StrEnum: a string with a CHECK that lists the values."""
    return sa.Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


db = SQLAlchemy(engine_options={"pool_pre_ping": False})


def prepare_engine(engine: sa.Engine) -> None:
    """Set an engine up for the locking recipe. Call once per engine, before its first connection."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction control would begin too late; see docs/adr/0001.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 20000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def without_async_sessions(app: Flask) -> None:
    """Take away the extension's clean-up of asynchronous sessions, which this program has none of.

    It would start an event loop and a thread at the end of every request, for a millisecond each.
    """
    app.teardown_appcontext_funcs = [
        function for function in app.teardown_appcontext_funcs if not inspect.iscoroutinefunction(function)
    ]


def begin_write(session: Session) -> None:
    """Begin the transaction that will write.

    Ends the reading transaction that is under way (everything loaded is read again on its next use) and begins one that
    may write. Raises RuntimeError when something unsaved would be lost by that.
    """
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("begin_write must come before the first change")
    session.rollback()
    session.connection(execution_options={"writes": True})


@contextmanager
def writing() -> Iterator[Session]:
    """A session of its own for a job or a command: begins to write, commits at the end, rolls back on an error."""
    with db.sessionmaker() as session:
        begin_write(session)
        yield session
        session.commit()


def locked(session: Session, model: type[M], key: Any) -> M | None:
    """Read a row again and lock it until the end of the transaction; None when there is no such row."""
    # Without populate_existing an object that this transaction has loaded before would be handed back as it was then;
    # with it, what this transaction changed must be written first, or it would be forgotten.
    session.flush()
    return session.get(model, key, with_for_update=True, populate_existing=True)


def is_unique_violation(error: sa.exc.IntegrityError, *names: str) -> bool:
    """Whether the error comes from one of the named unique indexes (SQLite names their columns instead)."""
    text = str(error.orig)
    return any(name in text for name in names)


def flush_unique(session: Session, refusal: RuleError, *names: str) -> None:
    """Write what is pending. Raises ``refusal`` when somebody else stored the same at the same time.

    ``names`` are those of ``is_unique_violation``. The transaction is over then: the view's own end rolls it back.
    """
    try:
        session.flush()
    except sa.exc.IntegrityError as error:
        if is_unique_violation(error, *names):
            raise refusal from error
        raise


def insert_for(session: Session) -> Any:
    """The ``insert`` of this session's database, which knows ``on_conflict_do_nothing`` and ``…_do_update``."""
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
