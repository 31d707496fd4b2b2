"""What people change about their own account. Hashes are made by the caller, outside the transaction."""

from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from accounts.registration import by_email
from core import audit, outbox
from core.errors import RuleError


def rename(
    session: Session, user: User, *, name: str, family_name: str, actor: User | None, now: datetime
) -> None:
    """Change the name that people know someone by. Certificates keep the name they were issued with.

    Raises RuleError when the family name is not part of the name.
    """
    if family_name and family_name not in name:
        raise RuleError(_("Your family name is not part of your name above."), field="family_name")
    if (user.name, user.family_name) == (name, family_name):
        return
    audit.record(
        session,
        "accounts:user:renamed",
        user,
        actor=actor,
        now=now,
        before=[user.name, user.family_name],
        after=[name, family_name],
    )
    user.name, user.family_name = name, family_name


def ask_for_new_address(session: Session, user: User, email: str, *, actor: User, now: datetime) -> None:
    """Note a new address; it becomes the account's when the link mailed to it is followed. The old one is told.

    Says the same when the address belongs to someone else: they get a mail that says so.
    Raises RuleError when it is the address already.
    """
    email = email.lower()
    if email == user.email:
        raise RuleError(_("This is your address already."), field="email")
    user.pending_email = email
    event = f"user:{user.id}:new-address:{now.isoformat()}"
    owner = by_email(session, email)
    if owner is None:
        outbox.enqueue(session, "account-new-address", to=email, event=event, about_id=user.id, now=now)
    elif owner.is_active:
        outbox.enqueue(session, "account-known", to=email, event=event, about_id=owner.id, now=now)
    outbox.enqueue(session, "account-address-notice", to=user.email, event=event, about_id=user.id, now=now)
    audit.record(session, "accounts:user:asked_for_new_address", user, actor=actor, now=now)


def take_new_address(session: Session, user: User, *, now: datetime) -> None:
    """The link at the new address was followed: it is the account's from now on. ``user`` is locked by the caller.

    Raises RuleError when somebody else has taken the address since.
    """
    if user.pending_email is None:
        return
    before, after = user.email, user.pending_email
    try:
        with session.begin_nested():
            user.email, user.pending_email = after, None
    except sa.exc.IntegrityError:
        raise RuleError(_("This address belongs to another account by now.")) from None
    audit.record(
        session, "accounts:user:changed_address", user, actor=user, now=now, before=before, after=after
    )


def set_password(
    session: Session, user: User, password_hash: str, *, how: str, actor: User | None, now: datetime
) -> None:
    """Set a password; all sessions and links of the account end. ``user`` is locked by the caller.

    ``how`` is "changed", "reset" or "invited". Who followed a mailed link has shown that the address is right.
    """
    user.password_hash = password_hash
    user.session_version += 1
    user.pending_email = None  # a change of address that somebody else asked for ends with it
    if how != "changed" and user.confirmed_at is None:
        user.confirmed_at = now
    if how != "invited":
        event = f"user:{user.id}:password:{user.session_version}"
        outbox.enqueue(
            session, "account-password-changed", to=user.email, event=event, about_id=user.id, now=now
        )
    audit.record(session, "accounts:user:set_password", user, actor=actor, now=now, how=how)


def ask_for_reset(session: Session, email: str, *, now: datetime) -> None:
    """Mail a link for a new password, when the address is known; says nothing either way."""
    user = by_email(session, email)
    if user is None or not user.is_active:
        return
    event = f"user:{user.id}:reset:{now.isoformat()}"
    outbox.enqueue(session, "account-reset", to=user.email, event=event, about_id=user.id, now=now)


def sign_out_everywhere(session: Session, user: User, *, actor: User, now: datetime) -> None:
    """End every session of the account, on every device, and every link that was mailed."""
    user.session_version += 1
    audit.record(session, "accounts:user:signed_out_everywhere", user, actor=actor, now=now)
