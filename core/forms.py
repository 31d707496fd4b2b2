"""The base of every form, and the fields that mean the same thing wherever they stand.

Text arrives clean: Unicode NFC, no control or direction characters, spaces collapsed and stripped (passwords
are left alone). Numbers are whole: minutes, and money in the currency's smallest unit. Messages say what to
do, not what failed. A view that finds a form invalid answers 422 with the form again;
`templates/_macros/forms.html` draws it.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    FieldList,
    FileField,
    FormField,
    HiddenField,
    MultipleFileField,
    PasswordField,
    RadioField,
    SearchField,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
    TextAreaField,
    URLField,
    ValidationError,
)
from wtforms import DateField as _DateField
from wtforms import DateTimeLocalField as _DateTimeLocalField
from wtforms import EmailField as _EmailField
from wtforms import TimeField as _TimeField
from wtforms.validators import EqualTo, Length, Optional, StopValidation

from core.plainwords import PlainWords

__all__ = [
    "BooleanField",
    "CodeField",
    "DateField",
    "EmailField",
    "EqualTo",
    "FieldError",
    "FieldList",
    "FileField",
    "Form",
    "FormField",
    "HiddenField",
    "Length",
    "LocalDateTimeField",
    "MinutesField",
    "MoneyField",
    "MultipleFileField",
    "Optional",
    "PasswordField",
    "PersonNameField",
    "RadioField",
    "Required",
    "SearchField",
    "SelectField",
    "SelectMultipleField",
    "StringField",
    "TelField",
    "TextAreaField",
    "TimeField",
    "URLField",
    "ValidationError",
    "WholeNumberField",
    "clean_text",
    "error_list",
    "format_money",
    "parse_money",
]

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


def clean_text(text: str, *, lines: bool = False) -> str:
    """Return `text` in NFC without control and direction characters, its runs of spaces collapsed.

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
    return " ".join(kept.split()) if collapse else kept.rstrip()


def _cleaner(field_class: type[Any]) -> Callable[[Any], Any] | None:
    if not issubclass(field_class, StringField) or issubclass(field_class, PasswordField):
        return None
    lines = issubclass(field_class, TextAreaField)
    return lambda data: clean_text(data, lines=lines) if isinstance(data, str) else data


class Form(FlaskForm):
    """A form with a CSRF token, clean text and messages in plain words."""

    class Meta(FlaskForm.Meta):
        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Put the cleaning filter in front of a text field's own filters."""
            cleaner = _cleaner(unbound_field.field_class)
            if cleaner is not None:
                options = {**options, "filters": [cleaner, *unbound_field.kwargs.get("filters", ())]}
            return unbound_field.bind(form=form, **options)

        def get_translations(self, form: Any) -> PlainWords:
            """Return the project's own words for what WTForms has to say."""
            return PlainWords()


class Required:
    """The field must hold something after cleaning; a box must be ticked, one choice must be made."""

    field_flags = {"required": True}

    def __init__(self, message: Any = None) -> None:
        self.message = message

    def __call__(self, form: Any, field: Any) -> None:
        """Stop the field's validation when it is empty; an error made while parsing it goes first."""
        if field.errors:
            raise StopValidation
        data = field.data
        if data is None or data is False or data in ("", [], ()):
            raise StopValidation(str(self.message or _missing(field)))


def _missing(field: Any) -> str:
    if isinstance(field, BooleanField):
        return gettext("Tick this to go on.")
    if isinstance(field, SelectField | SelectMultipleField):
        return gettext("Choose one.")
    return gettext("Fill this in.")


