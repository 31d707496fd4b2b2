"""``flask users``: the first admin, closing an account, who is there."""

import click
import sqlalchemy as sa

from accounts import people
from accounts.models import Role, User
from accounts.passwords import hash_password, judge_password
from accounts.registration import by_email
from accounts.tokens import Purpose, make_link
from core import audit, clock, links
from core.commands import Commands
from core.database import db, writing
from core.errors import RuleError, SettingsError
from core.typed import clean_text, mail_address

users_commands = Commands("users", help="People with an account.")


@users_commands.command("create-admin")
@click.option("--email", prompt="Email", help="The admin's address.")
@click.option("--name", prompt="Name", help="The admin's name.")
@click.option("--link", is_flag=True, help="Print a link to set the password, instead of asking for one.")
@click.option("--password", help="The password; asked for when neither this nor --link is given.")
def create_admin(email: str, name: str, link: bool, password: str | None) -> None:
    """Make an admin: the way into a new school, and back into one that nobody can sign in to."""
    name = clean_text(name)
    if not name:
        raise click.ClickException("An admin needs a name.")
    try:
        email = mail_address(email)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if link and password:
        raise click.ClickException("Give --link or --password, not both.")
    try:
        hashed = None if link else hash_password(_judged(password, email, name))
        with writing() as session:
            user = people.make_account(session, email=email, name=name, role=Role.ADMIN, now=clock.now())
            if hashed is not None:
                user.password_hash, user.confirmed_at = hashed, clock.now()
            audit.record(session, "accounts:user:made_admin_by_command", user, actor=None, now=clock.now())
            session.flush()
            token = make_link(Purpose.INVITE, user)
            address = links.absolute("accounts.invitation", token=token) if link else ""
    except (RuleError, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{name} is an admin now.")
    if link:
        click.echo("This link sets the password. It works once, for 14 days:")
        click.echo(address)


def _judged(password: str | None, email: str, name: str) -> str:
    if password is None:
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    judge_password(password, email=email, name=name)
    return password


@users_commands.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Close the account of EMAIL; its sessions end at once."""
    try:
        with writing() as session:
            found = by_email(session, email)
            person = people.lock_person(session, found.id) if found else None
            if person is None:
                raise click.ClickException(f"Nobody has the address {email}.")
            people.disable(session, person, actor=None, now=clock.now())
            name = person.name
    except RuleError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"The account of {name} is closed.")


@users_commands.command("list")
def list_users() -> None:
    """Everyone's role, state, address and name, one a line, separated by tabs."""
    for user in db.session.scalars(sa.select(User).order_by(User.role, User.email)):
        click.echo(f"{user.role}\t{state_word(user)}\t{user.email}\t{user.name}")


def state_word(user: User) -> str:
    """active, disabled, invited (no password yet) or unconfirmed."""
    if not user.is_active:
        return "disabled"
    if user.password_hash is None:
        return "invited"
    return "active" if user.confirmed_at else "unconfirmed"
