"""``flask demo``: the demo school, and students for load tests."""

from datetime import timedelta

import click
import sqlalchemy as sa
from flask import current_app

from accounts.models import Role, User
from accounts.passwords import hash_password
from core import clock
from core.commands import Commands
from core.database import writing
from core.errors import RuleError
from core.settings import Settings
from students.models import License, Student
from students.people import new_calendar_token

demo_commands = Commands("demo", help="The demo school.")


# The key is as old as the school's certificates, so that a demo loaded again beside it (the database was thrown away, the
# folder was not) is not told that its key was not valid yet when they were issued.
KEY_SINCE = timedelta(days=60)


@demo_commands.command("load")
def load() -> None:
    """Fill an empty database with Tideway Bodywork Institute: catalog, people, classes, certificates."""
    from certificates import issuing
    from certificates.key_standing import key_files, look
    from certificates.keyring import create_key
    from core.outbox import OutgoingMail
    from courses.marked_yaml import CatalogError
    from portal.demo.loading import DOMAIN, PASSWORD, load_demo

    try:
        with writing() as session:
            demo = load_demo(session, now=clock.now())
            people, classes = len(demo.students), len(demo.users) - len(demo.students)
    except (RuleError, CatalogError) as error:
        raise click.ClickException(str(error)) from None
    settings: Settings = current_app.extensions["settings"]
    if not key_files(settings).key.exists():
        create_key(settings, "Tideway Bodywork Institute", now=clock.now() - KEY_SINCE)
    look(clock.now())
    made = issuing.make_waiting()
    with writing() as session:
        session.execute(sa.delete(OutgoingMail))  # the certificates of a past class were mailed in the past
    click.echo(
        f"Tideway Bodywork Institute is loaded: {people} students, {classes} staff, {made} certificates."
    )
    click.echo(f"Everyone signs in as NAME@{DOMAIN} with the password {PASSWORD}.")


@demo_commands.command("students")
@click.argument("count", type=click.IntRange(1, 100_000))
def students(count: int) -> None:
    """Add COUNT students (student0001@… and so on), confirmed and licensed as LMT, for load tests."""
    from portal.demo.loading import DOMAIN, PASSWORD

    hashed, now = hash_password(PASSWORD), clock.now()
    with writing() as session:
        pattern = f"student____@{DOMAIN}"
        taken = set(session.scalars(sa.select(User.email).where(User.email.like(pattern))))
        numbers = (number for number in range(1, 1_000_000) if f"student{number:04d}@{DOMAIN}" not in taken)
        for _index in range(count):
            number = next(numbers)
            user = User(
                email=f"student{number:04d}@{DOMAIN}",
                name=f"Student {number:04d}",
                family_name=f"{number:04d}",
                role=Role.STUDENT,
                password_hash=hashed,
                created_at=now,
                confirmed_at=now,
            )
            license_ = License(profession="LMT", jurisdiction="OR", number=f"{90000 + number}")
            session.add(
                Student(
                    user=user,
                    certificate_name=user.name,
                    profession="LMT",
                    calendar_token=new_calendar_token(),
                    licenses=[license_],
                )
            )
    click.echo(f"{count} students were added.")
