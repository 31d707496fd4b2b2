"""The ledger follows every move, always adds up, and is never rewritten."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Role
from core.database import UtcDateTime
from core.errors import RuleError
from students import approval, cancelling, fees, leaving, ledger, reinstating, transferring, waitlist
from students.ledger_models import AppendOnlyError, EntryKind, FeeAccount, FeeDocument, FeeEntry, Method
from students.models import EnrollmentState
from tests.factories import (
    NOW,
    make_offering,
    make_school,
    make_student,
    make_user,
    put_enrollment,
)
from tests.students.acting import ask, fill
from tests.students.fees import TODAY, account_of, lines, pay, registrar, require_sums

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def _school(session: Session) -> None:
    make_school(session)


def test_enrolling_charges_the_price_of_that_day(session: Session) -> None:
    offering = make_offering(session)
    enrollment = ask(session, offering)
    offering.price_cents = 99900
    account = account_of(session, enrollment)
    assert lines(session, account) == [("charge", 79500)]
    assert (account.balance_cents, account.currency) == (79500, "USD")
    require_sums(session)


def test_someone_repeating_is_charged_the_repeat_price(session: Session) -> None:
    offering = make_offering(session)
    student = make_student(session)
    before = make_offering(session, offering.course, starts=NOW - timedelta(days=90))
    put_enrollment(session, before, student, EnrollmentState.COMPLETED)
    assert lines(session, account_of(session, ask(session, offering, student))) == [("charge", 39750)]


def test_waiting_and_asking_cost_nothing(session: Session) -> None:
    offering = make_offering(session, capacity=1)
    _seated, waiting = fill(session, offering, 2)
    pending = ask(session, make_offering(session, needs_approval=True))
    assert ledger.account_of(session, waiting.id) is None
    assert ledger.account_of(session, pending.id) is None


def test_an_accepted_offer_and_an_approved_request_are_charged(session: Session) -> None:
    offering = make_offering(session, capacity=1)
    seated, waiting = fill(session, offering, 2)
    leaving.withdraw(session, seated, actor=seated.student.user, now=NOW)
    waitlist.accept(session, waiting, actor=waiting.student.user, now=NOW)
    pending = ask(session, make_offering(session, needs_approval=True))
    approval.approve(session, pending, actor=registrar(session), now=NOW)
    assert account_of(session, waiting).balance_cents == 79500
    assert account_of(session, pending).balance_cents == 79500
    require_sums(session)


def test_a_free_class_has_an_account_without_entries(session: Session) -> None:
    enrollment = ask(session, make_offering(session, price_cents=0))
    assert lines(session, account_of(session, enrollment)) == []


@pytest.mark.parametrize(
    ("days_ahead", "expected"),
    [(60, date(2027, 3, 31)), (37, date(2027, 3, 8)), (36, date(2027, 3, 8)), (3, date(2027, 3, 8))],
)
def test_the_balance_is_due_by_the_policy_or_a_week_after_enrolling(
    session: Session, days_ahead: int, expected: date
) -> None:
    offering = make_offering(session, starts=NOW + timedelta(days=days_ahead))
    assert account_of(session, ask(session, offering)).due_on == expected


def test_the_due_date_is_counted_in_the_zone_of_the_class(session: Session) -> None:
    # 03:00 UTC on the 2nd is still the 1st in Astoria.
    enrollment = ask(session, make_offering(session), now=NOW + timedelta(hours=9))
    assert account_of(session, enrollment).due_on == date(2027, 3, 11)
    late = ask(session, make_offering(session, starts=NOW + timedelta(days=3)), now=NOW + timedelta(hours=9))
    assert account_of(session, late).due_on == date(2027, 3, 8)


def test_due_dates_move_with_the_class(session: Session) -> None:
    offering = make_offering(session)
    account = account_of(session, ask(session, offering))
    offering.starts_at += timedelta(days=20)
    offering.ends_at += timedelta(days=20)
    ledger.move_due_dates(session, offering)
    assert account.due_on == date(2027, 3, 31)


def test_the_deposit_counts_what_was_paid(session: Session) -> None:
    offering = make_offering(session)
    account = account_of(session, ask(session, offering))
    assert fees.deposit_due(account, offering.policy) == 20000
    pay(session, account, 15000)
    assert fees.deposit_due(account, offering.policy) == 5000
    pay(session, account, 60000)
    assert fees.deposit_due(account, offering.policy) == 0


@pytest.mark.parametrize(
    ("days_before", "paid", "given_back"),
    [(40, 79500, 74500), (40, 20000, 15000), (40, 0, 0), (20, 79500, 34750), (20, 20000, 0), (2, 79500, 0)],
)
def test_withdrawing_settles_by_the_terms(
    session: Session, days_before: int, paid: int, given_back: int
) -> None:
    offering = make_offering(session, starts=NOW + timedelta(days=days_before))
    enrollment = ask(session, offering)
    account = account_of(session, enrollment)
    if paid:
        pay(session, account, paid)
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    assert account.balance_cents == -given_back
    require_sums(session)


def test_what_the_school_keeps_stays_and_is_not_asked_for_twice(session: Session) -> None:
    enrollment = ask(session, make_offering(session))
    account = account_of(session, enrollment)
    pay(session, account, 20000)
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    assert lines(session, account) == [
        ("charge", 79500),
        ("payment", -20000),
        ("release", -59500),
        ("refund_due", -15000),
    ]
    assert account.charged_cents == 5000


def test_the_office_may_decide_on_another_refund(session: Session) -> None:
    enrollment = ask(session, make_offering(session, starts=NOW + timedelta(days=2)))
    account = account_of(session, enrollment)
    pay(session, account, 79500)
    leaving.withdraw(
        session, enrollment, actor=registrar(session), now=NOW, reason="Illness", refund_cents=60000
    )
    assert account.balance_cents == -60000


def test_cancelling_gives_everything_back(session: Session) -> None:
    offering = make_offering(session, starts=NOW + timedelta(days=2))
    paid, owing = fill(session, offering, 2)
    pay(session, account_of(session, paid), 79500)
    cancelling.cancel(session, offering, reason="Flood", actor=registrar(session), now=NOW)
    assert account_of(session, paid).balance_cents == -79500
    assert account_of(session, owing).balance_cents == 0
    require_sums(session)


def test_what_was_paid_goes_along_to_another_class(session: Session) -> None:
    here = make_offering(session)
    there = make_offering(session, here.course, starts=NOW + timedelta(days=80), price_cents=99900)
    enrollment = ask(session, here)
    account = account_of(session, enrollment)
    pay(session, account, 20000)
    fees.give_discount(session, account, amount_cents=9500, reason="Early", actor=registrar(session), now=NOW)
    new = transferring.transfer(session, enrollment, there, actor=enrollment.student.user, now=NOW)
    moved = account_of(session, new)
    assert (account.charged_cents, account.paid_cents, account.balance_cents) == (0, 0, 0)
    assert (moved.charged_cents, moved.paid_cents, moved.balance_cents) == (70000, 20000, 50000)
    require_sums(session)


def test_bringing_someone_back_restores_what_was_paid(session: Session) -> None:
    enrollment = ask(session, make_offering(session))
    account = account_of(session, enrollment)
    pay(session, account, 79500)
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    new = reinstating.reinstate(session, enrollment, reason="By mistake", actor=registrar(session), now=NOW)
    assert account.balance_cents == 0
    assert account_of(session, new).balance_cents == 0
    require_sums(session)


def test_a_form_that_was_sent_twice_records_one_payment(session: Session) -> None:
    account, staff = account_of(session, ask(session, make_offering(session))), registrar(session)
    first = pay(session, account, 20000, actor=staff)
    with pytest.raises(RuleError, match="recorded a moment ago") as caught:
        pay(session, account, 20000, actor=staff, now=NOW + timedelta(seconds=2))
    assert caught.value.field == "reference"
    assert account.paid_cents == 20000
    pay(session, account, 20001, actor=staff)  # another amount is another payment
    fees.correct(session, account, first.id, reason="Slip", actor=staff, now=NOW)
    pay(session, account, 20000, actor=staff)  # what was taken back may be written anew
    pay(session, account, 20000, actor=staff, now=NOW + fees.TWICE)
    assert account.paid_cents == 60001
    fees.give_discount(session, account, amount_cents=500, reason="Helped", actor=staff, now=NOW)
    with pytest.raises(RuleError, match="taken off a moment ago"):
        fees.give_discount(session, account, amount_cents=500, reason="Helped", actor=staff, now=NOW)
    fees.give_discount(session, account, amount_cents=500, reason="Helped again", actor=staff, now=NOW)
    assert account.charged_cents == 78500
    require_sums(session)


def test_a_payment_more_than_the_balance_is_asked_about(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    with pytest.raises(RuleError, match=r"Only \$795\.00 is to be paid"):
        pay(session, account, 79501)
    fees.record_payment(
        session,
        account,
        amount_cents=80000,
        made_on=TODAY,
        method=Method.CASH,
        accept_more=True,
        actor=registrar(session),
        now=NOW,
    )
    assert account.balance_cents == -500


@pytest.mark.parametrize("values", [{"amount_cents": 0}, {"amount_cents": -5}, {"made_on": date(2027, 3, 2)}])
def test_a_payment_of_nothing_or_from_the_future_is_refused(session: Session, values: dict[str, Any]) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    usual: dict[str, Any] = {"amount_cents": 100, "made_on": TODAY, "method": Method.CASH}
    with pytest.raises(RuleError):
        fees.record_payment(session, account, **(usual | values), actor=registrar(session), now=NOW)


def test_no_more_is_given_back_than_is_due(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    staff = registrar(session)
    pay(session, account, 79500)
    usual: dict[str, Any] = {"made_on": TODAY, "method": Method.TRANSFER, "actor": staff, "now": NOW}
    with pytest.raises(RuleError, match=r"\$0\.00 is due back"):
        fees.record_refund(session, account, amount_cents=1, **usual)
    fees.give_discount(session, account, amount_cents=10000, reason="Late start", actor=staff, now=NOW)
    fees.record_refund(session, account, amount_cents=10000, **usual)
    assert account.balance_cents == 0
    require_sums(session)


def test_a_mistake_is_put_right_by_a_counter_entry(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    staff = registrar(session)
    wrong = pay(session, account, 20000)
    with pytest.raises(RuleError, match="Write why"):
        fees.correct(session, account, wrong.id, reason=" ", actor=staff, now=NOW)
    later = NOW + timedelta(days=3)
    counter = fees.correct(session, account, wrong.id, reason="Typed twice", actor=staff, now=later)
    assert counter.made_on == later.date()
    assert (counter.kind, counter.amount_cents, counter.corrects_id) == (EntryKind.PAYMENT, 20000, wrong.id)
    assert account.balance_cents == 79500
    for entry in (wrong, counter):
        with pytest.raises(RuleError, match="taken back already"):
            fees.correct(session, account, entry.id, reason="Again", actor=staff, now=NOW)
    charge = ledger.entries_of(session, account.id)[0]
    with pytest.raises(RuleError, match="follows from the enrollment"):
        fees.correct(session, account, charge.id, reason="No", actor=staff, now=NOW)
    require_sums(session)


def test_a_payment_written_down_by_mistake_is_taken_back_where_its_money_went(session: Session) -> None:
    staff, course = registrar(session), make_offering(session).course
    here, there, last = (make_offering(session, course) for _ in range(3))
    enrollment = ask(session, here)
    wrong = pay(session, account_of(session, enrollment), 20000, actor=staff)
    moved = transferring.transfer(session, enrollment, there, actor=staff, now=NOW, reason="Ill")
    leaving.withdraw(session, moved, actor=moved.student.user, now=NOW)
    back = reinstating.reinstate(session, moved, reason="Well", actor=staff, now=NOW)
    end = transferring.transfer(session, back, last, actor=staff, now=NOW, reason="Ill again")
    old, new = account_of(session, enrollment), account_of(session, end)
    assert (old.paid_cents, new.paid_cents, new.balance_cents) == (0, 20000, 59500)
    counter = fees.correct(session, old, wrong.id, reason="Another person's", actor=staff, now=NOW)
    assert (counter.account_id, counter.corrects_id) == (new.id, wrong.id)
    assert (old.paid_cents, new.paid_cents, new.balance_cents) == (0, 0, 79500)
    with pytest.raises(RuleError, match="taken back already"):
        fees.correct(session, old, wrong.id, reason="Once more", actor=staff, now=NOW)
    require_sums(session)


def test_a_payment_that_a_refund_rests_on_stays(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    staff = registrar(session)
    paid = pay(session, account, 20000)
    fees.give_discount(session, account, amount_cents=79500, reason="Sponsor", actor=staff, now=NOW)
    fees.record_refund(
        session, account, amount_cents=20000, made_on=TODAY, method=Method.CASH, actor=staff, now=NOW
    )
    with pytest.raises(RuleError, match="Take that refund back first"):
        fees.correct(session, account, paid.id, reason="Wrong", actor=staff, now=NOW)


def test_entries_and_documents_are_never_changed_or_deleted(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    entry = pay(session, account, 100)
    document = session.scalars(sa.select(FeeDocument)).one()
    session.commit()
    for row, column in ((entry, "amount_cents"), (document, "sequence")):
        setattr(row, column, 7)
        with pytest.raises(AppendOnlyError):
            session.flush()
        session.rollback()
        session.delete(row)
        with pytest.raises(AppendOnlyError):
            session.flush()
        session.rollback()
    for statement in (sa.update(FeeEntry).values(note="x"), sa.delete(FeeDocument)):
        with pytest.raises(AppendOnlyError):
            session.execute(statement)
        session.rollback()


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "charge", "amount_cents": -1},
        {"kind": "payment", "amount_cents": 1},
        {"kind": "payment", "amount_cents": -1, "method": None},
        {"kind": "discount", "amount_cents": 0, "method": None, "made_on": None},
        {"kind": "charge", "amount_cents": 1, "method": "cash"},
        {"kind": "gift", "amount_cents": 1},
    ],
)
def test_the_database_refuses_an_entry_that_makes_no_sense(session: Session, values: dict[str, Any]) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    row: dict[str, Any] = {
        "account_id": account.id,
        "number": 9,
        "at": NOW,
        "balance_after_cents": 0,
        "made_on": TODAY,
        "method": "cash",
        "reference": "",
        "note": "",
    }
    session.commit()
    kinds: dict[str, Any] = {
        "at": UtcDateTime(),
        "made_on": sa.Date(),
    }  # the others as they are, to reach the database
    table = sa.table(FeeEntry.__tablename__, *(sa.column(name, kinds.get(name)) for name in row | values))
    with pytest.raises(sa.exc.IntegrityError):
        session.execute(sa.insert(table).values(row | values))


def test_the_database_refuses_an_account_that_does_not_add_up(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    with pytest.raises(sa.exc.IntegrityError):
        session.execute(sa.update(FeeAccount).where(FeeAccount.id == account.id).values(balance_cents=1))


def test_a_class_without_fees_on_record_can_still_be_left(session: Session) -> None:
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering)
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    assert ledger.account_of(session, enrollment.id) is None


def test_every_payment_leaves_a_trace(session: Session) -> None:
    from core.audit import AuditEvent

    staff = make_user(session, Role.REGISTRAR)
    account = account_of(session, ask(session, make_offering(session)))
    pay(session, account, 100, actor=staff)
    session.commit()
    event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "students:fees:paid")).one()
    assert event.actor_id == staff.id
    assert event.payload is not None
    assert event.payload["amount_cents"] == -100
