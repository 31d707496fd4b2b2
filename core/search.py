"""Finding people and things by a part of their name, in any script, on both databases."""

import unicodedata

import sqlalchemy as sa


def has_part(column: sa.SQLColumnExpression[str], typed: str) -> sa.ColumnElement[bool]:
    """A condition: the column holds what was typed, whatever the case of the letters.

    SQLite, and PostgreSQL with the C collation, know small and capital letters only from a to z. So what was typed is looked
    for in each way in which names are written: "åsa" finds Åsa and ÅSA.
    """
    typed = unicodedata.normalize("NFC", typed)  # as names are kept
    ways = {typed, typed.lower(), typed.upper(), typed.capitalize()}
    plain = {_lower_ascii(way) for way in ways} | {typed.lower()}
    lowered = sa.func.lower(column)
    return sa.or_(*(lowered.contains(way, autoescape=True) for way in sorted(plain)))


def _lower_ascii(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)
