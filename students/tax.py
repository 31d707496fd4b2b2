"""The tax within what a student pays: its figures, and how they read on invoices and receipts.

Prices include the tax. A document shows how much of its total that is; nothing is added to what was agreed.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _

from core.formatting import money, number
from core.school import TAX_WHOLE, School


@dataclass(frozen=True)
class Included:
    """A total in cents, split: ``net_cents + tax_cents`` is always the total."""

    net_cents: int
    tax_cents: int


def included(total_cents: int, rate: int) -> Included:
    """Split a total that includes a tax of ``rate`` (ten-thousandths of a percent: 190000 is 19%).

    The tax is total × rate ÷ (100% + rate), rounded to the cent, halves up, in integers. ``total_cents`` is 0 or more.
    """
    whole = TAX_WHOLE + rate
    tax = (2 * total_cents * rate + whole) // (2 * whole)
    return Included(net_cents=total_cents - tax, tax_cents=tax)


def line(school: School, total_cents: int) -> dict[str, Any] | None:
    """The line of a document about the tax within its total; None when the school charges none, or nothing is asked for."""
    if not school.tax_rate or not total_cents:
        return None
    split = included(total_cents, school.tax_rate)
    return {
        "text": words(school),
        "detail": _("Net amount %(net)s", net=money(split.net_cents, school.currency)),
        "amount": split.tax_cents,
    }


def words(school: School | None) -> str:
    """What prices include, like "Including 19% VAT"; empty for a school that charges no tax."""
    if school is None or not school.tax_rate:
        return ""
    rate = number(Decimal(school.tax_rate) / 10_000, 4)
    return _("Including %(rate)s%% %(tax)s", rate=rate, tax=school.tax_name)
