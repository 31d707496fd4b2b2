"""Reads iCalendar files as calendar programs do, and holds them to what RFC 5546 and Outlook ask of a message."""

import itertools
from datetime import date, datetime
from typing import Any

from dateutil.rrule import rrulestr
from icalendar import Calendar

Instance = tuple[datetime, datetime]


def read(content: bytes) -> tuple[str, list[Any]]:
    """METHOD and entries of a file, the one that repeats first. Fails when a file with METHOD has what may not be in it."""
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    calendar = Calendar.from_ical(content)
    entries: list[Any] = list(calendar.walk("VEVENT"))
    zones = {str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")}
    used = {str(entry["DTSTART"].params["TZID"]) for entry in entries}
    assert zones == used, "each zone that is used comes along, once"
    return str(calendar["METHOD"]), entries


def message(content: bytes) -> tuple[str, list[Any]]:
    """METHOD and components of what goes with a mail: all one entry (RFC 5546, 3.2.2 and 3.2.5)."""
    method, entries = read(content)
    assert method in ("REQUEST", "CANCEL")
    assert len({str(entry["UID"]) for entry in entries}) == 1
    assert len({int(entry["SEQUENCE"]) for entry in entries}) == 1
    for entry in entries:
        assert {"DTSTAMP", "ORGANIZER", "ATTENDEE", "SUMMARY"} <= set(entry)
        assert str(entry["STATUS"]) == ("CANCELLED" if method == "CANCEL" else "CONFIRMED")
    return method, entries


def instances(entries: list[Any]) -> list[Instance]:
    """When the entries of one UID take place, in order. Fails where Outlook would not follow (MS-OXOCAL, 2.2.1.44)."""
    (master,) = [entry for entry in entries if "RECURRENCE-ID" not in entry]
    start, end = master["DTSTART"].dt, master["DTEND"].dt
    clock = start.replace(tzinfo=None)
    length = end.replace(tzinfo=None) - clock
    found: dict[date, Instance] = {clock.date(): (start, end)}
    if "RRULE" in master:
        rule = rrulestr(master["RRULE"].to_ical().decode(), dtstart=clock)
        free = (
            {moment.dt.replace(tzinfo=None) for moment in master["EXDATE"].dts}
            if "EXDATE" in master
            else set()
        )
        slots = list(rule)
        assert free < set(slots), "each day that is taken out is one of the rule's"
        taught = [slot for slot in slots if slot not in free]
        assert taught[0] == clock, "the first instance is the first day"
        assert taught[-1] == slots[-1], "the rule ends with the last day"
        found = {
            slot.date(): (slot.replace(tzinfo=start.tzinfo), (slot + length).replace(tzinfo=start.tzinfo))
            for slot in taught
        }
    for entry in entries:
        if entry is master:
            continue
        slot = entry["RECURRENCE-ID"].dt
        assert slot.replace(tzinfo=None).time() == clock.time()
        assert slot.date() in found, "a single day stands for one that the rule has"
        assert entry["DTSTART"].dt.date() == slot.date(), "a single day stays on its day"
        found[slot.date()] = (entry["DTSTART"].dt, entry["DTEND"].dt)
    times = [found[day] for day in sorted(found)]
    for (_, ends), (begins, _) in itertools.pairwise(times):
        assert ends.timestamp() <= begins.timestamp(), "days do not overlap"
    return times


class CalendarProgram:
    """A calendar that a person keeps with a mail program: by UID, it takes what is newer (RFC 5546, 2.1.5)."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Any]] = {}
        self._newest: dict[str, tuple[int, datetime]] = {}

    def read(self, content: bytes) -> None:
        """Take in the file of a mail."""
        method, entries = message(content)
        uid, master = str(entries[0]["UID"]), entries[0]
        version = (int(master["SEQUENCE"]), master.decoded("DTSTAMP"))
        if version <= self._newest.get(uid, (-1, version[1])):
            return
        self._newest[uid] = version
        if method == "CANCEL":
            self.entries.pop(uid, None)
        else:
            self.entries[uid] = entries

    def times(self) -> list[Instance]:
        """When something stands in it, in order."""
        return sorted(instance for entries in self.entries.values() for instance in instances(entries))

    def begins(self) -> list[datetime]:
        """When the days in it begin, in order."""
        return [begins for begins, _ in self.times()]
