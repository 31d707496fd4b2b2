"""Commands of the catalog: ``flask catalog import FILE`` and ``flask catalog check FILE``.

What reads the file is imported when a command runs: a web process never needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core import clock
from core.commands import Commands
from core.database import begin_write, db
from core.school import current_school

if TYPE_CHECKING:
    from courses.importing import Imported

catalog_commands = Commands("catalog", help="The catalog: courses, venues and classes from a file.")
_FILE = click.argument("file", type=click.Path(path_type=Path))


@catalog_commands.command("import")
@_FILE
def import_file(file: Path) -> None:
    """Bring a catalog file into the database: all of it, or nothing. Importing again updates by code."""
    _run(file, keep=True)


@catalog_commands.command("check")
@_FILE
def check_file(file: Path) -> None:
    """Say what an import of this file would do, or what is wrong with it; nothing is changed."""
    _run(file, keep=False)


def _run(path: Path, *, keep: bool) -> None:
    from courses.catalog_file import read_catalog
    from courses.importing import load_catalog
    from courses.marked_yaml import CatalogError

    try:
        file = read_catalog(path)
        with db.sessionmaker() as session:
            begin_write(session)
            now = clock.now()
            provider, school = file.entries.provider, current_school(session)
            zone = provider.time_zone if provider else school.time_zone if school else "UTC"
            result = load_catalog(session, file, today=clock.local_date(now, zone), now=now, actor=None)
            if keep:
                session.commit()
            else:
                session.rollback()
    except CatalogError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        click.echo(f"{path.name}: nothing was changed.", err=True)
        raise SystemExit(1) from None
    _report(result, keep=keep)


def _report(result: Imported, *, keep: bool) -> None:
    for warning in result.warnings:
        click.echo(f"note: {warning}")
    for verb, found in (("new", result.made), ("changed", result.changed)):
        for section, codes in found.items():
            click.echo(f"{section}: {len(codes)} {verb}: {', '.join(codes)}")
    for section, rows in result.details.items():
        for code, told in rows.items():
            for text in told:
                click.echo(f"  {section}, {code}: {text}")
    if not result.made and not result.changed:
        click.echo("Everything stands as the file says already.")
    click.echo("Imported." if keep else "The file is in order. Nothing was changed.")
