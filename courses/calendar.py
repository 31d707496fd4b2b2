"""A class as a calendar file for whoever looks at its page: one entry with all its days (``courses.entries``).

A student's own entries, which an enrollment sends and takes back, are made in ``students.calendar``.
"""

from datetime import datetime
from urllib.parse import urlsplit

from courses import entries
from courses.offering_models import Offering, OfferingState


def class_calendar(offering: Offering, *, url: str, now: datetime) -> bytes:
    """The days of a class, UTF-8. ``url`` is the full address of its page.

    The UID belongs to the class and never changes; SEQUENCE rises with each change, and once more when it is cancelled.
    """
    cancelled = offering.state is OfferingState.CANCELLED
    calendar = entries.new_calendar("PUBLISH")
    host = urlsplit(url).hostname or "stillpoint.invalid"
    entries.add_class(
        calendar,
        offering,
        uid=f"class-{offering.id}@{host}",
        sequence=entries.sequence_of(offering, cancelled=cancelled),
        stamp=now,
        url=url,
        cancelled=cancelled,
    )
    return bytes(calendar.to_ical())
