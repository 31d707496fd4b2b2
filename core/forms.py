"""The base of every form, and the fields that mean the same thing wherever they stand.

Text arrives clean: Unicode NFC, no control or direction characters, spaces collapsed and stripped (passwords
are left alone). Numbers are whole: minutes, and money in the currency's smallest unit. Messages say what to
do, not what failed. A view that finds a form invalid answers 422 with the form again;
`templates/_macros/forms.html` draws it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, MultipleFileField
from markupsafe import Markup, escape
from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    HiddenField,
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
from wtforms.fields.choices import SelectChoice
from wtforms.validators import EqualTo, Length, Optional, StopValidation
from wtforms.widgets import core as widgets

from core.fields import (
    CodeField,
    DateField,
    EmailField,
    LocalDateTimeField,
    MinutesField,
    MoneyField,
    PersonNameField,
    RateField,
    TimeField,
    UnitsField,
    WholeNumberField,
)
from core.plainwords import PlainWords
from core.typed import clean_text

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
    "RateField",
    "Required",
    "SearchField",
    "SelectField",
    "SelectMultipleField",
    "StringField",
    "TelField",
    "TextAreaField",
    "TimeField",
    "URLField",
    "UnitsField",
    "ValidationError",
    "WholeNumberField",
    "error_list",
    "html_attributes",
]


def _cleaner(field_class: type[Any]) -> Callable[[Any], Any] | None:
    if not issubclass(field_class, StringField) or issubclass(field_class, PasswordField):
        return None
    lines = issubclass(field_class, TextAreaField)
    return lambda data: clean_text(data, lines=lines) if isinstance(data, str) else data


def html_attributes(**given: Any) -> Markup:
    """Attributes as WTForms writes them, in a fifth of its time: every field of every form is drawn with them.

    True stands for an attribute without a value, False for none; names may end in "_", data_ and aria_ get dashes.
    """
    parts = []
    for name, value in sorted(given.items()):
        key = widgets.clean_key(name)
        if value is True:
            parts.append(key)
        elif value is not False:
            safe = str(escape(value)).replace('"', "&quot;")  # markup keeps its quotes otherwise
            parts.append(f'{key}="{safe}"')
    return Markup(" ".join(parts))  # noqa: S704 (each value is escaped above)


widgets.html_params = html_attributes
widgets.Input.html_params = staticmethod(html_attributes)


def _choice(choice: Any) -> Any:
    """Return a (value, label) pair as WTForms 3.4 will want it."""
    return SelectChoice(*choice) if isinstance(choice, tuple) else choice


class Form(FlaskForm):
    """A form with a CSRF token, clean text and messages in plain words."""

    class Meta(FlaskForm.Meta):
        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Put the cleaning filter in front of a text field's own filters; take choices written as pairs."""
            given = unbound_field.kwargs
            cleaner = _cleaner(unbound_field.field_class)
            if cleaner is not None:
                options = {**options, "filters": [cleaner, *given.get("filters", ())]}
            if isinstance(given.get("choices"), list | tuple):
                options = {**options, "choices": [_choice(choice) for choice in given["choices"]]}
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
        """Stop the field's validation when nothing was answered, or when what was typed could not be read."""
        if not field.raw_data or not str(field.raw_data[0]).strip():
            field.errors = []  # nothing was chosen or typed: say that, not that it is wrong
        if field.errors:
            raise StopValidation
        if field.data is None or field.data is False or field.data in ("", [], ()):
            raise StopValidation(str(self.message or _missing(field)))


def _missing(field: Any) -> str:
    if isinstance(field, BooleanField):
        return gettext("Tick this to go on.")
    if isinstance(field, SelectField | SelectMultipleField):
        return gettext("Choose one.")
    if isinstance(field, FileField | MultipleFileField):
        return gettext("Choose a file.")
    return gettext("Fill this in.")


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
            yield FieldError(None, "", gettext("This page was open for a long time. Send it once more."))
        return
    target = f"{field.id}-0" if isinstance(field, RadioField) else field.id
    yield from (FieldError(target, str(field.label.text), str(message)) for message in field.errors)
