"""The grid, a student's page, signing off and opening again: each works, strangers refused, bad input told."""

import re

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from attendance.marking import save_roll
from attendance.models import MarkStatus
from attendance.writing import Entry
from core.database import begin_write, db
from students.models import Enrollment, EnrollmentState
from tests import factories
from tests.attendance.classes import NOW, Class, entries, later, make_class, stored
from tests.helpers import sign_in, statements

pytestmark = pytest.mark.usefixtures("at_ten")

P, L, A, X = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.ABSENT, MarkStatus.EXCUSED


@pytest.fixture
def made(session: Session) -> Class:
    """A running class: one present, one late, one absent at the first meeting."""
    found = make_class(session)
    first, second, third = found.ids
    begin_write(session)
    roll = [Entry(first, P), Entry(second, L, 60), Entry(third, A)]
    save_roll(session, found.meeting, roll, actor=found.lead, now=NOW)
    session.commit()
    return found


@pytest.fixture
def address(made: Class) -> str:
    return f"/teaching/{made.offering.code.lower()}"


def states(app: Flask, made: Class) -> list[EnrollmentState]:
    with app.app_context():
        return [db.session.get_one(Enrollment, number).state for number in made.ids]


def finish(session: Session, made: Class) -> None:
    """Take the last roll too."""
    begin_write(session)
    save_roll(session, made.meetings[1], entries(made.ids), actor=made.lead, now=later(150))
    session.commit()


PAGES = ("/", "/students/{first}", "/finalize")


@pytest.mark.parametrize("path", PAGES)
def test_strangers_are_refused(app: Flask, address: str, made: Class, session: Session, path: str) -> None:
    begin_write(session)
    other = factories.make_user(session, Role.INSTRUCTOR)
    registrar = factories.make_user(session, Role.REGISTRAR)
    session.commit()
    target = address + path.format(first=made.ids[0])
    wanted = {
        None: 303,
        made.enrollments[0].student.user: 403,
        other: 404,
        made.assistant: 200,
        registrar: 200,
    }
    for user, status in wanted.items():
        client = app.test_client()
        if user is not None:
            sign_in(client, user)
        assert client.get(target).status_code == status


def test_the_grid_shows_marks_hours_and_standing(teacher: FlaskClient, address: str, made: Class) -> None:
    html = teacher.get(address + "/").text
    assert html.count('<span class="vh">Present</span>') == 1
    assert "<small>60<span class='vh'> minutes</span></small>" in html
    assert html.count('<span class="vh">Not held yet</span>') == 3
    assert "1.5</td>" in html
    assert "On track" in html
    assert "At most 1.5 h" in html  # absent for half of it
    assert "At most 2.5 h" in html  # half an hour late
    assert 'class="now"' in html


def test_an_address_in_capitals_is_the_same_class(teacher: FlaskClient, address: str) -> None:
    assert teacher.get(address.upper().replace("/TEACHING", "/teaching") + "/").status_code == 200


