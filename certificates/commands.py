"""``flask certificates``: the signing key, and the store of files."""

import click
import sqlalchemy as sa
from flask import current_app

from certificates.models import Certificate
from core import clock
from core.clock import local_date
from core.commands import Commands
from core.database import db
from core.errors import RuleError
from core.files import store
from core.school import current_school
from core.settings import Settings

certificate_commands = Commands("certificates", help="Certificates: the signing key and the stored files.")


@certificate_commands.command("create-key")
def create_key_command() -> None:
    """Make a signing key: a demo authority of one's own (once) and an issuer certificate for a year under it."""
    from certificates.key_standing import key_files, look
    from certificates.keyring import create_key

    settings: Settings = current_app.extensions["settings"]
    school = current_school(db.session)
    if school is None:
        raise click.ClickException("Set up the school first: its name stands in the certificate.")
    try:
        key = create_key(settings, school.name, now=clock.now())
        look(clock.now())
    except RuleError as error:
        raise click.ClickException(str(error)) from None
    files = key_files(settings)
    click.echo(
        f"New certificates are signed with {files.key}, until {key.certificate.not_valid_after_utc:%Y-%m-%d}."
    )
    if files.passphrase.exists():
        click.echo(
            f"Its passphrase lies in {files.passphrase}. Keep a copy of both apart from the database's backup."
        )


@certificate_commands.command("retention")
@click.option("--dry-run", is_flag=True, help="Only name what would be anonymised.")
def retention_command(dry_run: bool) -> None:
    """Anonymise certificates that need not be kept any longer; the worker does the same by itself."""
    from certificates.retention import due, retain

    school = current_school(db.session)
    today = local_date(clock.now(), school.time_zone if school else "UTC")
    found = list(due(db.session, today))
    db.session.rollback()
    for item in found:
        click.echo(f"{item.number}: had to be kept until {item.kept_until.isoformat()}.")
    if dry_run:
        click.echo(f"{len(found)} certificates would be anonymised. Nothing was changed.")
        return
    click.echo(f"{retain()} certificates anonymised.")


@certificate_commands.command("check-store")
def check_store() -> None:
    """Read every stored certificate and name the files that are lost or damaged; ends with 1 when there are any."""
    bad = 0
    query = sa.select(Certificate.number, Certificate.pdf_sha256).where(
        Certificate.pdf_sha256.is_not(None), Certificate.anonymised_at.is_(None)
    )
    rows = db.session.execute(query.order_by(Certificate.id)).all()
    for number, digest in rows:
        try:
            store().get(str(digest))
        except FileNotFoundError:
            bad += 1
            click.echo(
                f"{number}: its file {digest} is lost. Restore it from a backup, or replace the certificate."
            )
        except OSError as error:
            bad += 1
            click.echo(f"{number}: {error}. Restore it from a backup, or replace the certificate.")
    click.echo(f"{len(rows)} stored certificates read, {bad} lost or damaged.")
    if bad:
        raise SystemExit(1)
