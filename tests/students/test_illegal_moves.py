"""What people may try on the pages and must not: each move has its own sentence, and nothing changes.

The rules' own refusals are tested beside each rule; here the pages say them. Classes that a student can't enroll in stand in
``test_enroll_page``.
"""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from core import clock
from core.database import begin_write
from courses.offering_models import OfferingState
from students.models import Enrollment, EnrollmentState, Student
from tests.accounts.cast import text_of
from tests.factories import NOW, make_offering, make_student, make_user, put_enrollment
from tests.helpers import sign_in
from tests.students.acting import changes_nothing

# The sentences are the same on both databases: PostgreSQL in the full run only.
pytestmark = pytest.mark.both_databases(postgresql="full")
S = EnrollmentState

# act, state the enrollment is in, the sentence
MOVES = [
    ("accept", S.LAPSED, "The time to take this seat has run out; it is no longer held for you."),
    ("accept", S.ENROLLED, "You have taken this seat already; you are enrolled."),
    ("accept", S.WAITLISTED, "No seat is offered to you yet. You keep your place on the waitlist."),
    ("accept", S.WITHDRAWN, "You gave this place up already."),
    ("accept", S.CANCELLED, "This class was cancelled, so there is no seat to take."),
    ("accept", S.PENDING, "There is no seat offer for you in this class."),
    ("accept", S.COMPLETED, "There is no seat offer for you in this class."),
    ("decline", S.LAPSED, "The time to take this seat has run out; it is no longer held for you."),
    ("decline", S.ENROLLED, "You have taken this seat already. To give it up, withdraw from the class."),
    ("decline", S.WAITLISTED, "No seat is offered to you yet. To leave the waitlist, withdraw."),
    ("decline", S.WITHDRAWN, "You gave this place up already."),
    ("withdraw", S.WITHDRAWN, "You withdrew from this class already."),
    ("withdraw", S.LAPSED, "The time to take this seat has run out; it is no longer held."),
    ("withdraw", S.DECLINED, "This enrollment was not approved, so there is no seat to act on."),
    ("withdraw", S.TRANSFERRED, "This enrollment was moved to another class already."),
    ("withdraw", S.CANCELLED, "This class was cancelled."),
    (
        "withdraw",
        S.COMPLETED,
        "This class is finished and completed; the enrollment can't be changed any more.",
    ),
    ("withdraw", S.NO_SHOW, "This class is finished; the enrollment can't be changed any more."),
    ("transfer", S.WAITLISTED, "This place on the waitlist has no seat offer yet."),
    ("transfer", S.OFFERED, "A seat is offered; it has to be accepted or declined first."),
    ("transfer", S.PENDING, "This enrollment still waits for the office's approval."),
    ("transfer", S.WITHDRAWN, "This enrollment was withdrawn already."),
    ("transfer", S.TRANSFERRED, "This enrollment was moved to another class already."),
]


def in_state(
    session: Session, student: Student, state: S, **values: Any
) -> tuple[Enrollment, dict[str, str]]:
    """The student's enrollment in a coming class of two, and the fields that a move to the other one sends."""
    starts = values.pop("starts", clock.now() + timedelta(days=30))
    here = make_offering(session, starts=starts)
    there = make_offering(session, here.course, starts=clock.now() + timedelta(days=60))
    if state is S.OFFERED:
        values |= {"offer_made_at": clock.now(), "offer_expires_at": clock.now() + timedelta(hours=9)}
    return put_enrollment(session, here, student, state, **values), {"to": str(there.id)}


def said(client: FlaskClient, address: str, data: dict[str, str]) -> str:
    """What the person reads after sending: on the same page, or on their own page."""
    answer = client.post(address, data=data)
    if answer.status_code == 303:
        assert answer.location == "/my/"
        return text_of(client.get("/my/"))
    assert answer.status_code == 422
    return text_of(answer)


@pytest.mark.parametrize(("act", "state", "words"), MOVES)
def test_an_illegal_move_is_told_in_its_own_words_and_changes_nothing(
    client: FlaskClient, session: Session, student: Student, act: str, state: S, words: str
) -> None:
    enrollment, data = in_state(session, student, state)
    address = f"/my/enrollments/{enrollment.id}/{act}"
    with changes_nothing(session, enrollment.offering):
        session.rollback()
        sign_in(client, student.user)
        assert words in said(client, address, data)


