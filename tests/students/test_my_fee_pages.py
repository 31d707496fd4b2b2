"""What a student sees of fees: their page and papers, codes on the enrollment form, what comes back on leaving."""

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import User
from core import papers
from core.database import begin_write
from students.ledger_models import DiscountCode, FeeAccount, FeeDocument
from students.models import Enrollment
from students.views import enroll
from tests.factories import NOW, make_offering, make_student
from tests.helpers import sign_in
from tests.students.fees import pay
from tests.students.test_fee_pages import _today, account, rosa

__all__ = ["_today", "account", "rosa"]  # the fixtures

pytestmark = pytest.mark.both_databases


def test_a_student_sees_what_they_owe_and_fetches_the_papers(
    session: Session, client: FlaskClient, account: FeeAccount, rosa: User
) -> None:
    begin_write(session)
    pay(session, account, 20000, actor=rosa)
    enrollment = session.get_one(Enrollment, account.enrollment_id)
    alice = enrollment.student.user
    session.commit()
    sign_in(client, alice)
    shown = client.get(f"/my/enrollments/{enrollment.id}/fees").text
    assert "$595.00 due by Mar 11, 2027" in shown
    asked = client.post(f"/my/enrollments/{enrollment.id}/invoice")
    receipt = session.scalars(sa.select(FeeDocument.id).where(FeeDocument.entry_id.is_not(None))).one()
    again = client.post(f"/my/fee-documents/{receipt}")
    session.rollback()
    papers.make_waiting()
    for answer in (asked, again):
        assert client.get(answer.headers["Location"], follow_redirects=True).mimetype == "application/pdf"


def test_the_students_page_says_what_is_to_be_paid(
    session: Session, client: FlaskClient, account: FeeAccount
) -> None:
    alice = session.get_one(Enrollment, account.enrollment_id).student.user
    sign_in(client, alice)
    shown = client.get("/my/").text
    assert "$795.00 due by Mar 11, 2027" in shown
    assert f"/my/enrollments/{account.enrollment_id}/fees" in shown


def test_the_enrollment_form_takes_a_code_and_says_what_it_comes_to(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    from students import discounts

    discounts.make_code(
        session,
        code="EARLY10",
        percent=10,
        amount_cents=None,
        course=None,
        valid_until=None,
        most_uses=None,
        note="",
        actor=rosa,
        now=NOW,
    )
    student = make_student(session)
    offering = make_offering(session)
    user = student.user
    session.commit()
    sign_in(client, user)
    address = f"/classes/{offering.code}/enroll"
    shown = client.get(address).text
    assert "You pay" in shown
    assert "$200.00 as deposit when you enroll, the rest by March 11, 2027." in shown
    data = {
        "certificate_name": user.name,
        "profession": "LMT",
        "license_state": "OR",
        "license_number": "1",
        "acknowledge_screening": "y",
        "accept_policy": "y",
    }
    wrong = client.post(address, data=data | {"discount_code": "LATE"})
    assert (wrong.status_code, "There is no such code" in wrong.text) == (422, True)
    assert session.scalar(sa.select(sa.func.count(Enrollment.id))) == 0
    missing = client.post(address, data=data | {"discount_code": "early10", "accept_policy": ""})
    assert (missing.status_code, "$715.50" in missing.text) == (422, True)
    assert client.post(address, data=data | {"discount_code": "early10"}).status_code == 303
    session.rollback()
    assert session.scalars(sa.select(FeeAccount.charged_cents)).all() == [71550]


def test_nobody_tries_discount_codes_one_after_the_other(
    session: Session, client: FlaskClient, rosa: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enroll, "CODES_AN_HOUR", 2)
    session.add(DiscountCode(code="RIGHT", percent=10, uses=0, created_at=NOW, created_by_id=rosa.id))
    student, offering = make_student(session), make_offering(session)
    session.commit()
    sign_in(client, student.user)
    address = f"/classes/{offering.code}/enroll"
    data = {
        "certificate_name": "Maya Okonjo",
        "profession": "LMT",
        "license_state": "OR",
        "license_number": "1",
        "acknowledge_screening": "y",
        "accept_policy": "y",
    }
    for typed in ("WRONG", "WORSE"):
        assert "There is no such code" in client.post(address, data=data | {"discount_code": typed}).text
    late = client.post(address, data=data | {"discount_code": "RIGHT"})
    assert (late.status_code, "Too many attempts" in late.text) == (422, True)
    unfinished = client.post(address, data={"discount_code": "RIGHT"})
    assert (unfinished.status_code, "$715.50" in unfinished.text) == (422, False)
    assert client.post(address, data=data).status_code == 303


def test_the_withdraw_page_says_what_comes_back(
    session: Session, client: FlaskClient, account: FeeAccount, rosa: User
) -> None:
    begin_write(session)
    pay(session, account, 20000, actor=rosa)
    alice = session.get_one(Enrollment, account.enrollment_id).student.user
    session.commit()
    sign_in(client, alice)
    shown = client.get(f"/my/enrollments/{account.enrollment_id}/withdraw").text
    assert "the school keeps $50.00 of the price of $795.00 today" in shown
    assert "You paid $200.00 so far, so $150.00 comes back to you." in shown
