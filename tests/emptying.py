"""Brings a PostgreSQL test database back to how it was made: a few milliseconds, where making it anew takes hundreds."""

from typing import Any

import psycopg
import sqlalchemy as sa

GONE_OR_FORBIDDEN = (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege)
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
# What a test may have altered without leaving a row: then the database is made anew.
SHAPE = """
    SELECT md5(string_agg(concat_ws(' ', relname, relnatts, relchecks, relhastriggers), ',' ORDER BY relname))
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
COUNTERS = """
    SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL
"""


class Emptier:
    """Empties one database, fresh from its template, as often as it is asked to."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
        self.connection = self.engine.connect()
        self.tables = sorted(self._ask(TABLES).scalars())
        self.shape = self._ask(SHAPE).scalar()
        self.own_rows = {name: rows for name in self.tables if (rows := self._rows(name))}

    def empty(self) -> bool:
        """Delete every row but those that the migrations made; False when only making it anew would help."""
        try:
            self._ask(OTHERS)
            if self._ask(SHAPE).scalar() != self.shape:
                return self._give_up()
            # Without this, rows that nobody may delete or change could not be deleted here either.
            self._ask("SET session_replication_role = replica")
            for table in self._not_empty():
                self._ask(f'DELETE FROM "{table}"')
            for table, rows in self.own_rows.items():
                self._bring_back(table, rows)
            self._ask(COUNTERS)
        except sa.exc.DBAPIError as error:
            if not isinstance(error.orig, GONE_OR_FORBIDDEN):
                raise
            return self._give_up()
        return True

    def close(self) -> None:
        """Let go of the database."""
        self.connection.close()

    def _give_up(self) -> bool:
        self.close()
        return False

    def _ask(self, statement: str) -> sa.CursorResult[Any]:
        return self.connection.exec_driver_sql(statement)

    def _not_empty(self) -> list[str]:
        asked = " UNION ALL ".join(
            f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in self.tables
        )
        return list(self._ask(asked).scalars())

    def _rows(self, table: str) -> list[dict[str, Any]]:
        found = self._ask(f'SELECT * FROM "{table}"').mappings()
        return [dict(row) for row in found]

    def _bring_back(self, table: str, rows: list[dict[str, Any]]) -> None:
        columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in rows[0]]
        self.connection.execute(sa.insert(sa.table(table, *columns)), rows)
