"""The fees of a group booking: one account for all its seats, settled by the terms when seats are given back.

As for a single student (``students.ledger.settle``): what was not paid is not asked for any more, and the school keeps at
most what the terms let it keep, out of money that the remaining seats don't need. docs/adr/0011.
"""

from dataclasses import dataclass
from datetime import datetime

from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.models import User
from core.clock import local_date
from courses.offering_models import Offering
from students import ledger
from students.group_models import GroupBooking
from students.leaving import tier
from students.ledger_models import EntryKind, FeeAccount


@dataclass(frozen=True)
class GivenBack:
    """What giving seats back means today, in cents: what they were charged, and what the school keeps of it."""

    share_cents: int
    unpaid_cents: int
    kept_cents: int

    @property
    def off_cents(self) -> int:
        """By how much less is asked for."""
        return self.share_cents - self.kept_cents


def charge(
    session: Session, booking: GroupBooking, account: FeeAccount, count: int, *, actor: User, now: datetime
) -> None:
    """Charge so many seats at the booking's price; nothing for free seats. The account is locked or new."""
    if booking.price_cents:
        cents = booking.price_cents * count
        ledger.append(session, account, EntryKind.CHARGE, cents, actor=actor, now=now, seats=count)


def terms_of(
    session: Session,
    booking: GroupBooking,
    account: FeeAccount,
    offering: Offering,
    *,
    seats: int,
    count: int,
    now: datetime,
) -> GivenBack:
    """What giving back ``count`` of the booking's ``seats`` means today, by the policy that the booking agreed to.

    Discounts are shared by all seats. Each seat pays the policy's fee, as a single student would.
    """
    # Charges of seats say how many; the others are what was kept of seats given back before.
    kept_before = sum(
        entry.amount_cents
        for entry in ledger.entries_of(session, account.id)
        if entry.kind is EntryKind.CHARGE and entry.seats is None
    )
    share = max(0, account.charged_cents - kept_before) * count // seats
    zone = offering.time_zone
    days = (local_date(offering.starts_at, zone) - local_date(now, zone)).days
    percent, fee = tier(booking.policy, days)
    by_terms = share - max(0, share * percent // 100 - fee * count)
    spare = max(0, account.paid_cents - (account.charged_cents - share))
    return GivenBack(
        share_cents=share,
        unpaid_cents=min(share, max(0, account.balance_cents)),
        kept_cents=min(by_terms, spare),
    )


def give_back(
    session: Session, account: FeeAccount, terms: GivenBack, count: int, *, actor: User, now: datetime
) -> None:
    """Take the seats off the account, which is locked. The ledger says what is let go, given back and kept."""
    for kind, cents in (
        (EntryKind.RELEASE, terms.unpaid_cents),
        (EntryKind.REFUND_DUE, terms.share_cents - terms.unpaid_cents),
    ):
        if cents:
            ledger.append(session, account, kind, -cents, actor=actor, now=now, seats=-count)
    if terms.kept_cents:
        note = ngettext("Of %(num)d seat given back", "Of %(num)d seats given back", count)
        ledger.append(session, account, EntryKind.CHARGE, terms.kept_cents, actor=actor, now=now, note=note)
