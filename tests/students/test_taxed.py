"""The report of taxes adds up to what invoices print, to the cent, whatever happens to an account."""

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import User
from core.clock import local_date
from core.school import School
from students import billing, fees, leaving, ledger, taxed
from students.ledger_models import FeeAccount, FeeDocument, Method
from students.taxed import Basis, Line
from tests.factories import NOW, make_offering, make_school, make_student
from tests.students.acting import ask
from tests.students.fees import account_of, pay, registrar
from tests.students.grouping import book

DAY = timedelta(days=1)
ZONE = "America/Los_Angeles"


@pytest.fixture
def school(session: Session) -> School:
    return make_school(session, tax_name="VAT", tax_rate=190_000, tax_id="DE 1")


def between(session: Session, first: int, last: int) -> list[Line]:
    """Lines from the beginning of one day after NOW to before another."""
    today = local_date(NOW, ZONE)
    return taxed.lines(session, first=today + first * DAY, last=today + (last - 1) * DAY, zone=ZONE)


def tax_of(found: list[Line], basis: Basis = Basis.ASKED) -> dict[int, tuple[int, int]]:
    """Total and tax by rate."""
    totals, taxes = Counter[int](), Counter[int]()
    for line in found:
        if line.basis is basis:
            totals[line.step.rate] += line.step.gross_cents
            taxes[line.step.rate] += line.step.tax_cents
    return {rate: (totals[rate], taxes[rate]) for rate in totals}


def printed(document: FeeDocument) -> tuple[int, int]:
    tax = document.snapshot["tax"]
    return document.snapshot["total"], tax["amount"] if tax else 0


def test_each_period_has_what_was_asked_for_paid_and_taken_back_in_it(
    session: Session, school: School
) -> None:
    staff = registrar(session)
    enrollment = ask(session, make_offering(session, price_cents=79500), make_student(session))
    account = account_of(session, enrollment)
    paid_on = local_date(NOW, ZONE)  # and written down the day after
    pay(session, account, 20000, actor=staff, now=NOW + DAY, made_on=paid_on)
    invoice = billing.issue_invoice(session, account, actor=staff, now=NOW + DAY)
    fees.give_discount(session, account, amount_cents=1001, reason="Late", actor=staff, now=NOW + 2 * DAY)
    credit = billing.issue_invoice(session, account, actor=staff, now=NOW + 2 * DAY)
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW + 3 * DAY)
    back = ledger.due_back(session, enrollment)
    fees.record_refund(
        session, account, amount_cents=back, made_on=paid_on + 4 * DAY, method=Method.TRANSFER, actor=staff,
        now=NOW + 4 * DAY,
    )  # fmt: skip
    assert tax_of(between(session, 0, 1)) == {190_000: (79500, 12693)}
    assert tax_of(between(session, 0, 2)) == {190_000: printed(invoice)}
    assert tax_of(between(session, 0, 3)) == {190_000: printed(credit)}
    assert tax_of(between(session, 2, 3)) == {190_000: (-1001, printed(credit)[1] - printed(invoice)[1])}
    assert tax_of(between(session, 0, 9)) == {190_000: (20000 - back, 798)}  # 5000 kept
    assert tax_of(between(session, 0, 1), Basis.PAID) == {190_000: (20000, 3193)}
    assert tax_of(between(session, 1, 4), Basis.PAID) == {}
    assert tax_of(between(session, 4, 5), Basis.PAID) == {190_000: (-back, 798 - 3193)}
    told = [(line.words, line.step.document) for line in between(session, 0, 9) if line.basis is Basis.ASKED]
    assert told == [
        ("Price", "TBI-R-27-0001"),
        ("Discount", "TBI-I-27-0002"),
        ("No longer asked for", ""),
        ("Refund by the terms", ""),
    ]


def test_another_rate_restates_what_an_account_was_asked_for(session: Session, school: School) -> None:
    staff = registrar(session)
    offering = make_offering(session, price_cents=10000, capacity=4)
    stated, never = (account_of(session, ask(session, offering, make_student(session))) for _ in range(2))
    first = billing.issue_invoice(session, stated, actor=staff, now=NOW)
    school.tax_rate = 70_000
    session.flush()
    fees.give_discount(session, stated, amount_cents=500, reason="Late", actor=staff, now=NOW + DAY)
    second = billing.issue_invoice(session, stated, actor=staff, now=NOW + 2 * DAY)
    assert (first.tax_rate, second.tax_rate) == (190_000, 70_000)
    assert tax_of([line for line in between(session, 0, 1) if line.payer != _payer(never)]) == {
        190_000: printed(first)
    }
    assert tax_of([line for line in between(session, 0, 9) if line.payer != _payer(never)]) == {
        190_000: (0, 0),
        70_000: printed(second),
    }
    assert tax_of([line for line in between(session, 0, 9) if line.payer == _payer(never)]) == {
        70_000: (10000, 654)
    }


def _payer(account: FeeAccount) -> str:
    assert account.enrollment is not None
    return account.enrollment.student.user.name


@pytest.mark.both_databases
def test_any_history_adds_up_to_every_invoice(session: Session, school: School) -> None:
    """Random acts with many rates of tax: the report up to an invoice has its total and tax, for each account."""
    dice, staff = random.Random(7), registrar(session)
    offering = make_offering(session, price_cents=33335, capacity=40)
    accounts = [account_of(session, ask(session, offering, make_student(session))) for _ in range(4)]
    group = ledger.account_of_group(session, book(session, offering, 3, actor=staff).id)
    assert group is not None
    accounts.append(group)
    issued: list[FeeDocument] = []
    for step in range(60):
        now, account = NOW + step * DAY, dice.choice(accounts)
        _act(session, account, dice, staff, now)
        if dice.random() < 0.1:
            school.tax_rate = dice.choice([0, 70_000, 88_750, 190_000])
            school.tax_name, school.tax_id = ("VAT", "DE 1") if school.tax_rate else ("", "")
        if dice.random() < 0.5:
            issued.append(billing.issue_invoice(session, account, actor=staff, now=now))
    session.flush()
    assert len({document.tax_rate for document in issued}) > 2
    for document in issued:
        found = between(session, -1, (document.issued_at - NOW).days + 1)
        mine = [
            line
            for line in found
            if line.step.entry is None or line.step.entry.account_id == document.account_id
        ]
        mine = [line for line in mine if line.step.entry or _account(session, line) == document.account_id]
        sums = tax_of(mine)
        assert sums.pop(document.tax_rate) == printed(document)
        assert set(sums.values()) <= {(0, 0)}


def _account(session: Session, line: Line) -> int:
    number = line.step.document
    return session.scalars(sa.select(FeeDocument.account_id).where(FeeDocument.number == number)).one()


def _act(session: Session, account: FeeAccount, dice: random.Random, staff: User, now: datetime) -> None:
    cents = dice.randint(1, 4000)
    if dice.random() < 0.5 and account.balance_cents >= cents:
        pay(session, account, cents, actor=staff, now=now)
    elif account.charged_cents >= cents:
        fees.give_discount(session, account, amount_cents=cents, reason="So", actor=staff, now=now)
