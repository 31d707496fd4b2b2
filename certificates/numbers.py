"""Certificate numbers (sequential, without a gap per school and year) and tokens (random, not to be guessed)."""

import re
import secrets
from datetime import datetime

from sqlalchemy.orm import Session

from core.clock import local
from core.numbering import take
from core.school import School

# Crockford's base 32: no i, l, o, u, so that a token typed from paper is not misread.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
TOKEN_LENGTH = 26  # 130 bits


def new_token() -> str:
    """A random token of 130 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LENGTH))


def normal_token(typed: str) -> str | None:
    """A token as it is stored, from what someone typed or scanned; None when it cannot be one."""
    text = typed.strip().lower().replace("-", "").replace(" ", "")
    text = text.replace("o", "0").replace("i", "1").replace("l", "1")
    return text if len(text) == TOKEN_LENGTH and set(text) <= set(ALPHABET) else None


def next_number(session: Session, school: School, now: datetime) -> tuple[int, int, str]:
    """Year (in the school's zone), sequence and number (TBI-27-0042) of the next certificate."""
    year = local(now, school.time_zone).year
    sequence = take(session, f"certificate:{year}")
    return year, sequence, f"{school.number_prefix}-{year % 100:02d}-{sequence:04d}"


def normal_number(typed: str) -> str:
    """A number as it is stored, from what someone typed: upper-case, any dash a hyphen, and hyphens where they belong.

    "tbi 26 0042" and "TBI260042" are TBI-26-0042. Typed without a mark after the year, a sequence has four digits.
    """
    text = re.sub(r"[‐-―−]", "-", typed.strip()).upper()
    parts = [part for part in re.split(r"[-\s]+", text) if part]
    if len(parts) != 3:
        found = re.fullmatch(r"([A-Z][A-Z0-9]{1,7})(\d{2})(\d{4})", "".join(parts))
        parts = list(found.groups()) if found else parts
    return "-".join(parts)
