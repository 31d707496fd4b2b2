"""Signing in: who is it, and how often may anyone try."""

from datetime import datetime

from flask_babel import gettext as _

from accounts.models import User
from accounts.passwords import check_password, hash_password, needs_rehash
from accounts.registration import by_email, send_confirmation
from core import throttle
from core.database import db, locked, writing
from core.errors import RuleError
from core.throttle import Limit

# Attempts in a quarter of an hour. An address forgets them when the right password is given; a network, which a whole
# school may share, gets the right ones back, so that only failures count: enough for a class of 300 at the door, of whom
# every second mistypes once.
PER_ADDRESS = 10
PER_NETWORK = 200
WINDOW = 15 * 60


def limits_for(email: str, network: str) -> tuple[Limit, Limit]:
    """The limit of an e-mail address and that of a network."""
    return (
        Limit("sign-in", email, PER_ADDRESS, WINDOW),
        Limit("sign-in network", network, PER_NETWORK, WINDOW),
    )


def authenticate(email: str, password: str, *, network: str, now: datetime) -> int:
    """The id of the user whose address and password these are.

    Not a rule but three steps, each on its own: count the attempt (so that many at once cannot slip through), compare
    the password outside any transaction, settle the counters and renew an outdated hash.

    Raises ThrottledError, or RuleError: one sentence for a wrong password and for an unknown address, in the same time.
    Only who gives the right password learns that the account is closed or waits to be confirmed.
    """
    per_address, per_network = limits_for(email, network)
    throttle.hit_all((per_address, per_network), now=now)

    user = by_email(db.session, email)
    user_id, stored = (user.id, user.password_hash) if user else (None, None)
    db.session.rollback()
    right = check_password(stored, password)
    if not right or user_id is None or stored is None:
        raise _no_match()
    renewed = hash_password(password) if needs_rehash(stored) else None

    with writing() as session:
        throttle.settle_within(session, forget=[per_address], give_back=[per_network], now=now)
        user = locked(session, User, user_id)
        refusal = _refusal(user, stored)
        if user is not None and refusal is None and renewed:
            user.password_hash = renewed
        if user is not None and user.is_active and user.confirmed_at is None:
            send_confirmation(session, user, now=now)
    if refusal is not None:
        raise refusal
    return user_id


def require_password(user: User, password: str, *, network: str, now: datetime) -> None:
    """Refuse with a RuleError unless it is the user's password. Counts as an attempt to sign in: ThrottledError."""
    per_address, per_network = limits_for(user.email, network)
    email, stored = user.email, user.password_hash
    db.session.rollback()  # comparing is slow: no transaction waits for it
    throttle.hit_all((per_address, per_network), now=now)
    if not check_password(stored, password):
        raise RuleError(
            _("This is not the password that the account of %(email)s was made with.", email=email),
            field="password",
        )
    with writing() as session:
        throttle.settle_within(session, forget=[per_address], give_back=[per_network], now=now)


def _refusal(user: User | None, stored: str) -> RuleError | None:
    if user is None or user.password_hash != stored:  # changed while we compared
        return _no_match()
    if not user.is_active:
        return RuleError(_("This account is closed. Write to the office to have it opened again."))
    if user.confirmed_at is None:
        return RuleError(
            _("Confirm your address first. We have sent the link again to %(email)s.", email=user.email)
        )
    return None


def _no_match() -> RuleError:
    return RuleError(_("Email and password do not match."), field="password")