class EmailField(_EmailField):
    """An address in lower case and NFC, checked for its form only; at most 254 characters."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Lower the case of what was typed."""
        self.data = clean_text(valuelist[0]).lower() if valuelist else None

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError unless the data is empty or looks like an address."""
        if not self.data:
            return
        try:
            found = validate_email(self.data, check_deliverability=False)
        except EmailNotValidError as error:
            raise StopValidation(
                gettext("This is not an email address. One looks like name@example.com.")
            ) from error
        self.data = found.normalized.lower()
        if len(self.data) > 254:
            raise StopValidation(gettext("This address is too long."))


class PersonNameField(StringField):
    """A person's name as they write it: 1 to 120 characters with at least one letter."""

    longest = 120

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError for a name without a letter or with more than 120 characters."""
        if not self.data:
            return
        if not any(unicodedata.category(char).startswith("L") for char in self.data):
            raise StopValidation(gettext("A name has at least one letter."))
        if len(self.data) > self.longest:
            raise StopValidation(gettext("A name here has at most %(n)s characters.", n=self.longest))


class CodeField(StringField):
    """A code such as CST1-AST-A: upper case letters A to Z, digits, and single hyphens between them.

    Lower case is accepted and raised. The pattern must match the CHECK constraints of the tables with codes.
    """

    pattern = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*")

    def __init__(self, label: Any = None, validators: Any = None, longest: int = 32, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.longest = longest

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Raise the case of what was typed."""
        self.data = clean_text(valuelist[0]).upper() if valuelist else None

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError for other characters or a code that is too long."""
        if not self.data:
            return
        if not self.pattern.fullmatch(self.data):
            raise StopValidation(gettext("A code has only letters A to Z, digits, and hyphens between them."))
        if len(self.data) > self.longest:
            raise StopValidation(gettext("A code here has at most %(n)s characters.", n=self.longest))


class WholeNumberField(StringField):
    """A whole number within `minimum` and `maximum`, both included; None when left empty."""

    def __init__(
        self,
        label: Any = None,
        validators: Any = None,
        minimum: int = 0,
        maximum: int = 1_000_000,
        **kwargs: Any,
    ) -> None:
        render_kw = {"inputmode": "numeric", "autocomplete": "off", **(kwargs.pop("render_kw", None) or {})}
        super().__init__(label, validators, render_kw=render_kw, **kwargs)
        self.minimum, self.maximum = minimum, maximum

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the number; raises ValueError with the message for its reader."""
        self.data = None
        typed = clean_text(valuelist[0]) if valuelist else ""
        if not typed:
            return
        if not re.fullmatch(r"-?[0-9]{1,12}", typed):
            raise ValueError(gettext("Use digits only, like 12."))
        value = int(typed)
        if not self.minimum <= value <= self.maximum:
            raise ValueError(
                gettext("Use a number from %(low)s to %(high)s.", low=self.minimum, high=self.maximum)
            )
        self.data = value


class MinutesField(WholeNumberField):
    """Whole minutes, 0 to `maximum` (a day's 1,440 unless told otherwise)."""

    def __init__(
        self, label: Any = None, validators: Any = None, minimum: int = 0, maximum: int = 1440, **kwargs: Any
    ) -> None:
        super().__init__(label, validators, minimum=minimum, maximum=maximum, **kwargs)