def test_the_grid_marks_what_two_people_said_differently(
    teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    begin_write(session)
    save_roll(session, made.meeting, [Entry(made.ids[0], A)], actor=made.assistant, now=NOW, revision=0)
    session.commit()
    html = teacher.get(address + "/").text
    assert "<small>Differs</small>" in html
    assert "two people marked something else" in html


def test_an_empty_class_says_so(teacher: FlaskClient, address: str, made: Class, session: Session) -> None:
    begin_write(session)
    for enrollment in made.enrollments:
        enrollment.state, enrollment.holds_seat = EnrollmentState.WITHDRAWN, False
    session.commit()
    assert "Nobody is enrolled yet" in teacher.get(address + "/").text


def test_a_students_page_says_hours_in_words_and_the_history(
    teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    begin_write(session)
    correction = [Entry(made.ids[1], L, 85)]
    save_roll(session, made.meeting, correction, actor=made.assistant, now=later(5))
    session.commit()
    html = teacher.get(f"{address}/students/{made.ids[1]}").text
    assert "<h1>Student 001</h1>" in html
    assert "Late, 85 minutes" in html
    assert "Late, 60 minutes" in html
    assert "replaced" in html
    assert "Dov Castellan" in html
    assert "Every remaining minute is needed to complete this class." in html
    assert "Up to 10 minutes missed in a meeting count as attended." in html


def test_a_correction_from_the_students_page_is_a_new_row(
    app: Flask, teacher: FlaskClient, address: str, made: Class
) -> None:
    target = f"{address}/students/{made.ids[2]}"
    answer = teacher.post(
        target, data={"meeting": str(made.meeting.id), "status": "present", "reason": "Sat outside."}
    )
    assert (answer.status_code, answer.location) == (303, target)
    marks = stored(app, made.ids[2])
    assert [(mark.status, mark.reason) for mark in marks] == [(A, ""), (P, "Sat outside.")]
    assert "Reason: Sat outside." in teacher.get(target).text


def test_a_correction_shows_the_remark_that_stands_and_changes_it_only_when_told(
    app: Flask, teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    number = made.ids[1]
    begin_write(session)
    entry = Entry(number, L, 70, remark="Train was late.")
    save_roll(session, made.meeting, [entry], actor=made.lead, now=NOW)
    session.commit()
    target = f"{address}/students/{number}"

    def remarks() -> list[str]:
        return [mark.remark for mark in stored(app, number)]

    opened = teacher.get(f"{target}?meeting=1").text
    assert 'value="Train was late."' in opened
    assert re.search(r'value="late"[^>]*checked|checked[^>]*value="late"', opened)
    # Picked from the list without having seen the mark: an empty remark leaves what stands.
    teacher.post(
        target, data={"meeting": str(made.meeting.id), "status": "late", "minutes": "75", "remark": ""}
    )
    assert remarks()[-1] == "Train was late."
    data = {"meeting": str(made.meeting.id), "shown": str(made.meeting.id), "status": "late", "minutes": "75"}
    teacher.post(target, data=data | {"remark": "Bus was late."})
    assert remarks()[-1] == "Bus was late."
    teacher.post(target, data=data | {"remark": ""})
    assert remarks()[-1] == ""
    answer = teacher.post(target, data=data | {"remark": "x" * 141})
    assert answer.status_code == 422
    assert "x" * 141 in answer.text  # the typing is kept


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({}, "Choose a mark."),
        ({"status": "late", "minutes": "91"}, "This meeting has 90 minutes."),
        ({"status": "late", "minutes": "soon"}, "Use digits only"),
        ({"number": "2", "status": "present"}, "begins on Monday"),
    ],
)
def test_a_correction_that_cannot_be_is_told(
    teacher: FlaskClient, address: str, made: Class, data: dict[str, str], told: str
) -> None:
    meeting = made.meetings[int(data.get("number", "1")) - 1]
    typed = data | {"meeting": str(meeting.id)}
    answer = teacher.post(f"{address}/students/{made.ids[0]}", data=typed)
    assert answer.status_code == 422
    assert told in answer.text


def test_a_correction_on_a_page_that_somebody_has_overtaken_is_told_first(
    app: Flask, teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    number = made.ids[1]
    target = f"{address}/students/{number}"

    def seen(page: str) -> str:
        found = re.search(r'name="seen"[^>]*value="([0-9]+)"', page)
        assert found is not None
        return found[1]

    opened = seen(teacher.get(target).text)
    begin_write(session)
    entry = Entry(number, L, 70, remark="Train was late.")
    save_roll(session, made.meeting, [entry], actor=made.assistant, now=NOW)
    session.commit()
    mine = {"meeting": str(made.meeting.id), "status": "absent", "reason": "Was not there at ten."}
    answer = teacher.post(target, data=mine | {"seen": opened})
    assert answer.status_code == 422
    assert (
        "This meeting was marked meanwhile. Dov Castellan at 10:00 AM: Late, 70 minutes credited"
        in answer.text
    )
    assert 'value="Was not there at ten."' in answer.text
    assert stored(app, number)[-1].status is L
    assert teacher.post(target, data=mine | {"seen": seen(answer.text)}).status_code == 303
    assert stored(app, number)[-1].status is A
    again = {
        "meeting": str(made.meeting.id),
        "status": "present",
        "reason": "Came back.",
        "seen": seen(answer.text),
    }
    assert teacher.post(target, data=again).status_code == 303  # what one said oneself is no news


def test_students_of_other_classes_and_unknown_meetings_do_not_exist(
    teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    begin_write(session)
    other = factories.put_enrollment(session, factories.make_offering(session))
    session.commit()
    assert teacher.get(f"{address}/students/{other.id}").status_code == 404
    answer = teacher.post(f"{address}/students/{made.ids[0]}", data={"meeting": "99999", "status": "present"})
    assert answer.status_code == 404


def test_signing_off_lists_what_is_missing_and_waits_for_the_end(
    teacher: FlaskClient, address: str, made: Class
) -> None:
    html = teacher.get(f"{address}/finalize").text
    assert "The last meeting ends Monday, March 1, 2027 at 12:30" in html
    assert "No roll" in html
    assert teacher.post(f"{address}/finalize", data={}).status_code == 422


def test_gaps_have_to_be_accepted(app: Flask, teacher: FlaskClient, address: str, made: Class) -> None:
    with time_machine.travel(later(200), tick=False):
        answer = teacher.post(f"{address}/finalize", data={})
        assert answer.status_code == 422
        assert "Some marks are missing." in answer.text
        assert set(states(app, made)) == {EnrollmentState.ENROLLED}
        assert teacher.post(f"{address}/finalize", data={"accept_gaps": "y"}).status_code == 303
    assert states(app, made) == [
        EnrollmentState.INCOMPLETE,
        EnrollmentState.INCOMPLETE,
        EnrollmentState.NO_SHOW,
    ]


def test_signing_off_correcting_and_opening_again(
    app: Flask, teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    finish(session, made)
    with time_machine.travel(later(200), tick=False):
        assert "Nothing: every student is marked" in teacher.get(f"{address}/finalize").text
        answer = teacher.post(f"{address}/finalize", data={})
        assert answer.status_code == 303
        html = teacher.get(f"{address}/finalize").text
        assert "Signed off: 1 of 3 completed the class." in html
        assert "Ilse Maren signed the attendance off." in html
        assert "Signed off Mar 1, 2027" in teacher.get(address + "/").text

        target = f"{address}/students/{made.ids[1]}"
        refused = teacher.post(target, data={"meeting": str(made.meeting.id), "status": "present"})
        assert refused.status_code == 422
        assert "needs a reason" in refused.text
        data = {"meeting": str(made.meeting.id), "status": "present", "reason": "The clock was wrong."}
        assert teacher.post(target, data=data).status_code == 303
        assert states(app, made)[1] is EnrollmentState.COMPLETED
        html = teacher.get(f"{address}/finalize").text
        assert "corrected Student 001 at meeting 1: Present." in html
        assert "Reason: The clock was wrong." in html

        assert teacher.post(f"{address}/reopen", data={"reason": " "}).status_code == 422
        assert teacher.post(f"{address}/reopen", data={"reason": "Wrong room."}).status_code == 303
        assert "opened the class again." in teacher.get(f"{address}/finalize").text


def test_an_assistant_may_look_but_not_sign_off(
    app: Flask, address: str, made: Class, session: Session
) -> None:
    finish(session, made)
    assistant = app.test_client()
    sign_in(assistant, made.assistant)
    with time_machine.travel(later(200), tick=False):
        assert "Only the lead instructor or the office" in assistant.get(f"{address}/finalize").text
        assert assistant.post(f"{address}/finalize", data={}).status_code == 403
        assert assistant.get(f"{address}/reopen").status_code == 403


def test_a_grid_of_60_students_and_40_meetings_takes_eight_statements(app: Flask, session: Session) -> None:
    made = make_class(session, students=60, meetings=40)
    begin_write(session)
    for meeting in made.meetings[:20]:
        save_roll(session, meeting, entries(made.ids), actor=made.lead, now=later(60 * 24 * 9))
    session.commit()
    client, address = app.test_client(), f"/teaching/{made.offering.code}/"
    sign_in(client, made.lead)
    with statements(app) as seen:
        html = client.get(address).text
    assert html.count("<td class=") == 60 * 42
    assert len(seen) == 8, "\n".join(seen)
