"""Codes for checking in: signed, for one meeting, good for about a minute.

A code names the meeting, whether it is for coming or going, and its step of 20 seconds, and is signed with a key that is
derived from SECRET_KEY (HMAC-SHA-256, cut to 128 bits). It holds for its own step and the two after it, so that a slow
phone still gets in and a photo that is passed on is soon useless. Signatures are compared in constant time.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from flask_babel import gettext as _

from core.errors import RuleError

STEP = 20  # seconds
GRACE_STEPS = 2
_CODE = re.compile(r"([0-9]{1,12})\.(in|out)\.([0-9a-f]{1,10})\.([A-Za-z0-9_-]{22})", re.ASCII)
_DOOR = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{22})", re.ASCII)


class Way(StrEnum):
    """Coming or going."""

    IN = "in"
    OUT = "out"


class Read(NamedTuple):
    """What a code says."""

    meeting_id: int
    way: Way


class NotACodeError(RuleError):
    """Made up, mistyped, or signed with another key."""


class OldCodeError(RuleError):
    """It was a code once."""


def code_for(secret: str, meeting_id: int, way: Way, now: datetime) -> str:
    """The code of this moment."""
    step = _step(now)
    return f"{meeting_id}.{way}.{step:x}.{_sign(secret, 'code', meeting_id, way, step)}"


def read_code(secret: str, code: str, now: datetime) -> Read:
    """What a scanned code says. Raises NotACodeError, or OldCodeError when its time is over."""
    found = _CODE.fullmatch(code)
    meeting_id, way, step = (int(found[1]), found[2], int(found[3], 16)) if found else (0, "in", 0)
    given = found[4] if found else "-" * 22
    if not hmac.compare_digest(given, _sign(secret, "code", meeting_id, way, step)) or not found:
        raise NotACodeError(_("This is not a check-in code. Scan the one on the screen in your room."))
    # A step ahead: the clock of another host may be a little fast.
    if not -1 <= _step(now) - step <= GRACE_STEPS:
        raise OldCodeError(_("This code has run out. Scan the one that is on the screen now."))
    return Read(meeting_id, Way(way))


def door_key(secret: str, meeting_id: int) -> str:
    """The key in the address of a meeting's page for a tablet at the door, which nobody is signed in on."""
    return f"{meeting_id}.{_sign(secret, 'door', meeting_id)}"


def read_door_key(secret: str, key: str) -> int | None:
    """The id of the meeting that a door key opens; None when it is none."""
    found = _DOOR.fullmatch(key)
    meeting_id = int(found[1]) if found else 0
    given = found[2] if found else "-" * 22
    right = hmac.compare_digest(given, _sign(secret, "door", meeting_id))
    return meeting_id if right and found else None


def next_step(now: datetime) -> int:
    """Seconds until the code changes, from 1 to 20."""
    ends = datetime.fromtimestamp((_step(now) + 1) * STEP, UTC)
    return max(1, -(-(ends - now) // timedelta(seconds=1)))


def _step(now: datetime) -> int:
    return int(now.timestamp()) // STEP


def _sign(secret: str, *parts: object) -> str:
    key = hmac.digest(secret.encode(), b"stillpoint: check-in codes", "sha256")
    text = "\x1f".join(str(part) for part in parts)
    return urlsafe_b64encode(hmac.digest(key, text.encode(), hashlib.sha256)[:16]).decode().rstrip("=")
