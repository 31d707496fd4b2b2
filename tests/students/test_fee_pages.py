"""The office's fee pages and the student's own: what works, who is refused, what bad input says."""

import io
from collections.abc import Iterator
from datetime import timedelta

import openpyxl
import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import papers
from core.database import begin_write
from core.papers import Paper
from students import ledger, transferring
from students.ledger_models import DiscountCode, FeeAccount, FeeDocument
from students.models import Enrollment
from tests.factories import NOW, make_offering, make_school, make_student, make_user
from tests.helpers import sign_in, statements
from tests.students.acting import ask
from tests.students.fees import account_of, lines, pay

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def rosa(session: Session, client: FlaskClient) -> User:
    make_school(session)
    rosa = make_user(session, Role.REGISTRAR, name="Rosa Delgado")
    session.commit()
    begin_write(session)
    sign_in(client, rosa)
    return rosa


@pytest.fixture
def account(session: Session, rosa: User) -> FeeAccount:
    user = make_user(session, name="Alice Okafor", email="alice@tideway.example")
    enrollment = ask(session, make_offering(session, code="CST1-CHI-A"), make_student(session, user))
    account = account_of(session, enrollment)
    session.commit()
    return account


def overdue(session: Session, count: int = 1) -> list[Enrollment]:
    offering = make_offering(session, starts=NOW + timedelta(days=20), capacity=60)
    return [ask(session, offering, now=NOW - timedelta(days=12)) for _ in range(count)]


PAYMENT = {"amount": "200.00", "made_on": "2027-03-01", "method": "transfer", "reference": "TX 4417"}


def test_a_payment_is_recorded_with_its_receipt(
    session: Session, client: FlaskClient, account: FeeAccount, rosa: User
) -> None:
    address = f"/office/fees/{account.id}/payment"
    assert 'value="795.00"' in client.get(address).text
    sent = client.post(address, data=PAYMENT, follow_redirects=True)
    assert "$200.00 is recorded" in sent.text
    assert "TBI-R-27-0001" in sent.text
    session.expire_all()
    entry = ledger.entries_of(session, account.id)[-1]
    assert (entry.amount_cents, entry.by_id, entry.reference) == (-20000, rosa.id, "TX 4417")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"amount": ""}, "Fill this in."),
        ({"amount": "two"}, "Use an amount like"),
        ({"amount": "0"}, "Use an amount from"),
        ({"amount": "9999"}, "Only $795.00 is to be paid"),
        ({"made_on": "2027-03-02"}, "That day has not come yet."),
        ({"method": "barter"}, "Choose one"),
    ],
)
def test_a_wrong_payment_is_told_and_changes_nothing(
    session: Session, client: FlaskClient, account: FeeAccount, changed: dict[str, str], says: str
) -> None:
    sent = client.post(f"/office/fees/{account.id}/payment", data=PAYMENT | changed)
    assert sent.status_code == 422
    assert says in sent.text
    session.expire_all()
    assert lines(session, account) == [("charge", 79500)]


def test_a_payment_that_moved_along_is_taken_back_with_words_that_say_where(
    session: Session, client: FlaskClient, account: FeeAccount, rosa: User
) -> None:
    begin_write(session)
    pay(session, account, 20000, actor=rosa)
    assert account.enrollment is not None
    here = account.enrollment.offering
    there = make_offering(session, here.course, starts=NOW + timedelta(days=80))
    transferring.transfer(session, account.enrollment, there, actor=rosa, now=NOW, reason="Ill")
    session.commit()
    address = f"/office/fees/{account.id}/entries/2/correct"
    assert (
        "to which its money had moved"
        in client.post(address, data={"reason": "Slip"}, follow_redirects=True).text
    )
    assert "taken back already" in client.get(address).text


def test_more_than_is_owed_is_kept_when_told_so(
    session: Session, client: FlaskClient, account: FeeAccount
) -> None:
    data = PAYMENT | {"amount": "800.00", "accept_more": "y"}
    assert (
        "$5.00 to be given back"
        in client.post(f"/office/fees/{account.id}/payment", data=data, follow_redirects=True).text
    )
    refund = PAYMENT | {"amount": "5.00"}
    shown = client.post(f"/office/fees/{account.id}/refund", data=refund, follow_redirects=True)
    assert "The refund of $5.00 is recorded." in shown.text
    assert "Paid in full" in shown.text
    too_much = client.post(f"/office/fees/{account.id}/refund", data=refund)
    assert (too_much.status_code, "is due back" in too_much.text) == (422, True)


