"""What a phone sends after a time without a network, and what it is given to be ready for one."""

import base64
import io
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import User
from attendance.marking import save_roll
from attendance.models import MarkStatus, MeetingSheet
from attendance.offline import device_key
from attendance.writing import Entry
from core.database import begin_write
from tests import factories
from tests.attendance.classes import NOW, START, Class, entries, make_class, stored
from tests.helpers import sign_in, statements

pytestmark = pytest.mark.usefixtures("at_ten")

P, L, A = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.ABSENT
JSON = {"Accept": "application/json"}


def mark(number: int, status: str = "present", key: str = "", **values: Any) -> dict[str, Any]:
    made_at = (START + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
    defaults = {"enrollment": number, "status": status, "made_at": made_at, "key": key or f"key-{number:012}"}
    return defaults | values


def roll(made: Class, *marks: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {"code": made.offering.code, "number": 1, "revision": 0, "marks": list(marks)} | values


def key_of(client: FlaskClient) -> Any:
    return client.get("/teaching/sync", headers=JSON)


def send(client: FlaskClient, user: User, *rolls: dict[str, Any]) -> Any:
    return client.post("/teaching/sync", json={"user": user.id, "rolls": list(rolls)}, headers=JSON)


def test_marks_are_stored_with_the_time_they_were_made(app: Flask, teacher: FlaskClient, made: Class) -> None:
    first, second, _third = made.ids
    answer = send(teacher, made.lead, roll(made, mark(first), mark(second, "late", minutes="80")))
    assert answer.status_code == 200
    (told,) = answer.json["rolls"]
    assert told["revision"] == 1
    assert sorted(told["stored"]) == sorted([f"key-{first:012}", f"key-{second:012}"])
    assert (told["refused"], told["differences"]) == ({}, [])
    assert answer.json["csrf"]
    (stored_mark,) = stored(app, second)
    assert (stored_mark.status, stored_mark.minutes) == (L, 80)
    assert (stored_mark.made_at, stored_mark.recorded_at) == (START + timedelta(minutes=5), NOW)


def test_sending_twice_stores_once(app: Flask, teacher: FlaskClient, made: Class) -> None:
    for _time in range(2):
        answer = send(teacher, made.lead, roll(made, mark(made.ids[0], "absent")))
        assert answer.json["rolls"][0]["stored"] == [f"key-{made.ids[0]:012}"]
    assert len(stored(app, made.ids[0])) == 1


def test_a_clash_is_kept_and_told(app: Flask, teacher: FlaskClient, made: Class, session: Session) -> None:
    begin_write(session)
    save_roll(session, made.meeting, entries(made.ids), actor=made.assistant, now=NOW)
    session.commit()
    answer = send(teacher, made.lead, roll(made, mark(made.ids[0], "absent"), mark(made.ids[1])))
    (told,) = answer.json["rolls"]
    assert told["differences"] == ["Student 000"]
    assert len(told["stored"]) == 2
    assert [(one.status, one.is_current) for one in stored(app, made.ids[0])] == [(P, True), (A, False)]
    assert len(stored(app, made.ids[1])) == 1  # both said the same


def test_a_bad_mark_does_not_hold_up_the_others(app: Flask, teacher: FlaskClient, made: Class) -> None:
    first, second, _third = made.ids
    answer = send(teacher, made.lead, roll(made, mark(first), mark(second, "late", minutes="400")))
    (told,) = answer.json["rolls"]
    assert told["stored"] == [f"key-{first:012}"]
    assert "This meeting has 90 minutes." in told["refused"][f"key-{second:012}"]
    assert len(stored(app, first)) == 1


def test_a_closed_roll_does_not_hold_up_the_others(
    app: Flask, teacher: FlaskClient, made: Class, session: Session
) -> None:
    begin_write(session)
    foreign = factories.make_offering(session, starts=START)
    code = foreign.code
    session.commit()
    answer = send(
        teacher,
        made.lead,
        roll(made, mark(made.ids[0]), number=2),
        roll(made, mark(made.ids[1], key="another-key-000001"), code=code),
        roll(made, mark(made.ids[2])),
    )
    soon, other, good = answer.json["rolls"]
    assert "begins on Monday" in soon["problem"]
    assert other["problem"] == "This meeting is not yours to mark any more, or was taken out."
    assert "problem" not in good
    assert [len(stored(app, number)) for number in made.ids] == [0, 0, 1]


def test_a_signed_off_class_says_that_it_needs_a_reason(
    teacher: FlaskClient, made: Class, session: Session
) -> None:
    begin_write(session)
    made.offering.finalized_at = NOW
    session.commit()
    answer = send(teacher, made.lead, roll(made, mark(made.ids[0])))
    assert "needs a reason" in answer.json["rolls"][0]["problem"]


@pytest.mark.parametrize("payload", [[], {}, {"rolls": "x"}, {"rolls": {}}, {"rolls": [{}] * 51}])
def test_what_is_no_list_of_rolls_is_refused_in_words(
    teacher: FlaskClient, made: Class, payload: Any
) -> None:
    if isinstance(payload, dict):
        payload = payload | {"user": made.lead.id}
    answer: Any = teacher.post("/teaching/sync", json=payload, headers=JSON)
    assert answer.status_code == 422
    assert answer.json["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b'{"rolls":' * 50_000])
def test_what_is_no_json_is_refused_in_words(teacher: FlaskClient, made: Class, body: bytes) -> None:
    answer: Any = teacher.post(
        "/teaching/sync", data=body, headers=JSON | {"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json["error"]


HUGE = 10**30
ODD_ROLLS: list[Any] = [
    None, 7, "roll", [], {},
    {"code": None}, {"code": 5}, {"code": "\ud800"}, {"code": "A\x00B"}, {"code": "X" * 41}, {"code": ["A"]},
    {"number": "one"}, {"number": HUGE}, {"number": -1}, {"number": None}, {"number": True}, {"number": 1.5},
    {"number": float("inf")}, {"revision": HUGE}, {"revision": float("nan")}, {"revision": "0"},
    {"marks": None}, {"marks": 5}, {"marks": "abc"}, {"marks": {"a": 1}}, {"marks": [None]}, {"marks": [[]]},
]  # fmt: skip
ODD_MARKS: list[Any] = [
    {"enrollment": None}, {"enrollment": HUGE}, {"enrollment": "1"}, {"enrollment": -5}, {"enrollment": [1]},
    {"key": "short"}, {"key": None}, {"key": 10**20}, {"key": "k" * 65}, {"key": "\ud800" * 20}, {"key": "a\x00" * 9},
    {"made_at": "2027-03-01T10:00"}, {"made_at": None}, {"made_at": "soon"}, {"made_at": "+012345-01-01T00:00:00Z"},
    {"seen": "x"}, {"seen": HUGE}, {"seen": -1},
]  # fmt: skip


@pytest.mark.both_databases
def test_a_roll_that_cannot_be_read_holds_up_none_of_the_others(app: Flask, session: Session) -> None:
    made = make_class(session)
    client = app.test_client()
    sign_in(client, made.lead)
    odd = [roll(made) | bad if isinstance(bad, dict) and bad else bad for bad in ODD_ROLLS]
    odd += [roll(made, mark(made.ids[0]) | bad) for bad in ODD_MARKS]
    odd.append(
        roll(made, mark(made.ids[0], key="the-same-key-twice"), mark(made.ids[1], key="the-same-key-twice"))
    )
    odd.append(
        roll(made, mark(made.ids[0], key="the-same-student-1"), mark(made.ids[0], key="the-same-student-2"))
    )
    answer = send(client, made.lead, *odd, roll(made, mark(made.ids[2])))
    assert answer.status_code == 200
    *bad, good = answer.json["rolls"]
    for sent, told in zip(odd, bad, strict=True):
        assert told["problem"].startswith("These marks cannot be read."), sent
    assert good["stored"] == [f"key-{made.ids[2]:012}"]
    assert [len(stored(app, number)) for number in made.ids] == [0, 0, 1]


def turn_around(session: Session, made: Class) -> None:
    """What was the first meeting becomes the second."""
    begin_write(session)
    first, second = made.meetings
    first.number, second.number = 3, 4
    session.flush()
    first.number, second.number = 2, 1
    session.commit()


def hidden(page: str) -> str:
    """The meeting that the page's form names."""
    found = re.search(r'name="meeting" value="([0-9]+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("by_file", [True, False])
def test_a_file_or_a_correction_reaches_its_meeting_when_another_was_put_in_before_it(
    app: Flask, teacher: FlaskClient, made: Class, session: Session, by_file: bool
) -> None:
    marked, address = made.meetings[0].id, f"/teaching/{made.offering.code}"
    target = f"{address}/meetings/1/import" if by_file else f"{address}/students/{made.ids[0]}"
    opened = teacher.get(target).text
    turn_around(session, made)
    if by_file:
        typed = {"meeting": hidden(opened), "text": "name,status\nStudent 000,present\n", "save": "1"}
        assert teacher.post(target, data=typed).location == f"{address}/meetings/2/roll"
    else:
        choice = re.search(r'<option value="([0-9]+)"', opened)
        assert choice is not None
        assert teacher.post(target, data={"meeting": choice[1], "status": "present"}).status_code == 303
    assert [one.meeting_id for one in stored(app, made.ids[0])] == [marked]


def test_a_scan_is_attached_to_its_meeting_when_another_was_put_in_before_it(
    teacher: FlaskClient, made: Class, session: Session
) -> None:
    address, meeting = f"/teaching/{made.offering.code}", made.meetings[0].id
    assert hidden(teacher.get(f"{address}/papers").text) == str(meeting)
    turn_around(session, made)
    sent = {"meeting": str(meeting), "sheet": (io.BytesIO(b"%PDF-1.7 signed by everybody"), "scan.pdf")}
    assert teacher.post(f"{address}/meetings/1/sheets", data=sent).location.endswith("/papers#m-2")
    assert session.scalars(sa.select(MeetingSheet.meeting_id)).all() == [meeting]


@pytest.mark.parametrize("by_phone", [True, False])
def test_marks_reach_their_meeting_when_another_was_put_in_before_it(
    app: Flask, teacher: FlaskClient, made: Class, session: Session, by_phone: bool
) -> None:
    marked = made.meetings[0].id
    turn_around(session, made)
    if by_phone:
        (told,) = send(teacher, made.lead, roll(made, mark(made.ids[0]), meeting=marked)).json["rolls"]
        assert told["stored"]
    else:
        address = f"/teaching/{made.offering.code}/meetings"
        typed = {"meeting": str(marked), "revision": "0", f"status-{made.ids[0]}": "present"}
        answer = teacher.post(f"{address}/1/roll", data=typed)
        assert answer.location == f"{address}/2/roll"
    assert [one.meeting_id for one in stored(app, made.ids[0])] == [marked]


@pytest.mark.both_databases
def test_odd_texts_and_times_in_a_mark_are_taken_as_well_as_they_can_be(app: Flask, session: Session) -> None:
    made = make_class(session)
    client = app.test_client()
    sign_in(client, made.lead)
    sent = roll(
        made,
        mark(made.ids[0], made_at="0001-01-01T00:00:00+14:00", remark="\ud800By\x00 the  door"),
        mark(made.ids[1], made_at="9999-12-31T23:59:59-14:00"),
        mark(made.ids[2], minutes={"a": HUGE}) | {"status": ["present"]},
    )
    (told,) = send(client, made.lead, sent).json["rolls"]
    assert len(told["stored"]) == 2
    assert told["refused"] == {
        f"key-{made.ids[2]:012}": "Choose present, late, left early, absent or excused."
    }
    (first,), (second,) = stored(app, made.ids[0]), stored(app, made.ids[1])
    assert first.remark == "By the door"
    assert first.made_at == second.made_at == NOW  # a clock that is wrong by years says nothing


def test_an_absurd_early_time_of_a_wrong_clock_is_not_believed(
    app: Flask, made: Class, session: Session
) -> None:
    begin_write(session)
    slow = Entry(made.ids[0], P, None, START - timedelta(hours=13), "k" * 20)
    early = Entry(made.ids[1], P, None, START - timedelta(minutes=20), "l" * 20)
    save_roll(session, made.meeting, [slow, early], actor=made.lead, now=NOW)
    session.commit()
    assert stored(app, made.ids[0])[0].made_at == NOW
    assert stored(app, made.ids[1])[0].made_at == START - timedelta(minutes=20)


@pytest.mark.both_databases
def test_marks_that_a_page_never_showed_are_asked_about_also_after_the_phone_has_sent_others(
    app: Flask, session: Session
) -> None:
    made = make_class(session)
    first, second, _third = made.ids
    client = app.test_client()
    sign_in(client, made.lead)
    begin_write(session)
    save_roll(session, made.meeting, [Entry(first, A)], actor=made.assistant, now=NOW)
    session.commit()
    # A page opened before that sends another student's mark: it learns that it has missed something.
    (told,) = send(client, made.lead, roll(made, mark(second, seen=0))).json["rolls"]
    assert (told["before"], told["revision"], told["differences"]) == (1, 2, [])
    # What it marks then was made without knowing of the assistant's mark, whatever it was told in between.
    late = mark(first, key="made-on-the-old-page", seen=0, made_at=NOW.isoformat())
    (told,) = send(client, made.lead, roll(made, late, revision=2)).json["rolls"]
    assert told["differences"] == ["Student 000"]
    assert [(one.status, one.is_current) for one in stored(app, first)] == [(A, True), (P, False)]
    # Marked once more on a page that shows it, it decides.
    decided = mark(first, key="made-on-the-new-page", seen=3, made_at=NOW.isoformat())
    (told,) = send(client, made.lead, roll(made, decided, revision=0)).json["rolls"]
    assert told["differences"] == []
    assert stored(app, first)[-1].is_current


def test_marks_of_another_user_of_this_phone_are_not_taken(
    app: Flask, teacher: FlaskClient, made: Class
) -> None:
    answer = send(teacher, made.assistant, roll(made, mark(made.ids[0])))
    assert answer.status_code == 409
    assert stored(app, made.ids[0]) == []


def test_signed_out_is_said_in_json_and_a_student_is_refused(client: FlaskClient, made: Class) -> None:
    for answer in (
        client.get("/teaching/sync", headers=JSON),
        client.post("/teaching/sync", json={}, headers=JSON),
    ):
        assert (answer.status_code, answer.mimetype) == (401, "application/json")
    sign_in(client, made.enrollments[0].student.user)
    assert client.get("/teaching/sync", headers=JSON).status_code == 403


def test_the_key_is_the_users_own_and_stays_the_same(app: Flask, teacher: FlaskClient, made: Class) -> None:
    given = key_of(teacher)
    assert given.json["user"] == made.lead.id
    assert len(base64.b64decode(given.json["key"])) == 32
    assert given.json["csrf"]
    assert given.headers["Cache-Control"] == "no-store"
    assert key_of(teacher).json["key"] == given.json["key"]
    other = app.test_client()
    sign_in(other, made.assistant)
    assert key_of(other).json["key"] != given.json["key"]


@pytest.mark.both_databases
def test_a_key_asked_for_twice_is_made_once(session: Session) -> None:
    user = factories.make_user(session)
    assert device_key(session, user, now=NOW) == device_key(session, user, now=NOW)


def test_the_shell_the_worker_and_the_manifest_know_nobody(teacher: FlaskClient, made: Class) -> None:
    worker = teacher.get("/teaching/sw.js")
    assert (worker.status_code, worker.mimetype) == (200, "text/javascript")
    assert "offline-worker.js?v=" in worker.text
    manifest: Any = teacher.get("/teaching/app.webmanifest")
    assert manifest.mimetype == "application/manifest+json"
    assert manifest.json["start_url"] == "/teaching/"
    assert {icon.get("purpose") for icon in manifest.json["icons"]} >= {"any", "maskable"}
    for icon in manifest.json["icons"]:
        assert teacher.get(icon["src"]).status_code == 200
    shell = teacher.application.test_client().get("/teaching/offline")
    assert shell.status_code == 200
    assert "Ilse" not in shell.text + worker.text + manifest.text
    assert "data-user" not in shell.text


def test_every_file_of_the_shell_exists(teacher: FlaskClient) -> None:
    from attendance.offline_views import SHELL_FILES, SHELL_FONTS, WORKER_SCRIPTS

    for name in (*SHELL_FILES, *SHELL_FONTS, *WORKER_SCRIPTS):
        assert teacher.get(f"/static/{name}").status_code == 200, name


def test_sending_a_roll_of_forty_takes_a_constant_number_of_statements(app: Flask, session: Session) -> None:
    made = make_class(session, students=40)
    client = app.test_client()
    sign_in(client, made.lead)
    lead, sent = made.lead, roll(made, *[mark(number) for number in made.ids])
    with statements(app) as seen:
        answer = send(client, lead, sent)
    assert len(answer.json["rolls"][0]["stored"]) == 40
    assert len(seen) <= 12, "\n".join(seen)


def test_a_phone_made_ready_early_gets_the_roll_as_it_will_be(teacher: FlaskClient, made: Class) -> None:
    address = f"/teaching/{made.offering.code.lower()}/meetings/2/roll"
    assert "Save roll" not in teacher.get(address).text
    early = teacher.get(f"{address}?offline=1").text
    assert "Save roll" in early
    assert "data-clean" in early
    assert f'data-path="{address}"' in early
    assert teacher.post(address, data={f"status-{made.ids[0]}": "present"}).status_code == 422


def test_an_entry_made_in_the_future_counts_as_made_now(app: Flask, made: Class, session: Session) -> None:
    begin_write(session)
    fast_clock = Entry(made.ids[0], P, None, NOW + timedelta(hours=3), "k" * 20)
    save_roll(session, made.meeting, [fast_clock], actor=made.lead, now=NOW)
    session.commit()
    assert stored(app, made.ids[0])[0].made_at == NOW


def test_minutes_that_are_no_number_hold_up_no_other_mark(
    app: Flask, teacher: FlaskClient, made: Class
) -> None:
    first, second, third = made.ids
    answer = send(
        teacher,
        made.lead,
        roll(made, mark(first), mark(second, "late", minutes="abc"), mark(third, "asleep")),
    )
    assert answer.status_code == 200
    (told,) = answer.json["rolls"]
    assert told["stored"] == [f"key-{first:012}"]
    assert told["refused"] == {
        f"key-{second:012}": "Write the minutes as a whole number.",
        f"key-{third:012}": "Choose present, late, left early, absent or excused.",
    }
    assert len(stored(app, first)) == 1
