"""The one place that asks what time it is. Rules get ``now`` handed in; views, jobs and commands ask here."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def now() -> datetime:
    """This moment, in UTC, aware."""
    return datetime.now(UTC)


def local(moment: datetime, zone: str) -> datetime:
    """The same moment on the clock of an IANA zone."""
    return moment.astimezone(ZoneInfo(zone))


def local_date(moment: datetime, zone: str) -> date:
    """The calendar day of a moment in an IANA zone."""
    return local(moment, zone).date()


def is_zone(name: str) -> bool:
    """Whether the name is a zone of the IANA database."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
