"""Commands of the ground floor, and the kind of group that every room's commands stand in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import sqlalchemy as sa
from flask.cli import AppGroup, ScriptInfo

from core import audit
from core.database import db
from core.pages import advice_for


@contextmanager
def in_plain_words() -> Iterator[None]:
    """End the command with what to do about a database in trouble: ClickException instead of the error itself."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        trouble = advice_for(error)
        if trouble is None:
            raise
        raise click.ClickException(trouble) from None


class Commands(AppGroup):
    """Commands that say what to do when the database is locked, missing, full or behind its migrations."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a database in trouble ends it with one sentence instead of a traceback."""
        with in_plain_words():
            return super().invoke(ctx)


class DatabaseCommands(click.Group):
    """``flask db``: Flask-Alembic's commands, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return self._theirs(ctx).list_commands(ctx)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """One of them."""
        return self._theirs(ctx).get_command(ctx, name)

    def _theirs(self, ctx: click.Context) -> click.Group:
        from flask_alembic.cli import cli

        from core.migrations import alembic, attach

        attach(ctx.ensure_object(ScriptInfo).load_app())
        ctx.obj = alembic
        return cli


database_commands = DatabaseCommands("db", help="The database's migrations.")
audit_commands = Commands("audit", help="The audit log.")


@audit_commands.command("verify")
def verify() -> None:
    """Walk the hash chain and say whether it is whole; ends with 1 when it is not."""
    problems = list(audit.verify(db.session))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)
    head = db.session.get(audit.AuditHead, 1)
    click.echo(f"The chain is whole: {head.last_id if head else 0} events.")
