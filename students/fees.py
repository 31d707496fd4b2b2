"""What the office does with fees: payments, refunds made, discounts by decision, and corrections by a counter-entry."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, aliased

from accounts.models import User
from core import audit
from core.clock import local_date
from core.errors import RuleError
from core.formatting import money
from core.school import current_school
from courses.models import Policy
from students import billing, discounts, ledger, seats
from students.ledger_models import ASKED, EntryKind, FeeAccount, FeeEntry, Method
from students.models import Enrollment, EnrollmentEvent

# Within this time the same once more is a form that was sent twice.
TWICE = timedelta(minutes=5)


def deposit_due(account: FeeAccount, policy: Policy, seats: int = 1) -> int:
    """What of the deposit is still to be paid, in cents; nothing when the price is lower or enough was paid."""
    deposit = min(policy.deposit_cents * seats, account.charged_cents)
    return max(0, deposit - account.paid_cents)


def record_payment(
    session: Session,
    account: FeeAccount,
    *,
    amount_cents: int,
    made_on: date,
    method: Method,
    reference: str = "",
    accept_more: bool = False,
    actor: User,
    now: datetime,
) -> FeeEntry:
    """Write down money that came in; the receipt gets its number in the same act. Returns the entry.

    Raises RuleError for nothing, a date in the future, the same once more within ``TWICE``, or more than is to be paid
    (unless ``accept_more``: the rest then stands as money to give back).
    """
    account = ledger.lock(session, account.id)
    _require_amount(amount_cents)
    _require_past(session, made_on, now)
    if amount_cents > account.balance_cents and not accept_more:
        owed = money(max(account.balance_cents, 0), account.currency)
        raise RuleError(
            _("Only %(owed)s is to be paid. Check the amount, or say that more was paid.", owed=owed),
            field="amount",
        )
    _require_new(session, account, EntryKind.PAYMENT, -amount_cents, now, made_on, method, reference.strip())
    entry = ledger.append(
        session,
        account,
        EntryKind.PAYMENT,
        -amount_cents,
        actor=actor,
        now=now,
        made_on=made_on,
        method=method,
        reference=reference.strip(),
    )
    receipt = billing.issue_receipt(session, account, entry, actor=actor, now=now)
    _record(session, "students:fees:paid", account, entry, actor=actor, now=now, receipt=receipt.number)
    return entry


def record_refund(
    session: Session,
    account: FeeAccount,
    *,
    amount_cents: int,
    made_on: date,
    method: Method,
    reference: str = "",
    actor: User,
    now: datetime,
) -> FeeEntry:
    """Write down money that was given back. Raises RuleError for nothing, for the future, or for more than is due."""
    account = ledger.lock(session, account.id)
    _require_amount(amount_cents)
    _require_past(session, made_on, now)
    due = max(0, -account.balance_cents)
    if amount_cents > due:
        raise RuleError(
            _(
                "%(due)s is due back. To give back more, enter a discount first.",
                due=money(due, account.currency),
            ),
            field="amount",
        )
    _require_new(session, account, EntryKind.REFUND, amount_cents, now, made_on, method, reference.strip())
    entry = ledger.append(
        session,
        account,
        EntryKind.REFUND,
        amount_cents,
        actor=actor,
        now=now,
        made_on=made_on,
        method=method,
        reference=reference.strip(),
    )
    _record(session, "students:fees:refunded", account, entry, actor=actor, now=now)
    return entry


def give_discount(
    session: Session, account: FeeAccount, *, amount_cents: int, reason: str, actor: User, now: datetime
) -> FeeEntry:
    """The office takes something off, with a reason. Raises RuleError without one, or for more than is asked for."""
    account = ledger.lock(session, account.id)
    _require_amount(amount_cents)
    if amount_cents > account.charged_cents:
        raise RuleError(
            _(
                "The price is %(price)s; no more can be taken off.",
                price=money(account.charged_cents, account.currency),
            ),
            field="amount",
        )
    reason = _required_reason(reason)
    twin = session.scalar(
        sa.select(FeeEntry.id)
        .where(
            FeeEntry.account_id == account.id,
            FeeEntry.kind == EntryKind.DISCOUNT,
            FeeEntry.amount_cents == -amount_cents,
            FeeEntry.note == reason,
            FeeEntry.at > now - TWICE,
            FeeEntry.corrects_id.is_(None),
            _not_taken_back(),
        )
        .limit(1)
    )
    if twin is not None:
        raise RuleError(
            _("The same was taken off a moment ago. If it is to be twice, say so in the reason."),
            field="reason",
        )
    entry = ledger.append(
        session, account, EntryKind.DISCOUNT, -amount_cents, actor=actor, now=now, note=reason
    )
    _record(session, "students:fees:discounted", account, entry, actor=actor, now=now, reason=reason)
    return entry


def correct(
    session: Session, account: FeeAccount, entry_id: int, *, reason: str, actor: User, now: datetime
) -> FeeEntry:
    """Take an entry back by a counter-entry; both stay. Returns the counter-entry.

    When its money has moved along with the seat, the counter-entry stands in the account where the money is now.

    Raises RuleError without a reason, for an entry that was taken back already or is itself a correction, for one made
    by the system's own rules (they follow from the enrollment), and when something else rests on it.
    """
    entry = session.get(FeeEntry, entry_id)
    if entry is None or entry.account_id != account.id:
        raise LookupError(f"fee entry {entry_id}")
    if entry.discount_code_id is not None and account.enrollment is not None:
        seats.lock_of(session, account.enrollment)  # its code is given back
    account = ledger.lock(session, account.id)
    reason = _required_reason(reason)
    objection = why_not_correct(session, entry)
    if objection:
        raise RuleError(objection)
    asked = entry.kind in ASKED
    if not asked and account.paid_cents + entry.amount_cents < 0:
        account = ledger.lock(session, _where_money_went(session, account).id)
    charged = account.charged_cents - (entry.amount_cents if asked else 0)
    paid = account.paid_cents + (0 if asked else entry.amount_cents)
    if charged < 0 or paid < 0:
        raise RuleError(_("Money was given back on the strength of this entry. Take that refund back first."))
    counter = ledger.append(
        session,
        account,
        entry.kind,
        -entry.amount_cents,
        actor=actor,
        now=now,
        made_on=_today(session, now)
        if entry.made_on
        else None,  # the day of the counter-entry, not of the mistake
        method=entry.method,
        reference=entry.reference,
        note=reason,
        corrects=entry,
        discount_code_id=entry.discount_code_id,
    )
    if entry.discount_code_id is not None and account.enrollment_id is not None:
        discounts.give_back(session, account.enrollment_id, now=now)
    _record(
        session,
        "students:fees:corrected",
        account,
        counter,
        actor=actor,
        now=now,
        reason=reason,
        corrects=entry.number,
    )
    return counter


def _where_money_went(session: Session, account: FeeAccount) -> FeeAccount:
    """The account that has the money of this one by now: that of the enrollment which followed, or of the one after it."""
    while account.enrollment is not None:
        came_from = [
            EnrollmentEvent.details[name].as_integer() for name in ("transferred_from", "reinstated_from")
        ]
        follower = session.scalar(
            sa.select(Enrollment.id)
            .join(EnrollmentEvent, EnrollmentEvent.enrollment_id == Enrollment.id)
            .where(
                Enrollment.student_id == account.enrollment.student_id,
                EnrollmentEvent.from_state.is_(None),
                sa.or_(*(column == account.enrollment_id for column in came_from)),
            )
            .order_by(Enrollment.id.desc())
            .limit(1)
        )
        found = ledger.account_of(session, follower) if follower is not None else None
        if found is None:
            break
        account = found
    return account


def why_not_correct(session: Session, entry: FeeEntry) -> str:
    """Why an entry can't be taken back whatever the reason, as a sentence; empty when it may be."""
    taken_back = session.scalar(sa.select(FeeEntry.id).where(FeeEntry.corrects_id == entry.id))
    if entry.corrects_id is not None or taken_back is not None:
        return _("This entry was taken back already. Write a new one instead.")
    if not is_correctable(entry):
        return _("This entry follows from the enrollment itself. Give a discount instead.")
    return ""