def test_a_discount_needs_its_reason(session: Session, client: FlaskClient, account: FeeAccount) -> None:
    address = f"/office/fees/{account.id}/discount"
    assert client.post(address, data={"amount": "50"}).status_code == 422
    shown = client.post(address, data={"amount": "50", "reason": "Room change"}, follow_redirects=True)
    assert "Room change" in shown.text
    assert "$745.00" in shown.text


def test_an_entry_is_taken_back_on_a_page_of_its_own(
    session: Session, client: FlaskClient, account: FeeAccount
) -> None:
    client.post(f"/office/fees/{account.id}/payment", data=PAYMENT)
    address = f"/office/fees/{account.id}/entries/2/correct"
    assert "Payment, bank transfer" in client.get(address).text
    assert client.post(address, data={}).status_code == 422
    shown = client.post(address, data={"reason": "Someone else’s"}, follow_redirects=True).text
    assert "Taken back: Payment, bank transfer" in shown
    assert client.get(f"/office/fees/{account.id}/entries/9/correct").status_code == 404
    late = client.get(address).text
    assert ("taken back already" in late, 'name="reason"' in late) == (True, False)
    again = client.post(address, data={"reason": "Again"})
    assert (again.status_code, "taken back already" in again.text) == (422, True)


def test_the_overdue_list_finds_and_leaves_out(
    session: Session, client: FlaskClient, account: FeeAccount
) -> None:
    begin_write(session)
    (late,) = overdue(session)
    name = late.student.user.name
    session.commit()
    shown = client.get("/office/fees").text
    assert name in shown
    assert "Alice Okafor" not in shown
    assert "1 account is overdue, $795.00 in total." in shown
    assert "overdue since Feb 24, 2027" in shown
    assert "Alice Okafor" in client.get("/office/fees?view=open").text
    assert "Alice Okafor" in client.get("/office/fees?view=open&q=alice+CHI").text
    assert "No account like this" in client.get("/office/fees?q=%25").text
    assert client.get("/office/fees?view=nonsense&page=x").status_code == 200


@pytest.mark.both_databases(postgresql="full")
def test_the_list_costs_the_same_for_one_account_and_fifty(
    session: Session, client: FlaskClient, app: Flask, rosa: User
) -> None:
    def cost() -> int:
        with statements(app) as seen:
            assert client.get("/office/fees").status_code == 200
        return len(seen)

    overdue(session)
    session.commit()
    one = cost()
    begin_write(session)
    overdue(session, 49)
    session.commit()
    assert cost() == one <= 6


def test_one_account_costs_the_same_whatever_it_holds(
    session: Session, client: FlaskClient, app: Flask, account: FeeAccount, rosa: User
) -> None:
    def cost() -> int:
        with statements(app) as seen:
            assert client.get(f"/office/fees/{account.id}").status_code == 200
        return len(seen)

    few = cost()
    begin_write(session)
    for cents in range(100, 108):
        pay(session, account, cents, actor=rosa)
    session.commit()
    assert cost() == few <= 7


def test_the_list_is_a_table_for_a_spreadsheet(session: Session, client: FlaskClient, rosa: User) -> None:
    (late,) = overdue(session)
    late.student.user.name = "=1+1"
    session.commit()
    written = client.get("/office/fees.csv")
    assert written.mimetype == "text/csv"
    assert "'=1+1," in written.text
    assert "795.00" in written.text
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/office/fees.xlsx").data)).active
    assert sheet is not None
    assert sheet["F2"].value == 795
    assert sheet["H2"].is_date
    assert client.get("/office/fees.pdf").status_code == 404


def test_the_address_of_an_enrollments_fees_leads_to_its_account(
    session: Session, client: FlaskClient, account: FeeAccount
) -> None:
    there = client.get(f"/office/enrollments/{account.enrollment_id}/fees")
    assert there.headers["Location"] == f"/office/fees/{account.id}"
    begin_write(session)
    waiting = ask(session, make_offering(session, needs_approval=True))
    session.commit()
    assert "Nothing was charged" in client.get(f"/office/enrollments/{waiting.id}/fees").text
    assert client.get("/office/enrollments/999/fees").status_code == 404


