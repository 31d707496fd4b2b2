"""Commands of the ground floor."""

import click
from flask.cli import AppGroup

from core import audit
from core.database import db

audit_commands = AppGroup("audit", help="The audit log.")


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