class MoneyField(StringField):
    """An amount, typed and shown as "12.50", kept as a whole number of the smallest unit: 1250 cents.

    `digits` is the number of decimals of the currency: 2 for dollars and euros, 0 for yen.
    """

    def __init__(
        self,
        label: Any = None,
        validators: Any = None,
        digits: int = 2,
        minimum: int = 0,
        maximum: int = 100_000_000,
        **kwargs: Any,
    ) -> None:
        render_kw = {"inputmode": "decimal", "autocomplete": "off", **(kwargs.pop("render_kw", None) or {})}
        super().__init__(label, validators, render_kw=render_kw, **kwargs)
        self.digits, self.minimum, self.maximum = digits, minimum, maximum

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else format_money(self.data, self.digits)

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the amount; raises ValueError with the message for its reader."""
        self.data = None
        typed = clean_text(valuelist[0]) if valuelist else ""
        if not typed:
            return
        value = parse_money(typed, self.digits)
        if value is None:
            raise ValueError(
                gettext("Use an amount like %(example)s.", example=format_money(1250, self.digits))
            )
        if not self.minimum <= value <= self.maximum:
            low, high = format_money(self.minimum, self.digits), format_money(self.maximum, self.digits)
            raise ValueError(gettext("Use an amount from %(low)s to %(high)s.", low=low, high=high))
        self.data = value


def format_money(amount: int, digits: int = 2) -> str:
    """Return `amount` (smallest units) as it is typed into a field: 1250 becomes "12.50"."""
    sign, whole = ("-" if amount < 0 else ""), abs(amount)
    if digits == 0:
        return f"{sign}{whole}"
    return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d}"


def parse_money(typed: str, digits: int = 2) -> int | None:
    """Return what was typed as smallest units, or None when it is no amount.

    A point or a comma before at most `digits` last digits is the decimal mark; commas, points and spaces
    between groups of three are let pass. No floats are involved.
    """
    found = re.fullmatch(
        r"(-?)\s?[$€£]?\s?([0-9]{1,3}(?:[ ,.'’][0-9]{3})+|[0-9]{1,12})(?:[.,]([0-9]+))?", typed
    )
    if not found or len(found[3] or "") > digits:
        return None
    whole: int = int(re.sub(r"[^0-9]", "", found[2])) * 10**digits
    part: int = int((found[3] or "").ljust(digits, "0") or "0")
    return -(whole + part) if found[1] else whole + part


class DateField(_DateField):
    """A calendar date from 1900 to 2199; no zone, no time."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the date; raises ValueError with the message for its reader."""
        self.data = None
        if not valuelist or not valuelist[0].strip():
            return
        value = _parse(valuelist[0], ("%Y-%m-%d",))
        if value is None:
            raise ValueError(gettext("This is not a date. Use year-month-day, like 2027-03-12."))
        self.data = value.date()


class LocalDateTimeField(_DateTimeLocalField):
    """A date and time as a clock on the wall shows it, without a zone: the view adds the class's zone."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the moment; raises ValueError with the message for its reader."""
        self.data = None
        if not valuelist or not valuelist[0].strip():
            return
        self.data = _parse(valuelist[0], ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"))
        if self.data is None:
            raise ValueError(gettext("This is not a date and time. Use one like 2027-03-12 09:00."))


class TimeField(_TimeField):
    """A time of day as a clock on the wall shows it."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the time; raises ValueError with the message for its reader."""
        self.data = None
        if not valuelist or not valuelist[0].strip():
            return
        value = _parse("2000-01-01 " + valuelist[0].strip(), ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"))
        if value is None:
            raise ValueError(gettext("This is not a time. Use one like 09:00 or 17:30."))
        self.data = value.time()


def _parse(typed: str, formats: Sequence[str]) -> dt.datetime | None:
    for pattern in formats:
        try:
            value = dt.datetime.strptime(clean_text(typed), pattern)  # noqa: DTZ007 — a wall clock has no zone
        except ValueError:
            continue
        if 1900 <= value.year <= 2199:
            return value
    return None


@dataclass(frozen=True)
class FieldError:
    """One line of the summary above a form; `id` is None when it is about the whole form."""

    id: str | None
    label: str
    message: str


def error_list(form: Any) -> list[FieldError]:
    """Return every error of a validated form in the order of its fields, the form's own first."""
    own = [FieldError(None, "", str(message)) for message in form.form_errors]
    return own + [error for field in form for error in _field_errors(field)]


def _field_errors(field: Any) -> Iterator[FieldError]:
    if isinstance(field, FormField):
        yield from error_list(field.form)
        return
    if isinstance(field, FieldList):
        for entry in field.entries:
            yield from _field_errors(entry)
        if not any(entry.errors for entry in field.entries):
            yield from (FieldError(field.id, str(field.label.text), str(message)) for message in field.errors)
        return
    if field.type == "CSRFTokenField":
        if field.errors:
            yield FieldError(
                None, "", str(lazy_gettext("This page was open for a long time. Send it once more."))
            )
        return
    target = f"{field.id}-0" if isinstance(field, RadioField) else field.id
    yield from (FieldError(target, str(field.label.text), str(message)) for message in field.errors)
