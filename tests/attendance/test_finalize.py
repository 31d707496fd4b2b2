"""Signing off, opening again, and corrections afterwards."""

import threading
from collections import Counter

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role, User
from attendance.finalize import finalize, missing_in, reopen
from attendance.history import class_history
from attendance.marking import correct, save_roll
from attendance.models import MarkStatus
from attendance.writing import Entry
from core import audit
from core.database import begin_write, writing
from core.errors import RuleError
from courses.offering_models import Offering, OfferingState
from students.models import Enrollment, EnrollmentEvent, EnrollmentState
from tests import factories
from tests.attendance.classes import Class, entries, later, make_class

pytestmark = pytest.mark.both_databases
P, L, A = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.ABSENT
OVER = later(300)
S = EnrollmentState


@pytest.fixture
def made(session: Session) -> Class:
    """A class that is over, its rolls taken: one was there, one half of the time, one never."""
    found = make_class(session)
    begin_write(session)
    first, second, third = found.ids
    morning, noon = found.meetings
    save_roll(
        session, morning, [Entry(first, P), Entry(second, P), Entry(third, A)], actor=found.lead, now=OVER
    )
    save_roll(
        session, noon, [Entry(first, L, 85), Entry(second, A), Entry(third, A)], actor=found.lead, now=OVER
    )
    session.commit()
    begin_write(session)
    return found


def states(session: Session, made: Class) -> list[EnrollmentState]:
    query = (
        sa.select(Enrollment.state).where(Enrollment.offering_id == made.offering.id).order_by(Enrollment.id)
    )
    return list(session.scalars(query))


def test_signing_off_gives_everyone_the_state_that_their_minutes_say(session: Session, made: Class) -> None:
    counts = finalize(session, made.offering, actor=made.lead, now=OVER)
    session.commit()
    assert counts == Counter({S.COMPLETED: 1, S.INCOMPLETE: 1, S.NO_SHOW: 1})
    assert states(session, made) == [
        S.COMPLETED,
        S.INCOMPLETE,
        S.NO_SHOW,
    ]  # 5 minutes late is within the grace
    assert (made.offering.finalized_at, made.offering.finalized_by_id) == (OVER, made.lead.id)
    actions = set(session.scalars(sa.select(audit.AuditEvent.action)))
    assert "attendance:class:signed_off" in actions
    moved = session.scalars(sa.select(EnrollmentEvent).where(EnrollmentEvent.to_state == S.INCOMPLETE)).one()
    assert moved.details["needed_minutes"] == 180


def test_the_office_may_sign_off_and_an_assistant_may_not(session: Session, made: Class) -> None:
    with pytest.raises(RuleError, match="Only the lead instructor or the office"):
        finalize(session, made.offering, actor=made.assistant, now=OVER)
    registrar = factories.make_user(session, Role.REGISTRAR)
    finalize(session, made.offering, actor=registrar, now=OVER)
    assert made.offering.finalized_by_id == registrar.id


def test_nothing_is_signed_off_before_the_class_is_over(session: Session, made: Class) -> None:
    with pytest.raises(RuleError, match="The last meeting ends Monday, March 1, 2027 at 12:30"):
        finalize(session, made.offering, actor=made.lead, now=later(149))
    finalize(session, made.offering, actor=made.lead, now=later(150))


def test_it_is_signed_off_once(session: Session, made: Class) -> None:
    finalize(session, made.offering, actor=made.lead, now=OVER)
    with pytest.raises(RuleError, match="signed off already"):
        finalize(session, made.offering, actor=made.lead, now=OVER)


def test_a_cancelled_class_is_not_signed_off(session: Session, made: Class) -> None:
    made.offering.state = OfferingState.CANCELLED
    session.flush()
    with pytest.raises(RuleError, match="cancelled"):
        finalize(session, made.offering, actor=made.lead, now=OVER)


def test_unmarked_meetings_and_people_are_listed_first(session: Session) -> None:
    made = make_class(session)
    begin_write(session)
    save_roll(session, made.meeting, entries(made.ids[:2]), actor=made.lead, now=OVER)
    missing = missing_in(session, made.offering)
    assert [meeting.number for meeting in missing.untaken] == [2]
    assert [(meeting.number, names) for meeting, names in missing.unmarked] == [(1, ("Student 002",))]
    with pytest.raises(RuleError, match="Some marks are missing") as caught:
        finalize(session, made.offering, actor=made.lead, now=OVER)
    assert caught.value.field == "accept_gaps"
    finalize(session, made.offering, actor=made.lead, now=OVER, accept_gaps=True)
    assert states(session, made) == [S.INCOMPLETE, S.INCOMPLETE, S.NO_SHOW]


def test_differing_marks_have_to_be_decided_even_when_gaps_are_accepted(
    session: Session, made: Class
) -> None:
    first = made.ids[0]
    save_roll(session, made.meeting, [Entry(first, A)], actor=made.assistant, now=OVER, revision=0)
    missing = missing_in(session, made.offering)
    assert [(meeting.number, names) for meeting, names in missing.differing] == [(1, ("Student 000",))]
    with pytest.raises(RuleError, match="Decide on the roll"):
        finalize(session, made.offering, actor=made.lead, now=OVER, accept_gaps=True)


