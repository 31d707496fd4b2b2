"""The office's pages: roster, enrolling by hand, one enrollment with every act, capacity, cancelling, students."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import clock
from core.database import begin_write
from core.school import School
from courses.models import Prerequisite, PrerequisiteKind
from courses.offering_models import OfferingState
from students import leaving
from students.models import Enrollment, EnrollmentState, PrerequisiteGrant
from tests.accounts.cast import text_of
from tests.factories import (
    add,
    make_course,
    make_offering,
    make_school,
    make_student,
    make_user,
    put_enrollment,
)
from tests.helpers import MANY, mails_to, sign_in, statements
from tests.students.acting import ask, changes_nothing, fill, soon, states_of
from tests.students.fees import account_of, pay

pytestmark = pytest.mark.both_databases
S = EnrollmentState


@pytest.fixture
def rosa(session: Session, client: FlaskClient) -> User:
    """The registrar, signed in."""
    make_school(session)
    user = make_user(session, Role.REGISTRAR, name="Rosa Delgado", family_name="Delgado")
    session.commit()
    sign_in(client, user)
    begin_write(session)
    return user


def again(session: Session) -> None:
    """See what the request committed."""
    session.rollback()
    begin_write(session)


GETS = [
    "/office/classes/{code}/roster",
    "/office/classes/{code}/enroll",
    "/office/classes/{code}/capacity",
    "/office/classes/{code}/cancel",
    "/office/enrollments/{enrollment}",
    "/office/students/",
    "/office/students/{student}",
]
POSTS = [
    "/office/classes/{code}/enroll",
    "/office/classes/{code}/capacity",
    "/office/classes/{code}/cancel",
    *(
        f"/office/enrollments/{{enrollment}}/{act}"
        for act in ("approve", "decline", "promote", "withdraw", "transfer", "reinstate")
    ),
    "/office/students/{student}",
    "/office/grants/1/take-back",
]


@pytest.mark.parametrize(("method", "address"), [("get", a) for a in GETS] + [("post", a) for a in POSTS])
def test_only_the_office_comes_in(client: FlaskClient, session: Session, method: str, address: str) -> None:
    make_school(session)
    offering = soon(session)
    enrollment = put_enrollment(session, offering)
    people = [enrollment.student.user, make_user(session, Role.INSTRUCTOR)]
    where = address.format(code=offering.code, enrollment=enrollment.id, student=enrollment.student_id)
    with changes_nothing(session, offering):
        session.rollback()
        assert getattr(client, method)(where).location.startswith("/accounts/login")
        for user in people:
            sign_in(client, user)
            assert getattr(client, method)(where).status_code == 403


@pytest.mark.parametrize("address", [a for a in GETS if "{" in a])
def test_what_is_not_there_is_not_found(
    client: FlaskClient, session: Session, rosa: User, address: str
) -> None:
    assert client.get(address.format(code="NOWHERE", enrollment=999, student=999)).status_code == 404


def test_the_roster_shows_everyone_where_they_stand(
    client: FlaskClient, session: Session, rosa: User
) -> None:
    now = clock.now() - timedelta(days=5)
    offering = soon(session, capacity=2)
    seated, leaver, head, second = fill(session, offering, 4, now=now)
    pending = put_enrollment(session, offering, state=S.PENDING, holds_seat=False, created_at=now)
    leaving.withdraw(session, leaver, actor=leaver.student.user, now=clock.now())
    session.commit()
    answer = client.get(f"/office/classes/{offering.code.lower()}/roster")
    words = text_of(answer)
    for enrollment in (seated, leaver, head, second, pending):
        assert enrollment.student.user.name in words
    assert "5 days ago" in words
    assert "A student withdrew. Ticket 3 was the lowest of 2 waiting." in words
    assert "Ticket 4 is the next in line." in words


def test_the_roster_says_whose_prerequisite_fell_away(
    client: FlaskClient, session: Session, rosa: User
) -> None:
    first = make_course(session, code="CST1")
    course = make_course(session)
    session.add(Prerequisite(course_id=course.id, needs_id=first.id, kind=PrerequisiteKind.REQUIRED))
    before = make_offering(session, first, starts=clock.now() + timedelta(days=10))
    offering = make_offering(session, course, starts=clock.now() + timedelta(days=40))
    stays, leaves = make_student(session), make_student(session)
    for student in (stays, leaves):
        earlier = ask(session, before, student, now=clock.now())
        ask(session, offering, student, now=clock.now())
    session.commit()
    sign_in(client, rosa)
    address = f"/office/classes/{offering.code}/roster"
    assert "CST1 missing" not in client.get(address).text
    begin_write(session)
    leaving.withdraw(session, earlier, actor=leaves.user, now=clock.now())
    session.commit()
    shown = client.get(address).text
    assert shown.count("CST1 missing") == 1
    assert shown.index("CST1 missing") > shown.index(leaves.user.name)


@pytest.mark.both_databases(postgresql="full")
@pytest.mark.parametrize("more", MANY)
def test_the_roster_costs_the_same_with_ten_and_with_many(
    app: Flask, client: FlaskClient, session: Session, rosa: User, more: int
) -> None:
    offering = soon(session, capacity=3000)
    for number in range(10):
        put_enrollment(session, offering, state=S.WAITLISTED if number % 2 else S.ENROLLED)
    session.commit()
    address = f"/office/classes/{offering.code}/roster"
    client.get(address)
    with statements(app) as few:
        client.get(address)
    begin_write(session)
    for number in range(more):
        put_enrollment(session, offering, state=S.WAITLISTED if number % 2 else S.ENROLLED)
    session.commit()
    with statements(app) as many:
        assert client.get(address).status_code == 200
    # A relationship loaded by SELECT IN is asked for in portions of 500 rows.
    assert len(few) <= 8, few
    assert len(many) <= len(few) + 4, many


def test_someone_is_found_and_enrolled_by_hand(client: FlaskClient, session: Session, rosa: User) -> None:
    offering = soon(session)
    maya = make_user(session, name="Maya Okonjo", family_name="Okonjo")
    make_user(session, name="100% Other_person")
    session.commit()
    address = f"/office/classes/{offering.code}/enroll"
    found = text_of(client.get(address, query_string={"q": "oko MAYA"}))
    assert "Maya Okonjo" in found
    assert "Other" not in found
    assert "Nobody has this" in text_of(client.get(address, query_string={"q": "100%%"}))
    assert "Other_person" in text_of(client.get(address, query_string={"q": "100%"}))
    assert 'value="Maya Okonjo"' in client.get(f"{address}?person={maya.id}").get_data(as_text=True)
    assert client.post(address, data={"person": str(maya.id)}).status_code == 303
    again(session)
    assert states_of(session, offering) == [S.ENROLLED]
    assert mails_to(maya.email) == ["confirmation"]
    twice = client.post(address, data={"person": str(maya.id)})
    assert twice.status_code == 422
    assert "already" in text_of(twice)


@pytest.mark.parametrize("person", ["", "999999", "x", "9" * 30])
def test_enrolling_nobody_says_so(client: FlaskClient, session: Session, rosa: User, person: str) -> None:
    offering = soon(session)
    session.commit()
    answer = client.post(f"/office/classes/{offering.code}/enroll", data={"person": person})
    assert answer.status_code == 422
    assert "Find the person first" in text_of(answer)


def test_a_license_number_finds_its_holder(client: FlaskClient, session: Session, rosa: User) -> None:
    student = make_student(session)
    student.licenses[0].number = "QX-70012"
    session.commit()
    assert student.user.name in text_of(client.get("/office/students/?q=qx-70012"))


def test_enrolling_without_the_prerequisite_needs_a_reason(
    client: FlaskClient, session: Session, rosa: User
) -> None:
    first, second = make_course(session), make_course(session)
    add(session, Prerequisite(course_id=second.id, needs_id=first.id, kind=PrerequisiteKind.REQUIRED))
    offering = soon(session, second)
    student = make_student(session)
    session.commit()
    address = f"/office/classes/{offering.code}/enroll"
    answer = client.post(address, data={"person": str(student.user_id)})
    assert answer.status_code == 422
    assert "Write why they may join" in text_of(answer)
    data = {"person": str(student.user_id), "override_reason": "Trained abroad"}
    assert client.post(address, data=data).status_code == 303
    again(session)
    assert session.scalars(sa.select(PrerequisiteGrant.reason)).all() == ["Trained abroad"]


def test_a_request_is_approved_or_declined_with_a_message(
    client: FlaskClient, session: Session, rosa: User
) -> None:
    offering = soon(session, needs_approval=True)
    first, second = fill(session, offering, 2, now=clock.now())
    session.commit()
    assert "The office decides about each seat" in text_of(client.get(f"/office/enrollments/{first.id}"))
    assert client.post(f"/office/enrollments/{first.id}/approve").status_code == 303
    silent = client.post(f"/office/enrollments/{second.id}/decline")
    assert silent.status_code == 422
    assert "Write to the student why" in text_of(silent)
    data = {"decline-message": "The course needs a license."}
    assert client.post(f"/office/enrollments/{second.id}/decline", data=data).status_code == 303
    twice = client.post(f"/office/enrollments/{first.id}/approve")
    assert twice.status_code == 422
    assert "decided already" in text_of(twice)
    again(session)
    assert states_of(session, offering) == [S.ENROLLED, S.DECLINED]
    assert mails_to(first.student.user.email) == ["asked", "approved"]
    assert mails_to(second.student.user.email) == ["asked", "not-approved"]


def test_a_seat_is_given_out_of_order_with_a_reason_that_stays(
    client: FlaskClient, session: Session, rosa: User
) -> None:
    offering = soon(session, capacity=1)
    put_enrollment(session, offering, state=S.WAITLISTED)
    second = put_enrollment(session, offering, state=S.WAITLISTED)
    session.commit()
    address = f"/office/enrollments/{second.id}/promote"
    assert "Others asked earlier" in text_of(client.post(address))
    assert client.post(address, data={"promote-reason": "Flies in from Lisbon"}).status_code == 303
    words = text_of(client.get(f"/office/enrollments/{second.id}"))
    assert "Rosa Delgado gave the seat to ticket 2 before ticket 1, because: Flies in from Lisbon" in words


def test_a_class_that_is_over_says_so_before_anybody_is_looked_for(
    client: FlaskClient, session: Session, rosa: User
) -> None:
    offering = soon(session, starts=clock.now() - timedelta(days=9))
    session.commit()
    for address in ("enroll", "enroll-several"):
        shown = client.get(f"/office/classes/{offering.code}/{address}")
        assert "This class is over." in text_of(shown)
        assert ('name="q"' in shown.text, 'name="people"' in shown.text) == (False, False)
    student = make_student(session)
    session.commit()
    late = client.post(f"/office/classes/{offering.code}/enroll", data={"person": str(student.user_id)})
    assert (late.status_code, "This class is over." in text_of(late)) == (422, True)


def test_a_full_class_gets_one_more_seat_for_one_person(
    client: FlaskClient, session: Session, rosa: User
) -> None:
    offering = soon(session, capacity=1)
    fill(session, offering, 1, now=clock.now())
    put_enrollment(session, offering, state=S.WAITLISTED)
    second = put_enrollment(session, offering, state=S.WAITLISTED)
    session.commit()
    shown = client.get(f"/office/enrollments/{second.id}")
    assert "Add a seat to the class for this person" in text_of(shown)
    address, reason = f"/office/enrollments/{second.id}/promote", {"promote-reason": "Flies in from Lisbon"}
    assert "No seat is free. Add one for this person" in text_of(client.post(address, data=reason))
    assert client.post(address, data=reason | {"promote-add_seat": "y"}).status_code == 303
    again(session)
    assert states_of(session, offering) == [S.ENROLLED, S.WAITLISTED, S.OFFERED]


def test_a_refund_in_yen_is_read_in_yen(client: FlaskClient, session: Session, rosa: User) -> None:
    session.get_one(School, 1).currency = "JPY"
    (enrollment,) = fill(session, soon(session, price_cents=80000), 1, now=clock.now())
    today = clock.now()
    pay(
        session,
        account_of(session, enrollment),
        80000,
        actor=rosa,
        now=today,
        made_on=today.date() - timedelta(days=1),
    )
    session.commit()
    address = f"/office/enrollments/{enrollment.id}/withdraw"
    data = {"withdraw-refund": "79,000", "withdraw-reason": "Bereavement"}
    assert client.post(address, data=data).status_code == 303
    again(session)
    assert account_of(session, enrollment).balance_cents == -79000


def test_the_office_withdraws_with_another_refund(client: FlaskClient, session: Session, rosa: User) -> None:
    offering = soon(session)
    (enrollment,) = fill(session, offering, 1, now=clock.now())
    session.commit()
    address = f"/office/enrollments/{enrollment.id}/withdraw"
    shown = text_of(client.get(f"/office/enrollments/{enrollment.id}"))
    assert "the school keeps $50.00 of $795.00 today. $0.00 was paid, so $0.00 comes back." in shown
    refused = client.post(address, data={"withdraw-refund": "795.00"})
    assert refused.status_code == 422
    assert 'value="795.00"' in refused.get_data(as_text=True)
    data = {"withdraw-refund": "795.00", "withdraw-reason": "Bereavement"}
    assert client.post(address, data=data).status_code == 303
    again(session)
    assert states_of(session, offering) == [S.WITHDRAWN]
    assert client.post(f"/office/enrollments/{enrollment.id}/reinstate").status_code == 422
    back = {"reinstate-reason": "Came back"}
    done = client.post(f"/office/enrollments/{enrollment.id}/reinstate", data=back)
    assert done.status_code == 303
    assert "Enrolled" in text_of(client.get(done.location))  # the new one, not the one that ended
    shown = text_of(client.get(f"/office/enrollments/{enrollment.id}"))
    assert "They are in this class again" in shown
    assert "With the same price and terms" not in shown
    twice = client.post(f"/office/enrollments/{enrollment.id}/reinstate", data=back)
    assert "This student is enrolled in this class already." in text_of(twice)
    again(session)
    assert states_of(session, offering) == [S.WITHDRAWN, S.ENROLLED]


def test_the_office_moves_someone(client: FlaskClient, session: Session, rosa: User) -> None:
    course = make_course(session)
    here, there = soon(session, course), soon(session, course, starts=clock.now() + timedelta(days=70))
    (enrollment,) = fill(session, here, 1, now=clock.now())
    session.commit()
    address = f"/office/enrollments/{enrollment.id}/transfer"
    assert client.post(address, data={"transfer-to": "77777"}).status_code == 422
    assert client.post(address, data={"transfer-to": str(there.id)}).status_code == 303
    again(session)
    assert (states_of(session, here), states_of(session, there)) == ([S.TRANSFERRED], [S.ENROLLED])


def test_capacity_is_lowered_only_to_what_is_held(client: FlaskClient, session: Session, rosa: User) -> None:
    offering = soon(session, capacity=2)
    first, _second, waiter = fill(session, offering, 3, now=clock.now())
    session.commit()
    address = f"/office/classes/{offering.code}/capacity"
    refused = client.post(address, data={"capacity": "1"})
    assert refused.status_code == 422
    assert "2 seats are held" in text_of(refused)
    assert first.student.user.name in text_of(refused)
    for wrong in ("", "none", "0", "-3", "1000000"):
        assert client.post(address, data={"capacity": wrong}).status_code == 422
    assert client.post(address, data={"capacity": "3"}).status_code == 303
    again(session)
    assert states_of(session, offering) == [S.ENROLLED, S.ENROLLED, S.OFFERED]
    assert "1 person from the waitlist is told" in text_of(
        client.get(f"/office/classes/{offering.code}/roster")
    )
    assert waiter.offer_expires_at is not None


def test_a_class_is_cancelled_and_everyone_is_told(client: FlaskClient, session: Session, rosa: User) -> None:
    offering = soon(session, capacity=1)
    seated, waiter = fill(session, offering, 2, now=clock.now())
    session.commit()
    address = f"/office/classes/{offering.code}/cancel"
    assert "1 seat is held" in text_of(client.get(address))
    assert client.post(address).status_code == 422
    assert client.post(address, data={"reason": "The hall is flooded"}).status_code == 303
    again(session)
    assert offering.state is OfferingState.CANCELLED
    assert states_of(session, offering) == [S.CANCELLED, S.CANCELLED]
    for enrollment in (seated, waiter):
        assert mails_to(enrollment.student.user.email)[-1] == "cancelled"
    late = client.post(address, data={"reason": "Again"})
    assert late.status_code == 422
    assert "cancelled already" in text_of(late)
    assert "Cancel the class" not in text_of(late)
    roster = text_of(client.get(f"/office/classes/{offering.code}/roster"))
    assert "seats left" not in roster
    assert "Waitlist" not in roster


def test_a_course_counts_as_met_and_no_longer(client: FlaskClient, session: Session, rosa: User) -> None:
    course, student = make_course(session), make_student(session)
    session.commit()
    address = f"/office/students/{student.id}"
    assert client.get(address).status_code == 200
    data = {"course": str(course.id), "is_external": "y", "reason": "Certificate of Harbor School seen"}
    assert client.post(address, data=data | {"reason": ""}).status_code == 422
    assert client.post(address, data=data).status_code == 303
    assert client.post(address, data=data).status_code == 422
    again(session)
    granted = session.scalars(sa.select(PrerequisiteGrant)).one()
    assert granted.is_external
    granted_id = granted.id
    assert "another school" in text_of(client.get(address))
    assert client.post(f"/office/grants/{granted_id}/take-back").status_code == 303
    assert client.post(f"/office/grants/{granted_id}/take-back").status_code == 404
    again(session)
    assert session.scalars(sa.select(PrerequisiteGrant)).all() == []


def test_an_act_that_came_too_late_says_so(client: FlaskClient, session: Session, rosa: User) -> None:
    offering = soon(session)
    gone = put_enrollment(session, offering, state=S.WITHDRAWN)
    with changes_nothing(session, offering):
        session.rollback()
        for act in ("approve", "promote", "withdraw"):
            answer = client.post(f"/office/enrollments/{gone.id}/{act}", data={f"{act}-reason": "x"})
            assert answer.status_code == 422
            assert 'role="alert"' in answer.get_data(as_text=True)
    assert session.scalar(sa.select(Enrollment.state)) is S.WITHDRAWN
