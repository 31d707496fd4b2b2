"""Alembic, set up for this project: numbered revisions, plain column types, and no silent loss on SQLite.

Imported by ``flask db`` and by what prepares a database (``attach``): no web process needs these ten megabytes.
"""

import re
from collections.abc import Callable
from typing import Any, Literal

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext, MigrationStep
from flask import Flask
from flask_alembic import Alembic

from core.database import Base, UtcDateTime


class Migrations(Alembic):
    """Flask-Alembic, with SQLite's foreign keys switched off around a migration.

    Alembic changes a SQLite table by copying it and dropping the old one; with foreign keys on, the drop silently deletes
    the rows of other tables that cascade from it. They are off during the migration and checked at its end.
    """

    def rev_id(self) -> str:
        """The next number: 0001, 0002 …"""
        numbers = [int(script.revision) for script in self.script_directory.walk_revisions()]
        return f"{max(numbers, default=0) + 1:04d}"

    def run_migrations(
        self,
        fn: Callable[[str | list[str] | tuple[str, ...], MigrationContext], list[MigrationStep]],
        **kwargs: Any,
    ) -> None:
        """Run migrations; everything is rolled back when one fails or leaves a broken reference."""
        connection = self.migration_context.connection
        if connection is None or connection.dialect.name != "sqlite":
            super().run_migrations(fn, **kwargs)
            return
        if connection.in_transaction():
            connection.rollback()
        connection.execution_options(writes=True)
        raw = connection.connection.driver_connection
        if raw is None:
            raise RuntimeError("no connection to the database")
        raw.execute("PRAGMA foreign_keys = OFF")
        try:
            super().run_migrations(fn, **kwargs)
            broken = raw.execute("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise RuntimeError(f"the migration left broken references: {broken[:5]}")
        finally:
            raw.execute("PRAGMA foreign_keys = ON")


def render_item(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Write our own column types into migrations as plain ones."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime()"
    return False


def include_object(item: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Leave the job queue's tables alone: Huey makes them itself when ``QUEUE_URL`` names this database."""
    return not (kind == "table" and reflected and (name or "").startswith("huey_"))


def context_options() -> dict[str, Any]:
    """How Alembic compares and renders."""
    return {
        "render_as_batch": True,
        "compare_type": True,
        "compare_server_default": False,
        "render_item": render_item,
        "include_object": include_object,
        # SQLite's data definition is transactional, since our own events begin the transaction.
        "transactional_ddl": True,
    }


def ddl_of(engine: sa.Engine) -> dict[str, str]:
    """CHECKs and partial indexes as the database has them, by name: what ``flask db check`` cannot see (tests ask)."""
    inspector = sa.inspect(engine)
    found: dict[str, str] = {}
    for table in inspector.get_table_names():
        for check in inspector.get_check_constraints(table):
            found[f"{table}.{check['name']}"] = _normal(check["sqltext"])
        for index in inspector.get_indexes(table):
            options = index.get("dialect_options", {})
            where = options.get("sqlite_where", options.get("postgresql_where"))
            if where is not None:
                found[f"{table}.{index['name']}"] = _normal(str(where))
    return found


def _normal(text: str) -> str:
    return re.sub(r"[\s()\"]+|::\w+( varying)?(\[\])?", "", text).lower()


alembic = Migrations(metadatas=Base.metadata, run_mkdir=False)


def attach(app: Flask) -> None:
    """Let Alembic work on an application's database; before its first request. Twice is harmless."""
    if app.extensions.get("alembic") is alembic:
        return
    app.config["ALEMBIC"] = {"script_location": "migrations", "file_template": "%%(rev)s_%%(slug)s"}
    app.config["ALEMBIC_CONTEXT"] = context_options()
    alembic.init_app(app)
