"""Checking in by oneself: codes, windows, what is marked, what each refusal says."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from attendance import checkin, codes
from attendance.codes import NotACodeError, OldCodeError, Way
from attendance.marking import save_roll
from attendance.models import CheckIn, MarkMethod, MarkStatus
from attendance.writing import Entry
from core.audit import verify
from core.database import begin_write, db, writing
from core.errors import RuleError
from courses.offering_models import OfferingState
from students.models import EnrollmentState
from tests import factories
from tests.attendance.classes import NOW, START, Class, later, make_class, stored
from tests.helpers import sign_in, statements

pytestmark = pytest.mark.usefixtures("at_ten")

P, L, E, A = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.LEFT_EARLY, MarkStatus.ABSENT
SECRET = "a secret for tests only"


def user_of(made: Class, number: int = 0) -> User:
    return made.enrollments[number].student.user


def scanned(
    session: Session, made: Class, at: datetime, way: Way = Way.IN, number: int = 0, meeting: int = 0
) -> checkin.Scanned:
    begin_write(session)
    found = checkin.scan(session, made.meetings[meeting].id, way, user=user_of(made, number), now=at)
    session.commit()
    return found


def marks(app: Flask, made: Class, number: int = 0) -> list[tuple[MarkStatus, int, MarkMethod]]:
    return [(mark.status, mark.minutes, mark.method) for mark in stored(app, made.ids[number])]


class TestCodes:
    def test_a_code_holds_for_its_step_and_the_two_after(self) -> None:
        code = codes.code_for(SECRET, 7, Way.OUT, NOW)
        for seconds in (0, 19, 20, 59):
            assert codes.read_code(SECRET, code, NOW + timedelta(seconds=seconds)) == (7, Way.OUT)
        for seconds in (60, 3600, 86400):
            with pytest.raises(OldCodeError, match="has run out"):
                codes.read_code(SECRET, code, NOW + timedelta(seconds=seconds))

    def test_a_code_of_the_next_step_is_let_pass_because_clocks_differ_and_no_later_one(self) -> None:
        assert codes.read_code(SECRET, codes.code_for(SECRET, 7, Way.IN, NOW + timedelta(seconds=20)), NOW)
        with pytest.raises(OldCodeError):
            codes.read_code(SECRET, codes.code_for(SECRET, 7, Way.IN, NOW + timedelta(seconds=40)), NOW)

    def test_every_part_of_a_code_is_signed(self) -> None:
        code = codes.code_for(SECRET, 7, Way.IN, NOW)
        meeting, way, step, mac = code.split(".")
        changed = [
            f"8.{way}.{step}.{mac}",
            f"{meeting}.out.{step}.{mac}",
            f"{meeting}.{way}.{int(step, 16) + 1:x}.{mac}",
            f"{meeting}.{way}.{step}.{mac[:-1]}{'A' if mac[-1] != 'A' else 'B'}",
            codes.code_for("another secret", 7, Way.IN, NOW),
            codes.door_key(SECRET, 7),
            code + "0",
            code.upper(),
            "",
            "٧.in.1." + mac,
        ]
        for text in changed:
            with pytest.raises(NotACodeError, match="not a check-in code"):
                codes.read_code(SECRET, text, NOW)

    def test_a_door_key_opens_its_meeting_only(self) -> None:
        key = codes.door_key(SECRET, 7)
        assert codes.read_door_key(SECRET, key) == 7
        assert codes.read_door_key(SECRET, "8" + key[1:]) is None
        assert codes.read_door_key("another", key) is None
        assert codes.read_door_key(SECRET, "x") is None


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("minutes", "mark"),
    [(-30, (P, 90)), (0, (P, 90)), (10, (P, 90)), (11, (L, 79)), (89, (L, 1))],
)
def test_coming_marks_by_the_clock(
    app: Flask, session: Session, made: Class, minutes: int, mark: tuple[MarkStatus, int]
) -> None:
    found = scanned(session, made, START + timedelta(minutes=minutes))
    assert (found.again, found.marked) == (False, True)
    assert marks(app, made) == [(*mark, MarkMethod.CHECK_IN)]
    assert list(verify(session)) == []


@pytest.mark.both_databases
def test_leaving_early_takes_the_minutes_off(app: Flask, session: Session, made: Class) -> None:
    scanned(session, made, START + timedelta(minutes=5))
    scanned(session, made, START + timedelta(minutes=60), Way.OUT)
    assert marks(app, made) == [(P, 90, MarkMethod.CHECK_IN), (E, 55, MarkMethod.CHECK_IN)]


def test_leaving_within_the_grace_or_at_the_end_changes_nothing(
    app: Flask, session: Session, made: Class
) -> None:
    scanned(session, made, START)
    scanned(session, made, START + timedelta(minutes=80), Way.OUT)
    scanned(session, made, START + timedelta(minutes=20), number=1)
    scanned(session, made, START + timedelta(minutes=119), Way.OUT, number=1)
    assert marks(app, made) == [(P, 90, MarkMethod.CHECK_IN)]
    assert marks(app, made, 1) == [(L, 70, MarkMethod.CHECK_IN)]


def test_leaving_as_one_comes_is_absent(app: Flask, session: Session, made: Class) -> None:
    scanned(session, made, START + timedelta(minutes=2))
    scanned(session, made, START + timedelta(minutes=2), Way.OUT)
    assert marks(app, made)[-1][:2] == (A, 0)


def test_what_the_instructor_said_stands(app: Flask, session: Session, made: Class) -> None:
    begin_write(session)
    first, second, _third = made.ids
    roll = [Entry(first, A), Entry(second, L, 70)]
    save_roll(session, made.meeting, roll, actor=made.lead, now=NOW)
    session.commit()
    assert not scanned(session, made, later(1)).marked
    assert marks(app, made) == [(A, 0, MarkMethod.ROLL)]
    scanned(session, made, later(10), Way.OUT, number=1)  # 20 minutes before the end
    assert [mark[:2] for mark in marks(app, made, 1)] == [(L, 70), (E, 50)]


def test_an_instructor_overrules_a_scan_and_a_second_scan_does_not_undo_it(
    app: Flask, session: Session, made: Class
) -> None:
    scanned(session, made, START)
    begin_write(session)
    save_roll(session, made.meeting, [Entry(made.ids[0], A)], actor=made.lead, now=NOW)
    session.commit()
    assert scanned(session, made, later(1)).again
    assert [mark[:2] for mark in marks(app, made)] == [(P, 90), (A, 0)]


def test_checking_out_never_gives_back_what_the_instructor_took(
    app: Flask, session: Session, made: Class
) -> None:
    scanned(session, made, START)
    begin_write(session)
    save_roll(session, made.meeting, [Entry(made.ids[0], L, 30)], actor=made.lead, now=NOW)
    session.commit()
    assert not scanned(session, made, later(10), Way.OUT).marked  # by the scans alone 70 minutes
    assert [mark[:2] for mark in marks(app, made)] == [(P, 90), (L, 30)]


@pytest.mark.parametrize(
    ("way", "minutes", "told"),
    [
        (Way.IN, -31, "Check-in opens on Monday, March 1, 2027 at 8:30"),
        (Way.IN, 90, "This meeting is over. Ask your instructor to mark you."),
        (Way.OUT, -1, "Check-out opens on Monday, March 1, 2027 at 9:00"),
        (Way.OUT, 120, "Check-out for this meeting is over."),
    ],
)
def test_before_and_after_the_window_nothing_is_kept(
    app: Flask, session: Session, made: Class, way: Way, minutes: int, told: str
) -> None:
    with pytest.raises(RuleError, match=told):
        scanned(session, made, START + timedelta(minutes=minutes), way)
    session.rollback()
    assert session.query(CheckIn).count() == 0
    assert marks(app, made) == []


def test_who_is_not_enrolled_is_told_so(session: Session, made: Class) -> None:
    begin_write(session)
    stranger = factories.make_student(session)
    waiting = factories.put_enrollment(session, made.offering, state=EnrollmentState.WAITLISTED)
    session.commit()
    for user in (stranger.user, waiting.student.user, made.lead):
        with pytest.raises(RuleError, match=f"You are not enrolled in {made.offering.code}"):
            checkin.scan(session, made.meeting.id, Way.IN, user=user, now=NOW)
        session.rollback()


def test_the_code_of_another_class_names_the_right_room(session: Session, made: Class) -> None:
    begin_write(session)
    other = factories.make_offering(session, starts=START)
    person = factories.put_enrollment(session, other).student.user
    session.commit()
    told = f"the code of {made.offering.code}, another class. Scan the code in the room of {other.code}"
    with pytest.raises(RuleError, match=told):
        checkin.scan(session, made.meeting.id, Way.IN, user=person, now=NOW)


def test_a_cancelled_class_takes_no_scan(session: Session, made: Class) -> None:
    begin_write(session)
    made.offering.state = OfferingState.CANCELLED
    session.commit()
    with pytest.raises(RuleError, match="does not take place"):
        scanned(session, made, NOW)


@pytest.mark.both_databases
def test_twenty_scans_at_once_mark_each_student_once(app: Flask, session: Session) -> None:
    made = make_class(session, students=10)
    meeting_id, users = made.meeting.id, [user_of(made, n).id for n in range(10)] * 2

    def scan(user_id: int) -> bool:
        with app.app_context(), writing() as own:
            user = own.get_one(User, user_id)
            return checkin.scan(own, meeting_id, Way.IN, user=user, now=START).marked

    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(scan, users))
    assert sum(results) == 10
    for number in range(10):
        assert marks(app, made, number) == [(P, 90, MarkMethod.CHECK_IN)]


def code_now(made: Class, way: Way = Way.IN) -> str:
    return codes.code_for(SECRET, made.meeting.id, way, NOW)


@pytest.fixture
def phone(client: FlaskClient, made: Class) -> FlaskClient:
    sign_in(client, user_of(made))
    return client


def test_a_student_scans_and_is_checked_in(phone: FlaskClient, app: Flask, made: Class) -> None:
    target = f"/check-in/{code_now(made)}"
    shown = phone.get(target)
    assert shown.status_code == 200
    assert made.offering.course.title in shown.text
    assert marks(app, made) == []  # looking does nothing
    answer = phone.post(target)
    assert answer.status_code == 303
    html = phone.get(answer.location).text
    assert "You are checked in" in html
    assert "Late, 30 minutes" in html
    assert "You were checked in already" in phone.post(target, follow_redirects=True).text
    stranger = app.test_client()
    sign_in(stranger, user_of(made, 1))
    assert stranger.get(answer.location).status_code == 404
    instructor = app.test_client()
    sign_in(instructor, made.lead)
    page = instructor.get(f"/teaching/{made.offering.code.lower()}/meetings/1/roll").text
    assert "Last check-in at 10:00" in page  # a student has not "saved the roll"
    assert "Saved at" not in page.replace("Saved at #", "")


def test_a_visitor_signs_in_first_and_comes_back(client: FlaskClient, made: Class) -> None:
    answer = client.get(f"/check-in/{code_now(made)}")
    assert answer.status_code == 303
    assert "next=/check-in/" in answer.location.replace("%2F", "/")


def test_a_passed_on_photo_is_useless(phone: FlaskClient, app: Flask, made: Class) -> None:
    target = f"/check-in/{code_now(made)}"
    with time_machine.travel(NOW + timedelta(seconds=60), tick=False):
        for answer in (phone.get(target), phone.post(target)):
            assert answer.status_code == 422
            assert "This code has run out." in answer.text
    assert marks(app, made) == []


def test_guessing_is_slowed_down_and_honest_scans_are_not(phone: FlaskClient, made: Class) -> None:
    for _ in range(12):
        phone.get(f"/check-in/{code_now(made)}")
    guess = f"/check-in/{made.meeting.id}.in.0.{'A' * 22}"
    for _ in range(10):
        assert "not a check-in code" in phone.get(guess).text
    answer = phone.post(f"/check-in/{code_now(made)}")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= 600
    assert "Too many attempts" in answer.text


def test_the_screen_shows_a_code_that_works(
    app: Flask, client: FlaskClient, phone: FlaskClient, made: Class, session: Session
) -> None:
    teacher = app.test_client()
    sign_in(teacher, made.lead)
    address = f"/teaching/{made.offering.code.lower()}/meetings/1/check-in"
    html = teacher.get(address).text
    assert 'class="qr"' in html
    assert "style=" not in html
    assert re.search(r'<noscript><meta http-equiv="refresh" content="20">', html)
    part = teacher.get(address + "?way=in&part=code")
    assert "<html" not in part.text
    assert "0 people have checked in." in part.text
    assert "Check-in opens" in teacher.get(address.replace("/1/", "/2/")).text
    begin_write(session)
    other = factories.make_user(session, Role.INSTRUCTOR)
    session.commit()
    for user, status in ((user_of(made), 403), (other, 404), (made.assistant, 200)):
        browser = app.test_client()
        sign_in(browser, user)
        assert browser.get(address).status_code == status
        assert browser.get(address.replace("check-in", "arrivals")).status_code == status


def test_the_tablet_at_the_door_needs_nobody_and_shows_no_names(
    app: Flask, client: FlaskClient, made: Class, session: Session
) -> None:
    scanned(session, made, START)
    teacher = app.test_client()
    sign_in(teacher, made.lead)
    html = teacher.get(f"/teaching/{made.offering.code}/meetings/1/check-in").text
    found = re.search(r'href="(/kiosk/[^"]+)"', html)
    assert found
    shown = client.get(found[1])
    assert 'class="qr"' in shown.text
    assert "1 person has checked in." in shown.text
    assert "Student 00" not in shown.text
    assert "/teaching/" not in shown.text
    assert client.get("/kiosk/1.xxxxxxxxxxxxxxxxxxxxxx").status_code == 404
    with time_machine.travel(later(61), tick=False):
        assert client.get(found[1]).status_code == 404


def test_the_instructor_sees_them_arrive(app: Flask, made: Class, session: Session) -> None:
    teacher = app.test_client()
    sign_in(teacher, made.lead)
    address = f"/teaching/{made.offering.code}/meetings/1/"
    assert "0 of 3 have checked in" in teacher.get(address + "arrivals").text
    scanned(session, made, START, number=1)
    answer = teacher.get(address + "arrivals")
    assert answer.headers["Refresh"] == "10"
    assert "1 of 3 have checked in" in answer.text
    assert answer.text.index("Student 001") < answer.text.index("Student 000")
    assert "Checked in 9:00" in teacher.get(address + "roll").text


@pytest.mark.both_databases
def test_a_scan_takes_as_many_statements_in_a_large_class(app: Flask, session: Session) -> None:
    counts = []
    made = make_class(session, students=2)
    for number in range(2):
        if number:
            begin_write(session)
            for _ in range(30):
                made.offering.capacity += 1
                made.enrollments.append(factories.put_enrollment(session, made.offering))
            session.commit()
        phone = app.test_client()
        sign_in(phone, user_of(made, number))
        with statements(app) as seen:
            assert phone.post(f"/check-in/{code_now(made)}").status_code == 303
        counts.append(len(seen))
    assert counts[1] <= counts[0]
    assert max(counts) <= 16, counts
    assert db.session.query(CheckIn).count() == 2
