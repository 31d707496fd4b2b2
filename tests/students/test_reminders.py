"""Reminders 7 days and 1 day before a class: once each, and only when they are still true."""

import random
import sys
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from core import clock
from core.database import begin_write, db
from core.outbox import Message, OutgoingMail, kinds
from courses.offering_models import Meeting, Offering
from students import cancelling, leaving, reminders
from students.models import Enrollment, EnrollmentState
from tests import serving
from tests.factories import NOW, make_offering, make_school, make_student, put_enrollment
from tests.helpers import statements
from tests.ports import free_port
from tests.students.acting import ask

pytestmark = pytest.mark.both_databases
STARTS = NOW + timedelta(days=40)


class Clock:
    """The time that views and jobs see."""

    def __init__(self) -> None:
        self.at = NOW

    def before(self, **ago: float) -> datetime:
        """Set the time to so long before the class, and say which."""
        self.at = STARTS - timedelta(**ago)
        return self.at


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "now", lambda: made.at)
    return made


@pytest.fixture
def seated(session: Session) -> Enrollment:
    """Somebody enrolled long ago, committed."""
    make_school(session)
    offering = make_offering(session, starts=STARTS)
    enrollment = ask(session, offering)
    session.commit()
    return enrollment


def told(session: Session) -> list[tuple[int | None, int]]:
    """The reminders in the outbox: about which enrollment, how many days before."""
    rows = session.scalars(
        sa.select(OutgoingMail).where(OutgoingMail.kind == "reminder").order_by(OutgoingMail.id)
    )
    found = [(row.about_id, int(row.details["days"])) for row in rows]
    session.rollback()
    return found


def render(session: Session) -> Message | None:
    """The newest reminder as it would be sent now."""
    newest = sa.select(OutgoingMail).where(OutgoingMail.kind == "reminder").order_by(OutgoingMail.id.desc())
    row = session.scalars(newest.limit(1)).one()
    message = kinds()[row.kind].render(db.session, row)
    session.rollback()
    return message


def test_a_reminder_7_days_and_1_day_before_once_each(
    session: Session, seated: Enrollment, time: Clock
) -> None:
    key = seated.id
    time.before(days=7, minutes=5)
    assert reminders.remind() == 0
    time.before(days=7)
    assert [reminders.remind() for _run in range(3)] == [1, 0, 0]
    assert told(session) == [(key, 7)]
    message = render(session)
    assert message is not None
    assert message.subject.startswith("In 7 days: Course")
    for words in (message.text, message.html):
        assert "Saturday, April 10" in words or "Apr 10" in words
        assert "switch reminders off" in words
    time.before(hours=24)
    assert [reminders.remind() for _run in range(2)] == [1, 0]
    assert told(session) == [(key, 7), (key, 1)]
    message = render(session)
    assert message is not None
    assert message.subject.startswith("Tomorrow: Course")
    time.before(seconds=-1)
    assert reminders.remind() == 0


def test_nobody_is_reminded_who_left_or_switched_it_off_or_whose_class_is_cancelled_or_a_draft(
    session: Session, time: Clock
) -> None:
    make_school(session)
    staff = make_student(session).user
    gone = ask(session, make_offering(session, starts=STARTS))
    leaving.withdraw(session, gone, actor=gone.student.user, now=NOW)
    quiet = ask(session, make_offering(session, starts=STARTS))
    quiet.student.wants_reminders = False
    ask(session, make_offering(session, starts=STARTS, sends_reminders=False))
    called_off = ask(session, make_offering(session, starts=STARTS))
    cancelling.cancel(session, called_off.offering, reason="Illness", actor=staff, now=NOW)
    waits = make_offering(session, starts=STARTS)
    put_enrollment(session, waits, make_student(session), EnrollmentState.WAITLISTED)
    session.commit()
    time.before(days=7)
    assert reminders.remind() == 0
    time.before(days=1)
    assert reminders.remind() == 0


def test_what_is_no_longer_true_when_it_would_be_sent_is_dropped(
    session: Session, seated: Enrollment, time: Clock
) -> None:
    time.before(days=7)
    assert reminders.remind() == 1
    assert render(session) is not None
    begin_write(session)
    seated.student.wants_reminders = False
    session.commit()
    assert render(session) is None
    begin_write(session)
    seated.student.wants_reminders = True
    leaving.withdraw(session, seated, actor=seated.student.user, now=time.at)
    session.commit()
    assert render(session) is None


