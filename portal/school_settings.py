"""The school's own settings: what is printed on every paper, and how it counts money and days."""

import re
from dataclasses import dataclass, fields
from datetime import datetime

import babel.numbers
import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.clock import is_zone
from core.database import locked
from core.errors import RuleError
from core.school import School
from courses.models import Course


@dataclass(frozen=True, kw_only=True)
class SchoolData:
    """Everything a school is. ``currency`` is an ISO 4217 code, ``time_zone`` an IANA name.

    ``tax_rate`` is in ten-thousandths of a percent: 190000 is 19%, 0 none.
    """

    name: str
    email: str
    address: str
    currency: str
    time_zone: str
    number_prefix: str
    phone: str = ""
    website: str = ""
    signatory: str = ""
    tax_id: str = ""
    bank_details: str = ""
    tax_name: str = ""
    tax_rate: int = 0
    tax_note: str = ""


def save_school(session: Session, data: SchoolData, *, actor: User, now: datetime) -> list[str]:
    """Set the school up, or change it; returns the names of what changed.

    Papers that exist keep what they say. Raises RuleError, with its field, for an unknown zone or currency, a prefix that
    is no short code, a tax that is said by half, and another currency once there are prices.
    """
    _check(data)
    school = locked(session, School, 1)
    values = {f.name: getattr(data, f.name) for f in fields(data)}
    if school is None:
        session.add(School(id=1, **values))
        session.flush()
        school, changed = session.get_one(School, 1), sorted(values)
    else:
        if school.currency != data.currency and session.scalar(sa.select(Course.id).limit(1)) is not None:
            raise RuleError(
                _(
                    "Prices are written in %(currency)s already. The currency stays.",
                    currency=school.currency,
                ),
                field="currency",
            )
        changed = [name for name, value in values.items() if getattr(school, name) != value]
        for name in changed:
            setattr(school, name, values[name])
    if changed:
        audit.record(session, "portal:school:changed", school, actor=actor, now=now, changed=changed)
    return changed


def _check(data: SchoolData) -> None:
    if not is_zone(data.time_zone):
        raise RuleError(_("This is not a time zone. One looks like America/Chicago."), field="time_zone")
    if data.currency not in babel.numbers.list_currencies():
        raise RuleError(_("This is not a currency. One looks like USD."), field="currency")
    if not re.fullmatch(r"[A-Z][A-Z0-9]{1,7}", data.number_prefix):
        raise RuleError(_("Use two to eight letters A to Z and digits, like TBI."), field="number_prefix")
    _check_tax(data)


def _check_tax(data: SchoolData) -> None:
    if not data.tax_rate:
        if data.tax_name:
            raise RuleError(
                _("Write the rate of the tax, or leave its name empty when none is charged."),
                field="tax_rate",
            )
        return
    if not data.tax_name:
        raise RuleError(_("Write what the tax is called on an invoice, like VAT."), field="tax_name")
    if not data.tax_id:
        raise RuleError(
            _("Write the number under which the school pays this tax: invoices have to name it."),
            field="tax_id",
        )
    if data.tax_note:
        raise RuleError(
            _("An invoice can't show a tax and say that none is charged. Leave one of them empty."),
            field="tax_note",
        )
