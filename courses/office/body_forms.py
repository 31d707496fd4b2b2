"""The form of a body: how it counts, what it wants on a certificate, its periods."""

from typing import Any

from flask_babel import lazy_gettext as _l

from core.editing import EditForm
from core.forms import (
    CodeField,
    DateField,
    Length,
    MinutesField,
    Optional,
    RadioField,
    Required,
    SelectMultipleField,
    StringField,
    TextAreaField,
    UnitsField,
    WholeNumberField,
)
from courses.bodies import BodyData, fact_choices, period_problems
from courses.models import Body

PARTIAL = [
    ("whole", _l("Full attendance only: whoever missed a minute gets none")),
    ("part", _l("For the part that was attended")),
]
# What stands in the form as it is stored.
_SAME = (
    "title",
    "unit",
    "minutes_per_unit",
    "requires",
    "statement",
    "provider_number",
    "retention_years",
    "renewal_months",
    "renewal_ends_on",
)


class BodyForm(EditForm):
    """Everything of a body that may change."""

    title = StringField(_l("Name"), [Required(), Length(max=200)])
    provider_number = StringField(_l("The school’s provider number"), [Length(max=200)])
    unit = StringField(_l("What it calls its units"), [Required(), Length(max=200)])
    minutes_per_unit = MinutesField(
        _l("Minutes in one unit"), [Required()], minimum=1, maximum=100_000, default=60
    )
    step = UnitsField(_l("Units are rounded down to a multiple of"), [Required()])
    credit = RadioField(_l("Credit"), [Required()], choices=PARTIAL)
    requires = SelectMultipleField(_l("What a certificate has to carry"))
    statement = TextAreaField(_l("Statement"), [Length(max=5000)])
    retention_years = WholeNumberField(
        _l("Records are kept, years"), [Required()], minimum=1, maximum=100, default=7
    )
    renewal_months = WholeNumberField(_l("Length of a period, months"), [Optional()], minimum=1, maximum=240)
    renewal_units = UnitsField(_l("Units wanted in each period"))
    renewal_ends_on = DateField(_l("A day on which a period ends"), [Optional()])

    def __init__(self, body: Body | None = None, **kwargs: Any) -> None:
        self._stored = body.requires if body else []
        data = values_of(body) if body else {}
        super().__init__(data=data, **kwargs)

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Set the choices before anything typed is read."""
        self.requires.choices = fact_choices(self._stored)
        super().process(*args, **kwargs)

    def validate(self, extra_validators: Any = None) -> bool:
        """What is wrong with the periods is told together with the rest."""
        valid = bool(super().validate(extra_validators))
        if self.renewal_months.errors:
            return valid
        wrong = period_problems(self.renewal_months.data, self.renewal_units.data, self.renewal_ends_on.data)
        self.renewal_months.errors = [str(error) for error in wrong]
        return valid and not wrong


class NewBodyForm(BodyForm):
    """The same, with the code, which never changes afterwards."""

    code = CodeField(_l("Code"), [Required()])


def values_of(body: Body) -> dict[str, Any]:
    """What the form shows of a stored body."""
    return {
        **{name: getattr(body, name) for name in _SAME},
        "requires": [key for key, _words in fact_choices(body.requires) if key in body.requires],
        "step": body.step_thousandths,
        "credit": "part" if body.partial_credit else "whole",
        "renewal_units": body.renewal_units_thousandths,
    }


def body_data(form: BodyForm) -> BodyData:
    """What a valid form says. The statement is one paragraph, as it is printed."""
    given = {name: form.data[name] for name in _SAME}
    return BodyData(
        **given
        | {
            "statement": " ".join((given["statement"] or "").split()),
            "provider_number": given["provider_number"] or "",
            "requires": list(given["requires"] or []),
        },
        step_thousandths=form.step.data or 0,  # asked for, so never empty in a valid form
        partial_credit=form.credit.data == "part",
        renewal_units_thousandths=form.renewal_units.data,
    )
