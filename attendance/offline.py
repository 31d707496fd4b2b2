"""Rolls marked without a network: the key a phone keeps them under, and taking in what it sends later.

A phone sends the marks of several rolls at once; each roll is one transaction, so that one closed class keeps nothing else
waiting. Sending twice stores once (``client_key``). Marks that clash with another instructor's are kept beside them, and
the roll's page asks (``marking``).
"""

import base64
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from accounts.models import User
from attendance.models import DeviceKey, MarkStatus
from attendance.writing import Entry
from core.errors import RuleError
from core.typed import clean_text

ROLLS_AT_ONCE = 50
MARKS_AT_ONCE = 500
_MOST = 2**31 - 1  # what a whole number in the database holds
_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True, slots=True)
class SentRoll:
    """One roll as a phone sent it: which, the revision that it was looking at, and the marks. ``refused`` are those that
    nobody could save, by their key, with the sentence; ``meeting_id`` is None where an older page has sent it."""

    code: str
    number: int
    revision: int
    entries: tuple[Entry, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    meeting_id: int | None = None


def known_key(session: Session, user_id: int) -> str | None:
    """The key of a user's phones when there is one already."""
    return session.scalar(sa.select(DeviceKey.key).where(DeviceKey.user_id == user_id))


def device_key(session: Session, user: User, *, now: datetime) -> str:
    """The key of a user's phones, base64 of 32 random bytes; made the first time, also when asked for twice at once."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    fresh = base64.b64encode(secrets.token_bytes(32)).decode()
    session.execute(
        insert(DeviceKey).values(user_id=user.id, key=fresh, created_at=now).on_conflict_do_nothing()
    )
    kept = known_key(session, user.id)
    if kept is None:
        raise LookupError(f"user {user.id} has no device key")
    return kept


def list_of_rolls(payload: object) -> list[Any]:
    """The rolls that a phone sent, unread. Raises RuleError when it is not what a phone of ours sends."""
    rolls = payload.get("rolls") if isinstance(payload, dict) else None
    if not isinstance(rolls, list) or len(rolls) > ROLLS_AT_ONCE:
        raise RuleError(_("This is not a list of rolls."))
    return rolls


def read_roll(roll: Any) -> SentRoll:
    """One roll that a phone sent, checked for its shape. Raises RuleError when it is not what a phone of ours sends."""
    try:
        return _read_roll(roll)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise RuleError(_("These marks cannot be read. Open the roll again and mark once more.")) from None


def _read_roll(roll: Mapping[str, Any]) -> SentRoll:
    marks: Sequence[Mapping[str, Any]] = roll["marks"]
    code = roll["code"]
    if len(marks) > MARKS_AT_ONCE:
        raise ValueError("too many marks")
    if not (code.isascii() and code.isprintable() and len(code) <= 40):
        raise ValueError("no class has such a code")
    entries: dict[int, Entry] = {}
    refused, keys = {}, set()
    for mark in marks:
        key, number = mark["key"], _whole(mark["enrollment"])
        if not _KEY.fullmatch(key) or key in keys or number in entries:
            raise ValueError("a mark needs a key and a student of its own")
        keys.add(key)
        try:
            entries[number] = _read_mark(mark, key, number)
        except RuleError as error:
            refused[key] = str(error)
    meeting_id = None if roll.get("meeting") is None else _whole(roll["meeting"])
    number, revision = _whole(roll["number"]), _whole(roll["revision"])
    return SentRoll(code, number, revision, tuple(entries.values()), refused, meeting_id)


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError("not a whole number")
    return value


def _read_mark(mark: Mapping[str, Any], key: str, number: int) -> Entry:
    """One mark. What a person typed wrong is a RuleError, so that it holds up no other mark; what no phone of ours sends
    is a ValueError. ``seen`` is the revision that the page showed when it was made, where the phone says so."""
    made_at = datetime.fromisoformat(str(mark["made_at"]))
    if made_at.tzinfo is None:
        raise ValueError("a moment needs its zone")
    try:
        status = MarkStatus(mark["status"])
    except ValueError as error:
        raise RuleError(_("Choose present, late, left early, absent or excused.")) from error
    return Entry(
        number,
        status,
        _read_minutes(mark.get("minutes")),
        made_at,
        key,
        None if mark.get("remark") is None else clean_text(str(mark["remark"])),
        None if mark.get("seen") is None else _whole(mark["seen"]),
    )


def _read_minutes(typed: object) -> int | None:
    text = "" if typed is None else str(typed).strip()
    if not text:
        return None
    if not (text.removeprefix("-").isdecimal() and len(text) <= 6):
        raise RuleError(_("Write the minutes as a whole number."))
    return int(text)