def test_an_offer_whose_time_is_over_is_not_taken_though_the_job_was_late(
    client: FlaskClient, session: Session, student: Student
) -> None:
    enrollment, _data = in_state(session, student, S.OFFERED)
    enrollment.offer_expires_at = clock.now() - timedelta(seconds=1)
    for act in ("accept", "decline"):
        with changes_nothing(session, enrollment.offering):
            session.rollback()
            sign_in(client, student.user)
            words = said(client, f"/my/enrollments/{enrollment.id}/{act}", {})
            assert "The time to take this seat has run out" in words


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("withdraw", "This class has begun. Write to the office to withdraw from it."),
        ("transfer", "The class has begun; the office decides about a move."),
    ],
)
def test_a_class_that_has_begun_is_left_only_through_the_office(
    client: FlaskClient, session: Session, student: Student, act: str, words: str
) -> None:
    begun = clock.now() - timedelta(minutes=30)
    enrollment, data = in_state(session, student, S.ENROLLED, starts=begun)
    with changes_nothing(session, enrollment.offering):
        session.rollback()
        sign_in(client, student.user)
        assert words in said(client, f"/my/enrollments/{enrollment.id}/{act}", data)


@pytest.mark.parametrize("act", ["withdraw", "accept", "decline", "transfer", "safety", "fees", "make-ups"])
@pytest.mark.parametrize("number", ["foreign", "99999999", "99999999999999999999", "-1", "x"])
def test_a_foreign_or_impossible_number_is_not_found(
    client: FlaskClient, session: Session, student: Student, act: str, number: str
) -> None:
    enrollment, data = in_state(session, make_student(session), S.ENROLLED)
    address = f"/my/enrollments/{enrollment.id if number == 'foreign' else number}/{act}"
    with changes_nothing(session, enrollment.offering):
        session.rollback()
        sign_in(client, student.user)
        assert client.post(address, data=data).status_code in (404, 405)
        if act != "accept":
            assert client.get(address).status_code == 404


# The office: act, state the enrollment is in, the sentence.
OFFICE_MOVES = [
    ("approve", S.ENROLLED, "This request was decided already."),
    ("approve", S.WITHDRAWN, "The student withdrew this request in the meantime."),
    ("decline", S.DECLINED, "This request was decided already."),
    ("promote", S.ENROLLED, "This person is not on the waitlist any more."),
    ("promote", S.WITHDRAWN, "This person is not on the waitlist any more."),
    ("withdraw", S.WITHDRAWN, "This enrollment was withdrawn already."),
    (
        "withdraw",
        S.COMPLETED,
        "This class is finished and completed; the enrollment can't be changed any more.",
    ),
    ("transfer", S.WITHDRAWN, "This enrollment was withdrawn already."),
    ("transfer", S.PENDING, "This enrollment still waits for the office's approval."),
    ("reinstate", S.ENROLLED, "This student is enrolled in this class already."),
    ("reinstate", S.WAITLISTED, "This student is on the waitlist of this class already."),
    ("reinstate", S.TRANSFERRED, "The student moved to another class, and what was paid went along."),
]


@pytest.fixture
def office(client: FlaskClient, session: Session, student: Student) -> FlaskClient:
    """The registrar's browser, and a school with a student."""
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, rosa)
    begin_write(session)
    return client


@pytest.mark.parametrize(("act", "state", "words"), OFFICE_MOVES)
def test_an_illegal_move_of_the_office_is_told_in_its_own_words(
    office: FlaskClient, session: Session, student: Student, act: str, state: S, words: str
) -> None:
    enrollment, target = in_state(session, student, state)
    data = {f"{act}-reason": "Because", f"{act}-message": "Because", f"{act}-to": target["to"]}
    with changes_nothing(session, enrollment.offering):
        session.rollback()
        answer = office.post(f"/office/enrollments/{enrollment.id}/{act}", data=data)
        assert (answer.status_code, words in text_of(answer)) == (422, True), text_of(answer)


@pytest.mark.parametrize(
    ("address", "values", "words"),
    [
        ("cancel", {"state": OfferingState.CANCELLED}, "This class was cancelled already."),
        ("cancel", {"days": -9}, "This class is over; it can't be cancelled any more."),
        ("cancel", {"days": -9, "finalized_at": NOW}, "The attendance of this class is signed off"),
        (
            "capacity",
            {"state": OfferingState.CANCELLED},
            "This class was cancelled; its capacity does not change",
        ),
        ("enroll", {"state": OfferingState.CANCELLED}, "This class was cancelled. Nobody can enroll in it"),
        ("enroll", {"state": OfferingState.DRAFT}, "This class is not published yet"),
        ("enroll", {"days": -9}, "This class is over. Nobody can enroll in it any more."),
    ],
)
def test_the_office_is_told_what_a_class_does_not_allow(
    office: FlaskClient, session: Session, student: Student, address: str, values: dict[str, Any], words: str
) -> None:
    values = dict(values)
    starts = clock.now() + timedelta(days=values.pop("days", 30))
    offering = make_offering(session, starts=starts, **values)
    data = {"reason": "Flood", "capacity": "9", "person": str(student.user_id)}
    with changes_nothing(session, offering):
        session.rollback()
        answer = office.post(f"/office/classes/{offering.code}/{address}", data=data)
        assert (answer.status_code, words in text_of(answer)) == (422, True), text_of(answer)
