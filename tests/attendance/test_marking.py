"""Saving a roll, marking one, correcting: on both databases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from attendance.marking import RollError, correct, mark_one, save_roll
from attendance.models import AttendanceMark, MarkMethod, MarkStatus, Roll
from attendance.writing import Entry
from core import audit
from core.database import begin_write, db
from core.errors import RuleError
from courses.offering_models import OfferingState
from students.models import EnrollmentState
from tests import factories
from tests.attendance.classes import NOW, START, Class, entries, history, later, make_class

pytestmark = pytest.mark.both_databases
P, L, E, A, X = (
    MarkStatus.PRESENT,
    MarkStatus.LATE,
    MarkStatus.LEFT_EARLY,
    MarkStatus.ABSENT,
    MarkStatus.EXCUSED,
)


@pytest.fixture
def made(session: Session) -> Class:
    found = make_class(session)
    begin_write(session)
    return found


def test_a_roll_is_saved_in_one_go(session: Session, made: Class) -> None:
    first, second, third = made.ids
    saved = save_roll(
        session,
        made.meeting,
        [Entry(first, P), Entry(second, L, 80), Entry(third, A)],
        actor=made.lead,
        now=NOW,
    )
    session.commit()
    assert saved.revision == 1
    assert saved.changed == (first, second, third)
    marks = [history(session, number)[0] for number in made.ids]
    assert [(mark.status, mark.minutes) for mark in marks] == [(P, 90), (L, 80), (A, 0)]
    assert {mark.recorded_by_id for mark in marks} == {made.lead.id}
    roll = session.get(Roll, made.meeting.id)
    assert roll is not None
    assert (roll.revision, roll.saved_by_id) == (1, made.lead.id)
    actions = session.scalars(sa.select(audit.AuditEvent.action)).all()
    assert actions == ["attendance:roll:saved"]
    assert list(audit.verify(session)) == []


def test_a_correction_is_a_new_row_and_the_old_one_stays(session: Session, made: Class) -> None:
    first = made.ids[0]
    save_roll(session, made.meeting, [Entry(first, A)], actor=made.lead, now=NOW)
    correct(
        session,
        made.meeting,
        Entry(first, E, 60),
        reason="Sat at the back.",
        actor=made.assistant,
        now=later(5),
    )
    session.commit()
    old, new = history(session, first)
    assert (old.status, old.is_current, new.status, new.is_current) == (A, False, E, True)
    assert (new.supersedes_id, new.reason, new.method) == (old.id, "Sat at the back.", MarkMethod.CORRECTION)


def test_saving_the_same_again_adds_nothing(session: Session, made: Class) -> None:
    save_roll(session, made.meeting, entries(made.ids), actor=made.lead, now=NOW)
    again = save_roll(session, made.meeting, entries(made.ids), actor=made.assistant, now=later(1))
    assert (again.revision, again.changed) == (1, ())
    assert [len(history(session, number)) for number in made.ids] == [1, 1, 1]


def test_the_second_of_two_is_told_and_both_marks_are_kept(session: Session, made: Class) -> None:
    first, second, third = made.ids
    save_roll(session, made.meeting, entries(made.ids), actor=made.lead, now=NOW)  # both look at revision 1
    save_roll(session, made.meeting, [Entry(first, A)], actor=made.lead, now=later(1), revision=1)
    stale = save_roll(
        session,
        made.meeting,
        [Entry(first, L, 50), Entry(second, E, 30), Entry(third, P)],
        actor=made.assistant,
        now=later(2),
        revision=1,
    )
    session.commit()
    assert stale.changed == (second,)  # what does not clash is saved
    (difference,) = stale.differences
    assert (difference.enrollment_id, difference.theirs_status, difference.theirs_by) == (
        first,
        A,
        "Ilse Maren",
    )
    assert (difference.yours_status, difference.yours_minutes) == (L, 50)
    marks = history(session, first)
    assert [(mark.status, mark.is_current) for mark in marks] == [(P, False), (A, True), (L, False)]
    assert marks[2].conflicts_with_id == marks[1].id


def test_a_row_that_a_stale_page_did_not_touch_changes_nothing(session: Session, made: Class) -> None:
    first = made.ids[0]
    save_roll(session, made.meeting, entries(made.ids), actor=made.lead, now=NOW)
    save_roll(session, made.meeting, [Entry(first, A)], actor=made.lead, now=later(1), revision=1)
    stale = save_roll(
        session, made.meeting, entries(made.ids), actor=made.assistant, now=later(2), revision=1
    )
    assert (stale.changed, stale.differences) == ((), ())
    assert history(session, first)[-1].status is A


@pytest.mark.parametrize("choice", [A, L])
def test_a_difference_is_decided_by_a_new_mark(session: Session, made: Class, choice: MarkStatus) -> None:
    first = made.ids[0]
    save_roll(session, made.meeting, [Entry(first, A)], actor=made.lead, now=NOW, revision=0)
    asked = save_roll(
        session, made.meeting, [Entry(first, L, 50)], actor=made.assistant, now=later(1), revision=0
    )
    assert len(asked.differences) == 1
    decided = save_roll(
        session,
        made.meeting,
        [Entry(first, choice, 50)],
        actor=made.assistant,
        now=later(2),
        revision=asked.revision,
    )
    session.commit()
    assert (decided.changed, decided.differences) == ((first,), ())
    marks = history(session, first)
    assert [mark.is_current for mark in marks] == [False, False, True]
    assert (marks[2].status, marks[2].recorded_by_id) == (choice, made.assistant.id)
    assert marks[2].supersedes_id == marks[0].id


def test_a_stale_page_sent_twice_keeps_its_mark_once(session: Session, made: Class) -> None:
    first = made.ids[0]
    save_roll(session, made.meeting, [Entry(first, A)], actor=made.lead, now=NOW, revision=0)
    for _time in range(2):
        asked = save_roll(
            session, made.meeting, [Entry(first, L, 50)], actor=made.assistant, now=later(1), revision=0
        )
        assert len(asked.differences) == 1
    assert len(history(session, first)) == 2


def test_a_third_who_has_not_seen_the_difference_is_told_too(session: Session, made: Class) -> None:
    first = made.ids[0]
    save_roll(session, made.meeting, [Entry(first, A)], actor=made.lead, now=NOW, revision=0)
    save_roll(session, made.meeting, [Entry(first, L, 50)], actor=made.assistant, now=later(1), revision=0)
    third = save_roll(session, made.meeting, [Entry(first, P)], actor=made.lead, now=later(2), revision=1)
    assert len(third.differences) == 1
    assert [mark.status for mark in history(session, first)] == [A, L, P]


def test_what_was_sent_twice_is_stored_once(session: Session, made: Class) -> None:
    first = made.ids[0]
    sent = Entry(first, L, 70, made_at=NOW - timedelta(minutes=20), client_key="k1")
    save_roll(session, made.meeting, [sent], actor=made.lead, now=NOW, revision=0)
    save_roll(session, made.meeting, [Entry(first, P)], actor=made.lead, now=later(1), revision=1)
    again = save_roll(session, made.meeting, [sent], actor=made.lead, now=later(2), revision=0)
    session.commit()
    assert (again.changed, again.differences) == ((), ())
    marks = history(session, first)
    assert [(mark.status, mark.is_current) for mark in marks] == [(L, False), (P, True)]
    assert (marks[0].made_at, marks[0].recorded_at) == (NOW - timedelta(minutes=20), NOW)


def test_ones_own_later_word_counts_without_asking(session: Session, made: Class) -> None:
    first = made.ids[0]
    save_roll(
        session, made.meeting, [Entry(first, L, 70, NOW, "k1")], actor=made.lead, now=later(9), revision=0
    )
    saved = save_roll(
        session,
        made.meeting,
        [Entry(first, P, None, later(1), "k2")],
        actor=made.lead,
        now=later(9),
        revision=0,
    )
    assert (saved.changed, saved.differences) == ((first,), ())


def test_ones_own_older_word_from_another_device_asks(session: Session, made: Class) -> None:
    first = made.ids[0]
    save_roll(
        session,
        made.meeting,
        [Entry(first, L, 70, later(5), "k1")],
        actor=made.lead,
        now=later(9),
        revision=0,
    )
    saved = save_roll(
        session,
        made.meeting,
        [Entry(first, P, None, later(1), "k2")],
        actor=made.lead,
        now=later(9),
        revision=0,
    )
    assert len(saved.differences) == 1


def test_without_minutes_the_clock_says_them(session: Session, made: Class) -> None:
    first, second, _third = made.ids
    at = START + timedelta(minutes=25)
    save_roll(
        session,
        made.meeting,
        [Entry(first, L, made_at=at), Entry(second, E, made_at=at)],
        actor=made.lead,
        now=NOW,
    )
    assert [history(session, number)[0].minutes for number in (first, second)] == [65, 25]


@pytest.mark.parametrize(
    ("status", "minutes", "told"),
    [
        (L, 91, "This meeting has 90 minutes."),
        (E, -1, "This meeting has 90 minutes."),
        (L, 0, "at least 1 minute"),
    ],
)
def test_minutes_stay_within_the_meeting(
    session: Session, made: Class, status: MarkStatus, minutes: int, told: str
) -> None:
    with pytest.raises(RollError, match=told) as caught:
        save_roll(
            session,
            made.meeting,
            [Entry(made.ids[0], P), Entry(made.ids[1], status, minutes)],
            actor=made.lead,
            now=NOW,
        )
    assert set(caught.value.rows) == {made.ids[1]}
    session.rollback()
    assert session.scalar(sa.select(sa.func.count(AttendanceMark.id))) == 0


def test_after_the_meeting_the_clock_cannot_say_the_minutes(session: Session, made: Class) -> None:
    with pytest.raises(RollError, match="Give the minutes, from 1 to 90"):
        save_roll(session, made.meeting, [Entry(made.ids[0], L)], actor=made.lead, now=later(60))


def test_only_students_of_this_class_are_marked(session: Session, made: Class) -> None:
    other = factories.put_enrollment(session, factories.make_offering(session, starts=START))
    gone = factories.put_enrollment(session, made.offering, state=EnrollmentState.WITHDRAWN)
    for number in (other.id, gone.id, 10**6):
        with pytest.raises(RollError, match="not in this class"):
            mark_one(session, made.meeting, Entry(number, P), actor=made.lead, now=NOW)


def test_with_partial_the_good_rows_are_saved_and_the_others_reported(session: Session, made: Class) -> None:
    saved = save_roll(
        session,
        made.meeting,
        [Entry(made.ids[0], P), Entry(10**6, P)],
        actor=made.lead,
        now=NOW,
        partial=True,
    )
    assert saved.changed == (made.ids[0],)
    assert list(saved.refused) == [10**6]


def test_a_meeting_that_has_not_begun_has_no_roll(session: Session, made: Class) -> None:
    with pytest.raises(RuleError, match=r"begins on Monday, March 1, 2027 at 11:00.AM"):
        save_roll(session, made.meetings[1], entries(made.ids), actor=made.lead, now=NOW)


def test_a_cancelled_class_has_no_roll(session: Session, made: Class) -> None:
    made.offering.state = OfferingState.CANCELLED
    session.flush()
    with pytest.raises(RuleError, match="cancelled"):
        save_roll(session, made.meeting, entries(made.ids), actor=made.lead, now=NOW)


def test_a_signed_off_class_asks_for_a_reason(session: Session, made: Class) -> None:
    made.offering.finalized_at = NOW
    session.flush()
    with pytest.raises(RuleError, match="needs a reason") as caught:
        save_roll(session, made.meeting, entries(made.ids), actor=made.lead, now=later(1), reason="  ")
    assert caught.value.field == "reason"


def test_the_database_holds_one_current_mark_each(session: Session, made: Class) -> None:
    save_roll(session, made.meeting, entries(made.ids), actor=made.lead, now=NOW)
    row = {
        "meeting_id": made.meeting.id,
        "enrollment_id": made.ids[0],
        "status": A,
        "minutes": 0,
        "made_at": NOW,
        "recorded_at": NOW,
    }
    with pytest.raises(sa.exc.IntegrityError):
        session.execute(sa.insert(AttendanceMark), [row])


def test_an_absent_student_has_no_minutes_in_the_database_either(session: Session, made: Class) -> None:
    row = {
        "meeting_id": made.meeting.id,
        "enrollment_id": made.ids[0],
        "status": A,
        "minutes": 5,
        "made_at": NOW,
        "recorded_at": NOW,
    }
    with pytest.raises(sa.exc.IntegrityError):
        session.execute(sa.insert(AttendanceMark), [row])


def test_nothing_is_left_when_the_transaction_fails(app: Flask, session: Session, made: Class) -> None:
    save_roll(session, made.meeting, entries(made.ids), actor=made.lead, now=NOW)
    session.rollback()
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(AttendanceMark.id))) == 0
        assert db.session.get(Roll, made.meeting.id) is None
