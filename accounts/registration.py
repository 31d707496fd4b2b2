"""A newcomer makes an account; whoever reads the mail at the address confirms it.

What a stranger sees never depends on whether an address is known: the difference stands in the mail.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import audit, outbox
from core.database import locked


def family_of(name: str) -> str:
    """The family name as a first guess: the last word of the name. The account page lets people correct it."""
    return name.split()[-1] if name.split() else ""


def by_email(session: Session, email: str) -> User | None:
    """The user with this address, in any case; None when there is none."""
    return session.scalar(sa.select(User).where(User.email == email.lower()))


def register(
    session: Session, *, name: str, email: str, password_hash: str, go_on: str = "", now: datetime
) -> None:
    """Make a student's account that still has to be confirmed, and mail the link; never says whether it was known.

    A known address gets a mail that says so instead. One that was registered but never confirmed takes the name and
    password of this registration, and its older links end. Someone who was invited keeps the invitation and gets it
    again: a registration never sets the password of an account that the office made.
    ``go_on`` is a path on this site to continue at after confirming.
    """
    email = email.lower()
    user = User(
        email=email,
        name=name,
        family_name=family_of(name),
        password_hash=password_hash,
        role=Role.STUDENT,
        created_at=now,
    )
    known = by_email(session, email)
    if known is None:
        try:
            with session.begin_nested():
                session.add(user)
        except sa.exc.IntegrityError:  # somebody registered it in this moment
            known = by_email(session, email)
    if known is None:
        audit.record(session, "accounts:user:registered", user, actor=None, now=now)
        send_confirmation(session, user, event=f"registered:{now.isoformat()}", go_on=go_on, now=now)
    else:
        _register_known(session, known, user, go_on=go_on, now=now)


def _register_known(session: Session, known: User, asked: User, *, go_on: str, now: datetime) -> None:
    user = locked(session, User, known.id)
    if user is None or not user.is_active:
        return
    if user.confirmed_at is not None:
        event = f"user:{user.id}:registered-again:{now:%Y%m%d%H}"
        outbox.enqueue(session, "account-known", to=user.email, event=event, about_id=user.id, now=now)
    elif user.password_hash is None:
        event = f"user:{user.id}:invited:{now:%Y%m%d%H}"
        outbox.enqueue(session, "account-invitation", to=user.email, event=event, about_id=user.id, now=now)
    elif user.role is Role.STUDENT:
        user.name, user.family_name = asked.name, asked.family_name
        user.password_hash = asked.password_hash
        audit.record(session, "accounts:user:registered", user, actor=None, now=now)
        send_confirmation(session, user, event=f"registered:{now.isoformat()}", go_on=go_on, now=now)


def send_confirmation(
    session: Session, user: User, *, event: str = "", go_on: str = "", now: datetime
) -> None:
    """Mail the link that confirms the address; without an ``event`` at most once an hour."""
    outbox.enqueue(
        session,
        "account-confirmation",
        to=user.email,
        event=f"user:{user.id}:{event or f'again:{now:%Y%m%d%H}'}",
        about_id=user.id,
        now=now,
        go_on=go_on,
    )


def confirm(session: Session, user: User, *, now: datetime) -> bool:
    """The address is right. Returns False when it was confirmed before; saying it twice changes nothing.

    ``user`` is locked by the caller.
    """
    if user.confirmed_at is not None:
        return False
    user.confirmed_at = now
    audit.record(session, "accounts:user:confirmed", user, actor=user, now=now)
    return True
