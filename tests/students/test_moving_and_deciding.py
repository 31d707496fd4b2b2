"""Approving, capacity, cancelling, transferring, bringing back: what each does, and each refusal."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.errors import RuleError
from courses.models import Prerequisite, PrerequisiteKind
from courses.offering_models import OfferingState
from students import (
    access_help,
    approval,
    cancelling,
    capacity,
    leaving,
    prerequisites,
    reinstating,
    seats,
    transferring,
)
from students.models import EnrollmentState
from students.states import TRANSITIONS, IllegalMoveError, check
from tests.factories import (
    NOW,
    add,
    make_course,
    make_offering,
    make_policy,
    make_student,
    make_user,
    put_enrollment,
)
from tests.helpers import mails_to
from tests.students.acting import ask, changes_nothing, fill, states_of

pytestmark = pytest.mark.both_databases
S = EnrollmentState


@pytest.fixture
def rosa(session: Session) -> User:
    return make_user(session, Role.REGISTRAR, name="Rosa Delgado")


# Approval.


def test_a_held_seat_becomes_the_students(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1, needs_approval=True)
    (asked,) = fill(session, offering, 1)
    assert approval.approve(session, asked, actor=rosa, now=NOW, message="Welcome") is S.ENROLLED
    assert offering.seats_taken == 1
    assert asked.history[-1].details["message"] == "Welcome"
    assert mails_to(asked.student.user.email) == ["asked", "approved"]


def test_without_a_held_seat_the_ticket_of_asking_counts(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1, needs_approval=True, approval_holds_seat=False)
    early, late, seated = fill(session, offering, 3)
    approval.approve(session, seated, actor=rosa, now=NOW)
    assert approval.approve(session, late, actor=rosa, now=NOW) is S.WAITLISTED
    assert approval.approve(session, early, actor=rosa, now=NOW) is S.WAITLISTED
    leaving.withdraw(session, seated, actor=seated.student.user, now=NOW)
    assert (early.state, late.state) == (S.OFFERED, S.WAITLISTED)


def test_declining_frees_the_held_seat_for_the_next(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1, needs_approval=True)
    (asked,) = fill(session, offering, 1)
    waiter = put_enrollment(session, offering, state=S.WAITLISTED)
    approval.decline(session, asked, actor=rosa, now=NOW, message="A license is needed.")
    assert (asked.state, waiter.state, offering.seats_taken) == (S.DECLINED, S.OFFERED, 1)


@pytest.mark.parametrize("state", [S.ENROLLED, S.DECLINED, S.WITHDRAWN, S.WAITLISTED])
def test_only_open_requests_are_decided(session: Session, rosa: User, state: S) -> None:
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering, state=state)
    for act in (approval.approve, approval.decline):
        with changes_nothing(session, offering), pytest.raises(RuleError, match=r"already|meantime"):
            act(session, enrollment, actor=rosa, now=NOW, message="x")


@pytest.mark.parametrize(
    ("values", "words"),
    [({"state": OfferingState.CANCELLED}, "cancelled"), ({"starts": NOW - timedelta(days=5)}, "is over")],
)
def test_nobody_is_approved_into_a_class_that_is_gone(
    session: Session, rosa: User, values: dict[str, Any], words: str
) -> None:
    offering = make_offering(session, **values)
    asked = put_enrollment(session, offering, state=S.PENDING, holds_seat=True)
    with changes_nothing(session, offering), pytest.raises(RuleError, match=words):
        approval.approve(session, asked, actor=rosa, now=NOW)


def test_approval_into_a_full_class_after_the_cut_off_is_refused(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1, starts=NOW + timedelta(hours=3))
    put_enrollment(session, offering)
    asked = put_enrollment(session, offering, state=S.PENDING, holds_seat=False)
    with changes_nothing(session, offering), pytest.raises(seats.NoSeatError, match="waitlist has closed"):
        approval.approve(session, asked, actor=rosa, now=NOW)


def test_approval_after_the_cut_off_passes_nobody_who_asked_earlier(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1, starts=NOW + timedelta(hours=3))
    put_enrollment(session, offering, state=S.WAITLISTED)
    asked = put_enrollment(session, offering, state=S.PENDING, holds_seat=False)
    with changes_nothing(session, offering), pytest.raises(seats.NoSeatError, match="Others asked earlier"):
        approval.approve(session, asked, actor=rosa, now=NOW)


# Capacity.


def test_more_seats_go_to_the_list_in_order(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1)
    _seated, first, second, third = fill(session, offering, 4)
    assert capacity.set_capacity(session, offering, 3, actor=rosa, now=NOW) == [first, second]
    assert (first.state, second.state, third.state) == (S.OFFERED, S.OFFERED, S.WAITLISTED)


def test_fewer_seats_than_are_held_is_refused_with_the_names(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=3)
    first, _second = fill(session, offering, 2)
    with (
        changes_nothing(session, offering),
        pytest.raises(RuleError, match=first.student.user.name) as caught,
    ):
        capacity.set_capacity(session, offering, 1, actor=rosa, now=NOW)
    assert caught.value.field == "capacity"
    assert capacity.set_capacity(session, offering, 2, actor=rosa, now=NOW) == []
    assert offering.capacity == 2


@pytest.mark.parametrize(("size", "values"), [(0, {}), (5, {"state": OfferingState.CANCELLED})])
def test_impossible_capacities_are_refused(
    session: Session, rosa: User, size: int, values: dict[str, Any]
) -> None:
    offering = make_offering(session, **values)
    with changes_nothing(session, offering), pytest.raises(RuleError):
        capacity.set_capacity(session, offering, size, actor=rosa, now=NOW)


# Cancelling.


def test_cancelling_releases_and_tells_everyone(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1)
    people = fill(session, offering, 2)
    people.append(put_enrollment(session, offering, state=S.PENDING, holds_seat=False))
    gone = put_enrollment(session, offering, state=S.WITHDRAWN)
    assert cancelling.cancel(session, offering, reason="Flood", actor=rosa, now=NOW) == 3
    assert {item.state for item in people} == {S.CANCELLED}
    assert (offering.seats_taken, offering.waiting_count) == (0, 0)
    assert all(mails_to(item.student.user.email)[-1] == "cancelled" for item in people)
    assert mails_to(gone.student.user.email) == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"state": OfferingState.CANCELLED}, "Flood"),
        ({"finalized_at": NOW}, "Flood"),
        ({"starts": NOW - timedelta(days=4)}, "Flood"),
        ({}, "  "),
    ],
)
def test_what_cannot_be_cancelled(session: Session, rosa: User, values: dict[str, Any], reason: str) -> None:
    offering = make_offering(session, **values)
    put_enrollment(session, offering)
    with changes_nothing(session, offering), pytest.raises(RuleError):
        cancelling.cancel(session, offering, reason=reason, actor=rosa, now=NOW)


# Transferring.


def two_classes(session: Session, **values: Any) -> tuple[Any, Any, Any]:
    course = make_course(session)
    here = make_offering(session, course, capacity=1)
    settled: dict[str, Any] = {"capacity": 1, "starts": NOW + timedelta(days=60)} | values
    there = make_offering(session, course, **settled)
    (mine,) = fill(session, here, 1)
    return here, there, mine


def test_moving_takes_price_and_terms_along_and_frees_the_seat_here(session: Session) -> None:
    here, there, mine = two_classes(session, price_cents=99999)
    (waiter,) = fill(session, here, 1)
    new = transferring.transfer(session, mine, there, actor=mine.student.user, now=NOW)
    assert (mine.state, new.state, waiter.state) == (S.TRANSFERRED, S.ENROLLED, S.OFFERED)
    assert (new.price_cents, new.policy_id, new.license_id) == (
        mine.price_cents,
        mine.policy_id,
        mine.license_id,
    )
    assert (here.seats_taken, there.seats_taken) == (1, 1)
    assert mails_to(mine.student.user.email) == ["confirmation", "transferred"]


def test_a_second_move_is_the_offices(session: Session, rosa: User) -> None:
    here, there, mine = two_classes(session)
    new = transferring.transfer(session, mine, there, actor=mine.student.user, now=NOW)
    with changes_nothing(session, here, there), pytest.raises(RuleError, match="include 1 move"):
        transferring.transfer(session, new, here, actor=mine.student.user, now=NOW)
    with changes_nothing(session, here, there), pytest.raises(RuleError) as caught:
        transferring.transfer(session, new, here, actor=rosa, now=NOW)
    assert caught.value.field == "reason"
    back = transferring.transfer(session, new, here, actor=rosa, now=NOW, reason="Flights were cancelled")
    assert back.state is S.ENROLLED
    assert transferring.moves_so_far(session, back) == 2


def test_a_full_class_takes_nobody_over(session: Session, rosa: User) -> None:
    here, there, mine = two_classes(session)
    fill(session, there, 1)
    for actor in (mine.student.user, rosa):
        with (
            changes_nothing(session, here, there),
            pytest.raises(seats.NoSeatError, match="Nothing was changed"),
        ):
            transferring.transfer(session, mine, there, actor=actor, now=NOW, reason="x")


def test_people_who_wait_there_come_first(session: Session) -> None:
    here, there, mine = two_classes(session)
    put_enrollment(session, there, state=S.WAITLISTED)
    with changes_nothing(session, here, there), pytest.raises(RuleError, match="they come first"):
        transferring.transfer(session, mine, there, actor=mine.student.user, now=NOW)


def test_another_course_the_same_class_and_a_taken_place_are_refused(session: Session) -> None:
    here, there, mine = two_classes(session, capacity=3)
    other = make_offering(session)
    for target, words in ((other, "same course"), (here, "the same class")):
        with changes_nothing(session, here, target), pytest.raises(RuleError, match=words):
            transferring.transfer(session, mine, target, actor=mine.student.user, now=NOW)
    ask(session, there, mine.student)
    with changes_nothing(session, here, there), pytest.raises(seats.AlreadyThereError):
        transferring.transfer(session, mine, there, actor=mine.student.user, now=NOW)


@pytest.mark.parametrize("state", [S.WAITLISTED, S.OFFERED, S.WITHDRAWN, S.COMPLETED, S.TRANSFERRED])
def test_only_the_enrolled_move(session: Session, state: S) -> None:
    course = make_course(session)
    here, there = make_offering(session, course), make_offering(session, course)
    mine = put_enrollment(session, here, state=state)
    with changes_nothing(session, here, there), pytest.raises(RuleError):
        transferring.transfer(session, mine, there, actor=mine.student.user, now=NOW)


@pytest.mark.parametrize("values", [{"state": OfferingState.CANCELLED}, {"starts": NOW - timedelta(hours=1)}])
def test_nobody_moves_into_a_class_that_is_not_open(session: Session, values: dict[str, Any]) -> None:
    here, there, mine = two_classes(session, **values)
    with changes_nothing(session, here, there), pytest.raises(RuleError):
        transferring.transfer(session, mine, there, actor=mine.student.user, now=NOW)


# Bringing back.


def test_someone_who_left_by_mistake_comes_back_at_the_old_price(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1)
    (mine,) = fill(session, offering, 1)
    leaving.withdraw(session, mine, actor=mine.student.user, now=NOW)
    offering.price_cents = 99999
    new = reinstating.reinstate(session, mine, reason="Wrong button", actor=rosa, now=NOW)
    assert (new.state, new.price_cents, states_of(session, offering)) == (
        S.ENROLLED,
        79500,
        [S.WITHDRAWN, S.ENROLLED],
    )


def test_nobody_comes_back_past_those_who_wait(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1)
    mine, _next = fill(session, offering, 2)
    leaving.withdraw(session, mine, actor=mine.student.user, now=NOW)
    with changes_nothing(session, offering), pytest.raises(seats.NoSeatError):
        reinstating.reinstate(session, mine, reason="Wrong button", actor=rosa, now=NOW)


# Prerequisites and the table.


def test_what_meets_a_prerequisite(session: Session, rosa: User) -> None:
    first, second = make_course(session), make_course(session)
    add(session, Prerequisite(course_id=second.id, needs_id=first.id, kind=PrerequisiteKind.REQUIRED))
    begins = NOW + timedelta(days=40)
    student = make_student(session)

    def met_by() -> Any:
        return prerequisites.check(session, second.id, student.id, before=begins).needs[0].met_by

    assert met_by() is None
    put_enrollment(session, make_offering(session, first, starts=begins + timedelta(days=1)), student)
    assert met_by() is None
    put_enrollment(session, make_offering(session, first, starts=NOW + timedelta(days=5)), student)
    assert met_by() == "in_time"
    granted = prerequisites.grant(
        session, student, first, reason="Seen", is_external=True, actor=rosa, now=NOW
    )
    assert met_by() == "external"
    prerequisites.take_back(session, granted, actor=rosa, now=NOW)
    put_enrollment(
        session, make_offering(session, first, starts=NOW - timedelta(days=90)), student, S.COMPLETED
    )
    assert met_by() == "completed"
    assert prerequisites.check(session, second.id, None, before=begins).missing_required


def test_every_move_outside_the_table_raises_a_sentence() -> None:
    for before in S:
        for after in S:
            if after in TRANSITIONS[before]:
                check(before, after)
            else:
                with pytest.raises(IllegalMoveError, match=r"\.$"):
                    check(before, after)


def test_a_policy_without_free_moves_lets_only_the_office_move(session: Session) -> None:
    course = make_course(session, policy_id=make_policy(session, free_transfers=0).id)
    here, there = make_offering(session, course), make_offering(session, course)
    (mine,) = fill(session, here, 1)
    with (
        changes_nothing(session, here, there),
        pytest.raises(RuleError, match="include no move to another class"),
    ):
        transferring.transfer(session, mine, there, actor=mine.student.user, now=NOW)


def test_a_request_for_help_with_access_goes_along_until_the_office_has_answered(
    session: Session, rosa: User
) -> None:
    course = make_course(session)
    here, there = make_offering(session, course), make_offering(session, course)
    asked, answered = fill(session, here, 2)
    asked.wants_access_help = answered.wants_access_help = True
    session.flush()
    access_help.done(session, answered, actor=rosa, now=NOW)
    moved = [
        transferring.transfer(session, mine, there, actor=mine.student.user, now=NOW)
        for mine in (asked, answered)
    ]
    session.flush()
    assert access_help.open_requests(session, now=NOW) == [moved[0]]
    leaving.withdraw(session, moved[0], actor=moved[0].student.user, now=NOW)
    back = reinstating.reinstate(session, moved[0], reason="A slip of the hand", actor=rosa, now=NOW)
    session.flush()
    assert access_help.open_requests(session, now=NOW) == [back]


def test_someone_who_moved_to_another_class_is_not_brought_back_beside_it(
    session: Session, rosa: User
) -> None:
    course = make_course(session)
    here, there = make_offering(session, course), make_offering(session, course)
    (mine,) = fill(session, here, 1)
    transferring.transfer(session, mine, there, actor=mine.student.user, now=NOW)
    with changes_nothing(session, here, there), pytest.raises(RuleError, match="moved to another class"):
        reinstating.reinstate(session, mine, reason="Asked", actor=rosa, now=NOW)


def test_a_student_cannot_move_around_the_registrars_approval(session: Session, rosa: User) -> None:
    course = make_course(session)
    here = make_offering(session, course)
    there = make_offering(session, course, needs_approval=True)
    (mine,) = fill(session, here, 1)
    with changes_nothing(session, here, there), pytest.raises(RuleError, match="office decides"):
        transferring.transfer(session, mine, there, actor=mine.student.user, now=NOW)
    moved = transferring.transfer(session, mine, there, actor=rosa, now=NOW, reason="Known to us")
    assert moved.state is S.ENROLLED
