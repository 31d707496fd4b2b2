"""A student's classes as calendar entries (RFC 5545), and the messages that put them in and take them out (RFC 5546).

An enrollment is one entry with all days of its class (``courses.entries``). Its UID never changes: not when the class moves,
and not when the student moves to another class, so that either changes the entry which is there. SEQUENCE rises with each of
these and once more when the entry is taken back.

The calendar library is loaded when it is needed: most web processes never are.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from accounts.models import User
from core.links import public_base
from core.school import School
from courses import entries
from courses.offering_models import Meeting, Offering
from courses.time_zones import zone_rules
from students.models import Enrollment, Student

if TYPE_CHECKING:
    from icalendar import Calendar, Event


def uid_of(enrollment: Enrollment) -> str:
    """The name of an entry, the same for ever; a seat that was moved keeps that of the enrollment it began as.

    (The name ends as that of the first meeting did when each meeting was an entry: calendars know it.)
    """
    return f"enrollment-{enrollment.calendar_key or enrollment.id}-meeting-1@{host()}"


def host() -> str:
    """Where the names of entries end: the host of this site."""
    return urlsplit(public_base()).hostname or "stillpoint.invalid"


def sequence_of(enrollment: Enrollment, *, cancelled: bool) -> int:
    """SEQUENCE of an enrollment's entry: that of the class, beyond those the seat had before it was moved."""
    return enrollment.calendar_offset + entries.sequence_of(enrollment.offering, cancelled=cancelled)


def carry_over(old: Enrollment, new: Enrollment) -> None:
    """Let the entry of ``old`` go on as that of ``new``, which takes its place: its next message changes what is there."""
    new.calendar_key = old.calendar_key or old.id
    new.calendar_offset = (
        sequence_of(old, cancelled=True) + 1 - entries.sequence_of(new.offering, cancelled=False)
    )


def invitation(enrollment: Enrollment, school: School, *, now: datetime, cancelled: bool = False) -> bytes:
    """What goes with a mail: METHOD:REQUEST puts the class in or changes it, METHOD:CANCEL takes it out. UTF-8."""
    return invite(
        enrollment.offering,
        enrollment.student.user,
        school,
        uid=uid_of(enrollment),
        sequence=sequence_of(enrollment, cancelled=cancelled),
        now=now,
        cancelled=cancelled,
    )


def invite(
    offering: Offering,
    user: User,
    school: School,
    *,
    uid: str,
    sequence: int,
    now: datetime,
    cancelled: bool = False,
    meetings: Sequence[Meeting] | None = None,
) -> bytes:
    """The message that puts a class, or some of its meetings, into a person's calendar, or takes it out. UTF-8."""
    from icalendar import vCalAddress, vText

    def address(entry: "Event") -> None:
        organizer = vCalAddress(f"mailto:{school.email}")
        organizer.params["CN"] = vText(school.name)
        entry.add("organizer", organizer)
        attendee = vCalAddress(f"mailto:{user.email}")
        attendee.params["CN"] = vText(user.name)
        attendee.params["PARTSTAT"] = vText("ACCEPTED")
        attendee.params["RSVP"] = vText("FALSE")
        entry.add("attendee", attendee, encode=False)

    calendar = entries.new_calendar("CANCEL" if cancelled else "REQUEST")
    entries.add_class(
        calendar,
        offering,
        uid=uid,
        sequence=sequence,
        stamp=now,
        url=class_url(offering),
        cancelled=cancelled,
        finish=address,
        meetings=meetings,
    )
    return bytes(calendar.to_ical())


FeedPart = Callable[[Session, Student, "Calendar", datetime], None]
_parts: list[FeedPart] = []


def in_feed(part: FeedPart) -> FeedPart:
    """Register what an upper room adds to a student's calendar."""
    _parts.append(part)
    return part


def feed(
    session: Session,
    student: Student,
    enrollments: Iterable[Enrollment],
    *,
    name: str,
    time_zone: str,
    now: datetime,
) -> bytes:
    """A student's whole calendar, for a program that fetches it now and then. UTF-8.

    ``time_zone`` is the school's: its rules stand in a calendar without classes, as a calendar has at least one component
    (RFC 5545, 3.4).
    """
    calendar = entries.new_calendar("PUBLISH")
    calendar.add("x-wr-calname", name)
    for enrollment in enrollments:
        entries.add_class(
            calendar,
            enrollment.offering,
            uid=uid_of(enrollment),
            sequence=sequence_of(enrollment, cancelled=False),
            stamp=now,
            url=class_url(enrollment.offering),
        )
    for part in _parts:
        part(session, student, calendar, now)
    if not calendar.subcomponents:
        calendar.add_component(zone_rules(time_zone, now))
    return bytes(calendar.to_ical())


def class_url(offering: Offering) -> str:
    """The public address of a class's page, for mails and calendars (an address is a promise, see DESIGN)."""
    return f"{public_base()}/classes/{offering.code}"
