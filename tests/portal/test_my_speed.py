"""The student's page with ten years behind it."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from core import clock
from courses.models import Evaluation
from students.models import EnrollmentState
from tests.factories import make_course, make_offering, make_school, make_student, make_user, put_enrollment
from tests.helpers import sign_in, statements
from tests.students.acting import ask, fill

pytestmark = pytest.mark.both_databases
S = EnrollmentState


@pytest.mark.both_databases(postgresql="full")
def test_ten_years_of_history_and_a_running_class_take_eight_statements(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    make_school(session)
    student, now = make_student(session), clock.now()
    course = make_course(session, evaluation=Evaluation.REQUIRED)
    for number in range(80):
        past = make_offering(session, course, starts=now - timedelta(days=45 * (number + 1)))
        state = (S.COMPLETED, S.COMPLETED, S.WITHDRAWN, S.INCOMPLETE)[number % 4]
        put_enrollment(session, past, student, state)
    ines = make_user(session, Role.INSTRUCTOR, name="Ines Batista")
    put_enrollment(session, make_offering(session, starts=now - timedelta(hours=2), lead=ines), student)
    for days in (20, 60):
        coming = make_offering(session, course, starts=now + timedelta(days=days), lead=ines)
        ask(session, coming, student, now=now)
    full = make_offering(session, starts=now + timedelta(days=90), capacity=1)
    fill(session, full, 2, now=now)
    ask(session, full, student, now=now)
    session.commit()
    sign_in(client, student.user)
    with statements(app) as seen:
        answer = client.get("/my/")
    assert answer.status_code == 200
    assert "With Ines Batista" in answer.text
    assert "mailto:office@tideway.example" in answer.text
    assert ".ics" in answer.text
    for words in ("How was", "Attendance in", "After that", "Number 2 of 2 in line", "Completed"):
        assert words in answer.text
    assert len(seen) == 8, "\n".join(statement[:120] for statement in seen)
