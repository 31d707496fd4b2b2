"""Reads what people type: text without its invisible marks, amounts of money, moments on a wall clock."""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator, Sequence

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext

# Marks that turn the direction of text around, and invisible ones that make two equal texts differ.
# The joiners U+200C and U+200D stay: Persian and Indic names need them.
_UNSEEN = {
    *range(0x200E, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    0x061C,
    0x200B,
    0x2060,
    0xFEFF,
    0xAD,
}

# Tibetan comes to five; a tower of ninety runs across the whole page, and over everybody else's line.
_MOST_MARKS = 5


def clean_text(text: str, *, lines: bool = False) -> str:
    """Return `text` in NFC without control and direction characters or towers of accents, its spaces collapsed.

    With `lines`, line breaks are kept (as `\\n`) and only the spaces at the end of each line go.
    """
    text = unicodedata.normalize("NFC", text)
    if lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return "\n".join(_clean_line(line, collapse=False) for line in text.split("\n")).strip()
    return _clean_line(text, collapse=True)


def _clean_line(text: str, *, collapse: bool) -> str:
    spaced = "".join(" " if char.isspace() else char for char in text)
    kept = "".join(c for c in spaced if ord(c) not in _UNSEEN and unicodedata.category(c) not in {"Cc", "Cs"})
    kept = "".join(_without_towers(kept))
    return " ".join(kept.split()) if collapse else kept.rstrip()


def _without_towers(text: str) -> Iterator[str]:
    """The characters without the accents that are piled higher on one letter than any script piles them."""
    height = 0
    for char in text:
        height = height + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if height <= _MOST_MARKS:
            yield char


def row_number(text: str | None) -> int | None:
    """The number of a row as a form sends it back; None for anything else.

    To Python a superscript is a digit, and int() takes it for none; and a database takes no number of thirty digits.
    """
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None


def mail_address(typed: str) -> str:
    """Return an address in lower case, checked for its form; its domain may have letters of any script.

    Raises ValueError with a sentence for its reader. Letters outside a to z before the @ are refused: most mail servers
    cannot deliver to them.
    """
    typed = clean_text(typed)
    try:
        found = validate_email(typed, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        local = typed.partition("@")[0]
        if local and not local.isascii():
            raise ValueError(
                gettext("Mail can't reach this address: use one with plain letters a to z before the @.")
            ) from None
        raise ValueError(gettext("This is not an email address. One looks like name@example.com.")) from None
    if len(found.normalized) > 254:
        raise ValueError(gettext("This address is too long."))
    return found.normalized.lower()


def format_money(amount: int, digits: int = 2) -> str:
    """Return `amount` (smallest units) as it is typed into a field: 1250 becomes "12.50"."""
    sign, whole = ("-" if amount < 0 else ""), abs(amount)
    if digits == 0:
        return f"{sign}{whole}"
    return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d}"


def parse_money(typed: str, digits: int = 2) -> int | None:
    """Return what was typed as smallest units, or None when it is no amount or could mean two.

    Point or comma may be the decimal mark, before at most `digits` digits. The other one, spaces and apostrophes may
    stand between groups of three; a comma alone before three digits groups them ("1,200"). No floats are involved.
    """
    text = re.sub(r"^(-?)\s?[$€£]\s?", r"\1", typed)
    mark = max(text.rfind("."), text.rfind(","))
    whole, part = (text[:mark], text[mark + 1 :]) if mark >= 0 else (text, "")
    grouped = re.fullmatch(r"-?[0-9]{1,3}(,[0-9]{3})+|-?[0-9]{1,3}(\.[0-9]{3}){2,}", text)
    if grouped and not (digits == 3 and text.count(",") == 1):
        whole, part, mark = text, "", -1
    if not re.fullmatch(r"-?(?:[0-9]{1,12}|[0-9]{1,3}(?:([ ,.'’])[0-9]{3})(?:\1[0-9]{3})*)", whole):
        return None
    if (mark >= 0 and text[mark] in whole) or (
        mark >= 0 and not re.fullmatch(rf"[0-9]{{1,{max(digits, 1)}}}", part)
    ):
        return None
    if part and not digits:
        return None
    amount: int = int(re.sub(r"[^0-9]", "", whole)) * 10**digits + int(part.ljust(digits, "0") or "0")
    return -amount if typed.startswith("-") else amount


def parse_wall_clock(typed: str, formats: Sequence[str]) -> dt.datetime | None:
    """Return the moment in the first of `formats` that fits, from 1900 to 2199, or None."""
    for pattern in formats:
        try:
            value = dt.datetime.strptime(clean_text(typed), pattern)  # noqa: DTZ007 — a wall clock has no zone
        except ValueError:
            continue
        if 1900 <= value.year <= 2199:
            return value
    return None
