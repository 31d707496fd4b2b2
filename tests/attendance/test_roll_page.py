"""The roll's page: works, strangers refused, bad input told and kept, the stale page asks."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from attendance.models import MarkStatus
from core.database import begin_write
from students.models import EnrollmentState
from tests import factories
from tests.attendance.classes import NOW, START, Class, make_class, stored
from tests.helpers import sign_in, statements

pytestmark = pytest.mark.usefixtures("at_ten")


@pytest.fixture
def address(made: Class) -> str:
    return f"/teaching/{made.offering.code.lower()}/meetings/1/roll"


def revision_of(html: str) -> str:
    found = re.search(r'name="revision" value="(\d+)"', html)
    assert found
    return found[1]


def checked(html: str, number: int) -> str:
    found = re.search(rf'name="status-{number}" value="(\w+)" checked', html)
    return found[1] if found else ""


def test_the_roll_shows_everyone_and_what_is_known(teacher: FlaskClient, address: str, made: Class) -> None:
    html = teacher.get(address).text
    assert "Monday morning" in html
    assert "meeting 1 of 2" in html
    for number in made.ids:
        assert f'name="status-{number}"' in html
        assert f'name="minutes-{number}"' in html
    assert "Not taken yet" in html
    assert "<style" not in html
    assert "onclick" not in html


def test_what_may_be_needed_at_the_door_is_one_step_away(teacher: FlaskClient, address: str) -> None:
    html = teacher.get(address).text
    for page in ("walk-in", "check-in", "import"):
        assert f'href="{address.replace("/roll", "/" + page)}"' in html


def test_saving_marks_everyone_and_says_so(
    app: Flask, teacher: FlaskClient, address: str, made: Class
) -> None:
    first, second, third = made.ids
    answer = teacher.post(
        address,
        data={
            "revision": "0",
            f"status-{first}": "present",
            f"status-{second}": "late",
            f"minutes-{second}": "70",
            f"status-{third}": "absent",
        },
    )
    assert (answer.status_code, answer.location) == (303, address)
    html = teacher.get(address).text
    assert "3 marks saved." in html
    assert "Saved at 10:00 AM by Ilse Maren" in html
    assert [checked(html, number) for number in made.ids] == ["present", "late", "absent"]
    assert f'name="minutes-{second}" inputmode="numeric" maxlength="4"' in html
    assert [mark.minutes for number in made.ids for mark in stored(app, number)] == [90, 70, 0]


def test_a_visitor_signs_in_first_and_a_student_is_refused(
    client: FlaskClient, address: str, made: Class
) -> None:
    assert client.get(address).status_code == 303
    assert client.post(address, data={}).status_code == 303
    sign_in(client, made.enrollments[0].student.user)
    assert client.get(address).status_code == 403


def test_another_instructor_does_not_learn_that_the_class_exists(
    client: FlaskClient, address: str, session: Session
) -> None:
    begin_write(session)
    other = factories.make_user(session, Role.INSTRUCTOR)
    session.commit()
    sign_in(client, other)
    assert client.get(address).status_code == 404
    assert client.post(address, data={}).status_code == 404


def test_the_office_sees_every_roll(client: FlaskClient, address: str, session: Session) -> None:
    begin_write(session)
    registrar = factories.make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, registrar)
    assert client.get(address).status_code == 200


def test_there_is_no_third_meeting(teacher: FlaskClient, address: str) -> None:
    assert teacher.get(address.replace("/1/", "/3/")).status_code == 404


@pytest.mark.parametrize(
    ("status", "minutes", "told"),
    [
        ("late", "91", "This meeting has 90 minutes."),
        ("late", "-5", "This meeting has 90 minutes."),
        ("late", "0", "at least 1 minute"),
        ("late", "many", "Write the minutes as a whole number."),
        ("asleep", "", "Choose present, late, left early, absent or excused."),
        ("", "30", "Choose a mark as well"),
        ("present", "45", "Present counts all 90 minutes."),
        ("absent", "45", "Absent and excused count no minutes."),
    ],
)
def test_bad_input_is_told_at_its_row_and_kept(
    app: Flask,
    teacher: FlaskClient,
    address: str,
    made: Class,
    status: str,
    minutes: str,
    told: str,
) -> None:
    first, second, _third = made.ids
    data = {f"status-{first}": "present", f"status-{second}": status, f"minutes-{second}": minutes}
    answer = teacher.post(address, data=data)
    assert answer.status_code == 422
    assert told in answer.text
    assert "Error:" in answer.text
    assert f'href="#minutes-{second}"' in answer.text
    assert checked(answer.text, first) == "present"  # the good row is kept as well
    if minutes and status != "asleep":
        assert f'value="{minutes}" aria-invalid="true"' in answer.text
    assert stored(app, first) == []


def test_a_student_of_another_class_is_told_without_a_name(
    teacher: FlaskClient, address: str, session: Session
) -> None:
    begin_write(session)
    other = factories.put_enrollment(session, factories.make_offering(session))
    name = other.student.user.name
    session.commit()
    answer = teacher.post(address, data={f"status-{other.id}": "present"})
    assert answer.status_code == 422
    assert "not in this class" in answer.text
    assert "Not saved" in answer.text  # and the bar does not say "Saved" beside it
    assert name not in answer.text


def test_a_meeting_that_has_not_begun_says_when_its_roll_opens(
    app: Flask, teacher: FlaskClient, address: str, made: Class
) -> None:
    soon = address.replace("/1/", "/2/")
    html = teacher.get(soon).text
    assert "begins on Monday, March 1, 2027 at 11:00 AM" in html
    assert "Save roll" not in html
    answer = teacher.post(soon, data={f"status-{made.ids[0]}": "present"})
    assert answer.status_code == 422
    assert stored(app, made.ids[0]) == []


def test_a_stale_page_shows_the_difference_and_asks(
    teacher: FlaskClient, address: str, made: Class, app: Flask
) -> None:
    first, second, third = made.ids
    page = {"revision": revision_of(teacher.get(address).text)}
    assistant = app.test_client()
    sign_in(assistant, made.assistant)
    teacher.post(address, data=page | {f"status-{first}": "absent", f"status-{second}": "present"})

    answer = assistant.post(
        address,
        data=page | {f"status-{first}": "late", f"minutes-{first}": "50", f"status-{third}": "present"},
    )
    assert answer.status_code == 409
    assert "Someone else marked this roll meanwhile" in answer.text
    assert "Ilse Maren at 10:00 AM: Absent" in answer.text
    assert "Dov Castellan at 10:00 AM: Late, 50 minutes" in answer.text
    assert checked(answer.text, first) == "late"  # what was typed stays
    assert 'value="50"' in answer.text
    assert [mark.status for mark in stored(app, third)] == [MarkStatus.PRESENT]

    # Whoever opens the roll is asked as well, and nothing is chosen for them.
    html = teacher.get(address).text
    assert "Which is right?" in html
    assert checked(html, first) == ""

    decided = assistant.post(
        address,
        data={"revision": revision_of(answer.text), f"status-{first}": "late", f"minutes-{first}": "50"},
    )
    assert decided.status_code == 303
    assert "Which is right?" not in assistant.get(address).text
    assert [(mark.status.value, mark.is_current) for mark in stored(app, first)] == [
        ("absent", False),
        ("late", False),
        ("late", True),
    ]


def test_an_error_on_a_stale_page_keeps_its_age(
    teacher: FlaskClient, address: str, made: Class, app: Flask
) -> None:
    first = made.ids[0]
    assistant = app.test_client()
    sign_in(assistant, made.assistant)
    assistant.post(address, data={f"status-{first}": "absent"})
    answer = teacher.post(
        address, data={"revision": "0", f"status-{first}": "late", f"minutes-{first}": "999"}
    )
    assert revision_of(answer.text) == "0"


def test_mark_rest_present_fills_without_saving_and_can_be_undone(
    app: Flask, teacher: FlaskClient, address: str, made: Class
) -> None:
    first, second, third = made.ids
    answer = teacher.post(address, data={"all": "present", f"status-{first}": "absent"})
    assert answer.status_code == 200
    assert [checked(answer.text, number) for number in made.ids] == ["absent", "present", "present"]
    assert "3 not saved" in answer.text
    assert "Everyone is marked already.</p>" not in answer.text
    assert stored(app, second) == []
    undone = teacher.post(
        address,
        data={
            "all": "undo",
            "filled": f"{second},{third}",
            f"status-{first}": "absent",
            f"status-{second}": "present",
            f"status-{third}": "excused",  # marked otherwise since
        },
    )
    assert [checked(undone.text, number) for number in made.ids] == ["absent", "", "excused"]
    assert "2 not saved" in undone.text


def test_mark_rest_present_says_when_nobody_is_left(
    teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    first, second, third = made.ids
    assert "Everyone is marked already.</p>" not in teacher.get(address).text
    typed = {f"status-{number}": "present" for number in (first, second)}
    answer = teacher.post(address, data=typed | {"all": "present", f"status-{third}": "late"})
    assert "Everyone is marked already.</p>" in answer.text
    assert "3 not saved" in answer.text
    begin_write(session)
    made.enrollments[2].created_at = NOW + timedelta(hours=2)
    session.commit()
    answer = teacher.post(address, data=typed | {"all": "present"})
    assert "Nobody else: those left joined later, or two marks differ.</p>" in answer.text
    assert "2 not saved" in answer.text


def test_late_without_minutes_takes_them_from_the_clock(
    app: Flask, teacher: FlaskClient, address: str, made: Class
) -> None:
    first = made.ids[0]
    teacher.post(address, data={f"status-{first}": "present", f"minutes-{first}": "90"})
    with time_machine.travel(START + timedelta(minutes=65), tick=False):
        # Without JavaScript the field still holds the minutes of the mark before.
        teacher.post(
            address, data={"revision": "1", f"status-{first}": "left_early", f"minutes-{first}": "90"}
        )
    assert [mark.minutes for mark in stored(app, first)] == [90, 65]


def test_a_signed_off_class_asks_for_a_reason_and_keeps_what_was_typed(
    teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    begin_write(session)
    made.offering.finalized_at = NOW
    session.commit()
    answer = teacher.post(address, data={"revision": "0", f"status-{made.ids[0]}": "absent"})
    assert answer.status_code == 422
    assert "needs a reason" in answer.text
    assert checked(answer.text, made.ids[0]) == "absent"


def test_who_joined_later_and_who_wants_to_talk_is_said(
    teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    begin_write(session)
    made.enrollments[0].wants_talk = True
    made.enrollments[1].created_at = NOW + timedelta(hours=2)
    session.commit()
    html = teacher.get(address).text
    assert "Wants to talk to you" in html
    assert "Joined Mar 1, 2027" in html
    filled = teacher.post(address, data={"all": "present"}).text
    assert checked(filled, made.ids[1]) == ""


def test_nobody_on_the_roll_is_said(
    teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    begin_write(session)
    for enrollment in made.enrollments:
        enrollment.state, enrollment.holds_seat = EnrollmentState.WITHDRAWN, False
    session.commit()
    assert "Nobody is on this roll" in teacher.get(address).text


def test_a_roll_of_forty_takes_at_most_twelve_statements_each_way(app: Flask, session: Session) -> None:
    made = make_class(session, students=40)
    address = f"/teaching/{made.offering.code.lower()}/meetings/1/roll"
    client = app.test_client()
    sign_in(client, made.lead)
    data: dict[str, Any] = {"revision": "0"} | {f"status-{number}": "present" for number in made.ids}
    counts = []
    for change in (data, data | {"revision": "1", f"status-{made.ids[0]}": "absent"}):
        with statements(app) as opened:
            assert client.get(address).status_code == 200
        with statements(app) as saved:
            assert client.post(address, data=change).status_code == 303
        counts.append((len(opened), len(saved)))
    assert counts == [(5, 10), (6, 11)]  # a roll that was taken before says when, and has marks to change
