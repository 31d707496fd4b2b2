"""What an import changed, in the words of the catalog file: so that nothing written in the office goes unnoticed."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from flask_babel import gettext

# Columns that the file calls by another name.
_NAMES = {
    "step_thousandths": "round_down_to",
    "renewal_units_thousandths": "renewal, units",
    "renewal_months": "renewal, months",
    "renewal_ends_on": "renewal, ends_on",
    "subject_id": "subject",
    "policy_id": "policy",
    "screening_set_id": "screening",
    "price_cents": "price in the smallest unit",
    "default_capacity": "seats",
    "is_online": "online",
    "position": "place in the list",
}
_LONGEST = 70


def difference(name: str, before: Any, after: Any, names: Mapping[int, str] | None = None) -> str:
    """One value that an import changed: the key, what it was, what it is. ``names`` say what ids stand for."""
    key = _NAMES.get(name, name)
    if names is not None:
        before, after = names.get(before, before), names.get(after, after)
    elif name.endswith("_id"):
        return gettext("%(key)s is another one now", key=key)
    return gettext(
        "%(key)s was %(before)s, is %(after)s", key=key, before=_said(name, before), after=_said(name, after)
    )


def _said(name: str, value: Any) -> str:
    if value in (None, "", []):
        return gettext("empty")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and name.endswith("_thousandths"):
        return f"{value // 1000}.{value % 1000:03d}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        value = ", ".join(str(item) for item in value)
    text = str(value)
    return f"“{text if len(text) <= _LONGEST else text[:_LONGEST] + '…'}”" if not text.isdigit() else text
