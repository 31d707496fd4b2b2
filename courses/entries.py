"""A class as one calendar entry (RFC 5545): a day of teaching repeats, days that differ are written beside it.

All components share one UID, as RFC 5546 (3.2.2) asks of a message. The rule is always weekly with the weekdays taught
on, and the days between that are free are taken out (EXDATE): Outlook reads that and no list of dates (MS-OXCICAL, RDATE),
and it knows no two instances on one day (MS-OXOCAL, 2.2.1.44), so an entry is a day and not a sitting.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from core.formatting import time_range
from courses.offering_models import Meeting, Offering
from courses.teaching_days import TeachingDay, teaching_days
from courses.time_zones import zone_rules

if TYPE_CHECKING:
    from icalendar import Calendar, Event

PRODUCT = "-//Stillpoint//Classes//EN"
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

Finish = Callable[["Event"], None]


def new_calendar(method: str) -> "Calendar":
    """An empty file with what every one begins with. The library is large and loaded when it is needed."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    return calendar


def add_class(
    calendar: "Calendar",
    offering: Offering,
    *,
    uid: str,
    sequence: int,
    stamp: datetime,
    url: str,
    cancelled: bool = False,
    finish: Finish | None = None,
    meetings: Sequence[Meeting] | None = None,
) -> None:
    """Put a class in, as one entry that has all its days; its zone comes along once. A class without meetings adds nothing.

    ``stamp`` is the moment of the change in UTC. ``finish`` may add to each component. When ``cancelled``, the
    components of single days are left out: taking back the entry takes them along (RFC 5546, 3.2.5). ``meetings`` are
    all of the class unless given.
    """
    days = teaching_days(offering.meetings if meetings is None else meetings, offering.time_zone)
    if not days:
        return
    zones = {str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")}
    if offering.time_zone not in zones:
        calendar.add_component(zone_rules(offering.time_zone, days[0].starts))
    master = _component(
        offering, days[0], uid=uid, sequence=sequence, stamp=stamp, url=url, cancelled=cancelled
    )
    components = [master]
    if len(days) > 1:
        _repeat(master, days)
    for day in [] if cancelled else days[1:]:
        if day.shape != days[0].shape:
            single = _component(offering, day, uid=uid, sequence=sequence, stamp=stamp, url=url)
            single.add("recurrence-id", _slot(day.date, days[0]))
            components.append(single)
    for component in components:
        if finish is not None:
            finish(component)
        calendar.add_component(component)


def _component(
    offering: Offering,
    day: TeachingDay,
    *,
    uid: str,
    sequence: int,
    stamp: datetime,
    url: str,
    cancelled: bool = False,
) -> "Event":
    from icalendar import Event

    entry = Event()
    entry.add("uid", uid)
    entry.add("sequence", sequence)
    entry.add("dtstamp", stamp)
    entry.add("dtstart", day.starts)
    entry.add("dtend", day.ends)
    entry.add("summary", offering.course.title)
    entry.add("description", "\n".join([*_sittings(day, offering.time_zone), url]))
    entry.add("location", location_of(offering))
    entry.add("url", url)
    entry.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    return entry


def _sittings(day: TeachingDay, zone: str) -> list[str]:
    """The sittings of a day with several, so that its breaks can be read."""
    if len(day.sittings) == 1:
        return []
    return [time_range(begins, ends, zone) for begins, ends in day.sittings]


def _repeat(master: "Event", days: Sequence[TeachingDay]) -> None:
    """Weekly on the weekdays that are taught on, from the first day to the last, without those that are free."""
    weekdays = {day.date.weekday() for day in days}
    taught = {day.date for day in days}
    first = days[0].date
    span = [first + timedelta(days=offset) for offset in range((days[-1].date - first).days + 1)]
    slots = [date for date in span if date.weekday() in weekdays]
    master.add(
        "rrule",
        {"freq": "weekly", "count": len(slots), "byday": [WEEKDAYS[number] for number in sorted(weekdays)]},
    )
    free = [_slot(date, days[0]) for date in slots if date not in taught]
    if free:
        master.add("exdate", free)


def _slot(day: date, first: TeachingDay) -> datetime:
    """When an entry that repeats ``first`` would begin on a day."""
    return datetime.combine(day, first.starts.time(), tzinfo=first.starts.tzinfo)


def sequence_of(offering: Offering, *, cancelled: bool) -> int:
    """SEQUENCE (RFC 5545, 3.8.7.4): even while the class stands, one more when it is taken back; a change adds two."""
    return 2 * offering.calendar_sequence + int(cancelled)


def location_of(offering: Offering) -> str:
    """Name and address of the place on one line."""
    venue = offering.venue
    return ", ".join(part for part in (venue.name, venue.street, venue.city, venue.region) if part)
