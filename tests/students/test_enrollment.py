"""Enrolling: seat, waitlist or approval; price, versions, prerequisites; every refusal in its own words."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Role
from core.audit import AuditEvent
from core.errors import RuleError
from courses.models import Prerequisite, PrerequisiteKind
from courses.offering_models import Offering, OfferingState
from students import enrollment as enrolling
from students import explaining, leaving, people, seats
from students.models import Enrollment, EnrollmentEvent, EnrollmentState, PrerequisiteGrant, Source, Student
from tests.factories import (
    NOW,
    add,
    make_course,
    make_offering,
    make_policy,
    make_screening,
    make_student,
    make_user,
    put_enrollment,
)
from tests.helpers import mails_to
from tests.students.acting import ask, changes_nothing, fill, request_of, states_of
from tests.students.invariants import check_invariants

pytestmark = pytest.mark.both_databases
S = EnrollmentState


def test_a_free_seat_is_taken_and_confirmed(session: Session) -> None:
    offering = make_offering(session, capacity=2)
    student = make_student(session)
    enrollment = ask(session, offering, student, talk_to_instructor=True)
    session.commit()
    assert (enrollment.state, enrollment.ticket, enrollment.holds_seat) == (S.ENROLLED, 1, True)
    assert (offering.seats_taken, offering.waiting_count) == (1, 0)
    assert enrollment.policy_agreed_at == NOW
    assert enrollment.policy_id == offering.policy_id
    assert enrollment.screening_set_id == offering.course.screening_set_id
    assert enrollment.screening_acknowledged_at == NOW
    assert enrollment.wants_talk
    assert enrollment.license is not None
    assert enrollment.license.number == student.licenses[0].number
    assert mails_to(student.user.email) == ["confirmation"]
    event = session.scalars(sa.select(EnrollmentEvent)).one()
    assert (event.from_state, event.to_state, event.actor_id) == (None, S.ENROLLED, student.user_id)
    assert session.scalars(sa.select(AuditEvent.action)).all() == [
        "students:license:added",
        "students:enrollment:enrolled",
    ] or session.scalars(sa.select(AuditEvent.action)).all() == ["students:enrollment:enrolled"]


def test_a_full_class_puts_the_student_on_the_waitlist(session: Session) -> None:
    offering = make_offering(session, capacity=1)
    _first, second = fill(session, offering, 2)
    session.commit()
    assert (second.state, second.ticket, second.holds_seat) == (S.WAITLISTED, 2, False)
    assert (offering.seats_taken, offering.waiting_count) == (1, 1)
    assert mails_to(second.student.user.email) == ["waiting"]


def test_a_newcomer_does_not_pass_people_who_wait_for_a_free_seat(session: Session) -> None:
    offering = make_offering(session, capacity=2)
    put_enrollment(session, offering, state=S.WAITLISTED)
    assert ask(session, offering).state is S.WAITLISTED


def test_names_are_tidied_and_the_profession_is_kept(session: Session) -> None:
    offering = make_offering(session)
    student = make_student(session)
    enrollment = ask(session, offering, student, certificate_name="  Ana  María   Núñez ", profession="PT")
    assert enrollment.certificate_name == "Ana María Núñez"
    assert student.profession == enrollment.profession == "PT"
    assert {item.profession for item in student.licenses} == {"LMT", "PT"}


def test_someone_who_completed_the_course_pays_the_repeat_price(session: Session) -> None:
    policy = make_policy(session, repeat_price_percent=50)
    course = make_course(session, policy_id=policy.id, price_cents=79501)
    student = make_student(session)
    past = make_offering(session, course, starts=NOW - timedelta(days=90))
    put_enrollment(session, past, student, S.COMPLETED)
    offering = make_offering(session, course)
    assert ask(session, offering, student).price_cents == 39751
    assert ask(session, offering).price_cents == 79501


@pytest.mark.parametrize("state", [S.INCOMPLETE, S.NO_SHOW])
def test_an_unfinished_try_earns_no_repeat_price(session: Session, state: S) -> None:
    course = make_course(session)
    student = make_student(session)
    put_enrollment(session, make_offering(session, course, starts=NOW - timedelta(days=90)), student, state)
    assert ask(session, make_offering(session, course), student).price_cents == course.price_cents


# Refusals: each has its sentence, and nothing changes.


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": OfferingState.CANCELLED}, "was cancelled"),
        ({"state": OfferingState.DRAFT}, "not published"),
        ({"starts": NOW - timedelta(days=9)}, "is over"),
        ({"starts": NOW - timedelta(minutes=1)}, "already begun"),
        ({"finalized_at": NOW - timedelta(days=1)}, "is over"),
        ({"enrollment_opens_at": NOW + timedelta(hours=1)}, "opens Monday, March 1, 2027 at 11:00"),
        ({"enrollment_closes_at": NOW}, "closed Monday, March 1, 2027 at 10:00"),
    ],
)
def test_a_class_that_is_not_open_refuses(session: Session, values: dict[str, Any], words: str) -> None:
    offering = make_offering(session, **values)
    student = make_student(session)
    with changes_nothing(session, offering), pytest.raises(RuleError, match=words):
        ask(session, offering, student)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (S.ENROLLED, "enrolled in this class already"),
        (S.WAITLISTED, "on the waitlist of this class already"),
        (S.OFFERED, "held for you already"),
        (S.PENDING, "already waits for the office"),
        (S.COMPLETED, "have taken this class already"),
    ],
)
def test_a_second_try_beside_a_live_one_refuses(session: Session, state: S, words: str) -> None:
    offering = make_offering(session)
    student = make_student(session)
    put_enrollment(session, offering, student, state)
    with changes_nothing(session, offering), pytest.raises(seats.AlreadyThereError, match=words):
        ask(session, offering, student)


@pytest.mark.parametrize("state", [S.WITHDRAWN, S.LAPSED, S.DECLINED, S.TRANSFERRED, S.CANCELLED])
def test_coming_back_is_a_new_row_at_the_end(session: Session, state: S) -> None:
    offering = make_offering(session, capacity=2)
    student = make_student(session)
    old = put_enrollment(session, offering, student, state)
    ask(session, offering)
    new = ask(session, offering, student)
    assert new.id != old.id
    assert (new.ticket, new.state) == (3, S.ENROLLED)


def test_a_full_class_whose_waitlist_has_closed_refuses(session: Session) -> None:
    offering = make_offering(session, capacity=1, starts=NOW + timedelta(hours=23))
    put_enrollment(session, offering)
    student = make_student(session)
    with changes_nothing(session, offering), pytest.raises(RuleError, match="waitlist has closed"):
        ask(session, offering, student)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"policy_id": None}, "accept_policy"),
        ({"policy_id": 10_000}, "accept_policy"),
        ({"screening_set_id": None}, "acknowledge_screening"),
        ({"screening_set_id": 10_000}, "acknowledge_screening"),
        ({"certificate_name": "  "}, "certificate_name"),
        ({"certificate_name": "x" * 101}, "certificate_name"),
    ],
)
def test_what_is_not_agreed_or_filled_in_names_its_field(
    session: Session, values: dict[str, Any], field: str
) -> None:
    offering = make_offering(session)
    student = make_student(session)
    with changes_nothing(session, offering), pytest.raises(RuleError) as caught:
        ask(session, offering, student, **values)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"profession": ""}, "profession"),
        ({"license_number": ""}, "license_number"),
        ({"license_state": " "}, "license_state"),
    ],
)
def test_a_course_for_professionals_asks_for_profession_and_license(
    session: Session, values: dict[str, Any], field: str
) -> None:
    offering = make_offering(session, make_course(session, open_to=["LMT", "PT"]))
    student = make_student(session)
    with changes_nothing(session, offering), pytest.raises(RuleError) as caught:
        ask(session, offering, student, **values)
    assert caught.value.field == field


def test_a_course_without_a_safety_list_asks_for_no_acknowledgement(session: Session) -> None:
    nothing = make_screening(session, do_not_receive=[])
    offering = make_offering(session, make_course(session, screening_set_id=nothing.id))
    assert ask(session, offering, screening_set_id=None).screening_acknowledged_at is None


# Approval.


def test_an_offering_that_needs_approval_holds_the_seat_meanwhile(session: Session) -> None:
    offering = make_offering(session, needs_approval=True, capacity=1)
    first, second = fill(session, offering, 2)
    assert (first.state, first.holds_seat, first.approval_reasons) == (S.PENDING, True, "offering")
    assert (second.state, second.holds_seat) == (S.PENDING, False)
    assert (offering.seats_taken, offering.waiting_count) == (1, 0)
    assert mails_to(first.student.user.email) == ["asked"]


def test_an_offering_may_hold_no_seat_for_requests(session: Session) -> None:
    offering = make_offering(session, needs_approval=True, approval_holds_seat=False)
    assert not ask(session, offering).holds_seat
    assert offering.seats_taken == 0


@pytest.mark.parametrize("profession", ["RN", "OTHER", "NONE"])
def test_a_profession_that_is_not_on_the_list_goes_to_the_office(session: Session, profession: str) -> None:
    offering = make_offering(session, make_course(session, open_to=["LMT", "PT"]))
    enrollment = ask(session, offering, profession=profession, license_state="", license_number="")
    assert (enrollment.state, enrollment.approval_reasons) == (S.PENDING, "profession")


# Prerequisites.


def with_prerequisite(session: Session, kind: PrerequisiteKind) -> tuple[Any, Any]:
    first, second = make_course(session), make_course(session)
    add(session, Prerequisite(course_id=second.id, needs_id=first.id, kind=kind))
    return first, make_offering(session, second)


def test_a_missing_required_course_refuses_with_its_name(session: Session) -> None:
    first, offering = with_prerequisite(session, PrerequisiteKind.REQUIRED)
    student = make_student(session)
    words = f"asks for {first.code} {first.title} first"
    with changes_nothing(session, offering), pytest.raises(RuleError, match=words):
        ask(session, offering, student)


def test_a_missing_course_by_the_instructors_approval_goes_to_the_office(session: Session) -> None:
    _first, offering = with_prerequisite(session, PrerequisiteKind.INSTRUCTOR_APPROVAL)
    enrollment = ask(session, offering)
    assert (enrollment.state, enrollment.approval_reasons) == (S.PENDING, "prerequisite")


def test_a_missing_recommended_course_stops_nobody(session: Session) -> None:
    _first, offering = with_prerequisite(session, PrerequisiteKind.RECOMMENDED)
    assert ask(session, offering).state is S.ENROLLED


def test_nobody_asks_for_approval_in_a_full_class_whose_waitlist_has_closed(session: Session) -> None:
    offering = make_offering(session, capacity=1, needs_approval=True, starts=NOW + timedelta(hours=23))
    put_enrollment(session, offering)
    student = make_student(session)
    with changes_nothing(session, offering), pytest.raises(RuleError, match="waitlist has closed"):
        ask(session, offering, student)


# The office.


def staff_asks(session: Session, offering: Any, student: Student, **values: Any) -> Any:
    registrar = make_user(session, Role.REGISTRAR)
    values = {"policy_id": None, "screening_set_id": None, "source": Source.STAFF} | values
    request = request_of(offering, student, **values)
    return enrolling.enroll(session, offering, student, request, actor=registrar, now=NOW)


@pytest.mark.parametrize(
    "values",
    [
        {"enrollment_opens_at": NOW + timedelta(days=1)},
        {"enrollment_closes_at": NOW - timedelta(days=1)},
        {"starts": NOW - timedelta(minutes=30)},
        {"needs_approval": True},
    ],
)
def test_the_office_enrolls_before_and_after_the_times_and_without_approval(
    session: Session, values: dict[str, Any]
) -> None:
    enrollment = staff_asks(session, make_offering(session, **values), make_student(session))
    assert (enrollment.state, enrollment.source) == (S.ENROLLED, Source.STAFF)
    assert enrollment.policy_agreed_at is None
    assert enrollment.screening_acknowledged_at is None


def test_the_office_passes_nobody_who_waits(session: Session) -> None:
    offering = make_offering(session, capacity=1)
    fill(session, offering, 2)
    assert staff_asks(session, offering, make_student(session)).state is S.WAITLISTED


def waiting_at_the_door(session: Session) -> tuple[Offering, Enrollment]:
    """Past the cut-off: one seat became free, and someone waits for it."""
    offering = make_offering(session, capacity=1, starts=NOW + timedelta(hours=3))
    gone, waiting = fill(session, offering, 2, now=NOW - timedelta(days=3))
    leaving.withdraw(session, gone, actor=gone.student.user, now=NOW)
    assert (offering.seats_left, waiting.state) == (1, S.WAITLISTED)
    return offering, waiting


def test_at_the_door_those_who_wait_come_first_and_the_sentence_says_so(session: Session) -> None:
    offering, _waiting = waiting_at_the_door(session)
    student = make_student(session)
    with (
        changes_nothing(session, offering),
        pytest.raises(seats.NoSeatError, match="A seat is free, but 1 person waits for it") as caught,
    ):
        staff_asks(session, offering, student)
    assert caught.value.field == "ahead_reason"
    with (
        changes_nothing(session, offering),
        pytest.raises(seats.NoSeatError, match="People wait for the seats that are left"),
    ):
        ask(session, offering, student)


def test_at_the_door_the_office_seats_someone_before_them_with_a_reason_that_stays(session: Session) -> None:
    offering, waiting = waiting_at_the_door(session)
    made = staff_asks(session, offering, make_student(session), ahead_reason="Flew in from Alaska")
    assert (made.state, waiting.state, offering.seats_left) == (S.ENROLLED, S.WAITLISTED, 0)
    (event,) = made.history
    assert (event.reason, event.details["passed"]) == ("Flew in from Alaska", [waiting.ticket])
    said = explaining.promotion(event, offering.time_zone)
    assert f"gave the seat to ticket {made.ticket} before ticket {waiting.ticket}, because: Flew in" in said
    check_invariants(session)


def test_before_the_cut_off_no_reason_takes_the_office_past_the_list(session: Session) -> None:
    offering = make_offering(session, capacity=1)
    fill(session, offering, 2)
    made = staff_asks(session, offering, make_student(session), ahead_reason="Flew in from Alaska")
    assert made.state is S.WAITLISTED


@pytest.mark.parametrize("values", [{"state": OfferingState.CANCELLED}, {"starts": NOW - timedelta(days=9)}])
def test_not_even_the_office_enrolls_in_a_cancelled_or_past_class(
    session: Session, values: dict[str, Any]
) -> None:
    offering, student = make_offering(session, **values), make_student(session)
    with changes_nothing(session, offering), pytest.raises(RuleError):
        staff_asks(session, offering, student)


def test_the_office_waives_a_required_course_only_with_a_reason(session: Session) -> None:
    first, offering = with_prerequisite(session, PrerequisiteKind.REQUIRED)
    student = make_student(session)
    with changes_nothing(session, offering), pytest.raises(RuleError) as caught:
        staff_asks(session, offering, student)
    assert caught.value.field == "override_reason"
    enrollment = staff_asks(session, offering, student, override_reason="Taught it for ten years")
    grant = session.scalars(sa.select(PrerequisiteGrant)).one()
    assert (grant.course_id, grant.reason) == (first.id, "Taught it for ten years")
    assert enrollment.state is S.ENROLLED


def test_a_student_record_is_made_once(session: Session) -> None:
    user = make_user(session)
    made = people.student_of(session, user)
    assert made.certificate_name == user.name
    assert people.student_of(session, user).id == made.id


def test_counters_that_went_astray_are_put_right_under_the_lock(session: Session) -> None:
    offering = make_offering(session, capacity=3)
    fill(session, offering, 2)
    session.commit()
    session.execute(sa.text("UPDATE offerings SET seats_taken = 0, waiting_count = 2"))
    session.commit()
    ask(session, offering)
    assert (offering.seats_taken, offering.waiting_count) == (3, 0)
    assert states_of(session, offering) == [S.ENROLLED] * 3


def test_seats_cannot_change_without_the_lock(session: Session) -> None:
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering)
    with pytest.raises(RuntimeError, match="only under"):
        seats.move(session, enrollment, S.WITHDRAWN, actor=None, now=NOW)


def test_whoever_has_no_license_leaves_none_behind(session: Session) -> None:
    """The form holds the license of before; choosing "not licensed" must not write it down as one of that kind."""
    student = make_student(session)
    made = ask(
        session, make_offering(session), student, profession="NONE", license_state="OR", license_number="7"
    )
    assert (made.profession, made.license) == ("NONE", None)
    assert [license_.profession for license_ in student.licenses] == ["LMT"]


def test_a_state_without_a_number_is_asked_about(session: Session) -> None:
    with pytest.raises(RuleError, match="number of the license too") as caught:
        ask(session, make_offering(session), profession="PT", license_state="OR", license_number="")
    assert caught.value.field == "license_number"
