"""Minutes, hours so far, still possible, needed; units of bodies."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from attendance.marking import save_roll
from attendance.minutes import (
    BodyRule,
    Sitting,
    Summary,
    Terms,
    attended_minutes,
    counted_minutes,
    minutes_between,
    summaries,
)
from attendance.models import MarkStatus
from attendance.writing import Entry
from core.database import begin_write
from courses.models import Approval, Body
from courses.offering_models import MeetingKind
from courses.terms import minutes_needed
from students.models import EnrollmentEvent, EnrollmentState
from tests import factories
from tests.attendance.classes import NOW, START, Class, later, make_class
from tests.helpers import statements

P, L, E, A, X = (
    MarkStatus.PRESENT,
    MarkStatus.LATE,
    MarkStatus.LEFT_EARLY,
    MarkStatus.ABSENT,
    MarkStatus.EXCUSED,
)
OVER = later(600)
NONE, ONE = Fraction(0), Fraction(1)


@pytest.mark.parametrize(
    ("status", "minutes", "counted"),
    [(P, 240, 240), (L, 230, 240), (L, 229, 229), (E, 100, 100), (A, 0, 0), (X, 0, 0), (P, 300, 240)],
)
def test_what_is_missed_within_the_grace_counts_as_attended(
    status: MarkStatus, minutes: int, counted: int
) -> None:
    assert attended_minutes(status, minutes, 240, grace=10) == counted


def test_grace_never_makes_an_absence_count() -> None:
    assert attended_minutes(A, 0, 10, grace=10) == 0
    assert attended_minutes(X, 0, 10, grace=10) == 0


def test_excused_counts_for_the_school_only_where_its_policy_says_so() -> None:
    assert counted_minutes(X, 0, 240, Terms(100, 10, excused_counts=True)) == 240
    assert counted_minutes(X, 0, 240, Terms(100, 10, excused_counts=False)) == 0


def test_a_part_of_a_minute_asked_for_is_a_whole_minute() -> None:
    assert minutes_needed(361, 90) == 325
    assert minutes_needed(360, 90) == 324
    assert minutes_needed(360, 0) == 0


def sitting(start: datetime, end: datetime, credit: int) -> Sitting:
    return Sitting(1, 1, start, end, MeetingKind.TEACHING, credit)


def test_arriving_and_leaving_cost_the_minutes_between() -> None:
    morning = sitting(START, START + timedelta(minutes=240), 225)
    assert minutes_between(morning) == 225
    assert minutes_between(morning, arrived=START - timedelta(minutes=5)) == 225
    assert minutes_between(morning, arrived=START + timedelta(minutes=20, seconds=59)) == 205
    assert minutes_between(morning, left=START + timedelta(minutes=180)) == 165
    assert minutes_between(morning, arrived=START + timedelta(minutes=300)) == 0


def test_a_clock_change_during_a_meeting_takes_no_minute_away() -> None:
    chicago = ZoneInfo("America/Chicago")
    # The clocks go from 2:00 to 3:00: on the wall 1:30 to 4:30, in the room two hours.
    start = datetime(2027, 3, 14, 1, 30, tzinfo=chicago).astimezone(UTC)
    end = datetime(2027, 3, 14, 4, 30, tzinfo=chicago).astimezone(UTC)
    night = sitting(start, end, 120)
    arrived = datetime(2027, 3, 14, 3, 15, tzinfo=chicago)  # 45 minutes after 1:30
    assert minutes_between(night, arrived=arrived) == 75


def test_a_class_in_lisbon_is_marked_from_chicago_by_the_same_minutes() -> None:
    lisbon, chicago = ZoneInfo("Europe/Lisbon"), ZoneInfo("America/Chicago")
    start = datetime(2027, 3, 20, 9, 0, tzinfo=lisbon).astimezone(UTC)
    morning = sitting(start, start + timedelta(minutes=180), 180)
    # Chicago changed its clocks a week before Lisbon: 9:30 in Lisbon is 4:30 there, for these two weeks only.
    assert minutes_between(morning, arrived=datetime(2027, 3, 20, 4, 30, tzinfo=chicago)) == 150


BOARD = BodyRule("B", "Board", "CE hours", 50, Fraction(1, 2), Fraction(57, 2), partial=False)
COUNCIL = BodyRule("C", "Council", "CEU", 600, Fraction(1, 10), Fraction(12, 5), partial=True)


@pytest.mark.parametrize(
    ("rule", "minutes", "units"),
    [
        (BOARD, 1440, "28.5"),  # 28.8, down to the half hour
        (BOARD, 1399, "27.5"),
        (COUNCIL, 1440, "2.4"),
        (COUNCIL, 1439, "2.3"),
        (COUNCIL, 59, "0"),
        (COUNCIL, 9999, "2.4"),  # never more than approved
    ],
)
def test_units_are_rounded_down_to_the_step(rule: BodyRule, minutes: int, units: str) -> None:
    assert rule.units(minutes) == Fraction(units)


def test_a_body_without_partial_credit_wants_the_whole() -> None:
    assert BOARD.earned(1439, 1440) == 0
    assert BOARD.earned(1440, 1440) == Fraction(57, 2)
    assert COUNCIL.earned(720, 1440) == Fraction(6, 5)


def add_approval(session: Session, made: Class, code: str, **values: object) -> None:
    body = {
        "code": code,
        "title": f"{code} board",
        "unit": "hours",
        "minutes_per_unit": 60,
        "step_thousandths": 500,
        "partial_credit": True,
        "requires": [],
    }
    approval = {
        "course_id": made.offering.course_id,
        "program_number": "1",
        "units_thousandths": 3000,
        "valid_from": date(2026, 1, 1),
        "valid_until": date(2028, 1, 1),
    }
    for name, value in values.items():
        (body if name in body else approval)[name] = value
    stored = factories.add(session, Body(**body))
    factories.add(session, Approval(body_id=stored.id, **approval))


def summary_of(session: Session, made: Class, position: int = 0) -> Summary:
    return summaries(session, made.offering)[made.ids[position]]


def test_before_the_first_roll_everything_is_still_possible(session: Session) -> None:
    made = make_class(session)
    found = summary_of(session, made)
    assert (found.total, found.needed, found.attended, found.reachable) == (180, 180, 0, 180)
    assert (found.met, found.on_track, found.may_miss, found.missing) == (False, True, 0, (1, 2))


def test_hours_so_far_and_what_may_still_be_missed(session: Session) -> None:
    made = make_class(session, policy={"minimum_percent": 75})
    begin_write(session)
    save_roll(session, made.meeting, [Entry(made.ids[0], L, 70)], actor=made.lead, now=NOW)
    found = summary_of(session, made)
    assert (found.needed, found.attended, found.reachable, found.may_miss) == (135, 70, 160, 25)
    save_roll(session, made.meetings[1], [Entry(made.ids[0], P)], actor=made.lead, now=OVER)
    found = summary_of(session, made)
    assert (found.met, found.may_miss, found.outcome) == (True, 0, EnrollmentState.COMPLETED)


def test_who_cannot_reach_it_any_more_is_not_on_track(session: Session) -> None:
    made = make_class(session)
    begin_write(session)
    save_roll(session, made.meeting, [Entry(made.ids[0], A)], actor=made.lead, now=NOW)
    found = summary_of(session, made)
    assert (found.on_track, found.reachable, found.outcome) == (False, 90, EnrollmentState.NO_SHOW)


def test_someone_who_joined_later_cannot_have_the_meetings_before(session: Session) -> None:
    made = make_class(session)
    begin_write(session)
    first = made.enrollments[0]
    for at, state in (
        (NOW - timedelta(days=9), EnrollmentState.WAITLISTED),
        (later(60), EnrollmentState.ENROLLED),
    ):
        factories.add(session, EnrollmentEvent(enrollment_id=first.id, at=at, to_state=state))
    found = summary_of(session, made)
    assert (found.reachable, found.missing, found.on_track) == (90, (2,), False)
    assert summary_of(session, made, 1).reachable == 180


def test_all_excused_is_a_no_show_even_where_excused_counts(session: Session) -> None:
    made = make_class(session, policy={"excused_counts": True})
    begin_write(session)
    for meeting in made.meetings:
        save_roll(session, meeting, [Entry(made.ids[0], X), Entry(made.ids[1], P)], actor=made.lead, now=OVER)
    assert summary_of(session, made).met
    assert summary_of(session, made).outcome is EnrollmentState.NO_SHOW
    assert summary_of(session, made, 1).outcome is EnrollmentState.COMPLETED


def test_an_excused_meeting_makes_no_board_hours(session: Session) -> None:
    made = make_class(session, policy={"excused_counts": True})
    add_approval(session, made, "PART")
    session.commit()
    begin_write(session)
    save_roll(session, made.meeting, [Entry(made.ids[0], P)], actor=made.lead, now=OVER)
    save_roll(session, made.meetings[1], [Entry(made.ids[0], X)], actor=made.lead, now=OVER)
    found = summary_of(session, made)
    assert (found.counted, found.attended) == (180, 90)
    (credit,) = found.credits
    assert (credit.earned, credit.reachable) == (Fraction(3, 2), Fraction(3, 2))


def test_each_body_counts_by_its_own_rule(session: Session) -> None:
    made = make_class(session)
    add_approval(session, made, "PART")
    add_approval(session, made, "WHOLE", partial_credit=False, minutes_per_unit=50)
    add_approval(session, made, "OLD", valid_until=date(2027, 2, 28))
    session.commit()
    begin_write(session)
    save_roll(
        session, made.meeting, [Entry(made.ids[0], L, 60), Entry(made.ids[1], P)], actor=made.lead, now=NOW
    )
    part, whole = summary_of(session, made).credits
    assert (part.body.code, part.so_far, part.earned, part.reachable) == ("PART", ONE, ONE, Fraction(5, 2))
    assert (whole.body.code, whole.so_far, whole.earned, whole.reachable) == ("WHOLE", ONE, NONE, NONE)
    part, whole = summary_of(session, made, 1).credits
    assert (whole.so_far, whole.earned, whole.reachable) == (Fraction(3, 2), NONE, 3 * ONE)
    assert whole.within_reach


def test_the_policy_is_the_one_frozen_onto_the_enrollment(session: Session) -> None:
    made = make_class(session)
    begin_write(session)
    easier = factories.make_policy(session, minimum_percent=50)
    made.enrollments[1].policy_id = easier.id
    session.flush()
    found = summaries(session, made.offering)
    assert [found[number].needed for number in made.ids] == [180, 90, 180]


def test_four_statements_however_many_students(app: Flask, session: Session) -> None:
    made = make_class(session, students=25)
    begin_write(session)
    save_roll(session, made.meeting, [Entry(number, P) for number in made.ids], actor=made.lead, now=NOW)
    session.commit()
    offering = made.offering
    assert offering.code
    with statements(app) as seen:
        assert len(summaries(session, offering)) == 25
    assert len(seen) == 4, "\n".join(seen)
