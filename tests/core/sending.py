"""Sends one field of a form, as a browser would."""

from typing import Any

from werkzeug.datastructures import MultiDict

from core.forms import Form


def sent(field: Any, *values: str) -> Any:
    """Return the field after it was sent with `values` and validated."""

    class One(Form):
        it = field

    form = One(formdata=MultiDict([("it", value) for value in values]))
    form.validate()
    return form["it"]


def said(field: Any, *values: str) -> str:
    """Return what the form says about it, empty when all is well."""
    return " ".join(str(message) for message in sent(field, *values).errors)
