"""Links that are mailed: signed, timed, and bound to the state of the account, so that each works once without a table.

A link names the user and carries a digest of what it would change (session version, password, address). When that has
changed, by this link or by another way, it is spent. Links are made when the mail is rendered, so a mail that waited has
a fresh one.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from flask import current_app
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from sqlalchemy.orm import Session

from accounts.models import User


class Purpose(StrEnum):
    """What a link is for."""

    CONFIRM = "confirm"
    RESET = "reset"
    INVITE = "invite"
    NEW_ADDRESS = "new-address"


LIFETIMES = {
    Purpose.CONFIRM: timedelta(days=3),
    Purpose.RESET: timedelta(hours=2),
    Purpose.INVITE: timedelta(days=14),
    Purpose.NEW_ADDRESS: timedelta(days=1),
}


class LinkState(StrEnum):
    """What became of a link."""

    GOOD = "good"
    EXPIRED = "expired"
    SPENT = "spent"  # used, or overtaken by something else
    FALSE = "false"  # never made here


@dataclass(frozen=True)
class Link:
    """A link that came back: its user, when there is one, and whether it still works."""

    state: LinkState
    user: User | None = None

    @property
    def is_good(self) -> bool:
        """Whether it works."""
        return self.state is LinkState.GOOD


def make_link(purpose: Purpose, user: User) -> str:
    """The part of the address that stands for this user, now. Needs an application context."""
    return str(_signer(purpose).dumps([user.id, _state_of(purpose, user)]))


def read_link(session: Session, purpose: Purpose, token: str) -> Link:
    """What a token from an address stands for. Its user is loaded as of now; lock and read again before changing it."""
    signer, lifetime = _signer(purpose), LIFETIMES[purpose]
    expired = False
    try:
        payload = signer.loads(token, max_age=int(lifetime.total_seconds()))
    except SignatureExpired:
        expired = True
        payload = signer.loads(token)
    except BadSignature:
        return Link(LinkState.FALSE)
    user_id, state = payload
    user = session.get(User, user_id)
    if user is None or not user.is_active:
        return Link(LinkState.FALSE)
    if state != _state_of(purpose, user):
        return Link(LinkState.SPENT, user)
    return Link(LinkState.EXPIRED if expired else LinkState.GOOD, user)


def lock_link(session: Session, purpose: Purpose, token: str) -> Link:
    """The same inside a write transaction, judged with the user locked: of two clicks at once one finds it spent."""
    link = read_link(session, purpose, token)
    if link.user is not None:
        session.refresh(link.user, with_for_update=True)
    return read_link(session, purpose, token)


def _signer(purpose: Purpose) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        current_app.config["SECRET_KEY"],
        salt=f"accounts.{purpose}",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )


def _state_of(purpose: Purpose, user: User) -> str:
    parts = [purpose, user.email, str(user.session_version)]
    if purpose is Purpose.NEW_ADDRESS:
        parts.append(user.pending_email or "")
    else:
        # A few signs of the hash: another password spends the link, and nobody learns the hash.
        parts.append(hashlib.sha256((user.password_hash or "").encode()).hexdigest()[:16])
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]
