"""A whole class at the door at once, behind one address of the school's Wi-Fi."""

import threading
from collections import Counter
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from attendance import codes
from attendance.checkin_views import MOST_WRONG
from attendance.codes import Way
from attendance.models import AttendanceMark, CheckIn, MarkStatus
from core import audit, clock
from core.database import db
from tests.attendance.classes import Class, make_class
from tests.helpers import sign_in

pytestmark = pytest.mark.both_databases
STUDENTS = 24
ADDRESS = {"REMOTE_ADDR": "203.0.113.7"}


@pytest.fixture
def made(session: Session) -> Class:
    begun = clock.now() - timedelta(minutes=2)
    found = make_class(session, students=STUDENTS, starts=begun)
    for enrollment in found.enrollments:
        enrollment.created_at = begun - timedelta(days=9)
    session.commit()
    return found


def code_of(app: Flask, made: Class, at: datetime) -> str:
    return codes.code_for(str(app.config["SECRET_KEY"]), made.meeting.id, Way.IN, at)


def test_a_class_that_scans_at_once_is_checked_in_whole(app: Flask, session: Session, made: Class) -> None:
    code = code_of(app, made, clock.now())
    phones = []
    for enrollment in made.enrollments:
        phone = app.test_client()
        sign_in(phone, enrollment.student.user)
        phones.append(phone)
    session.rollback()
    barrier, answers = threading.Barrier(STUDENTS), Counter[int]()

    def scan(phone: object) -> None:
        barrier.wait()
        # Two taps on the button: the second is answered like the first.
        for _tap in range(2):
            answers[phone.post(f"/check-in/{code}", environ_base=ADDRESS).status_code] += 1  # type: ignore[attr-defined]

    threads = [threading.Thread(target=partial(scan, phone)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {303: 2 * STUDENTS}
    with app.app_context():
        marks = db.session.execute(sa.select(AttendanceMark.status, AttendanceMark.is_current)).all()
        assert Counter(tuple(row) for row in marks) == {(MarkStatus.PRESENT, True): STUDENTS}
        assert db.session.scalar(sa.select(sa.func.count(CheckIn.id))) == STUDENTS
        assert list(audit.verify(db.session)) == []


@pytest.mark.usefixtures("early_in_the_hour")
def test_one_who_guesses_is_stopped_and_the_others_behind_the_address_are_not(
    app: Flask, session: Session, made: Class
) -> None:
    guesser, other = app.test_client(), app.test_client()
    sign_in(guesser, made.enrollments[0].student.user)
    sign_in(other, made.enrollments[1].student.user)
    good = code_of(app, made, clock.now())
    made_up = good[:-4] + ("AAAA" if not good.endswith("AAAA") else "BBBB")
    answers = [
        guesser.post(f"/check-in/{made_up}", environ_base=ADDRESS).status_code for _ in range(MOST_WRONG + 1)
    ]
    assert answers == [422] * MOST_WRONG + [429]
    # Not even the right code, until the time is over; and everybody else's phone works.
    assert guesser.post(f"/check-in/{good}", environ_base=ADDRESS).status_code == 429
    assert other.post(f"/check-in/{good}", environ_base=ADDRESS).status_code == 303
