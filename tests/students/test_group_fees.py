"""The fees of a group booking: one account, seats given back by the terms."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from core.errors import RuleError
from students import billing, fees, groups, ledger
from students.group_models import GroupBooking
from students.ledger_models import FeeAccount
from students.models import EnrollmentState
from tests.factories import NOW, make_offering
from tests.students.acting import ask
from tests.students.fees import lines, pay, registrar, require_sums
from tests.students.grouping import book, name, require_counts

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("school_now")]


def test_one_account_is_charged_for_all_seats(session: Session) -> None:
    booking = book(session, make_offering(session))
    account = ledger.account_of_group(session, booking.id)
    assert account is not None
    assert lines(session, account) == [("charge", 159000)]
    enrollment = name(session, booking)
    assert enrollment.price_cents == 79500
    assert ledger.account_of(session, enrollment.id) is None
    require_sums(session)


def test_seats_given_back_are_settled_and_go_to_the_waitlist(session: Session) -> None:
    offering = make_offering(session, capacity=2)
    booking = book(session, offering)
    name(session, booking)
    waiting = ask(session, offering)
    staff = registrar(session)
    with pytest.raises(RuleError, match="nobody is named for"):
        groups.give_back_seats(session, booking, 2, actor=staff, now=NOW)
    assert groups.give_back_seats(session, booking, 1, actor=staff, now=NOW) == 79500
    assert waiting.state is EnrollmentState.OFFERED
    account = ledger.account_of_group(session, booking.id)
    assert account is not None
    assert account.balance_cents == 79500
    require_counts(session, offering)
    require_sums(session)


def account_of(session: Session, booking: GroupBooking) -> FeeAccount:
    account = ledger.account_of_group(session, booking.id)
    assert account is not None
    return account


def test_a_seat_given_back_before_it_was_paid_is_not_asked_for_any_more(session: Session) -> None:
    offering = make_offering(
        session, starts=NOW + timedelta(days=5)
    )  # past the last tier: nothing comes back
    booking = book(session, offering)
    account = account_of(session, booking)
    pay(session, account, 79500)
    assert groups.give_back_seats(session, booking, 1, actor=registrar(session), now=NOW) == 79500
    assert lines(session, account)[2:] == [("release", -79500)]
    assert (account.charged_cents, account.balance_cents) == (79500, 0)
    require_sums(session)


def test_of_a_paid_seat_given_back_the_terms_keep_their_part_and_nothing_of_the_others(
    session: Session,
) -> None:
    offering = make_offering(session, capacity=3, starts=NOW + timedelta(days=20))  # half, less 50
    booking = book(session, offering, 3)
    account, staff = account_of(session, booking), registrar(session)
    fees.give_discount(session, account, amount_cents=23850, reason="Ten percent", actor=staff, now=NOW)
    pay(session, account, 3 * 71550)
    kept = 71550 - (35775 - 5000)
    assert groups.give_back_seats(session, booking, 1, actor=staff, now=NOW) == 71550 - kept
    assert lines(session, account)[-2:] == [("refund_due", -71550), ("charge", kept)]
    assert account.balance_cents == -(71550 - kept)
    groups.give_back_seats(session, booking, 2, actor=staff, now=NOW)
    assert (account.charged_cents, booking.seats, offering.seats_taken) == (3 * kept, 0, 0)
    require_sums(session)


def test_the_invoice_names_seats_that_were_given_back(session: Session) -> None:
    offering = make_offering(session, starts=NOW + timedelta(days=20))
    booking = book(session, offering)
    account, staff = account_of(session, booking), registrar(session)
    pay(session, account, 159000)
    groups.give_back_seats(session, booking, 1, actor=staff, now=NOW)
    facts = billing.issue_invoice(session, account, actor=staff, now=NOW).snapshot
    assert [(line["text"], line["quantity"], line["amount"]) for line in facts["lines"]] == [
        (offering.course.title, "2", 159000),
        ("Kept by the terms", "1", 44750),
    ]
    assert facts["discounts"] == [{"text": "1 seat given back, refund by the terms", "amount": -79500}]
    assert (facts["total"], facts["balance"]) == (124250, -34750)


def test_more_seats_are_charged_at_the_price_of_the_booking(session: Session) -> None:
    offering = make_offering(session, capacity=5)
    booking = book(session, offering)
    offering.price_cents = 99900
    groups.add_seats(session, booking, 2, actor=registrar(session), now=NOW)
    account = ledger.account_of_group(session, booking.id)
    assert account is not None
    assert (account.charged_cents, booking.seats, offering.seats_taken) == (318000, 4, 4)