def test_whoever_enrolls_later_than_that_was_just_told_the_dates(
    session: Session, seated: Enrollment, time: Clock
) -> None:
    offering = seated.offering
    begin_write(session)
    late = ask(session, offering, now=time.before(days=5))
    session.commit()
    assert reminders.remind() == 1
    assert told(session) == [(seated.id, 7)]
    time.before(days=1)
    assert reminders.remind() == 2
    assert {about for about, days in told(session) if days == 1} == {seated.id, late.id}


def test_after_a_standstill_the_first_is_left_out_when_the_second_is_near(
    session: Session, seated: Enrollment, time: Clock
) -> None:
    time.before(days=1, hours=20)
    assert reminders.remind() == 0
    time.before(hours=3)
    assert reminders.remind() == 1
    assert told(session) == [(seated.id, 1)]


def test_a_class_that_moves_to_another_day_is_reminded_of_anew(
    session: Session, seated: Enrollment, time: Clock
) -> None:
    time.before(days=7)
    assert reminders.remind() == 1
    begin_write(session)
    _move(session, seated.offering, timedelta(days=14))
    session.commit()
    assert render(session) is None, "it is not true any more"
    assert reminders.remind() == 0
    time.before(days=-7)
    assert reminders.remind() == 1


def test_killed_between_two_classes_the_next_run_goes_on(
    session: Session, seated: Enrollment, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_write(session)
    ask(session, make_offering(session, starts=STARTS))
    session.commit()
    time.before(days=7)
    real, calls = reminders.remind_class, iter([1, 2])

    def dies(*args: object, **kwargs: object) -> int:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(reminders, "remind_class", dies)
    with pytest.raises(KeyboardInterrupt):
        reminders.remind()
    monkeypatch.undo()
    monkeypatch.setattr(clock, "now", lambda: time.at)
    assert len(told(session)) == 1
    assert reminders.remind() == 1
    assert len(set(told(session))) == 2


@pytest.mark.both_databases(postgresql="full")
def test_looking_costs_the_same_however_many_are_enrolled(app: Flask, session: Session, time: Clock) -> None:
    make_school(session)
    offering = make_offering(session, starts=STARTS, capacity=30)
    for _number in range(20):
        ask(session, offering, make_student(session))
    session.commit()
    time.before(days=7)
    assert reminders.remind() == 20
    with statements(app) as seen:
        assert reminders.remind() == 0
    assert len(seen) <= 4


def _move(session: Session, offering: Offering, by: timedelta) -> None:
    for meeting in session.scalars(sa.select(Meeting).where(Meeting.offering_id == offering.id)):
        meeting.starts_at += by
        meeting.ends_at += by
    offering.starts_at += by
    offering.ends_at += by
    offering.calendar_sequence += 1


# A process that reminds, and says when it begins.
REMIND = """
from app import create_app
from students import reminders
with create_app().app_context():
    print("begins", flush=True)
    reminders.remind()
"""


@pytest.mark.full
def test_killing_the_job_again_and_again_reminds_everyone_once(
    app: Flask, session: Session, tmp_path: Path
) -> None:
    make_school(session)
    now, dice = clock.now(), random.Random(20270301)
    people = [make_student(session) for _ in range(25)]
    expected = 0
    for _class in range(40):
        offering = make_offering(session, capacity=25, starts=now + timedelta(days=6))
        for student in people:
            put_enrollment(session, offering, student, changed_at=now - timedelta(days=30))
            expected += 1
    session.commit()
    env = serving.environment(app, free_port())
    log, kills, runs = tmp_path / "remind.log", 0, 0
    while True:
        runs += 1
        assert runs < 100, "it never comes to an end"
        process = serving.start([sys.executable, "-c", REMIND], env, log)
        while process.popen.poll() is None and process.said().count("begins") < runs:
            sleep(0.01)
        sleep(dice.uniform(0, 0.05 + 0.02 * runs))  # a little later each time, so that it ends
        if process.popen.poll() is not None:
            assert process.popen.returncode == 0, process.said()
            break
        process.kill()
        kills += 1
    assert kills > 5
    found = told(session)
    assert len(found) == len(set(found)) == expected
