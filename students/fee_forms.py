"""Forms of the fee pages. Amounts have as many decimals as their currency."""

from datetime import date

import babel.numbers
from flask_babel import lazy_gettext as _l

from core.forms import (
    BooleanField,
    CodeField,
    DateField,
    Form,
    Length,
    MoneyField,
    Required,
    SelectField,
    StringField,
    TextAreaField,
    WholeNumberField,
)
from students.fee_words import METHODS
from students.ledger_models import Method


class MoneyForm(Form):
    """Money that came or went."""

    amount = MoneyField(_l("Amount"), [Required()])
    made_on = DateField(_l("Date"), [Required()])
    method = SelectField(_l("How"), [Required()], choices=[(m.value, label) for m, label in METHODS.items()])
    reference = StringField(_l("Reference"), [Length(max=200)])
    accept_more = BooleanField(_l("More was paid than is owed; keep it to give back"))

    @property
    def chosen(self) -> Method:
        """The method, after validation."""
        return Method(self.method.data)

    @property
    def cents(self) -> int:
        """The amount, after validation."""
        return self.amount.data or 0

    @property
    def day(self) -> date:
        """The day, after validation."""
        return self.made_on.data or date.min


class DiscountForm(Form):
    """Something off, by decision of the office."""

    amount = MoneyField(_l("Amount"), [Required()])
    reason = TextAreaField(_l("Why"), [Required(), Length(max=1000)])

    @property
    def cents(self) -> int:
        """The amount, after validation."""
        return self.amount.data or 0


class ReasonForm(Form):
    """A reason that stays in the records."""

    reason = TextAreaField(_l("Why"), [Required(), Length(max=1000)])


class CodeForm(Form):
    """A new discount code."""

    code = CodeField(_l("Code"), [Required()])
    percent = WholeNumberField(_l("Percent off"), minimum=1, maximum=100)
    amount = MoneyField(_l("Or an amount off"), minimum=1)
    course = SelectField(_l("For"), choices=[])
    valid_until = DateField(_l("Last day"))
    most_uses = WholeNumberField(_l("How often at most"), minimum=1, maximum=100_000)
    note = StringField(_l("What it is for"), [Length(max=200)])


def money_form(currency: str, *, amount: int | None = None, made_on: date | None = None) -> MoneyForm:
    """The form in a currency; the amount and the day are suggested."""
    with_digits = type("MoneyForm", (MoneyForm,), {"amount": _amount(currency)})
    form: MoneyForm = with_digits(data={"amount": amount, "made_on": made_on})
    return form


def discount_form(currency: str) -> DiscountForm:
    """The discount form in a currency."""
    form: DiscountForm = type("DiscountForm", (DiscountForm,), {"amount": _amount(currency)})()
    return form


def code_form(currency: str, courses: list[tuple[str, str]]) -> CodeForm:
    """The form for a code; ``courses`` are (id, title) pairs."""
    amount = MoneyField(_l("Or an amount off"), minimum=1, digits=_digits(currency))
    form: CodeForm = type("CodeForm", (CodeForm,), {"amount": amount})()
    form.course.choices = [("", _l("Any course")), *courses]
    return form


def _amount(currency: str) -> MoneyField:
    return MoneyField(_l("Amount"), [Required()], digits=_digits(currency), minimum=1)


def _digits(currency: str) -> int:
    return babel.numbers.get_currency_precision(currency)
