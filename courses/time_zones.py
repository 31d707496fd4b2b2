"""A time zone as calendar programs read it (RFC 5545, 3.6.5), for those that do not know it by its name.

Outlook reads yearly rules only (MS-OXCICAL, VTIMEZONE), so the changes of a few years are looked at and the rule that fits
all of them is written; a zone that follows no such rule gets the days themselves.
"""

import calendar as months
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

YEARS = 3
SECOND = timedelta(seconds=1)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def zone_rules(name: str, around: datetime) -> "Timezone":
    """The rules of an IANA zone from the year before ``around`` on: one part for each change of the year."""
    from icalendar import Timezone

    zone = ZoneInfo(name)
    rules = Timezone()
    rules.add("tzid", name)
    first = around.year - 1
    changes = _changes(zone, first, first + YEARS)
    if not changes:
        start = datetime(first, 1, 1, tzinfo=zone)
        rules.add_component(_part([start.replace(tzinfo=None)], start, start))
        return rules
    kinds: dict[tuple[timedelta, timedelta], list[datetime]] = {}
    for moment in changes:
        kinds.setdefault((_offset(zone, moment - SECOND), _offset(zone, moment)), []).append(moment)
    for (before, _after), moments in kinds.items():
        # The local time of a change is what the clock before it shows (RFC 5545, 3.6.5).
        walls = [moment.replace(tzinfo=None) + before for moment in moments]
        rules.add_component(_part(walls, (moments[0] - SECOND).astimezone(zone), moments[0].astimezone(zone)))
    return rules


@lru_cache(maxsize=64)
def _changes(zone: ZoneInfo, first: int, end: int) -> tuple[datetime, ...]:
    """The moments in UTC when the clocks change, from the first day of a year to that of another."""
    found = []
    day, last = datetime(first, 1, 1, tzinfo=UTC), datetime(end, 1, 1, tzinfo=UTC)
    while day < last:
        after = day + timedelta(days=1)
        if _offset(zone, day) != _offset(zone, after):
            low, high = day, after
            while high - low > SECOND:
                middle = low + (high - low) / 2
                middle = middle.replace(microsecond=0)
                low, high = (middle, high) if _offset(zone, middle) == _offset(zone, day) else (low, middle)
            found.append(high)
        day = after
    return tuple(found)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _part(
    walls: Sequence[datetime], before: datetime, after: datetime
) -> "TimezoneStandard | TimezoneDaylight":
    from icalendar import TimezoneDaylight, TimezoneStandard

    offset, offset_before = after.utcoffset() or timedelta(), before.utcoffset() or timedelta()
    part = TimezoneDaylight() if offset > offset_before else TimezoneStandard()
    part.add("dtstart", walls[0])
    part.add("tzname", after.tzname())
    part.add("tzoffsetfrom", offset_before)
    part.add("tzoffsetto", offset)
    nth = _same_weekday(walls)
    if nth is not None:
        part.add("rrule", {"freq": "yearly", "bymonth": walls[0].month, "byday": nth})
    elif len(walls) > 1:
        part.add("rdate", list(walls[1:]))
    return part


def _same_weekday(walls: Sequence[datetime]) -> str | None:
    """Such as ``2SU`` when all are, say, second Sundays of one month at one time; None when no such rule fits them."""
    if len(walls) < YEARS or len({(wall.month, wall.weekday(), wall.time()) for wall in walls}) > 1:
        return None
    for nth in (1, 2, 3, 4, -1):
        if all(_is_nth(wall.date(), nth) for wall in walls):
            return f"{nth}{WEEKDAYS[walls[0].weekday()]}"
    return None


def _is_nth(day: date, nth: int) -> bool:
    if nth < 0:
        return day.day + 7 > months.monthrange(day.year, day.month)[1]
    return (day.day - 1) // 7 + 1 == nth
