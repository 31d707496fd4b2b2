"""What someone would pay: the enrollment form's "you pay", before anything is decided."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from core.errors import RuleError
from courses.offering_models import Offering
from students import discounts, ledger
from students.enrollment import price_for


@dataclass(frozen=True)
class Quote:
    """A price in cents with what is taken off it. ``problem`` says why a typed code takes nothing off."""

    full_cents: int
    price_cents: int
    discount_cents: int
    deposit_cents: int
    due_on: date
    code: str = ""
    problem: str = ""

    @property
    def repeat_cents(self) -> int:
        """What repeating the course takes off."""
        return self.full_cents - self.price_cents

    @property
    def total_cents(self) -> int:
        """What is to be paid in all."""
        return self.price_cents - self.discount_cents


def quote(
    session: Session, offering: Offering, student_id: int | None, *, code: str = "", now: datetime
) -> Quote:
    """What this student (None: a visitor) would pay when enrolling now, with a discount code if one was typed."""
    policy = offering.policy
    price = price_for(session, offering, policy, student_id)
    off, problem = 0, ""
    if code.strip():
        try:
            found = discounts.require_usable(discounts.find(session, code), offering, now=now)
            off = discounts.amount_off(found, price)
        except RuleError as error:
            problem = str(error)
    return Quote(
        full_cents=offering.price_cents,
        price_cents=price,
        discount_cents=off,
        deposit_cents=min(policy.deposit_cents, price - off),
        due_on=ledger.due_date(offering, policy, now),
        code=code.strip().upper(),
        problem=problem,
    )
