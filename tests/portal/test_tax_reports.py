"""The tax reports as the office reads them."""

import csv
import io

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from tests.factories import NOW, make_offering, make_school, make_student, make_user
from tests.helpers import sign_in
from tests.students.acting import ask
from tests.students.fees import account_of, pay

DAYS = f"first={NOW.date()}&last={NOW.date()}"


@pytest.fixture
def office(session: Session, client: FlaskClient) -> FlaskClient:
    make_school(session, tax_name="sales tax", tax_rate=88_750, tax_id="NY 1")
    rosa = make_user(session, Role.REGISTRAR)
    student = make_student(session, make_user(session, name="Alice Okafor"))
    enrollment = ask(session, make_offering(session, code="CST1-A", price_cents=79500), student)
    pay(session, account_of(session, enrollment), 20000, actor=rosa)
    session.commit()
    sign_in(client, rosa)
    return client


def test_the_page_sums_up_what_was_asked_for_and_what_was_paid(office: FlaskClient) -> None:
    shown = office.get(f"/office/reports/tax?{DAYS}").text
    assert "Days from" in shown
    for text in ("8.875", "$795.00", "$64.80", "$730.20", "$200.00", "$16.30", "$183.70"):
        assert text in shown


def test_the_entries_add_up_to_the_sums_in_the_files_too(office: FlaskClient) -> None:
    def rows(key: str) -> list[dict[str, str]]:
        text = office.get(f"/office/reports/{key}.csv?{DAYS}").data.decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text)))

    sums = {row["Counted when"]: row for row in rows("tax")}
    entries = {row["Counted when"]: row for row in rows("tax-entries")}
    assert (sums["Asked for"]["Tax"], sums["Paid"]["Tax"]) == ("64.80", "16.30")
    assert [entries[when][name] for when in sums for name in ("Total", "Net", "Tax")] == [
        sums[when][name] for when in sums for name in ("Total", "Net", "Tax")
    ]
    assert (entries["Paid"]["What"], entries["Paid"]["Document"]) == (
        "Payment, bank transfer",
        "TBI-R-27-0001",
    )
    assert (entries["Asked for"]["Class"], entries["Asked for"]["Payer"]) == ("CST1-A", "Alice Okafor")
