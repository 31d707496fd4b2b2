"""The ledger: accounts open, entries are added, sums follow. What a move of an enrollment means for its fees is here.

``follow`` is called by ``students.seats`` for every move, so no path into or out of a class can forget the money. Rows
are locked in this order: offering, account, number series; a discount code only under its offering's lock, so no two acts
wait for each other.
"""

from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import User
from core.clock import local_date
from core.database import locked
from core.school import current_school
from courses.models import Policy
from courses.offering_models import Offering
from students import discounts
from students.group_models import GroupBooking
from students.ledger_models import ASKED, EntryKind, FeeAccount, FeeEntry, Method
from students.models import LIVE_STATES, Enrollment, EnrollmentState

# Whoever enrolls late has this many days to pay, whatever the policy's date.
LEAST_DAYS = 7
# Before the school has been set up (tests, first steps) amounts are in this currency.
FALLBACK_CURRENCY = "USD"


def due_date(offering: Offering, policy: Policy, charged_at: datetime) -> date:
    """The day until which the balance is paid: the policy's, or 7 days after enrolling when that is later.

    A day in the class's zone.
    """
    by_policy = local_date(offering.starts_at, offering.time_zone) - timedelta(days=policy.balance_due_days)
    return max(by_policy, local_date(charged_at, offering.time_zone) + timedelta(days=LEAST_DAYS))


def account_of(session: Session, enrollment_id: int) -> FeeAccount | None:
    """The account of an enrollment; None when nothing was ever charged (waiting, asking, paid by a group)."""
    return session.scalars(
        sa.select(FeeAccount).where(FeeAccount.enrollment_id == enrollment_id)
    ).one_or_none()


def account_of_group(session: Session, booking_id: int) -> FeeAccount | None:
    """The account of a group booking."""
    return session.scalars(
        sa.select(FeeAccount).where(FeeAccount.group_booking_id == booking_id)
    ).one_or_none()


def charged_for(session: Session, enrollment: Enrollment) -> int | None:
    """What a seat costs its holder after discounts, in cents: nothing when a group pays; None without a record."""
    if enrollment.group_booking_id is not None:
        return 0
    account = account_of(session, enrollment.id)
    return account.charged_cents if account else None


def due_back(session: Session, enrollment: Enrollment) -> int:
    """What of the money paid is still to be given back, in cents."""
    account = account_of(session, enrollment.id)
    return max(0, -account.balance_cents) if account else 0


def lock(session: Session, account_id: int) -> FeeAccount:
    """Lock an account until the transaction ends and read it anew. Raises LookupError when there is none."""
    account = locked(session, FeeAccount, account_id)
    if account is None:
        raise LookupError(f"fee account {account_id}")
    return account


def open_account(
    session: Session,
    offering: Offering,
    policy: Policy,
    *,
    now: datetime,
    enrollment: Enrollment | None = None,
    booking: GroupBooking | None = None,
) -> FeeAccount:
    """Open the account of an enrollment or of a group booking. Its first entry is written with it, in one go."""
    school = current_school(session)
    account = FeeAccount(
        enrollment_id=enrollment.id if enrollment else None,
        group_booking_id=booking.id if booking else None,
        currency=school.currency if school else FALLBACK_CURRENCY,
        charged_cents=0,
        paid_cents=0,
        balance_cents=0,
        entry_count=0,
        due_on=due_date(offering, policy, now),
        opened_at=now,
    )
    session.add(account)
    return account


def append(
    session: Session,
    account: FeeAccount,
    kind: EntryKind,
    amount_cents: int,
    *,
    actor: User | None,
    now: datetime,
    made_on: date | None = None,
    method: Method | None = None,
    reference: str = "",
    note: str = "",
    seats: int | None = None,
    corrects: FeeEntry | None = None,
    discount_code_id: int | None = None,
) -> FeeEntry:
    """Add an entry to an account that is locked or new; the account's sums follow. Flushed.

    ``amount_cents`` is signed: what it does to the balance. The sign that fits each kind is in ``EntryKind``; the
    database holds it.
    """
    if kind in ASKED:
        account.charged_cents += amount_cents
    else:
        account.paid_cents -= amount_cents
    account.balance_cents = account.charged_cents - account.paid_cents
    account.entry_count += 1
    entry = FeeEntry(
        account=account,
        number=account.entry_count,
        at=now,
        kind=kind,
        amount_cents=amount_cents,
        balance_after_cents=account.balance_cents,
        made_on=made_on,
        method=method,
        reference=reference,
        note=note,
        seats=seats,
        by_id=actor.id if actor else None,
        corrects_id=corrects.id if corrects else None,
        discount_code_id=discount_code_id,
    )
    session.add(entry)
    session.flush()
    return entry


def entries_of(session: Session, account_id: int) -> list[FeeEntry]:
    """The entries of an account in order. One statement."""
    return list(
        session.scalars(
            sa.select(FeeEntry).where(FeeEntry.account_id == account_id).order_by(FeeEntry.number)
        )
    )


