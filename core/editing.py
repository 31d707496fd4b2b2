"""Two people with the same form open: the second is told, and nothing that either of them wrote is lost.

An ``EditForm`` carries a fingerprint of what was stored when it was drawn. When it is sent, the view makes a second form
from what is stored now (inside the write transaction) and calls ``refuse_stale``: if somebody saved in between, that says
who and when, and which fields differ; what was typed stands in the form, and sending it once more replaces the other's.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from core.errors import RuleError
from core.formatting import clock_time, weekday_date
from core.forms import FieldList, Form, FormField, HiddenField
from core.web import note

_OWN = ("csrf_token", "seen")


@dataclass(frozen=True)
class Stored:
    """A field that differs: its label, and what is stored in it now."""

    label: str
    text: str


class StaleError(RuleError):
    """Somebody saved the same thing in between. ``stored`` lists the fields that differ from what was typed."""

    def __init__(self, message: object, stored: list[Stored]) -> None:
        super().__init__(message)
        self.stored = stored


def note_with_stored(form: Form, error: RuleError) -> list[Stored]:
    """Put a rule's no into a form (``core.web.note``); returns the fields that differ, when somebody saved in between."""
    note(form, error)
    return error.stored if isinstance(error, StaleError) else []


class EditForm(Form):
    """A form that changes something stored; ``seen`` is the fingerprint of it when the form was drawn."""

    seen = HiddenField()


def fingerprint(form: Form) -> str:
    """A short digest of what a form (made from what is stored, not from a request) holds."""
    values = {name: value for name, value in form.data.items() if name not in _OWN}
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def refuse_stale(
    form: EditForm, fresh: EditForm, *, last: tuple[str | None, datetime] | None = None, zone: str = "UTC"
) -> None:
    """Raise StaleError when what is stored (``fresh``) is not what ``form`` was drawn from.

    ``last`` says who saved last, and when; the time is told on the clock of ``zone``. The form is marked as having seen
    what is stored now, so that sending it again goes through. A form that says what is stored anyway is no conflict.
    """
    now = fingerprint(fresh)
    if form.seen.data == now:
        return
    form.seen.data = now
    differing = list(differences(form, fresh))
    if not differing:
        return
    if last is None:
        told = _("This was saved by somebody else while you were writing.")
    else:
        told = _(
            "%(name)s saved this on %(day)s at %(time)s, while you were writing.",
            name=last[0] or _("The system"),
            day=weekday_date(last[1], zone),
            time=clock_time(last[1], zone),
        )
    advice = _(
        "What you typed still stands here. Compare it with what is stored, then save again to replace it."
    )
    raise StaleError(f"{told} {advice}", differing)


def differences(form: Any, fresh: Any) -> Iterator[Stored]:
    """The fields in which ``form`` differs from ``fresh``, which is made from what is stored, with what is stored."""
    for field in fresh:
        if field.short_name in _OWN or isinstance(field, HiddenField) or field.name not in form._fields:
            continue
        typed = form._fields[field.name]
        if _significant(typed.data) != _significant(field.data):
            yield Stored(str(field.label.text), shown(field))


def _significant(value: Any) -> Any:
    """Empty text against nothing makes no difference, nor does a row of a list whose first field is empty."""
    if isinstance(value, list):
        kept = [_significant(item) for item in value]
        return [item for item in kept if not isinstance(item, dict) or next(iter(item.values()), None)]
    if isinstance(value, dict):
        return {key: _significant(item) for key, item in value.items() if key not in _OWN}
    return None if value in ("", False, 0) else value


def shown(field: Any) -> str:
    """What a field holds, in words."""
    if isinstance(field, FieldList):
        parts = [shown(entry) for entry in field.entries]
        return "; ".join(part for part in parts if part) or _("nothing")
    if isinstance(field, FormField):
        if not _significant([field.data]):
            return ""
        texts = [shown(item) for item in field.form if item.data and not isinstance(item, HiddenField)]
        return ", ".join(texts)
    if hasattr(field, "iter_choices"):
        texts = [str(choice[1]) for choice in field.iter_choices() if choice[2]]
        return ", ".join(texts) or _("nothing")
    if isinstance(field.data, bool):
        return str(_("yes") if field.data else _("no"))
    return str(field._value()) or str(_("nothing"))
