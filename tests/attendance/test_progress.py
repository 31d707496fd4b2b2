"""A student's own hours: the same sums as on the class's page, and in words on theirs."""

from datetime import date, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from attendance.marking import save_roll
from attendance.minutes import summaries
from attendance.models import MarkStatus
from attendance.progress import progress_of
from attendance.writing import Entry
from core.database import begin_write
from courses.models import Approval, Body
from tests import factories
from tests.attendance.classes import NOW, START, Class, make_class
from tests.helpers import sign_in, statements

pytestmark = pytest.mark.usefixtures("at_ten")

P, L = MarkStatus.PRESENT, MarkStatus.LATE


@pytest.fixture
def made(session: Session) -> Class:
    found = make_class(session, policy={"minimum_percent": 75})
    begin_write(session)
    body = factories.add(
        session,
        Body(
            code="B",
            title="Demonstration Board",
            unit="CE hours",
            minutes_per_unit=50,
            step_thousandths=500,
            partial_credit=False,
            requires=[],
        ),
    )
    approval = Approval(
        course_id=found.offering.course_id,
        body_id=body.id,
        program_number="1",
        units_thousandths=3500,
        valid_from=date(2026, 1, 1),
        valid_until=date(2028, 1, 1),
    )
    factories.add(session, approval)
    save_roll(session, found.meeting, [Entry(found.ids[0], L, 70)], actor=found.lead, now=NOW)
    session.commit()
    return found


def test_it_adds_up_as_the_class_page_does(session: Session, made: Class) -> None:
    first = made.enrollments[0]
    own, theirs = progress_of(session, [first])[first.id], summaries(session, made.offering)[first.id]
    for name in ("total", "needed", "attended", "counted", "reachable", "missing", "credits", "may_miss"):
        assert getattr(own, name) == getattr(theirs, name)
    assert own.credits


def test_the_students_page_says_it_in_words(client: FlaskClient, made: Class) -> None:
    sign_in(client, made.enrollments[0].student.user)
    html = client.get("/my/").text
    assert f"Attendance in {made.offering.course.title}" in html
    assert "1.2 <small>of 3 contact hours" in html
    assert "You can miss 25 more minutes and still complete this class." in html
    assert "Demonstration Board" in html
    assert "full attendance only, which cannot be reached any more" in html


def test_a_class_that_has_not_begun_shows_no_hours(client: FlaskClient, made: Class) -> None:
    sign_in(client, made.enrollments[0].student.user)
    with time_machine.travel(START - timedelta(minutes=1), tick=False):
        assert "Attendance in" not in client.get("/my/").text


def test_two_statements_however_many_classes(app: Flask, session: Session, made: Class) -> None:
    begin_write(session)
    first = made.enrollments[0]
    more = [
        factories.put_enrollment(session, factories.make_offering(session, starts=START), first.student)
        for _ in range(5)
    ]
    session.commit()
    everything = [row for row in [first, *more] if row.offering.course_id]
    with statements(app) as seen:
        found = progress_of(session, everything)
    assert len(found) == 6
    assert len(seen) == 2, "\n".join(seen)