def test_an_invoice_is_asked_for_and_fetched(
    session: Session, client: FlaskClient, account: FeeAccount
) -> None:
    asked = client.post(f"/office/fees/{account.id}/invoice")
    assert asked.status_code == 303
    papers.make_waiting()
    fetched = client.get(asked.headers["Location"], follow_redirects=True)
    assert fetched.mimetype == "application/pdf"
    document = session.scalars(sa.select(FeeDocument)).one()
    assert client.post(f"/office/fee-documents/{document.id}").status_code == 303
    assert client.post("/office/fee-documents/999").status_code == 404


def test_codes_are_made_and_ended(session: Session, client: FlaskClient, rosa: User) -> None:
    assert "No code yet" in client.get("/office/fees/codes").text
    wrong = client.post("/office/fees/codes/new", data={"code": "early10", "percent": "10", "amount": "5"})
    assert (wrong.status_code, "one of the two" in wrong.text) == (422, True)
    data = {"code": "early10", "percent": "10", "valid_until": "2027-06-30", "most_uses": "5", "course": ""}
    shown = client.post("/office/fees/codes/new", data=data, follow_redirects=True).text
    assert "EARLY10" in shown
    assert "0 of 5" in shown
    code = session.scalars(sa.select(DiscountCode)).one()
    assert "Keep it" in client.get(f"/office/fees/codes/{code.id}/end").text
    assert "Over" in client.post(f"/office/fees/codes/{code.id}/end", follow_redirects=True).text
    assert client.get("/office/fees/codes/999/end").status_code == 404


OFFICE = [
    ("GET", "/office/fees"),
    ("GET", "/office/fees.csv"),
    ("GET", "/office/fees/codes"),
    ("GET", "/office/fees/codes/new"),
    ("GET", "/office/fees/{account}"),
    ("GET", "/office/fees/{account}/payment"),
    ("POST", "/office/fees/{account}/payment"),
    ("GET", "/office/fees/{account}/refund"),
    ("GET", "/office/fees/{account}/discount"),
    ("GET", "/office/fees/{account}/entries/1/correct"),
    ("POST", "/office/fees/{account}/invoice"),
    ("POST", "/office/fee-documents/1"),
    ("GET", "/office/enrollments/{enrollment}/fees"),
]
MINE = [
    ("GET", "/my/enrollments/{enrollment}/fees"),
    ("POST", "/my/enrollments/{enrollment}/invoice"),
    ("POST", "/my/fee-documents/1"),
]


def test_strangers_are_refused_everywhere(
    session: Session, client: FlaskClient, app: Flask, account: FeeAccount, rosa: User
) -> None:
    begin_write(session)
    pay(session, account, 100, actor=rosa)
    others = [make_user(session, Role.STUDENT), make_user(session, Role.INSTRUCTOR)]
    session.commit()
    ids = {"account": account.id, "enrollment": account.enrollment_id}
    for method, address in OFFICE + MINE:
        visitor = app.test_client().open(address.format(**ids), method=method)
        assert visitor.status_code == 303, address
        for other in others:
            sign_in(client, other)
            answer = client.open(address.format(**ids), method=method)
            assert answer.status_code == (404 if (method, address) in MINE else 403), address
    assert session.scalar(sa.select(sa.func.count(Paper.id))) == 0


def test_a_wrong_method_and_an_unknown_account_are_told(client: FlaskClient, account: FeeAccount) -> None:
    assert client.get(f"/office/fees/{account.id}/invoice").status_code == 405
    assert client.post(f"/office/fees/{account.id}").status_code == 405
    assert client.post("/office/fees").status_code == 405
    for address in ("/office/fees/999", "/office/fees/999/payment", "/office/fees/999/discount"):
        assert client.get(address).status_code == 404
    assert client.post("/office/fees/999/invoice").status_code == 404


def test_the_offices_day_names_overdue_balances(session: Session, client: FlaskClient, rosa: User) -> None:
    overdue(session, 2)
    session.commit()
    shown = client.get("/office/").text
    assert "balances are overdue" in shown
    assert "$1,590.00 in total" in shown
