"""What the tests of fees do over and over."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Role, User
from students import fees, ledger
from students.ledger_models import ASKED, FeeAccount, FeeEntry, Method
from students.models import Enrollment
from tests.factories import NOW, make_user

TODAY = date(2027, 3, 1)


def registrar(session: Session) -> User:
    return make_user(session, Role.REGISTRAR)


def account_of(session: Session, enrollment: Enrollment) -> FeeAccount:
    account = ledger.account_of(session, enrollment.id)
    assert account is not None
    return account


def pay(
    session: Session,
    account: FeeAccount,
    cents: int,
    *,
    actor: User | None = None,
    now: datetime = NOW,
    made_on: date = TODAY,
) -> FeeEntry:
    return fees.record_payment(
        session,
        account,
        amount_cents=cents,
        made_on=made_on,
        method=Method.TRANSFER,
        reference="ref 1",
        actor=actor or registrar(session),
        now=now,
    )


def lines(session: Session, account: FeeAccount) -> list[tuple[str, int]]:
    """Kind and amount of each entry."""
    return [(entry.kind.value, entry.amount_cents) for entry in ledger.entries_of(session, account.id)]


def require_sums(session: Session) -> None:
    """Every account is the sum of its entries, and every entry knows the balance after it."""
    session.flush()
    for account in session.scalars(sa.select(FeeAccount).execution_options(populate_existing=True)):
        entries = ledger.entries_of(session, account.id)
        asked = sum(entry.amount_cents for entry in entries if entry.kind in ASKED)
        total = sum(entry.amount_cents for entry in entries)
        assert account.charged_cents == asked
        assert account.balance_cents == total
        assert account.paid_cents == asked - total
        assert [entry.number for entry in entries] == list(range(1, account.entry_count + 1))
        running = 0
        for entry in entries:
            running += entry.amount_cents
            assert entry.balance_after_cents == running