def follow(
    session: Session,
    enrollment: Enrollment,
    before: EnrollmentState | None,
    *,
    actor: User | None,
    now: datetime,
    details: dict[str, Any],
) -> None:
    """Do what a move means for the fees. The offering is locked; the enrollment has its new state and its id.

    Taking up a seat charges the price agreed on; leaving it settles by ``details["kept_cents"]``; what was paid goes along
    to another class (``transferred_from``) and back (``reinstated_from``). A seat of a group booking costs its holder
    nothing.
    """
    after = enrollment.state
    if before is None and details.get("discount_code"):
        discounts.use(session, details["discount_code"], enrollment.offering, enrollment.id, now=now)
    if after is EnrollmentState.ENROLLED and enrollment.group_booking_id is None:
        came_from = details.get("transferred_from") or details.get("reinstated_from")
        account = _charge(session, enrollment, actor=actor, now=now)
        if came_from is not None:
            _carry(session, came_from, enrollment, account, actor=actor, now=now)
        elif before is not None or details.get("discount_code"):  # a newcomer without a code has none in use
            _use_code(session, enrollment, account, actor=actor, now=now)
    elif before is EnrollmentState.ENROLLED and after not in LIVE_STATES:
        _settle(session, enrollment.id, int(details.get("kept_cents", 0)), actor=actor, now=now)
    if after not in LIVE_STATES and before is not None:
        discounts.give_back(session, enrollment.id, now=now)


def _charge(session: Session, enrollment: Enrollment, *, actor: User | None, now: datetime) -> FeeAccount:
    account = open_account(session, enrollment.offering, enrollment.policy, enrollment=enrollment, now=now)
    if enrollment.price_cents:
        append(session, account, EntryKind.CHARGE, enrollment.price_cents, actor=actor, now=now)
    return account


def _use_code(
    session: Session, enrollment: Enrollment, account: FeeAccount, *, actor: User | None, now: datetime
) -> None:
    code = discounts.code_in_use(session, enrollment.id)
    if code is None:
        return
    off = discounts.amount_off(code, enrollment.price_cents)
    if off:
        append(
            session,
            account,
            EntryKind.DISCOUNT,
            -off,
            actor=actor,
            now=now,
            reference=code.code,
            discount_code_id=code.id,
        )


def _carry(
    session: Session,
    from_id: int,
    enrollment: Enrollment,
    account: FeeAccount,
    *,
    actor: User | None,
    now: datetime,
) -> None:
    """Let discounts and what was paid go along; the account they come from ends at zero.

    A discount by a code only with a use of it, which moved along or is still to be had.
    """
    discounts.pass_on(session, from_id, enrollment.id)
    old = account_of(session, from_id)
    if old is None:
        if discounts.use_again(session, from_id, enrollment.id, now=now):
            _use_code(session, enrollment, account, actor=actor, now=now)
        return
    old = lock(session, old.id)
    paid, asked = old.paid_cents, old.charged_cents
    for entry in _discounts(session, old.id):
        by_code = entry.discount_code_id is not None
        if by_code and not discounts.use_again(session, from_id, enrollment.id, now=now):
            continue
        _carry_discount(session, entry, account, actor=actor, now=now)
    if asked:
        append(session, old, EntryKind.RELEASE, -asked, actor=actor, now=now)
    if paid:
        append(session, old, EntryKind.MOVED, paid, actor=actor, now=now)
        append(session, account, EntryKind.MOVED, -paid, actor=actor, now=now)


def _discounts(session: Session, account_id: int) -> list[FeeEntry]:
    """The discounts of an account that were not taken back."""
    entries = entries_of(session, account_id)
    taken_back = {entry.corrects_id for entry in entries}
    return [
        entry
        for entry in entries
        if entry.kind is EntryKind.DISCOUNT and entry.corrects_id is None and entry.id not in taken_back
    ]


def _carry_discount(
    session: Session, entry: FeeEntry, account: FeeAccount, *, actor: User | None, now: datetime
) -> None:
    off = min(-entry.amount_cents, account.charged_cents)
    if off:
        append(
            session,
            account,
            EntryKind.DISCOUNT,
            -off,
            actor=actor,
            now=now,
            reference=entry.reference,
            note=entry.note,
            discount_code_id=entry.discount_code_id,
        )


def _settle(
    session: Session, enrollment_id: int, kept_cents: int, *, actor: User | None, now: datetime
) -> None:
    account = account_of(session, enrollment_id)
    if account is not None:
        settle(session, lock(session, account.id), kept_cents, actor=actor, now=now)


def settle(
    session: Session, account: FeeAccount, kept_cents: int, *, actor: User | None, now: datetime
) -> int:
    """End what an account asks for: the school keeps ``kept_cents`` of what was paid and gives the rest back.

    What was not paid yet is not asked for any more (the terms speak of refunds, not of debts). Returns what is to be
    given back now, in cents.
    """
    covered = min(account.paid_cents, account.charged_cents)
    kept = max(0, min(kept_cents, covered))
    unpaid = account.charged_cents - covered
    if unpaid:
        append(session, account, EntryKind.RELEASE, -unpaid, actor=actor, now=now)
    if covered - kept:
        append(session, account, EntryKind.REFUND_DUE, -(covered - kept), actor=actor, now=now)
    return -account.balance_cents


def move_due_dates(session: Session, offering: Offering) -> None:
    """Count the due dates of a class anew after its dates changed. Accounts are few; each is read."""
    accounts = session.scalars(
        sa.select(FeeAccount)
        .outerjoin(Enrollment, Enrollment.id == FeeAccount.enrollment_id)
        .outerjoin(GroupBooking, GroupBooking.id == FeeAccount.group_booking_id)
        .where(
            sa.or_(Enrollment.offering_id == offering.id, GroupBooking.offering_id == offering.id),
            FeeAccount.balance_cents != 0,
        )
        .order_by(FeeAccount.id)
        .with_for_update(of=FeeAccount)
        .execution_options(populate_existing=True)
    ).all()
    for account in accounts:
        owner = account.enrollment or account.group_booking
        if owner is not None:
            account.due_on = due_date(offering, owner.policy, account.opened_at)
