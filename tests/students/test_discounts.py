"""Discount codes: what they take off, when they are refused, and that their limit holds in a race."""

import threading
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from core.database import begin_write, writing
from core.errors import RuleError
from courses.offering_models import Offering
from students import discounts, fees, leaving, reinstating, transferring, waitlist
from students.ledger_models import DiscountCode, FeeAccount
from students.models import Enrollment, Student
from tests.factories import NOW, make_course, make_offering, make_school, make_student
from tests.students.acting import ask, fill, request_of
from tests.students.fees import account_of, lines, registrar, require_sums

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def _school(session: Session) -> None:
    make_school(session)


def make_code(session: Session, code: str = "EARLY10", **values: Any) -> DiscountCode:
    usual: dict[str, Any] = {
        "percent": 10,
        "amount_cents": None,
        "course": None,
        "valid_until": None,
        "most_uses": None,
        "note": "",
        "now": NOW - timedelta(days=9),
    }
    return discounts.make_code(session, code=code, actor=registrar(session), **(usual | values))


def test_a_code_takes_percent_off(session: Session) -> None:
    code = make_code(session)
    enrollment = ask(session, make_offering(session), discount_code=" early10 ")
    assert lines(session, account_of(session, enrollment)) == [("charge", 79500), ("discount", -7950)]
    assert code.uses == 1


def test_a_code_takes_an_amount_off_but_never_more_than_the_price(session: Session) -> None:
    make_code(session, percent=None, amount_cents=5000)
    dear = ask(session, make_offering(session), discount_code="EARLY10")
    cheap = ask(session, make_offering(session, price_cents=3000), discount_code="EARLY10")
    assert account_of(session, dear).balance_cents == 74500
    assert account_of(session, cheap).balance_cents == 0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"code": "OTHER"}, "There is no such code"),
        ({"valid_until": date(2027, 2, 28)}, "not valid any more"),
        ({"most_uses": 0}, "as often as it may be"),
    ],
)
def test_a_code_that_cannot_be_used_is_refused_at_its_field(
    session: Session, values: dict[str, Any], says: str
) -> None:
    make_code(session, **values)
    with pytest.raises(RuleError, match=says) as caught:
        ask(session, make_offering(session), discount_code="EARLY10")
    assert caught.value.field == "discount_code"


def test_a_code_for_another_course_is_refused(session: Session) -> None:
    make_code(session, course=make_course(session))
    with pytest.raises(RuleError, match="for another course"):
        ask(session, make_offering(session), discount_code="EARLY10")


def test_a_code_is_valid_through_its_last_day_where_the_class_is(session: Session) -> None:
    make_code(session, valid_until=date(2027, 3, 1))
    # 03:00 UTC on the 2nd is still the 1st in Astoria; 09:00 UTC is not.
    ask(session, make_offering(session), discount_code="EARLY10", now=NOW + timedelta(hours=9))
    with pytest.raises(RuleError):
        ask(session, make_offering(session), discount_code="EARLY10", now=NOW + timedelta(hours=15))


def test_an_ended_code_is_refused_and_keeps_its_discounts(session: Session) -> None:
    code = make_code(session)
    enrollment = ask(session, make_offering(session), discount_code="EARLY10")
    discounts.end_code(session, code.id, actor=registrar(session), now=NOW)
    with pytest.raises(RuleError, match="not valid any more"):
        ask(session, make_offering(session), discount_code="EARLY10")
    assert account_of(session, enrollment).charged_cents == 71550


def test_whoever_waits_keeps_the_code_until_the_seat_comes(session: Session) -> None:
    code = make_code(session, most_uses=1)
    offering = make_offering(session, capacity=1)
    seated = ask(session, offering)
    waiting = ask(session, offering, discount_code="EARLY10")
    assert code.uses == 1
    leaving.withdraw(session, seated, actor=seated.student.user, now=NOW)
    waitlist.accept(session, waiting, actor=waiting.student.user, now=NOW)
    assert account_of(session, waiting).charged_cents == 71550


def test_leaving_gives_the_use_back(session: Session) -> None:
    code = make_code(session, most_uses=1)
    offering = make_offering(session, capacity=1)
    (seated,) = fill(session, offering, 1)
    waiting = ask(session, offering, discount_code="EARLY10")
    leaving.withdraw(session, waiting, actor=waiting.student.user, now=NOW)
    session.flush()
    assert code.uses == 0
    ask(session, make_offering(session), discount_code="EARLY10")
    assert (code.uses, seated.is_live) == (1, True)


def test_a_move_to_another_class_takes_the_discount_along(session: Session) -> None:
    code = make_code(session, most_uses=1)
    here = make_offering(session)
    there = make_offering(session, here.course, starts=NOW + timedelta(days=80))
    enrollment = ask(session, here, discount_code="EARLY10")
    new = transferring.transfer(session, enrollment, there, actor=enrollment.student.user, now=NOW)
    session.flush()
    assert account_of(session, new).charged_cents == 71550
    assert code.uses == 1
    leaving.withdraw(session, new, actor=new.student.user, now=NOW)
    session.flush()
    assert code.uses == 0
    require_sums(session)


