"""The office manages people: who is there, invitations, roles, closing and opening accounts.

Registrars manage students and instructors, admins everyone. There is always an admin who can sign in.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import Role, User
from accounts.registration import by_email, family_of, send_confirmation
from core import audit, outbox
from core.errors import RuleError
from core.search import has_part

PER_PAGE = 50
MANAGED_BY_REGISTRARS = (Role.STUDENT, Role.INSTRUCTOR)


@dataclass(frozen=True)
class PeoplePage:
    """One page of the list. ``first`` and ``last`` count from 1; both 0 when nobody was found."""

    people: list[User]
    total: int
    number: int

    @property
    def first(self) -> int:
        """Position of the first person on this page."""
        return (self.number - 1) * PER_PAGE + 1 if self.people else 0

    @property
    def last(self) -> int:
        """Position of the last person on this page."""
        return (self.number - 1) * PER_PAGE + len(self.people)

    @property
    def has_later(self) -> bool:
        """Whether there is another page."""
        return self.last < self.total


def may_manage(actor: User, role: Role) -> bool:
    """Whether the actor may invite, change and close accounts of this role."""
    return actor.is_admin or (actor.role is Role.REGISTRAR and role in MANAGED_BY_REGISTRARS)


def list_people(session: Session, *, q: str = "", role: Role | None = None, number: int = 1) -> PeoplePage:
    """People by name, found by a part of name or address, in two statements whatever their number."""
    found = sa.select(User)
    if q:
        found = found.where(has_part(User.name, q) | User.email.contains(q.lower(), autoescape=True))
    if role is not None:
        found = found.where(User.role == role)
    total = session.scalar(sa.select(sa.func.count()).select_from(found.subquery())) or 0
    number = max(1, min(number, -(-total // PER_PAGE)))
    ordered = found.order_by(User.family_name, User.name, User.id)
    people = session.scalars(ordered.limit(PER_PAGE).offset((number - 1) * PER_PAGE)).all()
    return PeoplePage(list(people), total, number)


def lock_person(session: Session, user_id: int) -> User | None:
    """The person, locked, together with all admins who could be affected, in one order: nobody waits in a circle."""
    wanted = (
        sa.select(User)
        .where(sa.or_(User.id == user_id, User.role == Role.ADMIN))
        .order_by(User.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return next((user for user in session.scalars(wanted) if user.id == user_id), None)


def invite(session: Session, *, email: str, name: str, role: Role, actor: User | None, now: datetime) -> User:
    """Make an account without a password and mail a link to set one. Without an actor: the first admin, by command.

    Raises RuleError when the actor may not give this role or the address has an account.
    """
    if actor is not None and not may_manage(actor, role):
        raise RuleError(_("Only an admin may invite office staff."), field="role")
    user = make_account(session, email=email, name=name, role=role, now=now)
    audit.record(session, "accounts:user:invited", user, actor=actor, now=now, role=role.value)
    _send_invitation(session, user, now)
    return user


def make_account(session: Session, *, email: str, name: str, role: Role, now: datetime) -> User:
    """A new account, flushed. Raises RuleError when the address has one."""
    taken = RuleError(_("%(email)s has an account already.", email=email), field="email")
    if by_email(session, email) is not None:
        raise taken
    user = User(
        email=email.lower(),
        name=name,
        family_name=family_of(name),
        role=role,
        password_hash=None,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(user)
    except sa.exc.IntegrityError:
        raise taken from None
    return user


def invite_again(session: Session, person: User, *, actor: User, now: datetime) -> None:
    """Mail the invitation, or the link to confirm the address, again.

    Raises RuleError when the person can sign in already or the account is closed.
    """
    _must_manage(actor, person)
    if not person.is_active:
        raise RuleError(_("This account is closed. Open it first."))
    if person.confirmed_at is not None and person.password_hash is not None:
        raise RuleError(_("%(name)s has accepted already and can sign in.", name=person.name))
    if person.password_hash is None:
        _send_invitation(session, person, now)
    else:
        send_confirmation(session, person, event=f"again:{now.isoformat()}", now=now)
    audit.record(session, "accounts:user:invited_again", person, actor=actor, now=now)


def change_role(session: Session, person: User, role: Role, *, actor: User, now: datetime) -> None:
    """Give someone another role. ``person`` comes from ``lock_person``.

    Raises RuleError unless an admin does it, and when nobody would be left who manages the rest.
    """
    if not actor.is_admin:
        raise RuleError(_("Only an admin may change roles."))
    if person.role is role:
        return
    if person.is_admin:
        _keep_an_admin(session, person)
    audit.record(
        session, "accounts:user:changed_role", person, actor=actor, now=now, before=person.role, after=role
    )
    person.role = role


def disable(session: Session, person: User, *, actor: User | None, now: datetime) -> None:
    """Close an account: its sessions and links end at once. ``person`` comes from ``lock_person``.

    Raises RuleError for one's own account, for a role that the actor may not manage, and for the last admin.
    """
    if actor is not None:
        _must_manage(actor, person)
        if actor.id == person.id:
            raise RuleError(_("Someone else in the office has to close your own account."))
    if not person.is_active:
        return
    if person.is_admin:
        _keep_an_admin(session, person)
    person.disabled_at = now
    person.session_version += 1
    audit.record(session, "accounts:user:disabled", person, actor=actor, now=now)


def enable(session: Session, person: User, *, actor: User, now: datetime) -> None:
    """Open a closed account again; its password is the one it had. Raises RuleError for a role beyond the actor."""
    _must_manage(actor, person)
    if person.is_active:
        return
    person.disabled_at = None
    audit.record(session, "accounts:user:enabled", person, actor=actor, now=now)


def _send_invitation(session: Session, user: User, now: datetime) -> None:
    event = f"user:{user.id}:invited:{now.isoformat()}"
    outbox.enqueue(
        session,
        "account-invitation",
        to=user.email,
        to_name=user.name,
        event=event,
        about_id=user.id,
        now=now,
    )


def _must_manage(actor: User, person: User) -> None:
    if not may_manage(actor, person.role):
        raise RuleError(_("Only an admin may change the account of office staff."))


def _keep_an_admin(session: Session, leaving: User) -> None:
    others = sa.select(sa.func.count()).where(
        User.role == Role.ADMIN,
        User.id != leaving.id,
        User.disabled_at.is_(None),
        User.confirmed_at.is_not(None),
        User.password_hash.is_not(None),
    )
    if not session.scalar(others):
        raise RuleError(_("%(name)s is the last admin. Make someone else an admin first.", name=leaving.name))