def test_a_correction_afterwards_moves_the_state_and_raises_the_revision(
    session: Session, made: Class
) -> None:
    finalize(session, made.offering, actor=made.lead, now=OVER)
    session.commit()
    begin_write(session)
    second = made.ids[1]
    with pytest.raises(RuleError, match="needs a reason"):
        correct(session, made.meetings[1], Entry(second, P), reason="", actor=made.lead, now=OVER)
    correct(session, made.meetings[1], Entry(second, P), reason="Was in the back.", actor=made.lead, now=OVER)
    session.commit()
    assert states(session, made) == [S.COMPLETED, S.COMPLETED, S.NO_SHOW]
    revisions = [session.get_one(Enrollment, number).attendance_revision for number in made.ids]
    assert revisions == [0, 1, 0]
    moved = session.scalars(
        sa.select(EnrollmentEvent).where(EnrollmentEvent.enrollment_id == second).order_by(EnrollmentEvent.id)
    ).all()[-1]
    assert (moved.from_state, moved.to_state, moved.reason) == (S.INCOMPLETE, S.COMPLETED, "Was in the back.")


def test_a_roll_saved_afterwards_is_a_correction_in_the_history_of_the_class(
    session: Session, made: Class
) -> None:
    finalize(session, made.offering, actor=made.lead, now=OVER)
    roll = [Entry(made.ids[2], P)]
    save_roll(session, made.meeting, roll, actor=made.lead, now=later(400), reason="Sat outside.")
    session.commit()
    corrected, signed_off = class_history(session, made.offering)
    assert (corrected.what, corrected.name, corrected.reason) == ("corrected", "Student 002", "Sat outside.")
    assert corrected.by == made.lead.name
    assert signed_off.what == "signed_off"


def test_a_remark_afterwards_moves_no_certificate(session: Session, made: Class) -> None:
    finalize(session, made.offering, actor=made.lead, now=OVER)
    remark = [Entry(made.ids[0], P, remark="Brought the tables.")]
    saved = save_roll(session, made.meeting, remark, actor=made.lead, now=later(400), reason="Was forgotten.")
    assert saved.changed == (made.ids[0],)
    session.flush()
    session.expire_all()
    assert session.get_one(Enrollment, made.ids[0]).attendance_revision == 0


def test_a_correction_may_take_the_completion_away(session: Session, made: Class) -> None:
    finalize(session, made.offering, actor=made.lead, now=OVER)
    for meeting in made.meetings:
        correct(session, meeting, Entry(made.ids[0], A), reason="Wrong person.", actor=made.lead, now=OVER)
    session.commit()
    assert states(session, made)[0] is S.NO_SHOW
    assert session.get_one(Enrollment, made.ids[0]).attendance_revision == 2


def test_opening_again_needs_a_reason_and_keeps_the_states(session: Session, made: Class) -> None:
    with pytest.raises(RuleError, match="not signed off"):
        reopen(session, made.offering, reason="x", actor=made.lead, now=OVER)
    finalize(session, made.offering, actor=made.lead, now=OVER)
    with pytest.raises(RuleError, match="Say why") as caught:
        reopen(session, made.offering, reason=" ", actor=made.lead, now=OVER)
    assert caught.value.field == "reason"
    with pytest.raises(RuleError, match="Only the lead"):
        reopen(session, made.offering, reason="x", actor=made.assistant, now=OVER)
    reopen(session, made.offering, reason="Two rolls were swapped.", actor=made.lead, now=OVER)
    session.commit()
    assert made.offering.finalized_at is None
    assert states(session, made) == [S.COMPLETED, S.INCOMPLETE, S.NO_SHOW]


def test_marks_changed_while_open_again_raise_the_revision_and_count_at_the_next_sign_off(
    session: Session, made: Class
) -> None:
    finalize(session, made.offering, actor=made.lead, now=OVER)
    reopen(session, made.offering, reason="Two rolls were swapped.", actor=made.lead, now=OVER)
    save_roll(session, made.meetings[1], [Entry(made.ids[1], P)], actor=made.lead, now=OVER)
    session.commit()
    begin_write(session)
    assert states(session, made)[1] is S.INCOMPLETE
    assert session.get_one(Enrollment, made.ids[1]).attendance_revision == 1
    finalize(session, made.offering, actor=made.lead, now=OVER)
    session.commit()
    assert states(session, made) == [S.COMPLETED, S.COMPLETED, S.NO_SHOW]


def test_two_signing_off_at_once_sign_off_once(app: Flask, session: Session, made: Class) -> None:
    offering_id, lead_id = made.offering.id, made.lead.id
    session.rollback()
    barrier, told = threading.Barrier(2), []

    def sign_off() -> None:
        with app.app_context():
            barrier.wait()
            try:
                with writing() as own:
                    offering, lead = own.get_one(Offering, offering_id), own.get_one(User, lead_id)
                    finalize(own, offering, actor=lead, now=OVER)
            except RuleError as error:
                told.append(str(error))

    threads = [threading.Thread(target=sign_off) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["This class is signed off already."]
    moves = session.scalar(sa.select(sa.func.count(EnrollmentEvent.id)).where(EnrollmentEvent.at == OVER))
    assert moves == 3


def test_a_mark_saved_while_the_class_is_signed_off_is_seen_by_one_of_them(
    app: Flask, session: Session, made: Class
) -> None:
    """Whichever comes first: the mark counts in the state, or it is refused for want of a reason."""
    offering_id, lead_id, meeting_id = made.offering.id, made.lead.id, made.meetings[1].id
    second = made.ids[1]
    session.rollback()
    barrier, told = threading.Barrier(2), []

    def work(marking: bool) -> None:
        from courses.offering_models import Meeting

        with app.app_context():
            barrier.wait()
            try:
                with writing() as own:
                    lead = own.get_one(User, lead_id)
                    if marking:
                        meeting = own.get_one(Meeting, meeting_id)
                        save_roll(own, meeting, [Entry(second, P)], actor=lead, now=OVER)
                    else:
                        finalize(own, own.get_one(Offering, offering_id), actor=lead, now=OVER)
            except RuleError as error:
                told.append(str(error))

    threads = [threading.Thread(target=work, args=(marking,)) for marking in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states(session, made)[1] is (S.INCOMPLETE if told else S.COMPLETED)
