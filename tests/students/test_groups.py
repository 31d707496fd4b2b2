"""Group bookings: seats are held before they have names, people come and go, the contact is told."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import User
from core.database import begin_write, writing
from core.errors import RuleError
from courses.models import Prerequisite, PrerequisiteKind
from courses.offering_models import Offering
from students import cancelling, capacity, groups, leaving, ledger, transferring
from students.group_models import GroupBooking
from students.models import EnrollmentState, PrerequisiteGrant
from tests.factories import NOW, make_course, make_offering, make_student
from tests.helpers import mails_to
from tests.students.acting import ask, fill
from tests.students.fees import registrar
from tests.students.grouping import book, name, person, rendered, require_counts

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("school_now")]


def test_reserved_seats_count_as_held(session: Session) -> None:
    offering = make_offering(session, capacity=3)
    booking = book(session, offering)
    assert (offering.seats_taken, booking.seats_open) == (2, 2)
    fill(session, offering, 1)
    assert ask(session, offering).state is EnrollmentState.WAITLISTED
    require_counts(session, offering)


def test_no_more_seats_are_reserved_than_are_free(session: Session) -> None:
    offering = make_offering(session, capacity=3)
    with pytest.raises(RuleError, match="Only 3 seats are free"):
        book(session, offering, 4)
    fill(session, offering, 3)
    with pytest.raises(RuleError, match="No seat is free"):
        book(session, offering, 1)
    for count in (0, 201):
        with pytest.raises(RuleError, match="1 to 200 seats"):
            book(session, offering, count)


def test_a_group_does_not_pass_the_queue(session: Session) -> None:
    offering = make_offering(session, capacity=1)
    fill(session, offering, 2)
    offering.capacity = 5
    with pytest.raises(RuleError, match="they come first"):
        book(session, offering)


def test_naming_takes_a_seat_of_the_booking_and_tells_the_person(session: Session) -> None:
    offering = make_offering(session, capacity=3)
    booking = book(session, offering)
    enrollment = name(session, booking)
    assert (enrollment.state, booking.seats_open, offering.seats_taken) == (EnrollmentState.ENROLLED, 1, 2)
    require_counts(session, offering)
    assert mails_to("noa1@clinic.example") == ["account-invitation", "confirmation"]
    assert mails_to("kim@clinic.example") == ["group-booking"]


def test_a_contact_renames_nobody_whom_the_school_knows(session: Session) -> None:
    booking = book(session, make_offering(session))
    alice = make_student(session, certificate_name="Alice Okafor")
    typed = person(name="Ana Ramos", email=alice.user.email)
    made = groups.name_person(session, booking, typed, actor=None, now=NOW)
    assert (made.student_id, made.certificate_name) == (alice.id, "Alice Okafor")


def test_a_booking_that_was_sent_twice_reserves_seats_once(session: Session) -> None:
    offering, staff = make_offering(session, capacity=12), registrar(session)
    booking = book(session, offering, actor=staff)
    with pytest.raises(RuleError, match="a moment ago"):
        book(session, offering, actor=staff)
    assert offering.seats_taken == 2
    groups.add_seats(session, booking, 1, seen=2, actor=staff, now=NOW)
    for change in (groups.add_seats, groups.give_back_seats):
        with pytest.raises(RuleError, match="has 3 seats by now"):
            change(session, booking, 1, seen=2, actor=staff, now=NOW)
    assert (booking.seats, offering.seats_taken) == (3, 3)
    book(session, offering, actor=staff, organization="Another Clinic")
    book(session, offering, actor=staff, now=NOW + groups.TWICE)
    require_counts(session, offering)


def test_a_booking_that_was_given_back_whole_is_made_anew_at_once(session: Session) -> None:
    offering, staff = make_offering(session, capacity=12), registrar(session)
    booking = book(session, offering, actor=staff)
    groups.give_back_seats(session, booking, booking.seats, actor=staff, now=NOW)
    assert book(session, offering, actor=staff).id != booking.id
    require_counts(session, offering)


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
