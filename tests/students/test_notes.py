"""What the course's and the class's page say to a student who reads them."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from core import clock
from core.database import begin_write
from courses.models import Course, Prerequisite, PrerequisiteKind
from courses.offering_models import Offering, OfferingState
from students import leaving
from students.models import EnrollmentState, Student
from tests.accounts.cast import text_of
from tests.factories import add, make_course, make_offering, make_school, make_student, put_enrollment
from tests.helpers import sign_in, statements
from tests.students.acting import ask, fill

pytestmark = pytest.mark.both_databases
S = EnrollmentState


def soon(session: Session, course: Course | None = None, days: int = 40, **values: Any) -> Offering:
    return make_offering(session, course, starts=clock.now() + timedelta(days=days), **values)


def second_course(session: Session, kind: PrerequisiteKind) -> tuple[Course, Offering]:
    """The course that comes first, and a class of the one that needs it."""
    first, second = make_course(session), make_course(session)
    add(session, Prerequisite(course_id=second.id, needs_id=first.id, kind=kind))
    return first, soon(session, second, 60)


def test_what_is_missing_is_said_with_where_it_is_taught_next(
    client: FlaskClient, session: Session, student: Student
) -> None:
    first, offering = second_course(session, PrerequisiteKind.REQUIRED)
    coming = soon(session, first, 30)
    session.commit()
    sign_in(client, student.user)
    for address in (f"/classes/{offering.code}", f"/courses/{offering.course.code}"):
        answer = client.get(address)
        assert f"{first.code} {first.title} comes first." in text_of(answer)
        assert f'href="/classes/{coming.code}"' in answer.text


def test_whoever_took_it_or_finishes_it_in_time_meets_the_prerequisites(
    client: FlaskClient, session: Session, student: Student
) -> None:
    first, offering = second_course(session, PrerequisiteKind.REQUIRED)
    ask(session, soon(session, first, 30), student, now=clock.now())
    graduate = make_student(session)
    put_enrollment(session, soon(session, first, -100), graduate, S.COMPLETED)
    session.commit()
    for someone in (student, graduate):
        sign_in(client, someone.user)
        for address in (f"/classes/{offering.code}", f"/courses/{offering.course.code}"):
            assert "You meet the prerequisites" in text_of(client.get(address))


def test_a_class_that_ends_too_late_does_not_count_for_the_class_but_for_the_course(
    client: FlaskClient, session: Session, student: Student
) -> None:
    first, offering = second_course(session, PrerequisiteKind.REQUIRED)
    ask(session, soon(session, first, 90), student, now=clock.now())
    session.commit()
    sign_in(client, student.user)
    assert "comes first" in text_of(client.get(f"/classes/{offering.code}"))
    assert "You meet the prerequisites" in text_of(client.get(f"/courses/{offering.course.code}"))


def test_an_approval_or_a_recommendation_is_said_as_what_it_is(
    client: FlaskClient, session: Session, student: Student
) -> None:
    first, offering = second_course(session, PrerequisiteKind.INSTRUCTOR_APPROVAL)
    liked, other = second_course(session, PrerequisiteKind.RECOMMENDED)
    session.commit()
    sign_in(client, student.user)
    words = text_of(client.get(f"/classes/{offering.code}"))
    assert f"You have not taken {first.code} {first.title}. You may ask all the same." in words
    words = text_of(client.get(f"/classes/{other.code}"))
    assert "You meet the prerequisites" in words
    assert f"{liked.code} would help, but is not needed." in words


def test_a_cancelled_class_says_nothing_of_prerequisites(
    client: FlaskClient, session: Session, student: Student
) -> None:
    _first, offering = second_course(session, PrerequisiteKind.REQUIRED)
    offering.state = OfferingState.CANCELLED
    session.commit()
    sign_in(client, student.user)
    words = text_of(client.get(f"/classes/{offering.code}"))
    assert "This class is cancelled" in words
    assert "comes first" not in words


def test_visitors_read_nothing_about_themselves(client: FlaskClient, session: Session) -> None:
    make_school(session)
    _first, offering = second_course(session, PrerequisiteKind.REQUIRED)
    session.commit()
    words = text_of(client.get(f"/classes/{offering.code}"))
    assert "comes first" not in words
    assert "Your classes" not in words


def test_the_place_in_a_class_stands_where_the_way_in_was(
    client: FlaskClient, session: Session, student: Student
) -> None:
    now = clock.now()
    offering = soon(session, capacity=1)
    (seated,) = fill(session, offering, 1, now=now)
    mine = ask(session, offering, student, now=now)
    session.commit()
    sign_in(client, student.user)
    answer = client.get(f"/classes/{offering.code}")
    assert "You are number 1 of 1 in line." in text_of(answer)
    assert f"/classes/{offering.code}/enroll" not in answer.text
    begin_write(session)
    leaving.withdraw(session, seated, actor=seated.student.user, now=now)
    assert mine.state is S.OFFERED
    session.commit()
    assert "A seat is held for you until" in text_of(client.get(f"/classes/{offering.code}"))
    sign_in(client, seated.student.user)
    answer = client.get(f"/classes/{offering.code}")
    assert f"/classes/{offering.code}/enroll" in answer.text
    assert "You withdrew" not in text_of(answer)


def test_the_notes_cost_the_same_however_much_there_is(
    app: Flask, client: FlaskClient, session: Session, student: Student
) -> None:
    first, offering = second_course(session, PrerequisiteKind.REQUIRED)
    session.commit()
    sign_in(client, student.user)
    counts = []
    for _round in range(2):
        with statements(app) as seen:
            client.get(f"/classes/{offering.code}")
        counts.append(len(seen))
        begin_write(session)
        for days in range(10, 20):
            soon(session, first, days)
            add(
                session,
                Prerequisite(
                    course_id=offering.course_id,
                    needs_id=make_course(session).id,
                    kind=PrerequisiteKind.REQUIRED,
                ),
            )
        session.commit()
    assert counts[0] == counts[1]
