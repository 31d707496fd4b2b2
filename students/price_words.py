"""What a seat costs its holder, in words for mails and the student's page: after discounts, or paid by a group."""

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from core.formatting import long_date, money
from students import discounts, fees, ledger
from students.models import Enrollment


def price_of(session: Session, enrollment: Enrollment) -> int:
    """The price in cents after discounts: what is charged, or will be when the seat is taken. Two statements at most."""
    account = ledger.account_of(session, enrollment.id)
    if account is not None:
        return account.charged_cents
    code = discounts.code_in_use(session, enrollment.id)
    return enrollment.price_cents - (discounts.amount_off(code, enrollment.price_cents) if code else 0)


def prices_of_offers(session: Session, offers: Sequence[Enrollment]) -> dict[int, int]:
    """What each seat offered would cost after its code, in cents. One statement, none without offers."""
    if not offers:
        return {}
    codes = discounts.codes_in_use(session, [enrollment.id for enrollment in offers])
    return {
        enrollment.id: enrollment.price_cents
        - discounts.amount_off(codes[enrollment.id], enrollment.price_cents)
        if enrollment.id in codes
        else enrollment.price_cents
        for enrollment in offers
    }


def price_words(session: Session, enrollment: Enrollment, currency: str) -> str:
    """The price, and how it is to be paid while something is open: deposit now, the rest by a day."""
    if enrollment.group_booking is not None:
        return _("Paid by %(organization)s", organization=enrollment.group_booking.organization)
    price = money(price_of(session, enrollment), currency)
    account = ledger.account_of(session, enrollment.id)
    if account is None or account.balance_cents <= 0:
        return price
    day = long_date(account.due_on)
    deposit = fees.deposit_due(account, enrollment.policy)
    if 0 < deposit < account.balance_cents:
        return _(
            "%(price)s: %(deposit)s as deposit now, the rest by %(day)s",
            price=price,
            deposit=money(deposit, currency),
            day=day,
        )
    return _("%(price)s, to be paid by %(day)s", price=price, day=day)