def is_correctable(entry: FeeEntry) -> bool:
    """Whether people may take such an entry back: what people wrote down, not what the rules computed."""
    return entry.corrects_id is None and entry.kind in (
        EntryKind.PAYMENT,
        EntryKind.REFUND,
        EntryKind.DISCOUNT,
    )


def _require_amount(amount_cents: int) -> None:
    if amount_cents <= 0:
        raise RuleError(_("Write an amount above zero."), field="amount")


def _require_new(
    session: Session,
    account: FeeAccount,
    kind: EntryKind,
    amount_cents: int,
    now: datetime,
    made_on: date,
    method: Method,
    reference: str,
) -> None:
    """Refuse what was written down a moment ago in the very same words, unless that was taken back."""
    twin = session.scalar(
        sa.select(FeeEntry.number).where(
            FeeEntry.account_id == account.id,
            FeeEntry.kind == kind,
            FeeEntry.amount_cents == amount_cents,
            FeeEntry.made_on == made_on,
            FeeEntry.method == method,
            FeeEntry.reference == reference,
            FeeEntry.at > now - TWICE,
            FeeEntry.corrects_id.is_(None),
            _not_taken_back(),
        )
    )
    if twin is not None:
        raise RuleError(
            _(
                "The same was recorded a moment ago. If there were two, write a reference that tells them apart."
            ),
            field="reference",
        )


def _not_taken_back() -> sa.ColumnElement[bool]:
    counter = aliased(FeeEntry)
    return ~sa.exists().where(counter.corrects_id == FeeEntry.id)


def _require_past(session: Session, made_on: date, now: datetime) -> None:
    if made_on > _today(session, now):
        raise RuleError(_("That day has not come yet."), field="made_on")


def _today(session: Session, now: datetime) -> date:
    school = current_school(session)
    return local_date(now, school.time_zone if school else "UTC")


def _required_reason(reason: str) -> str:
    if not reason.strip():
        raise RuleError(_("Write why; it stays in the records."), field="reason")
    return reason.strip()


def _record(
    session: Session,
    action: str,
    account: FeeAccount,
    entry: FeeEntry,
    *,
    actor: User,
    now: datetime,
    **details: object,
) -> None:
    audit.record(
        session,
        action,
        account,
        actor=actor,
        now=now,
        entry=entry.number,
        amount_cents=entry.amount_cents,
        balance_cents=account.balance_cents,
        enrollment=account.enrollment_id,
        group_booking=account.group_booking_id,
        **details,
    )
