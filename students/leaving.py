"""Leaving a class: withdrawing, and what the policy agreed to gives back."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core.clock import local_date
from core.errors import RuleError
from courses.models import Policy
from courses.offering_models import Offering
from students import ledger, seats, states, telling, waitlist
from students.models import Enrollment, EnrollmentState


@dataclass(frozen=True)
class Terms:
    """What leaving on a certain day means, by the policy that was frozen onto the enrollment. Amounts in cents.

    ``kept_cents`` is what the school keeps of the price; whatever was paid beyond it is given back (``refund_of``).
    ``days_before`` counts calendar days in the class's zone, from that day to the class's first.
    """

    days_before: int
    percent: int
    fee_cents: int
    price_cents: int

    @property
    def refund_cents(self) -> int:
        """What comes back when the whole price was paid."""
        return max(0, self.price_cents * self.percent // 100 - self.fee_cents)

    @property
    def kept_cents(self) -> int:
        """What the school keeps."""
        return self.price_cents - self.refund_cents

    def refund_of(self, paid_cents: int) -> int:
        """What comes back of what was paid so far."""
        return max(0, paid_cents - self.kept_cents)


def terms_of(
    enrollment: Enrollment,
    offering: Offering,
    policy: Policy,
    *,
    now: datetime,
    charged_cents: int | None = None,
) -> Terms:
    """What withdrawing now means. Only a seat that was taken up costs anything: waiting, asking and passing are free.

    ``charged_cents`` is what the seat costs after discounts (``ledger.charged_for``); None: the price.
    """
    today = local_date(now, offering.time_zone)
    days = (local_date(offering.starts_at, offering.time_zone) - today).days
    if enrollment.state is not EnrollmentState.ENROLLED:
        return Terms(days_before=days, percent=100, fee_cents=0, price_cents=enrollment.price_cents)
    percent, fee = tier(policy, days)
    price = enrollment.price_cents if charged_cents is None else charged_cents
    return Terms(days_before=days, percent=percent, fee_cents=fee, price_cents=price)


def tier(policy: Policy, days_before: int) -> tuple[int, int]:
    """Percent and fee (cents) that the policy gives so many days before the class; nothing past its last tier."""
    for step in sorted(policy.refunds, key=lambda step: -int(step["days_before"])):
        if days_before >= int(step["days_before"]):
            return int(step["percent"]), int(step["fee"])
    return 0, 0


def steps(policy: Policy, offering: Offering) -> list[tuple[date, int, int]]:
    """The policy's refund steps for a class: last day (in its zone), percent, fee in cents; steps of nothing left out."""
    first_day = local_date(offering.starts_at, offering.time_zone)
    return [
        (first_day - timedelta(days=int(step["days_before"])), int(step["percent"]), int(step["fee"]))
        for step in sorted(policy.refunds, key=lambda step: -int(step["days_before"]))
        if int(step["percent"]) > 0
    ]


def withdraw(
    session: Session,
    enrollment: Enrollment,
    *,
    actor: User,
    now: datetime,
    reason: str = "",
    refund_cents: int | None = None,
) -> Terms:
    """Give up a seat, an offer, a request or a place on the waitlist; a freed seat goes to the head of the list.

    ``refund_cents``: what the office gives back of what was paid, instead of the policy's; needs a reason. Returns the
    terms that applied. Raises RuleError when there is nothing to leave, after the class began (the office may, until
    it is finalized, with a reason), or for an override without a reason.
    """
    offering = seats.lock_of(session, enrollment)
    by_office = actor.is_staff and actor.id != enrollment.student.user_id
    reason = reason.strip()
    require_leavable(enrollment, offering, now, by_office=by_office)
    if by_office and not reason and (refund_cents is not None or now >= offering.starts_at):
        raise RuleError(_("Write why; it stays in the student's history."), field="reason")
    charged = ledger.charged_for(session, enrollment)
    terms = terms_of(enrollment, offering, enrollment.policy, now=now, charged_cents=charged)
    if refund_cents is not None:
        if not by_office:
            raise RuleError(_("Only the office can decide on another refund."))
        if not 0 <= refund_cents <= terms.price_cents:
            raise RuleError(_("A refund lies between nothing and the whole price."), field="refund")
    was = enrollment.state
    held_seat = enrollment.holds_seat
    seats.move(
        session,
        enrollment,
        EnrollmentState.WITHDRAWN,
        actor=actor,
        now=now,
        reason=reason,
        days_before=terms.days_before,
        percent=terms.percent,
        fee_cents=terms.fee_cents,
        kept_cents=_kept(session, enrollment, terms, refund_cents) if was is EnrollmentState.ENROLLED else 0,
        overridden=refund_cents is not None,
    )
    telling.withdrawn(
        session,
        enrollment,
        now=now,
        was=was.value,
        by_office=by_office,
        refund_cents=ledger.due_back(session, enrollment),
        overridden=refund_cents is not None,
    )
    telling.seat_of_group_open(session, enrollment, now=now)
    if held_seat:
        waitlist.promote(session, offering, now=now, freed_by="withdrawn")
    return terms


def _kept(session: Session, enrollment: Enrollment, terms: Terms, refund_cents: int | None) -> int:
    """What the school keeps: by the terms, or what is left of the money paid after the office's own refund."""
    if refund_cents is None:
        return terms.kept_cents
    account = ledger.account_of(session, enrollment.id)
    if account is None:
        return 0
    account = ledger.lock(session, account.id)
    return max(0, min(account.paid_cents, account.charged_cents) - refund_cents)


def require_leavable(
    enrollment: Enrollment, offering: Offering, now: datetime, *, by_office: bool = False
) -> None:
    """Raise RuleError with the reason when there is nothing (more) to withdraw from."""
    if enrollment.state is EnrollmentState.WITHDRAWN and not by_office:
        raise RuleError(_("You withdrew from this class already."))
    if EnrollmentState.WITHDRAWN not in states.TRANSITIONS[enrollment.state]:
        raise RuleError(states.standing(enrollment.state))
    if now >= offering.starts_at and not by_office and enrollment.state is EnrollmentState.ENROLLED:
        raise RuleError(_("This class has begun. Write to the office to withdraw from it."))
