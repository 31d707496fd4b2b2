"""Schedules: local time, clock changes, double bookings."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role
from core.errors import RuleError
from core.formatting import zone_name
from courses.offering_models import OfferingState
from courses.scheduling import (
    DAILY_PATTERNS,
    Double,
    PlannedMeeting,
    check_order,
    clock_changes,
    conflicts,
    following_days,
    moment,
    parse_pattern,
    plan,
)
from tests.factories import make_offering, make_user, make_venue
from tests.helpers import statements

pytestmark = pytest.mark.both_databases
CHICAGO = "America/Chicago"


def full_days(first: date, count: int, zone: str = CHICAGO) -> list[PlannedMeeting]:
    return plan(following_days(first, count), parse_pattern(",".join(DAILY_PATTERNS["full-day"])), zone)


def test_a_pattern_is_read_line_by_line_or_by_commas() -> None:
    assert parse_pattern("09:00-10:30\n10:45 – 12:15") == parse_pattern("9:00 to 10:30, 10.45-12.15")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at least one sitting"),
        ("nine to ten", "“nine to ten” is not a sitting"),
        ("09:00-25:00", "“09:00-25:00” is not a sitting"),
        ("10:30-09:00", "ends before it begins"),
        ("09:00-10:30, 10:00-11:00", "The sitting at 10:00 begins before the one at 09:00 has ended"),
    ],
)
def test_a_pattern_that_makes_no_sense_is_told(app: Flask, text: str, told: str) -> None:
    with app.app_context(), pytest.raises(RuleError, match=told) as error:
        parse_pattern(text)
    assert error.value.field == "sittings"


def test_a_class_that_crosses_a_clock_change_starts_at_nine_every_day() -> None:
    # In Chicago, clocks go forward on March 14, 2027.
    meetings = full_days(date(2027, 3, 12), 4)
    starts = [meeting.starts_at for meeting in meetings[::4]]
    assert [start.hour for start in starts] == [15, 15, 14, 14]
    assert {moment(date(2027, 3, d), time(9), CHICAGO) for d in range(12, 16)} == set(starts)
    assert sum(meeting.credit_minutes for meeting in meetings) == 4 * 360
    (change,) = clock_changes(meetings, CHICAGO)
    assert (change.after, change.before, change.minutes) == (date(2027, 3, 13), date(2027, 3, 14), 60)


def test_a_class_within_one_offset_crosses_no_clock_change() -> None:
    assert clock_changes(full_days(date(2027, 3, 8), 5), CHICAGO) == []


def test_a_time_that_clocks_jump_over_is_refused(app: Flask) -> None:
    with app.app_context(), pytest.raises(RuleError, match="02:30 does not exist"):
        moment(date(2027, 3, 14), time(2, 30), CHICAGO)


def test_a_day_picked_twice_counts_once_and_none_is_refused(app: Flask) -> None:
    day = date(2027, 5, 1)
    assert len(plan([day, day], parse_pattern("09:00-10:00"), CHICAGO)) == 1
    with app.app_context(), pytest.raises(RuleError, match="at least one day"):
        plan([], parse_pattern("09:00-10:00"), CHICAGO)


def test_overlapping_meetings_are_refused(app: Flask) -> None:
    start = datetime(2027, 5, 1, 14, tzinfo=UTC)
    hour = timedelta(hours=1)
    first = PlannedMeeting(starts_at=start, ends_at=start + hour, credit_minutes=60)
    second = PlannedMeeting(starts_at=start + hour / 2, ends_at=start + 2 * hour, credit_minutes=60)
    third = PlannedMeeting(starts_at=start + hour, ends_at=start + 2 * hour, credit_minutes=60)
    with app.app_context(), pytest.raises(RuleError, match="overlap"):
        check_order([second, first], CHICAGO)
    assert check_order([third, first], CHICAGO) == [first, third]


def test_a_double_booked_person_and_room_are_named_once_each(session: Session) -> None:
    ines = make_user(session, Role.INSTRUCTOR, name="Ines Batista")
    hall = make_venue(session, name="Harbour Hall", time_zone=CHICAGO)
    start = moment(date(2027, 5, 1), time(9), CHICAGO)
    other = make_offering(session, venue=hall, lead=ines, starts=start, meetings=4)
    found = conflicts(session, full_days(date(2027, 5, 1), 2), venue_id=hall.id, user_ids=[ines.id])
    assert [(c.kind, c.name, c.code) for c in found] == [
        (Double.ROOM, "Harbour Hall", other.code),
        (Double.PERSON, "Ines Batista", other.code),
    ]
    assert found[0].starts_at == start


def test_back_to_back_cancelled_online_and_own_meetings_are_no_conflict(session: Session) -> None:
    ines = make_user(session, Role.INSTRUCTOR)
    hall, net = make_venue(session), make_venue(session, is_online=True)
    start = moment(date(2027, 5, 1), time(9), CHICAGO)
    own = make_offering(session, venue=hall, lead=ines, starts=start)
    make_offering(session, venue=hall, lead=ines, starts=start, state=OfferingState.CANCELLED)
    make_offering(session, venue=hall, lead=ines, starts=start - timedelta(minutes=90), meetings=1)
    make_offering(session, venue=net, starts=start)
    planned = full_days(date(2027, 5, 1), 1)
    found = conflicts(session, planned, venue_id=hall.id, user_ids=[ines.id], except_offering_id=own.id)
    assert found == []
    assert conflicts(session, planned, venue_id=net.id, user_ids=[]) == []


def test_conflicts_take_two_statements_whatever_there_is(app: Flask, session: Session) -> None:
    ines, hall = make_user(session, Role.INSTRUCTOR), make_venue(session)
    start = moment(date(2027, 5, 1), time(9), CHICAGO)
    for _ in range(12):
        make_offering(session, venue=hall, lead=ines, starts=start)
    session.commit()
    venue_id, user_ids = hall.id, [ines.id]
    with statements(app) as seen:
        found = conflicts(session, full_days(date(2027, 5, 1), 5), venue_id=venue_id, user_ids=user_ids)
    assert (len(seen), len(found)) == (2, 24)


def test_a_zone_without_a_short_name_is_told_by_its_offset(app: Flask) -> None:
    winter = datetime(2027, 1, 2, tzinfo=UTC)
    zones = ("America/Chicago", "Europe/Lisbon", "Asia/Kolkata", "America/St_Johns")
    with app.app_context():
        assert [zone_name(winter, zone) for zone in zones] == ["CST", "UTC", "UTC+5:30", "UTC-3:30"]
