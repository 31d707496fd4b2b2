"""Two people saving one roll at once, with real threads and real commits: nothing is lost, one current mark each."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import User
from attendance import sheets
from attendance.marking import Saved, save_roll
from attendance.models import AttendanceMark, MarkStatus, MeetingSheet, Roll
from attendance.writing import Entry
from core import audit
from core.database import db, writing
from core.errors import RuleError
from courses.offering_models import Meeting
from tests.attendance.classes import NOW, Class, make_class

pytestmark = pytest.mark.both_databases
T = TypeVar("T")
P, L, A = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.ABSENT


def together(app: Flask, *works: Callable[[Session], T]) -> list[T]:
    """Run each in a thread and a transaction of its own, all starting at the same moment."""
    barrier = threading.Barrier(len(works))
    results: list[T] = []
    problems: list[BaseException] = []

    def run(work: Callable[[Session], T]) -> None:
        try:
            with app.app_context():
                barrier.wait()
                with writing() as session:
                    results.append(work(session))
        except BaseException as error:  # the test shows it
            problems.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    return results


def saving(
    made: Class, actor_id: int, entries: list[Entry], revision: int | None
) -> Callable[[Session], Saved]:
    meeting_id = made.meeting.id

    def work(session: Session) -> Saved:
        meeting, actor = session.get(Meeting, meeting_id), session.get(User, actor_id)
        assert meeting is not None
        return save_roll(session, meeting, entries, actor=actor, now=NOW, revision=revision)

    return work


def test_two_saving_one_roll_at_once_lose_nothing(app: Flask, session: Session) -> None:
    made = make_class(session, students=12)
    ids, lead, assistant = made.ids, made.lead.id, made.assistant.id
    works = (
        saving(made, lead, [Entry(number, P) for number in ids], 0),
        saving(made, assistant, [Entry(number, L, 60) for number in ids[6:]], 0),
    )
    session.rollback()
    results = together(app, *works)
    assert sum(len(saved.differences) for saved in results) == 6
    marks = session.scalars(sa.select(AttendanceMark)).all()
    assert len(marks) == 18  # both words about the second six are kept
    assert Counter(mark.enrollment_id for mark in marks if mark.is_current) == Counter(ids)
    roll = session.get(Roll, made.meeting.id)
    assert roll is not None
    assert roll.revision == 2
    assert list(audit.verify(session)) == []


def test_many_saving_without_a_page_end_with_one_current_mark_each(app: Flask, session: Session) -> None:
    made = make_class(session, students=5)
    ids, lead = made.ids, made.lead.id
    statuses = [P, A, P, A, P, A]
    works = [saving(made, lead, [Entry(number, status) for number in ids], None) for status in statuses]
    session.rollback()
    together(app, *works)
    marks = session.scalars(sa.select(AttendanceMark).order_by(AttendanceMark.id)).all()
    assert Counter(mark.enrollment_id for mark in marks if mark.is_current) == Counter(ids)
    for number in ids:
        chain = [mark for mark in marks if mark.enrollment_id == number]
        assert [mark.supersedes_id for mark in chain] == [None, *[mark.id for mark in chain[:-1]]]


def test_the_same_mark_sent_by_two_requests_at_once_is_stored_once(app: Flask, session: Session) -> None:
    made = make_class(session)
    entry = Entry(made.ids[0], L, 60, NOW, "the-key")
    works = [saving(made, made.lead.id, [entry], 0) for _ in range(4)]
    session.rollback()
    together(app, *works)
    assert session.scalar(sa.select(sa.func.count(AttendanceMark.id))) == 1
    assert db.session.scalar(sa.select(Roll.revision)) == 1


def test_one_sheet_attached_twice_at_once_is_one_and_is_taken_off_once(app: Flask, session: Session) -> None:
    made = make_class(session)
    meeting_id, lead_id = made.meeting.id, made.lead.id
    session.rollback()

    def attach(session: Session) -> int:
        meeting, lead = session.get_one(Meeting, meeting_id), session.get_one(User, lead_id)
        return sheets.attach(session, meeting, b"%PDF-1.7 a scan", actor=lead, now=NOW).id

    assert len(set(together(app, *[attach] * 4))) == 1
    number = session.scalars(sa.select(MeetingSheet.id)).one()
    session.rollback()

    def take_off(session: Session) -> str:
        sheet, lead = session.get_one(MeetingSheet, number), session.get_one(User, lead_id)
        try:
            sheets.take_off(session, sheet, reason="Wrong day.", actor=lead, now=NOW)
        except RuleError as error:
            return str(error)
        return "off"

    assert sorted(together(app, *[take_off] * 4)) == ["This sheet was taken off already."] * 3 + ["off"]
    assert list(audit.verify(session)) == []
