"""The meetings of a class by teaching day: what a person puts into a calendar, however many sittings a day has."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from courses.offering_models import Meeting

# A sitting that begins sooner than this after the one before still belongs to its evening, though midnight has passed.
NIGHT = timedelta(hours=4)


@dataclass(frozen=True)
class TeachingDay:
    """From the first sitting of a day to the end of its last, on the clock of the class's zone."""

    sittings: tuple[tuple[datetime, datetime], ...]

    @property
    def starts(self) -> datetime:
        """When the first sitting begins."""
        return self.sittings[0][0]

    @property
    def ends(self) -> datetime:
        """When the last sitting ends: past midnight for some."""
        return self.sittings[-1][1]

    @property
    def date(self) -> date:
        """The day on which it begins. No two days of a class begin on the same."""
        return self.starts.date()

    @property
    def shape(self) -> tuple[tuple[int, time, int, time], ...]:
        """Its clock times, each with how many days after ``date``: alike for days that differ by their date alone."""
        return tuple(
            ((begin.date() - self.date).days, begin.time(), (end.date() - self.date).days, end.time())
            for begin, end in self.sittings
        )


def teaching_days(meetings: Iterable[Meeting], zone: str) -> list[TeachingDay]:
    """The days of a class in order; ``zone`` is the class's."""
    clock = ZoneInfo(zone)
    days: list[list[tuple[datetime, datetime]]] = []
    for meeting in sorted(meetings, key=lambda meeting: meeting.starts_at):
        begins, ends = meeting.starts_at.astimezone(clock), meeting.ends_at.astimezone(clock)
        if days:
            first, last = days[-1][0][0], days[-1][-1][1]
            # Compared in UTC: two moments of one zone are otherwise compared by what its clocks show.
            rest = meeting.starts_at - last.astimezone(meeting.starts_at.tzinfo)
            if begins.date() == first.date() or rest < NIGHT:
                days[-1].append((begins, ends))
                continue
        days.append([(begins, ends)])
    return [TeachingDay(tuple(sittings)) for sittings in days]
