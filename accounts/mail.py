"""The mails of the accounts room. Their links are made here, when the mail is rendered."""

from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from accounts.models import User
from accounts.tokens import LIFETIMES, Purpose, make_link
from core import links, outbox
from core.mailing import compose
from core.outbox import Message, OutgoingMail


def _user_of(session: Session, row: OutgoingMail) -> User | None:
    """The user whom a mail is about, unless the account is closed or gone by now."""
    user = session.get(User, row.about_id) if row.about_id else None
    return user if user is not None and user.is_active else None


def _link(endpoint: str, purpose: Purpose, user: User, **query: str) -> str:
    address = links.absolute(endpoint, token=make_link(purpose, user))
    asked = {key: value for key, value in query.items() if value}
    return f"{address}?{urlencode(asked)}" if asked else address


def _words(purpose: Purpose) -> dict[str, Any]:
    lifetime = LIFETIMES[purpose]
    return {"days": lifetime.days, "hours": int(lifetime.total_seconds() // 3600)}


@outbox.mail("account-confirmation")
def _confirmation(session: Session, row: OutgoingMail) -> Message | None:
    user = _user_of(session, row)
    if user is None or user.confirmed_at is not None or user.password_hash is None:
        return None
    link = _link("accounts.confirm", Purpose.CONFIRM, user, next=row.details.get("go_on", ""))
    return compose("account-confirmation", user=user, link=link, **_words(Purpose.CONFIRM))


@outbox.mail("account-known")
def _known(session: Session, row: OutgoingMail) -> Message | None:
    user = _user_of(session, row)
    if user is None:
        return None
    return compose(
        "account-known",
        user=user,
        login_url=links.absolute("accounts.login"),
        reset_url=links.absolute("accounts.reset"),
    )


@outbox.mail("account-invitation")
def _invitation(session: Session, row: OutgoingMail) -> Message | None:
    user = _user_of(session, row)
    if user is None or user.password_hash is not None:
        return None
    link = _link("accounts.invitation", Purpose.INVITE, user)
    return compose("account-invitation", user=user, link=link, **_words(Purpose.INVITE))


@outbox.mail("account-reset")
def _reset(session: Session, row: OutgoingMail) -> Message | None:
    user = _user_of(session, row)
    if user is None:
        return None
    link = _link("accounts.reset_with", Purpose.RESET, user)
    return compose("account-reset", user=user, link=link, **_words(Purpose.RESET))


@outbox.mail("account-password-changed")
def _password_changed(session: Session, row: OutgoingMail) -> Message | None:
    user = _user_of(session, row)
    if user is None:
        return None
    return compose("account-password-changed", user=user, reset_url=links.absolute("accounts.reset"))


@outbox.mail("account-new-address")
def _new_address(session: Session, row: OutgoingMail) -> Message | None:
    user = _user_of(session, row)
    if user is None or user.pending_email != row.recipient:
        return None
    link = _link("accounts.new_address", Purpose.NEW_ADDRESS, user)
    return compose("account-new-address", user=user, link=link, **_words(Purpose.NEW_ADDRESS))


@outbox.mail("account-address-notice")
def _address_notice(session: Session, row: OutgoingMail) -> Message | None:
    user = _user_of(session, row)
    if user is None:
        return None
    return compose("account-address-notice", user=user, reset_url=links.absolute("accounts.reset"))
