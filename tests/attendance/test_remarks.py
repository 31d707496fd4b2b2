"""Remarks beside marks: a short line of the instructor's, part of the mark and of its history."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from attendance.marking import RollError, correct, save_roll
from attendance.models import REMARK_LIMIT, AttendanceMark, MarkStatus
from attendance.writing import Entry
from core.audit import AuditEvent
from core.database import begin_write
from students.models import Enrollment
from tests.attendance.classes import NOW, START, Class, entries, history, later, stored
from tests.helpers import sign_in

pytestmark = pytest.mark.usefixtures("at_ten")

P, L, A = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.ABSENT
WORDS = "Leaves at 3, brings the tables back."


@pytest.fixture
def address(made: Class) -> str:
    return f"/teaching/{made.offering.code.lower()}/meetings/1/roll"


def remark_of(html: str, number: int) -> str:
    found = re.search(rf'name="remark-{number}"[^>]* value="([^"]*)"', html)
    assert found
    return found[1]


def told(session: Session, number: int) -> list[tuple[str, str, bool]]:
    return [(mark.status.value, mark.remark, mark.is_current) for mark in history(session, number)]


# ---- the rule


@pytest.mark.both_databases
def test_another_remark_is_another_mark_and_the_old_one_stays(session: Session, made: Class) -> None:
    first = made.ids[0]
    for minute, words in enumerate(["", WORDS, WORDS, "Came back."]):
        save_roll(session, made.meeting, [Entry(first, P, remark=words)], actor=made.lead, now=later(minute))
    assert told(session, first) == [
        ("present", "", False),
        ("present", WORDS, False),
        ("present", "Came back.", True),
    ]


def test_a_mark_without_a_word_about_the_remark_leaves_it(session: Session, made: Class) -> None:
    first = made.ids[0]
    save_roll(session, made.meeting, [Entry(first, P, remark=WORDS)], actor=made.lead, now=NOW)
    save_roll(session, made.meeting, [Entry(first, L, 50)], actor=made.lead, now=later(1))
    assert told(session, first)[-1] == ("late", WORDS, True)


def test_a_long_remark_is_refused_at_its_row(session: Session, made: Class) -> None:
    long = Entry(made.ids[0], P, remark="x" * (REMARK_LIMIT + 1))
    with pytest.raises(RollError, match="at most 140 characters") as caught:
        save_roll(session, made.meeting, [long, *entries(made.ids[1:])], actor=made.lead, now=NOW)
    assert set(caught.value.rows) == {made.ids[0]}


@pytest.mark.both_databases
def test_a_long_remark_is_refused_by_the_database_too(session: Session, made: Class) -> None:
    row = {
        "meeting_id": made.meeting.id,
        "enrollment_id": made.ids[0],
        "status": P,
        "minutes": 90,
        "remark": "x" * (REMARK_LIMIT + 1),
        "made_at": NOW,
        "recorded_at": NOW,
    }
    with pytest.raises((sa.exc.IntegrityError, sa.exc.DataError)):
        session.execute(sa.insert(AttendanceMark), [row])


def test_two_who_agree_on_the_mark_keep_the_remark_of_either(session: Session, made: Class) -> None:
    first, second, _third = made.ids
    save_roll(session, made.meeting, entries([first, second]), actor=made.lead, now=NOW, revision=0)
    saved = save_roll(
        session,
        made.meeting,
        [Entry(first, P, remark=WORDS), Entry(second, P, remark="")],
        actor=made.assistant,
        now=later(1),
        revision=0,
    )
    assert saved.differences == ()
    assert saved.changed == (first,)
    # The lead's page is older than that, and was not touched: the remark stays.
    again = save_roll(
        session, made.meeting, [Entry(first, P, remark="")], actor=made.lead, now=later(2), revision=1
    )
    assert (again.changed, again.differences) == ((), ())
    assert told(session, first)[-1] == ("present", WORDS, True)


def test_two_different_remarks_are_both_kept_and_the_roll_asks(session: Session, made: Class) -> None:
    first = made.ids[0]
    words = ["Left the room twice.", "Helps with the tables."]
    for minute, (who, remark) in enumerate(zip((made.lead, made.assistant), words, strict=True)):
        saved = save_roll(
            session,
            made.meeting,
            [Entry(first, P, remark=remark, client_key=f"key number {minute:8}")],
            actor=who,
            now=later(minute),
            revision=0,
        )
    assert [difference.enrollment_id for difference in saved.differences] == [first]
    assert told(session, first) == [("present", words[0], True), ("present", words[1], False)]


def test_after_signing_off_a_remark_needs_a_reason_and_moves_no_certificate(
    session: Session, made: Class
) -> None:
    first = made.ids[0]
    save_roll(session, made.meeting, entries(made.ids), actor=made.lead, now=NOW)
    made.offering.finalized_at = later(200)
    session.flush()
    before = session.get_one(Enrollment, first).attendance_revision
    saved = correct(
        session,
        made.meeting,
        Entry(first, P, remark=WORDS),
        reason="From my notes.",
        actor=made.lead,
        now=later(300),
    )
    assert saved.changed == (first,)
    session.expire_all()
    assert session.get_one(Enrollment, first).attendance_revision == before


def test_the_log_says_whose_remark_changed_and_never_what_it_says(session: Session, made: Class) -> None:
    save_roll(session, made.meeting, [Entry(made.ids[0], P, remark=WORDS)], actor=made.lead, now=NOW)
    session.commit()
    events = session.scalars(
        sa.select(AuditEvent.payload).where(AuditEvent.action == "attendance:roll:saved")
    )
    (payload,) = events.all()
    assert payload is not None
    assert payload["remarks"] == [made.ids[0]]
    assert "Leaves" not in json.dumps(payload)


# ---- the page


def test_a_remark_is_typed_saved_and_shown_again(
    app: Flask, teacher: FlaskClient, address: str, made: Class
) -> None:
    first, second, _third = made.ids
    html = teacher.get(address).text
    assert html.count('<details class="roll__remark">') == 3  # closed, and there without JavaScript
    assert "Nothing about anyone’s health." in html
    data = {f"status-{first}": "present", f"remark-{first}": f"  {WORDS}\x00 ", f"status-{second}": "absent"}
    assert teacher.post(address, data=data | {f"remark-{second}": ""}).status_code == 303
    assert [mark.remark for number in (first, second) for mark in stored(app, number)] == [WORDS, ""]
    html = teacher.get(address).text
    assert remark_of(html, first) == WORDS
    assert html.count('<details class="roll__remark" open>') == 1


def test_a_remark_without_a_mark_is_told_at_its_row_and_kept(
    app: Flask, teacher: FlaskClient, address: str, made: Class
) -> None:
    first, second, _third = made.ids
    answer = teacher.post(address, data={f"remark-{first}": WORDS, f"status-{second}": "present"})
    assert answer.status_code == 422
    assert "Choose a mark as well; a remark stands beside one." in answer.text
    assert remark_of(answer.text, first) == WORDS
    assert stored(app, second) == []


def test_what_was_typed_is_kept_when_another_row_is_wrong_and_when_the_rest_is_marked(
    teacher: FlaskClient, address: str, made: Class
) -> None:
    first, second, _third = made.ids
    data = {f"status-{first}": "present", f"remark-{first}": WORDS}
    wrong = teacher.post(address, data=data | {f"status-{second}": "late", f"minutes-{second}": "999"})
    assert (wrong.status_code, remark_of(wrong.text, first)) == (422, WORDS)
    long = "y" * 200
    wrong = teacher.post(address, data=data | {f"remark-{first}": long})
    assert (wrong.status_code, remark_of(wrong.text, first)) == (422, long)
    filled = teacher.post(address, data=data | {"all": "present"})
    assert remark_of(filled.text, first) == WORDS


def test_a_stale_page_keeps_the_remark_and_shows_both(
    app: Flask, teacher: FlaskClient, address: str, made: Class
) -> None:
    first = made.ids[0]
    other = app.test_client()
    sign_in(other, made.assistant)
    data = {"revision": "0", f"status-{first}": "absent", f"remark-{first}": "Called: train is late."}
    teacher.post(address, data=data)
    answer = other.post(
        address, data={"revision": "0", f"status-{first}": "present", f"remark-{first}": WORDS}
    )
    assert answer.status_code == 409
    assert "Ilse Maren at 10:00 AM: Absent, “Called: train is late.”" in answer.text
    assert f"Dov Castellan at 10:00 AM: Present, “{WORDS}”" in answer.text
    assert remark_of(answer.text, first) == WORDS


def test_remarks_stand_in_the_history_and_the_grid_and_students_never_see_them(
    app: Flask, teacher: FlaskClient, address: str, made: Class
) -> None:
    first = made.ids[0]
    teacher.post(
        address, data={f"status-{first}": "late", f"minutes-{first}": "80", f"remark-{first}": WORDS}
    )
    grid = f"/teaching/{made.offering.code.lower()}"
    assert (
        teacher.get(f"{grid}/").text.count("with a remark") == 1 + 1
    )  # a cell, and the words below the table
    assert f"“{WORDS}”" in teacher.get(f"{grid}/students/{first}").text
    assert WORDS not in teacher.get(f"{grid}/roster.csv").text
    student = app.test_client()
    sign_in(student, made.enrollments[0].student.user)
    for page in ("/my/", f"/my/enrollments/{first}"):
        assert WORDS not in student.get(page).text


# ---- from a phone


def sent(client: FlaskClient, made: Class, remark: Any) -> Any:
    mark = {
        "enrollment": made.ids[0],
        "status": "present",
        "remark": remark,
        "made_at": (START + timedelta(minutes=5)).isoformat(),
        "key": f"{'x' * 16}-{len(remark or '')}",
    }
    roll = {"code": made.offering.code, "number": 1, "revision": 0, "marks": [mark]}
    answer = client.post("/teaching/sync", json={"user": made.lead.id, "rolls": [roll]})
    return answer.get_json()["rolls"][0]


def test_a_remark_made_without_a_network_comes_with_its_mark(
    app: Flask, teacher: FlaskClient, made: Class
) -> None:
    assert sent(teacher, made, WORDS)["stored"]
    assert [mark.remark for mark in stored(app, made.ids[0])] == [WORDS]
    sent(teacher, made, None)  # nothing was said about the remark: it stays
    assert [mark.remark for mark in stored(app, made.ids[0])] == [WORDS]
    answer = sent(teacher, made, "z" * 200)
    assert "at most 140 characters" in next(iter(answer["refused"].values()))


def test_an_old_phone_that_knows_no_remarks_is_understood(
    app: Flask, teacher: FlaskClient, made: Class, session: Session
) -> None:
    begin_write(session)
    save_roll(session, made.meeting, [Entry(made.ids[0], A, remark=WORDS)], actor=made.lead, now=NOW)
    session.commit()
    mark = {
        "enrollment": made.ids[0],
        "status": "present",
        "made_at": (NOW + timedelta(minutes=1)).isoformat(),
        "key": "k" * 20,
    }
    roll = {"code": made.offering.code, "number": 1, "revision": 1, "marks": [mark]}
    teacher.post("/teaching/sync", json={"user": made.lead.id, "rolls": [roll]})
    assert [(one.status, one.remark) for one in stored(app, made.ids[0])] == [(A, WORDS), (P, WORDS)]
