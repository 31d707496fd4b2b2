"""Invoices and receipts: numbers without gap or duplicate, facts that stay as they were."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import User
from core import papers
from core.database import begin_write, writing
from core.errors import RuleError
from core.papers import Paper, PaperState
from core.school import School
from students import billing, fees, leaving
from students.ledger_models import DocumentKind, FeeAccount, FeeDocument
from tests.factories import NOW, make_offering, make_school
from tests.students.acting import ask
from tests.students.fees import TODAY, account_of, pay, registrar

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def _school(session: Session) -> None:
    make_school(session, bank_details="Account name: Tideway\nBank: Demonstration Bank", tax_id="93-000")


def invoice(session: Session, account: FeeAccount, **values: Any) -> FeeDocument:
    usual: dict[str, Any] = {"actor": registrar(session), "now": NOW}
    return billing.issue_invoice(session, account, **(usual | values))


def test_an_invoice_says_what_was_agreed(session: Session) -> None:
    offering = make_offering(session)
    account = account_of(session, ask(session, offering))
    pay(session, account, 20000)
    fees.give_discount(session, account, amount_cents=500, reason="Ok", actor=registrar(session), now=NOW)
    facts = invoice(session, account).snapshot
    assert facts["number"] == "TBI-I-27-0001"
    assert (facts["subtotal"], facts["total"], facts["balance"]) == (79500, 79000, 59000)
    assert facts["due"] == "March 11, 2027"
    assert facts["payments"][0]["amount"] == -20000
    assert facts["bank"][0] == ["Account name", "Tideway"]
    assert facts["bank"][-1] == ["Reference", "TBI-I-27-0001"]
    assert "until 30 days before the class 100% less $50.00 is given back" in facts["terms"]


def test_asking_again_gives_the_same_invoice_until_something_changes(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    first = invoice(session, account)
    assert invoice(session, account) is first
    pay(session, account, 100)
    second = invoice(session, account)
    assert (first.number, second.number) == ("TBI-I-27-0001", "TBI-I-27-0002")


def test_each_payment_gets_its_receipt(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    entries = [pay(session, account, 100), pay(session, account, 200)]
    receipts = session.scalars(sa.select(FeeDocument).order_by(FeeDocument.id)).all()
    assert [row.number for row in receipts] == ["TBI-R-27-0001", "TBI-R-27-0002"]
    assert [row.entry_id for row in receipts] == [entry.id for entry in entries]


def test_a_receipt_is_for_its_own_payment_and_names_the_others(session: Session) -> None:
    from tests.core.pdf.conformance import text_of

    account = account_of(session, ask(session, make_offering(session)))
    asked = invoice(session, account)
    pay(session, account, 20000)
    pay(session, account, 30000)
    first, second = session.scalars(
        sa.select(FeeDocument).where(FeeDocument.entry_id.is_not(None)).order_by(FeeDocument.id)
    )
    assert first.snapshot["received"] == {"text": "Received on March 1, 2027", "amount": 20000}
    facts = second.snapshot
    assert facts["received"]["amount"] == 30000
    assert ["Invoice", asked.number] in facts["facts"]
    assert [line["detail"] for line in facts["payments"]] == [
        "March 1, 2027, ref 1, TBI-R-27-0001",
        "March 1, 2027, ref 1, TBI-R-27-0002",
    ]
    text = text_of(made_pdf(session, second, registrar(session)))
    for words in ("Received on March 1, 2027", "$300.00", "Due by", "$295.00"):
        assert words in text


def test_numbers_start_anew_with_the_year_of_the_school(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    pay(session, account, 100)
    pay(session, account, 100, now=NOW + timedelta(days=306))
    numbers = session.scalars(sa.select(FeeDocument.number).order_by(FeeDocument.id)).all()
    assert numbers == ["TBI-R-27-0001", "TBI-R-28-0001"]


def test_a_failed_payment_leaves_no_gap(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    session.commit()
    begin_write(session)
    pay(session, account, 100)
    session.rollback()
    begin_write(session)
    pay(session, account, 100)
    assert session.scalars(sa.select(FeeDocument.number)).all() == ["TBI-R-27-0001"]


def test_without_a_school_there_is_no_document(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session)))
    session.delete(session.get_one(School, 1))
    session.flush()
    with pytest.raises(RuleError, match="Set the school up first"):
        invoice(session, account)


def test_a_free_seat_has_no_invoice(session: Session) -> None:
    account = account_of(session, ask(session, make_offering(session, price_cents=0)))
    with pytest.raises(RuleError, match="Nothing was charged"):
        invoice(session, account)


def made_pdf(session: Session, document: FeeDocument, actor: User) -> bytes:
    paper_id = billing.ask_for_paper(session, document, actor=actor, now=NOW).id
    session.commit()
    papers.make_waiting()
    session.expire_all()
    row = session.get_one(Paper, paper_id)
    assert row.state is PaperState.READY
    assert row.file_name == f"{document.number}.pdf"
    assert row.sha256 is not None
    return papers.paper_store().get(row.sha256)


def test_the_pdf_shows_the_facts_of_the_day_of_issue(session: Session) -> None:
    from tests.core.pdf.conformance import text_of

    staff = registrar(session)
    offering = make_offering(session)
    enrollment = ask(session, offering)
    account = account_of(session, enrollment)
    document = invoice(session, account)
    before = made_pdf(session, document, staff)
    begin_write(session)
    enrollment.student.user.name = "Someone Else"
    session.get_one(School, 1).name = "Another School"
    offering.course.title = "Another course"
    session.commit()
    begin_write(session)
    assert made_pdf(session, document, staff) == before
    text = text_of(before)
    for words in ("TBI-I-27-0001", "$795.00", "March 11, 2027", "Tideway", offering.code):
        assert words in text
    assert "Or pay by card" not in text


def test_an_invoice_after_leaving_says_what_comes_back(session: Session) -> None:
    from tests.core.pdf.conformance import text_of

    enrollment = ask(session, make_offering(session))
    account = account_of(session, enrollment)
    pay(session, account, 20000)
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    text = text_of(made_pdf(session, invoice(session, account), registrar(session)))
    assert "To be given back" in text
    assert "$150.00" in text


def test_numbers_have_no_gap_and_no_duplicate_in_a_race(session: Session, app: Flask) -> None:
    accounts = [account_of(session, ask(session, make_offering(session))).id for _ in range(4)]
    staff = registrar(session).id
    session.commit()
    failures: list[Exception] = []

    def work(number: int) -> None:
        with app.app_context():
            for turn in range(4):
                try:
                    with writing() as own:
                        account = own.get_one(FeeAccount, accounts[(number + turn) % 4])
                        actor = own.get_one(User, staff)
                        pay(own, account, 100 + 10 * turn + number, actor=actor)
                        billing.issue_invoice(own, account, actor=actor, now=NOW)
                        if turn == 2:
                            raise ZeroDivisionError  # this one is rolled back
                except ZeroDivisionError:
                    pass
                except Exception as error:
                    failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    begin_write(session)
    assert failures == []
    for kind in DocumentKind:
        taken = session.scalars(
            sa.select(FeeDocument.sequence).where(FeeDocument.kind == kind).order_by(FeeDocument.sequence)
        ).all()
        assert taken == list(range(1, 19))
    for account in session.scalars(sa.select(FeeAccount)):
        assert account.entry_count - 1 == len(
            [d for d in account.documents if d.kind is DocumentKind.RECEIPT]
        )
    assert TODAY.year == 2027


def taxed(session: Session, **values: Any) -> None:
    school = session.get_one(School, 1)
    for name, value in ({"tax_name": "VAT", "tax_rate": 190_000, "tax_id": "DE123"} | values).items():
        setattr(school, name, value)
    session.flush()


def test_an_invoice_says_how_much_of_its_total_is_tax(session: Session) -> None:
    from tests.core.pdf.conformance import text_of

    taxed(session)
    account = account_of(session, ask(session, make_offering(session)))
    document = invoice(session, account)
    assert document.snapshot["total"] == 79500
    assert document.snapshot["tax"] == {
        "text": "Including 19% VAT",
        "detail": "Net amount $668.07",
        "amount": 12693,
    }
    text = text_of(made_pdf(session, document, registrar(session)))
    for words in ("Including 19% VAT", "Net amount $668.07", "$126.93", "DE123"):
        assert words in text


def test_what_was_invoiced_keeps_its_tax(session: Session) -> None:
    taxed(session)
    account = account_of(session, ask(session, make_offering(session)))
    first = invoice(session, account)
    taxed(session, tax_rate=0, tax_name="", tax_note="No VAT: small business.")
    pay(session, account, 100)
    second = invoice(session, account)
    assert first.snapshot["tax"]["amount"] == 12693
    assert (second.snapshot["tax"], second.snapshot["tax_note"]) == (None, "No VAT: small business.")


def test_a_school_without_a_tax_prints_none(session: Session) -> None:
    from tests.core.pdf.conformance import text_of

    document = invoice(session, account_of(session, ask(session, make_offering(session))))
    assert (document.snapshot["tax"], document.snapshot["tax_note"]) == (None, "")
    assert "Including" not in text_of(made_pdf(session, document, registrar(session)))


@pytest.mark.parametrize(
    "values",
    [
        {"tax_rate": -1},
        {"tax_rate": 1_000_001},
        {"tax_name": ""},
        {"tax_id": ""},
        {"tax_note": "None is charged."},
    ],
)
def test_the_database_takes_no_tax_by_half(session: Session, values: dict[str, Any]) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        taxed(session, **values)
