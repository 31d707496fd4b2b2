"""Money in words for mails and the student's page: what a seat costs, what the terms say, what comes back."""

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from core.formatting import long_date, money
from core.outbox import OutgoingMail
from students import discounts, fees, ledger
from students.models import Enrollment, EnrollmentState


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


def still_to_pay(session: Session, enrollment: Enrollment) -> str:
    """What of the price is open and until when, as a sentence; empty when nothing is."""
    account = ledger.account_of(session, enrollment.id)
    if account is None or account.balance_cents <= 0:
        return ""
    return _(
        "%(open)s of %(price)s is still to be paid, by %(day)s.",
        open=money(account.balance_cents, account.currency),
        price=money(account.charged_cents, account.currency),
        day=long_date(account.due_on),
    )


def policy_words(enrollment: Enrollment, currency: str) -> str:
    """The refund steps of the policy agreed to, in one sentence; for a seat of a group, who decides about it."""
    if enrollment.group_booking is not None:
        return _(
            "%(organization)s booked and pays for your seat. Tell them when you can't come, or withdraw on your page.",
            organization=enrollment.group_booking.organization,
        )
    words = []
    for step in sorted(enrollment.policy.refunds, key=lambda step: -int(step["days_before"])):
        percent, fee = int(step["percent"]), int(step["fee"])
        if percent == 0:
            continue
        if fee:
            words.append(
                _(
                    "%(percent)d %% of the price less %(fee)s up to %(days)d days before the class",
                    percent=percent,
                    fee=money(fee, currency),
                    days=step["days_before"],
                )
            )
        else:
            words.append(
                _(
                    "%(percent)d %% of the price up to %(days)d days before the class",
                    percent=percent,
                    days=step["days_before"],
                )
            )
    if not words:
        return _("You can withdraw on your page. Nothing is refunded.")
    return _("You can withdraw on your page. You get back: %(steps)s.", steps="; ".join(words))


def refund_words(enrollment: Enrollment, row: OutgoingMail, refund: str) -> str:
    """What leaving means for the money: by the terms, by the office's own decision, or for a seat that a group pays."""
    if row.details.get("was") != EnrollmentState.ENROLLED:
        return _("You owe nothing.")
    if enrollment.group_booking is not None:
        organization = enrollment.group_booking.organization
        return _(
            "The seat stays with %(organization)s, which booked it. You owe nothing.",
            organization=organization,
        )
    comes_back = bool(row.details.get("refund_cents"))
    if row.details.get("overridden"):
        if comes_back:
            return _("The office gives you %(refund)s of what you paid back.", refund=refund)
        return _("The office gives nothing back, and asks for nothing more.")
    if comes_back:
        return _("By the terms, %(refund)s of what you paid comes back to you.", refund=refund)
    return _("By the terms, nothing comes back and nothing more is asked for.")
