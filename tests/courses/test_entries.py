"""A class as a calendar entry: whatever its schedule, the days are right, and every calendar program can follow."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from courses import entries
from courses.models import Course
from courses.offering_models import Meeting, Offering, Venue
from courses.teaching_days import teaching_days
from courses.time_zones import zone_rules
from tests import calendars

STAMP = datetime(2027, 1, 1, tzinfo=UTC)


def klass(*sittings: str, zone: str = "America/Chicago") -> Offering:
    """A class with sittings such as ``2027-03-12 09:00-10:30``; an end before the beginning is on the next day."""
    meetings = []
    for number, sitting in enumerate(sittings, 1):
        day, _, times = sitting.partition(" ")
        first, _, last = times.partition("-")
        begins = datetime.fromisoformat(f"{day} {first}").replace(tzinfo=ZoneInfo(zone))
        ends = datetime.fromisoformat(f"{day} {last}").replace(tzinfo=ZoneInfo(zone))
        if ends <= begins:
            ends += timedelta(days=1)
        meetings.append(
            Meeting(number=number, starts_at=begins.astimezone(UTC), ends_at=ends.astimezone(UTC))
        )
    venue = Venue(code="LAKE", name="Lakeside Studio", street="", city="Chicago", region="IL")
    return Offering(
        course=Course(code="CST1", title="Craniosacral Therapy 1"),
        venue=venue,
        time_zone=zone,
        calendar_sequence=0,
        meetings=meetings,
    )


def written(offering: Offering) -> bytes:
    calendar = entries.new_calendar("PUBLISH")
    entries.add_class(
        calendar, offering, uid="x@school.test", sequence=0, stamp=STAMP, url="https://x.test/c"
    )
    return bytes(calendar.to_ical())


def days_of(offering: Offering) -> list[str]:
    """The days that a calendar program reads, on the clock of the class."""
    found = calendars.instances(calendars.read(written(offering))[1])
    return [f"{begins:%m-%d %H:%M}-{ends:%H:%M}" for begins, ends in found]


FULL = ("09:00-10:30", "10:45-12:15", "13:15-14:45", "15:00-16:30")


def full_days(*days: str) -> list[str]:
    return [f"{day} {times}" for day in days for times in FULL]


def test_the_sittings_of_a_day_are_one_entry_and_stand_in_its_text() -> None:
    content = written(klass(*full_days("2027-03-12")))
    _, (entry,) = calendars.read(content)
    assert "RRULE" not in entry
    lines = str(entry["DESCRIPTION"]).replace("\u202f", " ").split("\n")
    assert lines == [
        "9:00 AM – 10:30 AM",
        "10:45 AM – 12:15 PM",
        "1:15 PM – 2:45 PM",
        "3:00 PM – 4:30 PM",
        "https://x.test/c",
    ]
    assert days_of(klass(*full_days("2027-03-12"))) == ["03-12 09:00-16:30"]


@pytest.mark.parametrize(
    ("sittings", "expected"),
    [
        pytest.param(
            full_days("2027-03-12", "2027-03-13", "2027-03-14", "2027-03-15"),
            ["03-12 09:00-16:30", "03-13 09:00-16:30", "03-14 09:00-16:30", "03-15 09:00-16:30"],
            id="across a clock change and a week's end",
        ),
        pytest.param(
            ["2027-04-03 09:00-17:00", "2027-04-17 10:00-16:00", "2027-05-02 09:00-17:00"],
            ["04-03 09:00-17:00", "04-17 10:00-16:00", "05-02 09:00-17:00"],
            id="days far apart, one with other times",
        ),
        pytest.param(
            [
                "2027-04-03 18:00-22:00",
                "2027-04-03 22:15-00:45",
                "2027-04-04 01:00-02:00",
                "2027-04-04 09:00-12:00",
            ],
            ["04-03 18:00-02:00", "04-04 09:00-12:00"],
            id="an evening that ends after midnight, and the morning after",
        ),
        pytest.param(
            [f"2027-{month:02}-{day:02} 09:00-17:00" for month in range(1, 7) for day in (2, 3)],
            [f"{month:02}-{day:02} 09:00-17:00" for month in range(1, 7) for day in (2, 3)],
            id="twelve days on all weekdays",
        ),
        pytest.param(
            ["2027-04-03 09:00-12:00", "2027-04-03 19:00-21:00", "2027-04-04 09:00-12:00"],
            ["04-03 09:00-21:00", "04-04 09:00-12:00"],
            id="a morning and an evening on one day",
        ),
        pytest.param(["2027-04-03 09:00-12:00"], ["04-03 09:00-12:00"], id="a single sitting"),
    ],
)
def test_the_days_of_a_schedule_are_the_days_of_the_entry(sittings: list[str], expected: list[str]) -> None:
    assert days_of(klass(*sittings)) == expected


def test_days_that_are_alike_need_one_component_and_breaks_that_differ_another() -> None:
    alike = klass(*full_days("2027-03-12", "2027-03-13", "2027-03-14"))
    assert len(calendars.read(written(alike))[1]) == 1
    other_breaks = klass(
        "2027-03-12 09:00-12:00", "2027-03-12 13:00-17:00", "2027-03-13 09:00-13:00", "2027-03-13 14:00-17:00"
    )
    _, (first, second) = calendars.read(written(other_breaks))
    assert first["DESCRIPTION"] != second["DESCRIPTION"]


def test_a_class_without_meetings_adds_nothing() -> None:
    calendar = entries.new_calendar("PUBLISH")
    entries.add_class(calendar, klass(), uid="x", sequence=0, stamp=STAMP, url="https://x.test")
    assert calendar.subcomponents == []


def test_a_long_day_is_a_day_even_when_the_clocks_change_in_its_night() -> None:
    offering = klass("2027-11-06 20:00-23:30", "2027-11-07 00:30-01:30", "2027-11-07 09:00-12:00")
    assert [len(day.sittings) for day in teaching_days(offering.meetings, offering.time_zone)] == [2, 1]


@pytest.mark.parametrize(
    ("zone", "rules"),
    [
        ("America/Chicago", ["BYDAY=1SU;BYMONTH=11", "BYDAY=2SU;BYMONTH=3"]),
        ("Europe/Lisbon", ["BYDAY=-1SU;BYMONTH=10", "BYDAY=-1SU;BYMONTH=3"]),
        ("Europe/Dublin", ["BYDAY=-1SU;BYMONTH=10", "BYDAY=-1SU;BYMONTH=3"]),
        ("Australia/Sydney", ["BYDAY=1SU;BYMONTH=10", "BYDAY=1SU;BYMONTH=4"]),
        ("Africa/Casablanca", []),
        ("America/Phoenix", []),
        ("Asia/Kolkata", []),
    ],
)
def test_the_rules_of_a_zone_tell_the_same_time_as_the_zone_itself(zone: str, rules: list[str]) -> None:
    component = zone_rules(zone, datetime(2027, 3, 12, tzinfo=UTC))
    changes: list[Any] = [part["RRULE"] for part in component.subcomponents if "RRULE" in part]
    written_rules = [rule.to_ical().decode() for rule in changes]
    assert sorted(written_rules) == [f"FREQ=YEARLY;{rule}" for rule in rules]
    component["TZID"] = f"Try/{zone.replace('/', '-')}"  # a name that nobody knows: the rules must do
    known = component.to_tz()
    day = datetime(2027, 1, 2, 12, tzinfo=UTC)
    while day < datetime(2028, 11, 1, tzinfo=UTC):
        told = day.replace(tzinfo=known).astimezone(UTC)
        assert told == day.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        day += timedelta(days=9)
