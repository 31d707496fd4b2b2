"""Calendar entries of a student's meetings (RFC 5545, RFC 5546).

An entry's UID belongs to the enrollment and the meeting's number and never changes; SEQUENCE rises with each change of
the class and once more when the entry is taken back, so that a calendar program updates or removes what it has.

The calendar library is loaded when it is needed: most web processes never are.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.links import public_base
from core.school import School
from courses.offering_models import Meeting, Offering
from students.models import Enrollment

if TYPE_CHECKING:
    from icalendar import Calendar, Event

PRODUCT = "-//Stillpoint//Classes//EN"


def uid_of(enrollment: Enrollment, meeting: Meeting) -> str:
    """The name of an entry, the same for ever."""
    host = urlsplit(public_base()).hostname or "stillpoint.invalid"
    return f"enrollment-{enrollment.id}-meeting-{meeting.number}@{host}"


def sequence_of(offering: Offering, *, cancelled: bool) -> int:
    """Even while the meetings stand, one more when they are taken back; each change of the class adds two."""
    return 2 * offering.calendar_sequence + int(cancelled)


def invitation(enrollment: Enrollment, school: School, *, now: datetime, cancelled: bool = False) -> bytes:
    """What goes with a mail: METHOD:REQUEST puts the meetings in, METHOD:CANCEL takes them out. UTF-8."""
    calendar = _calendar("CANCEL" if cancelled else "REQUEST")
    for entry in _entries(enrollment, school, now=now, cancelled=cancelled, invites=True):
        calendar.add_component(entry)
    return bytes(calendar.to_ical())


def removal(enrollment: Enrollment, school: School, numbers: Iterable[int], *, now: datetime) -> bytes:
    """Takes meetings out of a calendar whose rows are gone, by their numbers (RFC 5546, 3.2.5). UTF-8."""
    calendar = _calendar("CANCEL")
    offering = enrollment.offering
    for number in numbers:
        was = Meeting(number=number, starts_at=offering.starts_at, ends_at=offering.ends_at)
        calendar.add_component(
            _entry(enrollment, was, offering, school, now=now, cancelled=True, invites=True)
        )
    return bytes(calendar.to_ical())


def feed(enrollments: Iterable[Enrollment], school: School, *, name: str, now: datetime) -> bytes:
    """A student's whole calendar, for a program that fetches it now and then. UTF-8."""
    calendar = _calendar("PUBLISH")
    calendar.add("x-wr-calname", name)
    for enrollment in enrollments:
        for entry in _entries(enrollment, school, now=now, cancelled=False, invites=False):
            calendar.add_component(entry)
    return bytes(calendar.to_ical())


def _calendar(method: str) -> "Calendar":
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    return calendar


def _entries(
    enrollment: Enrollment, school: School, *, now: datetime, cancelled: bool, invites: bool
) -> Iterable["Event"]:
    offering = enrollment.offering
    for meeting in offering.meetings:
        yield _entry(enrollment, meeting, offering, school, now=now, cancelled=cancelled, invites=invites)


def _entry(
    enrollment: Enrollment,
    meeting: Meeting,
    offering: Offering,
    school: School,
    *,
    now: datetime,
    cancelled: bool,
    invites: bool,
) -> "Event":
    from icalendar import Event, vCalAddress, vText

    entry = Event()
    entry.add("uid", uid_of(enrollment, meeting))
    entry.add("sequence", sequence_of(offering, cancelled=cancelled))
    entry.add("dtstamp", now)
    entry.add("dtstart", meeting.starts_at)
    entry.add("dtend", meeting.ends_at)
    entry.add("summary", offering.course.title)
    entry.add("location", location_of(offering))
    entry.add("url", class_url(offering))
    entry.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    if invites:
        organizer = vCalAddress(f"mailto:{school.email}")
        organizer.params["CN"] = vText(school.name)
        entry.add("organizer", organizer)
        user = enrollment.student.user
        attendee = vCalAddress(f"mailto:{user.email}")
        attendee.params["CN"] = vText(user.name)
        attendee.params["PARTSTAT"] = vText("ACCEPTED")
        attendee.params["RSVP"] = vText("FALSE")
        entry.add("attendee", attendee, encode=False)
    return entry


def class_url(offering: Offering) -> str:
    """The public address of a class's page, for mails and calendars (an address is a promise, see DESIGN)."""
    return f"{public_base()}/classes/{offering.code}"


def location_of(offering: Offering) -> str:
    """Name and address of the place on one line."""
    venue = offering.venue
    return ", ".join(part for part in (venue.name, venue.street, venue.city, venue.region) if part)
