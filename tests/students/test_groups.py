"""Group bookings: seats are held before they have names, people come and go, one account pays."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.database import begin_write, writing
from core.delivery import deliver_due
from core.errors import RuleError
from core.outbox import OutgoingMail, kinds
from courses.models import Prerequisite, PrerequisiteKind
from courses.offering_models import Offering
from students import billing, cancelling, capacity, fees, groups, leaving, ledger, seats, transferring
from students.group_models import GroupBooking
from students.groups import Person
from students.ledger_models import FeeAccount
from students.models import Enrollment, EnrollmentState, PrerequisiteGrant
from tests.factories import NOW, make_course, make_offering, make_school, make_student, make_user
from tests.helpers import mails_to, sign_in
from tests.students.acting import ask, fill
from tests.students.fees import lines, pay, registrar, require_sums

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def _school(session: Session) -> Iterator[None]:
    make_school(session)
    with time_machine.travel(NOW):
        yield


def book(session: Session, offering: Offering, count: int = 2, **values: Any) -> GroupBooking:
    usual: dict[str, Any] = {
        "organization": "Harbor Clinic",
        "contact_name": "Kim Park",
        "contact_email": "kim@clinic.example",
        "seat_count": count,
        "now": NOW,
    }
    values.setdefault("actor", registrar(session))
    return groups.book(session, offering, **(usual | values))


def person(number: int = 1, **values: Any) -> Person:
    return Person(**({"name": f"Noa Quill{number}", "email": f"noa{number}@clinic.example"} | values))


def name(session: Session, booking: GroupBooking, number: int = 1) -> Enrollment:
    return groups.name_person(session, booking, person(number), actor=None, now=NOW)


def require_counts(session: Session, offering: Offering) -> None:
    session.flush()
    counted = seats.count(session, offering.id)
    assert (offering.seats_taken, offering.waiting_count) == (counted.held, counted.waiting)
    assert offering.seats_taken <= offering.capacity


def test_reserved_seats_count_as_held(session: Session) -> None:
    offering = make_offering(session, capacity=3)
    booking = book(session, offering)
    assert (offering.seats_taken, booking.seats_open) == (2, 2)
    fill(session, offering, 1)
    assert ask(session, offering).state is EnrollmentState.WAITLISTED
    require_counts(session, offering)


def test_no_more_seats_are_reserved_than_are_free(session: Session) -> None:
    offering = make_offering(session, capacity=3)
    with pytest.raises(RuleError, match="No seat is free"):
        book(session, offering, 4)
    for count in (0, 201):
        with pytest.raises(RuleError, match="1 to 200 seats"):
            book(session, offering, count)


def test_a_group_does_not_pass_the_queue(session: Session) -> None:
    offering = make_offering(session, capacity=1)
    fill(session, offering, 2)
    offering.capacity = 5
    with pytest.raises(RuleError, match="they come first"):
        book(session, offering)


def test_one_account_is_charged_for_all_seats(session: Session) -> None:
    booking = book(session, make_offering(session))
    account = ledger.account_of_group(session, booking.id)
    assert account is not None
    assert lines(session, account) == [("charge", 159000)]
    enrollment = name(session, booking)
    assert enrollment.price_cents == 79500
    assert ledger.account_of(session, enrollment.id) is None
    require_sums(session)


def test_naming_takes_a_seat_of_the_booking_and_tells_the_person(session: Session) -> None:
    offering = make_offering(session, capacity=3)
    booking = book(session, offering)
    enrollment = name(session, booking)
    assert (enrollment.state, booking.seats_open, offering.seats_taken) == (EnrollmentState.ENROLLED, 1, 2)
    require_counts(session, offering)
    assert mails_to("noa1@clinic.example") == ["account-invitation", "confirmation"]
    assert mails_to("kim@clinic.example") == ["group-booking"]


def test_naming_goes_past_a_waitlist_that_came_later(session: Session) -> None:
    offering = make_offering(session, capacity=2)
    booking = book(session, offering)
    waiting = ask(session, offering)
    assert name(session, booking).state is EnrollmentState.ENROLLED
    assert waiting.state is EnrollmentState.WAITLISTED
    require_counts(session, offering)


def test_nobody_is_named_twice_or_without_a_seat(session: Session) -> None:
    booking = book(session, make_offering(session))
    name(session, booking)
    with pytest.raises(RuleError, match="has a seat in this class already"):
        name(session, booking)
    name(session, booking, 2)
    with pytest.raises(RuleError, match="Every seat of this booking has a name"):
        name(session, booking, 3)


def test_a_missing_prerequisite_is_told_and_the_office_may_override(session: Session) -> None:
    first = make_course(session, code="CST1")
    course = make_course(session)
    session.add(Prerequisite(course_id=course.id, needs_id=first.id, kind=PrerequisiteKind.REQUIRED))
    booking = book(session, make_offering(session, course))
    with pytest.raises(RuleError, match="asks for CST1 first"):
        name(session, booking)
    staff = registrar(session)
    groups.name_person(session, booking, person(override_reason="Learned abroad"), actor=staff, now=NOW)
    assert session.scalars(sa.select(PrerequisiteGrant.reason)).all() == ["Learned abroad"]


def test_a_person_is_swapped_in_one_act(session: Session) -> None:
    offering = make_offering(session, capacity=2)
    booking = book(session, offering)
    old = name(session, booking)
    waiting = ask(session, offering)
    new = groups.swap(session, booking, old, person(2), actor=None, now=NOW)
    assert (old.state, new.state) == (EnrollmentState.WITHDRAWN, EnrollmentState.ENROLLED)
    assert waiting.state is EnrollmentState.WAITLISTED
    assert (booking.seats_open, offering.seats_taken) == (1, 2)
    require_counts(session, offering)


def test_a_contact_swaps_before_the_class_and_the_office_at_its_door(session: Session) -> None:
    offering = make_offering(session)
    booking = book(session, offering)
    old = name(session, booking)
    during = offering.starts_at + timedelta(minutes=5)
    with pytest.raises(RuleError, match="The class has begun"):
        groups.swap(session, booking, old, person(2), actor=None, now=during)
    groups.swap(session, booking, old, person(2), actor=registrar(session), now=during)


def test_a_student_who_leaves_gives_the_seat_back_to_the_booking(session: Session) -> None:
    offering = make_offering(session, capacity=2)
    booking = book(session, offering)
    enrollment = name(session, booking)
    waiting = ask(session, offering)
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    assert (booking.seats_open, offering.seats_taken) == (2, 2)
    assert waiting.state is EnrollmentState.WAITLISTED
    account = ledger.account_of_group(session, booking.id)
    assert account is not None
    assert account.balance_cents == 159000


def test_a_seat_of_a_group_does_not_move_to_another_class(session: Session) -> None:
    here = make_offering(session)
    enrollment = name(session, book(session, here))
    there = make_offering(session, here.course, starts=NOW + timedelta(days=80))
    with pytest.raises(RuleError, match="belongs to a group booking"):
        transferring.transfer(session, enrollment, there, actor=enrollment.student.user, now=NOW)


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


def test_cancelling_the_class_closes_the_booking(session: Session) -> None:
    offering = make_offering(session)
    booking = book(session, offering)
    name(session, booking)
    cancelling.cancel(session, offering, reason="Flood", actor=registrar(session), now=NOW)
    account = ledger.account_of_group(session, booking.id)
    assert account is not None
    assert (account.balance_cents, booking.seats_open, offering.seats_taken) == (0, 0, 0)
    assert booking.closed_at == NOW
    with pytest.raises(RuleError, match="closed"):
        name(session, booking, 2)
    require_counts(session, offering)


def test_the_capacity_does_not_fall_below_what_a_group_holds(session: Session) -> None:
    offering = make_offering(session, capacity=3)
    book(session, offering)
    with pytest.raises(RuleError, match=r"Harbor Clinic \(2 reserved\)"):
        capacity.set_capacity(session, offering, 1, actor=registrar(session), now=NOW)


def test_seats_are_not_oversold_between_a_group_and_the_public(session: Session, app: Flask) -> None:
    offering_id = make_offering(session, capacity=6).id
    staff = registrar(session).id
    students = [make_student(session).id for _ in range(6)]
    session.commit()
    start = threading.Barrier(8)
    problems: list[BaseException] = []

    def reserve() -> None:
        with app.app_context():
            start.wait()
            try:
                with writing() as own:
                    book(own, own.get_one(Offering, offering_id), 3, actor=own.get_one(User, staff))
            except RuleError:
                pass
            except Exception as error:
                problems.append(error)

    def enroll(student_id: int) -> None:
        from students.models import Student

        with app.app_context():
            start.wait()
            try:
                with writing() as own:
                    ask(own, own.get_one(Offering, offering_id), own.get_one(Student, student_id))
            except Exception as error:
                problems.append(error)

    threads = [threading.Thread(target=reserve) for _ in range(2)]
    threads += [threading.Thread(target=enroll, args=(number,)) for number in students]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    begin_write(session)
    offering = session.get_one(Offering, offering_id)
    assert offering.seats_taken == 6
    require_counts(session, offering)


def test_one_open_seat_is_named_once_in_a_race(session: Session, app: Flask) -> None:
    booking = book(session, make_offering(session), 1)
    booking_id = booking.id
    session.commit()
    start = threading.Barrier(4)
    results: list[str] = []

    def work(number: int) -> None:
        with app.app_context():
            start.wait()
            try:
                with writing() as own:
                    name(own, own.get_one(GroupBooking, booking_id), number)
                results.append("named")
            except RuleError:
                results.append("refused")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["named", "refused", "refused", "refused"]


def rendered(session: Session, app: Flask, recipient: str) -> list[str]:
    """The texts of the mails to someone, oldest first; what would be dropped is left out."""
    session.flush()
    query = sa.select(OutgoingMail).where(OutgoingMail.recipient == recipient).order_by(OutgoingMail.id)
    with app.test_request_context():
        made = [kinds()[row.kind].render(session, row) for row in session.scalars(query)]
    return [f"{message.subject}\n{message.text}" for message in made if message is not None]


@pytest.mark.parametrize("by_office", [False, True])
def test_the_contact_is_told_when_somebody_leaves(session: Session, app: Flask, by_office: bool) -> None:
    booking = book(session, make_offering(session))
    enrollment = name(session, booking)
    if by_office:
        groups.take_off(session, booking, enrollment, actor=registrar(session), now=NOW)
    else:
        leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    _booked, left = rendered(session, app, "kim@clinic.example")
    assert "A seat is open again" in left
    assert "Noa Quill1 is no longer in this class. The seat stays reserved for Harbor Clinic." in left
    assert f"/groups/{booking.token}" in left


def test_the_contact_is_not_told_of_a_seat_that_has_a_name_again(session: Session, app: Flask) -> None:
    booking = book(session, make_offering(session), 1)
    enrollment = name(session, booking)
    groups.take_off(session, booking, enrollment, actor=registrar(session), now=NOW)
    name(session, booking, 2)
    assert len(rendered(session, app, "kim@clinic.example")) == 1  # the booking itself


def test_the_contact_is_not_told_of_what_they_did_themselves(session: Session) -> None:
    booking = book(session, make_offering(session))
    groups.swap(session, booking, name(session, booking), person(2), actor=None, now=NOW)
    assert mails_to("kim@clinic.example") == ["group-booking"]


# The pages.

PERSON = {"name": "Noa Quill", "email": "Noa@Clinic.example"}
BOOKING = {
    "seats": "2",
    "organization": "Harbor Clinic",
    "contact_name": "Kim Park",
    "contact_email": "kim@clinic.example",
    "address": "1 Quay\nAstoria",
}


@pytest.fixture
def rosa(session: Session, client: FlaskClient) -> User:
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    begin_write(session)
    sign_in(client, rosa)
    return rosa


@pytest.fixture
def booking(session: Session, rosa: User) -> GroupBooking:
    booking = book(session, make_offering(session, code="CST1-A"), actor=rosa)
    session.commit()
    return booking


def test_the_office_books_names_and_changes(session: Session, client: FlaskClient, rosa: User) -> None:
    make_offering(session, code="CST1-A", capacity=4)
    session.commit()
    assert client.get("/office/groups/new?class=cst1-a").status_code == 200
    unknown = client.post("/office/groups/new", data=BOOKING | {"offering": "NOPE"})
    assert (unknown.status_code, "There is no class NOPE" in unknown.text) == (422, True)
    full = client.post("/office/groups/new", data=BOOKING | {"offering": "CST1-A", "seats": "5"})
    assert (full.status_code, "No seat is free" in full.text) == (422, True)
    made = client.post("/office/groups/new", data=BOOKING | {"offering": "cst1-a"})
    assert made.status_code == 303
    here = made.headers["Location"]
    assert "/groups/" in client.get(here).text
    named = client.post(f"{here}/people", data=PERSON, follow_redirects=True)
    assert "1 of 2 seats have a name" in named.text
    assert client.post(f"{here}/people", data={"name": "?"}).status_code == 422
    assert (
        "The booking is changed"
        in client.post(f"{here}/more", data={"count": "1"}, follow_redirects=True).text
    )
    assert client.post(f"{here}/fewer", data={"count": "9"}).status_code == 422
    assert client.post(f"{here}/fewer", data={"count": "1"}).status_code == 303
    session.rollback()
    off = f"{here}/people/{session.scalars(sa.select(Enrollment.id)).one()}/off"
    assert "stays reserved" in client.get(off).text
    assert "off the booking" in client.post(off, follow_redirects=True).text
    assert client.post(off).status_code == 422
    assert "Harbor Clinic" in client.get("/office/groups?q=clinic").text
    assert "No booking like this" in client.get("/office/groups?q=zzz").text


def test_the_contact_names_swaps_and_gets_the_invoice(
    session: Session, app: Flask, booking: GroupBooking
) -> None:
    here = f"/groups/{booking.token}"
    contact = app.test_client()
    shown = contact.get(here)
    assert "0 of 2 seats have a name" in shown.text
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert contact.post(here, data={"name": "Noa", "email": "nowhere"}).status_code == 422
    assert "has a seat and is told" in contact.post(here, data=PERSON, follow_redirects=True).text
    session.rollback()
    enrollment = session.scalars(sa.select(Enrollment)).one()
    swap = f"{here}/people/{enrollment.id}"
    assert "Noa Quill" in contact.get(swap).text
    other = {"name": "Ola Berg", "email": "ola@clinic.example"}
    assert "Ola Berg takes the seat" in contact.post(swap, data=other, follow_redirects=True).text
    assert contact.post(swap, data=other).status_code == 422
    assert "on its way to kim@clinic.example" in contact.post(f"{here}/invoice", follow_redirects=True).text
    session.rollback()
    assert "group-invoice" in mails_to("kim@clinic.example")


def test_another_address_finds_no_booking(
    session: Session, app: Flask, client: FlaskClient, booking: GroupBooking
) -> None:
    begin_write(session)
    stranger = ask(session, make_offering(session)).id
    session.commit()
    contact = app.test_client()
    for address in ("/groups/x", f"/groups/{booking.token}x", f"/groups/{booking.token}/people/{stranger}"):
        assert contact.get(address).status_code == 404
    assert contact.post("/groups/x/invoice").status_code == 404
    assert contact.get(f"/groups/{booking.token}/invoice").status_code == 405
    office = ["/office/groups", "/office/groups/new", f"/office/groups/{booking.id}"]
    for address in office:
        assert contact.get(address).status_code == 303
    begin_write(session)
    others = [make_user(session, Role.STUDENT), make_user(session, Role.INSTRUCTOR)]
    session.commit()
    for other in others:
        sign_in(client, other)
        for address in office:
            assert client.get(address).status_code == 403
        assert client.post(f"/office/groups/{booking.id}/more").status_code == 403


def test_the_mails_to_the_contact_can_be_sent(session: Session, booking: GroupBooking) -> None:
    begin_write(session)
    groups.mail_invoice(session, booking, actor=None, now=NOW)
    session.commit()
    deliver_due()
    session.rollback()
    rows = session.scalars(
        sa.select(OutgoingMail)
        .where(OutgoingMail.recipient == "kim@clinic.example")
        .order_by(OutgoingMail.id)
    ).all()
    assert [(row.kind, row.state.value) for row in rows] == [
        ("group-booking", "sent"),
        ("group-invoice", "sent"),
    ]


def test_a_contact_does_not_change_what_a_known_student_said(session: Session) -> None:
    offering = make_offering(session, capacity=2)
    booking = book(session, offering)
    known = make_student(session)
    number = known.licenses[0].number
    stranger = person(email=known.user.email, profession="RN", license_state="OR", license_number="RN-FORGED")
    enrollment = groups.name_person(session, booking, stranger, actor=None, now=NOW)
    forged = person(email=known.user.email, profession="LMT", license_state="OR", license_number="LMT-FORGED")
    groups.swap(session, booking, enrollment, forged, actor=None, now=NOW)
    session.flush()
    session.refresh(known)
    assert known.profession == "LMT"
    assert [license_.number for license_ in known.licenses] == [number]


def test_someone_the_contact_takes_off_is_told_who_did_it(session: Session, app: Flask) -> None:
    offering = make_offering(session, capacity=2)
    booking = book(session, offering)
    enrollment = name(session, booking)
    groups.take_off(session, booking, enrollment, actor=None, now=NOW)
    session.flush()
    row = session.scalars(sa.select(OutgoingMail).where(OutgoingMail.kind == "withdrawn")).one()
    with app.test_request_context():
        message = kinds()["withdrawn"].render(session, row)
    assert message is not None
    for text in (message.text, message.html):
        assert "Harbor Clinic gave your seat in this class to someone else" in text
        assert "the office took you out" not in text


def test_the_roster_names_seats_without_a_name_and_who_pays(
    session: Session, client: FlaskClient, booking: GroupBooking
) -> None:
    begin_write(session)
    name(session, booking)
    session.commit()
    shown = client.get("/office/classes/CST1-A/roster").text
    assert "1 seat without a name" in shown
    assert f"/office/groups/{booking.id}" in shown
    assert "Enrolled (Harbor Clinic)" in shown
    assert "For a seat given back today $795.00 less is asked for; the terms keep $0.00 of it." in (
        client.get(f"/office/groups/{booking.id}").text
    )
