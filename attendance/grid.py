"""A class at a glance: roster × meetings, hours so far, on track or why not. Plain data for one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from attendance.finalize import Missing, what_is_missing
from attendance.minutes import Sitting, Summary, summaries_of
from attendance.rolls import open_differences
from courses.offering_models import Offering


@dataclass(frozen=True, slots=True)
class Grid:
    """Everything that the class page shows. ``taken`` are the ids of the meetings that have marks; ``now`` is the meeting
    that the page opens at."""

    meetings: Sequence[Sitting]
    summaries: Mapping[int, Summary]
    differences: frozenset[tuple[int, int]]
    taken: frozenset[int]
    missing: Missing
    now: Sitting | None

    @property
    def out_of_reach(self) -> list[Summary]:
        """Who cannot meet the policy any more."""
        return [summary for summary in self.summaries.values() if not summary.on_track]

    @property
    def on_track(self) -> int:
        """How many meet the policy or still can."""
        return len(self.summaries) - len(self.out_of_reach)


def grid_of(session: Session, offering: Offering, meetings: Sequence[Sitting], now: datetime) -> Grid:
    """Read a class's grid, whose meetings were read before; four statements, however many students and meetings."""
    found = summaries_of(session, offering, meetings)
    differences = frozenset(open_differences(session, offering.id))
    return Grid(
        meetings=meetings,
        summaries=found,
        differences=differences,
        taken=frozenset(number for summary in found.values() for number in summary.marks),
        missing=what_is_missing(meetings, found, differences),
        now=meeting_at(meetings, now),
    )


def meeting_at(meetings: Sequence[Sitting], now: datetime) -> Sitting | None:
    """The meeting that matters now: the one under way, else the last that has begun, else the first to come."""
    begun = [meeting for meeting in meetings if meeting.starts_at <= now]
    if begun:
        return begun[-1]
    return meetings[0] if meetings else None
