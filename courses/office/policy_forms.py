"""The form of a policy: everything that a version says."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from core.forms import (
    BooleanField,
    FieldList,
    FormField,
    MinutesField,
    MoneyField,
    Optional,
    Required,
    WholeNumberField,
)
from courses.models import Policy
from courses.office.course_forms import RowForm, currency_digits
from courses.office.version_forms import HandleField, VersionForm
from courses.policies import PolicyData
from courses.versions import Using

SPARE_ROWS = 2
# What goes between the form and the policy as it stands.
_SAME = (
    "minimum_percent",
    "grace_minutes_per_meeting",
    "excused_counts",
    "balance_due_days",
    "free_transfers",
    "repeat_price_percent",
    "seat_offer_hours",
    "waitlist_cutoff_hours",
)


class RefundRow(RowForm):
    """One step of the refunds; a row without days is none."""

    days_before = WholeNumberField(_l("Days before the class, or more"), [Optional()], maximum=10_000)
    percent = WholeNumberField(_l("Percent of the price back"), [Optional()], maximum=100)
    fee = MoneyField(_l("Less a fee"), [Optional()])

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed into it."""
        return all(not field.raw_data or not str(field.raw_data[0]).strip() for field in self)

    def validate(self, extra_validators: Any = None) -> bool:
        """A row that says something says days and percent."""
        valid = bool(super().validate(extra_validators))
        if self.is_empty:
            return valid
        for field in (self.days_before, self.percent):
            if field.data is None and not field.errors:
                field.errors, valid = [_("Fill this in.")], False
        return valid


class PolicyForm(VersionForm):
    """Everything that a version of a policy says."""

    minimum_percent = WholeNumberField(
        _l("Attendance for the certificate, percent"), [Required()], maximum=100, default=100
    )
    grace_minutes_per_meeting = MinutesField(_l("Grace in each meeting, minutes"), [Required()], default=0)
    excused_counts = BooleanField(_l("A meeting that was excused counts as attended"))
    deposit = MoneyField(_l("Deposit"), [Required()], default=0)
    balance_due_days = WholeNumberField(
        _l("The rest is due, days before the class"), [Required()], maximum=10_000, default=0
    )
    refunds = FieldList(FormField(RefundRow), _l("What comes back"))
    free_transfers = WholeNumberField(
        _l("Moves to another date without a fee"), [Required()], maximum=1000, default=0
    )
    repeat_price_percent = WholeNumberField(
        _l("Price of taking the course again, percent"), [Required()], maximum=100, default=100
    )
    seat_offer_hours = WholeNumberField(
        _l("A freed seat is held, hours"), [Required()], minimum=1, maximum=10_000, default=48
    )
    waitlist_cutoff_hours = WholeNumberField(
        _l("The waitlist closes, hours before the class"), [Required()], maximum=10_000, default=24
    )

    def __init__(self, session: Session, users: Sequence[Using] = (), **kwargs: Any) -> None:
        self._digits = currency_digits(session)
        super().__init__(users, **kwargs)

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Set the currency before anything typed is read."""
        self.deposit.digits = self._digits
        super().process(*args, **kwargs)
        for row in self.refunds:
            row.form.fee.digits = self._digits


class NewPolicyForm(PolicyForm):
    """The same, with the name of something new."""

    code = HandleField(_l("Name"), [Required()])


def values_of(policy: Policy, users: Sequence[Using] = ()) -> dict[str, Any]:
    """What the form shows of a stored version; every course that uses the policy takes the new version."""
    return {
        **{name: getattr(policy, name) for name in _SAME},
        "deposit": policy.deposit_cents,
        "refunds": [dict(step) for step in policy.refunds] + [{}] * SPARE_ROWS,
        "courses": [user.course.id for user in users],
    }


def policy_data(form: PolicyForm) -> PolicyData:
    """What a valid form says."""
    steps = [row.form for row in form.refunds if row.form.days_before.data is not None]
    return PolicyData(
        **{name: form.data[name] for name in _SAME},
        deposit_cents=form.deposit.data or 0,
        refunds=[
            {
                "days_before": step.days_before.data,
                "percent": step.percent.data,
                "fee": step.fee.data or 0,
            }
            for step in steps
        ],
    )