def test_no_code_is_made_whose_last_day_is_over_everywhere(session: Session) -> None:
    with pytest.raises(RuleError, match="That day is over already") as caught:
        make_code(session, valid_until=date(2027, 2, 27), now=NOW)
    assert caught.value.field == "valid_until"
    assert make_code(session, valid_until=NOW.date(), now=NOW).valid_until == NOW.date()


def test_there_is_one_code_of_a_name_and_one_kind_of_discount(session: Session) -> None:
    make_code(session)
    with pytest.raises(RuleError, match="already"):
        make_code(session, "early10")
    for values in ({"percent": None}, {"amount_cents": 100}):
        with pytest.raises(RuleError, match="one of the two"):
            make_code(session, "OTHER", **values)


def test_a_code_is_not_used_more_often_than_it_may_be_in_a_race(session: Session, app: Flask) -> None:
    code = make_code(session, most_uses=3)
    # Different classes: no lock but the code's own stands between them.
    offerings = [make_offering(session).id for _ in range(8)]
    students = [make_student(session).id for _ in range(8)]
    code_id = code.id
    session.commit()
    results: list[str] = []
    start = threading.Barrier(8)

    def work(offering_id: int, student_id: int) -> None:
        with app.app_context():
            start.wait()
            try:
                with writing() as own:
                    offering = own.get_one(Offering, offering_id)
                    student = own.get_one(Student, student_id)
                    from students.enrollment import enroll

                    request = request_of(offering, student, discount_code="EARLY10")
                    enroll(own, offering, student, request, actor=student.user, now=NOW)
                results.append("used")
            except RuleError:
                results.append("refused")

    threads = [threading.Thread(target=work, args=pair) for pair in zip(offerings, students, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    begin_write(session)
    assert sorted(results) == ["refused"] * 5 + ["used"] * 3
    assert session.get_one(DiscountCode, code_id).uses == 3
    assert session.scalar(sa.select(sa.func.count(Enrollment.id))) == 3
    assert session.scalars(sa.select(FeeAccount.charged_cents)).all() == [71550] * 3


def test_cancelling_a_class_gives_every_use_back(session: Session) -> None:
    from students import cancelling

    code = make_code(session)
    offering = make_offering(session)
    for _ in range(3):
        ask(session, offering, discount_code="EARLY10")
    cancelling.cancel(session, offering, reason="Flood", actor=registrar(session), now=NOW)
    session.flush()
    assert code.uses == 0


def test_bringing_someone_back_uses_the_code_again(session: Session) -> None:
    code = make_code(session, most_uses=1)
    enrollment = ask(session, make_offering(session), discount_code="EARLY10")
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    new = reinstating.reinstate(session, enrollment, reason="By mistake", actor=registrar(session), now=NOW)
    assert account_of(session, new).charged_cents == 71550
    assert code.uses == 1
    assert reinstating.lost_code(session, enrollment, new) == ""
    with pytest.raises(RuleError, match="as often as it may be"):
        ask(session, make_offering(session), discount_code="EARLY10")
    require_sums(session)


def test_a_code_that_others_used_up_meanwhile_does_not_come_back(session: Session) -> None:
    code = make_code(session, most_uses=1)
    enrollment = ask(session, make_offering(session), discount_code="EARLY10")
    staff = registrar(session)
    fees.give_discount(
        session, account_of(session, enrollment), amount_cents=500, reason="Friend", actor=staff, now=NOW
    )
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    ask(session, make_offering(session), discount_code="EARLY10")
    new = reinstating.reinstate(session, enrollment, reason="By mistake", actor=staff, now=NOW)
    assert lines(session, account_of(session, new)) == [("charge", 79500), ("discount", -500)]
    assert code.uses == 1
    assert reinstating.lost_code(session, enrollment, new) == "EARLY10"
    require_sums(session)


def test_whoever_let_an_offer_lapse_comes_back_with_the_code(session: Session) -> None:
    code = make_code(session, most_uses=1)
    offering = make_offering(session, capacity=1)
    seated = ask(session, offering)
    waiting = ask(session, offering, discount_code="EARLY10")
    leaving.withdraw(session, seated, actor=seated.student.user, now=NOW)
    later = NOW + timedelta(days=3)
    waitlist.lapse_in(session, offering.id, now=later)
    session.flush()
    assert code.uses == 0
    new = reinstating.reinstate(session, waiting, reason="Ill", actor=registrar(session), now=later)
    assert account_of(session, new).charged_cents == 71550
    assert code.uses == 1


def test_taking_the_discount_back_gives_the_use_back(session: Session) -> None:
    code = make_code(session, most_uses=1)
    enrollment = ask(session, make_offering(session), discount_code="EARLY10")
    account = account_of(session, enrollment)
    fees.correct(
        session,
        account,
        account.entries[1].id,
        reason="Not meant for them",
        actor=registrar(session),
        now=NOW,
    )
    assert (code.uses, account.charged_cents) == (0, 79500)
    require_sums(session)
