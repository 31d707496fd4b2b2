"""A class as a calendar file (RFC 5545) for whoever looks at its page: one entry per meeting, in UTC.

A student's own entries, which an enrollment sends and takes back, are made in ``students.calendar``.
"""

from datetime import datetime
from urllib.parse import urlsplit

from courses.offering_models import Offering, OfferingState


def class_calendar(offering: Offering, *, url: str, now: datetime) -> bytes:
    """The meetings of a class, UTF-8. ``url`` is the full address of its page.

    An entry's UID belongs to the meeting and never changes; SEQUENCE rises with each change of the class, and once more
    when it is cancelled.
    """
    from icalendar import Calendar, Event  # rarely asked for, and large

    cancelled = offering.state is OfferingState.CANCELLED
    calendar = Calendar()
    calendar.add("prodid", "-//Stillpoint//Classes//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    host = urlsplit(url).hostname or "stillpoint.invalid"
    venue = offering.venue
    place = ", ".join(part for part in (venue.name, venue.street, venue.city, venue.region) if part)
    for meeting in offering.meetings:
        entry = Event()
        entry.add("uid", f"meeting-{meeting.id}@{host}")
        entry.add("sequence", 2 * offering.calendar_sequence + int(cancelled))
        entry.add("dtstamp", now)
        entry.add("dtstart", meeting.starts_at)
        entry.add("dtend", meeting.ends_at)
        entry.add("summary", f"{offering.course.code} {offering.course.title}")
        entry.add("location", place)
        entry.add("url", url)
        entry.add("status", "CANCELLED" if cancelled else "CONFIRMED")
        calendar.add_component(entry)
    return bytes(calendar.to_ical())
