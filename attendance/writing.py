"""Writes a roll: which entries are news, which stand beside another's mark, and which say nothing new."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from attendance.minutes import Sitting
from attendance.models import AttendanceMark, MarkMethod, MarkStatus, Roll
from attendance.rolls import Seat, Shown, base_marks, kept_beside

# Nobody marks a meeting longer before it begins; the clock of a phone that says so is wrong.
_EARLIEST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Entry:
    """What someone wants to mark. ``minutes`` only matter for late and left early; None lets the clock say. ``remark`` None
    leaves the remark that stands.

    ``made_at`` is when it was marked, when that was before now; ``client_key`` makes sending twice harmless. ``seen`` is the
    revision of the roll that its page showed; None: the one that is told for all.
    """

    enrollment_id: int
    status: MarkStatus
    minutes: int | None = None
    made_at: datetime | None = None
    client_key: str | None = None
    remark: str | None = None
    seen: int | None = None

    def moment(self, sitting: Sitting, now: datetime) -> datetime:
        """When it was marked: as the phone says, but never later than ``now``; and now when the phone says that it was
        before the day of the meeting."""
        made_at = self.made_at or now
        return now if made_at < sitting.starts_at - _EARLIEST else min(made_at, now)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two people said something else about one student: what stands now, and what was kept beside it."""

    enrollment_id: int
    name: str
    theirs_status: MarkStatus
    theirs_minutes: int
    theirs_by: str
    theirs_at: datetime
    yours_status: MarkStatus
    yours_minutes: int


class Writer:
    """Sorts entries into new current marks, marks kept beside others, and nothing to do; then writes them.

    ``changed`` are the enrollments with a new current mark, ``moved`` those of them whose status or minutes are new.
    """

    def __init__(
        self,
        session: Session,
        room: Mapping[int, Seat],
        sitting: Sitting,
        revision: int | None,
        roll_revision: int,
        actor_id: int | None,
        now: datetime,
    ) -> None:
        self.session, self.room, self.sitting = session, room, sitting
        self.revision, self.roll_revision = revision, roll_revision
        self.actor_id = actor_id
        self.now = now
        self.rows: list[dict[str, Any]] = []
        self.changed: list[int] = []
        self.moved: list[int] = []
        self.remarked: list[int] = []
        self.differences: list[Difference] = []
        self._superseded: list[int] = []
        self._base: dict[int, Shown] | None = None
        self._kept: set[tuple[int, MarkStatus, int, str, int | None]] | None = None

    def take(self, entry: Entry, minutes: int) -> None:
        """Decide about one entry; ``minutes`` are those that it credits."""
        seat = self.room[entry.enrollment_id]
        made_at = entry.moment(self.sitting, self.now)
        remark = seat.remark if entry.remark is None else entry.remark
        agrees = seat.status is entry.status and seat.minutes == minutes
        same = agrees and seat.remark == remark
        if self._is_news(seat, made_at, self.revision if entry.seen is None else entry.seen):
            if same or (not entry.client_key and self._untouched(entry, minutes)):
                return
            # Both say the same and one of them adds a remark: nothing to ask about.
            if agrees and not seat.has_differences and not (seat.remark and remark):
                if remark:
                    self._instead(seat, entry, minutes, made_at, remark)
                return
            self._beside(seat, entry, minutes, made_at, remark)
        elif not same or seat.has_differences:
            self._instead(seat, entry, minutes, made_at, remark)

    def _is_news(self, seat: Seat, made_at: datetime, revision: int | None) -> bool:
        """Whether someone else said something about this student that the page did not show."""
        if revision is None:
            return False
        if seat.difference_revision > revision:
            return True
        if seat.mark_id is None or seat.mark_revision <= revision:
            return False
        by_another = seat.recorded_by_id != self.actor_id
        return by_another or (seat.made_at is not None and seat.made_at > made_at)

    def _untouched(self, entry: Entry, minutes: int) -> bool:
        """Whether the row still says what the (old) page showed: then nothing was said by it."""
        if self._base is None:
            self._base = base_marks(self.session, self.sitting.id, self.revision or 0)
        shown = self._base.get(entry.enrollment_id)
        return (
            shown is not None
            and (shown.status, shown.minutes) == (entry.status, minutes)
            and entry.remark in (None, shown.remark)
        )

    def _instead(self, seat: Seat, entry: Entry, minutes: int, made_at: datetime, remark: str) -> None:
        row = self._row(entry, minutes, made_at, remark)
        if seat.mark_id is not None:
            row["supersedes_id"] = seat.mark_id
            self._superseded.append(seat.mark_id)
        self.rows.append(row)
        self.changed.append(entry.enrollment_id)
        if (seat.status, seat.minutes) != (entry.status, minutes):
            self.moved.append(entry.enrollment_id)
        if seat.remark != remark:
            self.remarked.append(entry.enrollment_id)

    def _beside(self, seat: Seat, entry: Entry, minutes: int, made_at: datetime, remark: str) -> None:
        if seat.mark_id is None or seat.status is None or seat.minutes is None or seat.made_at is None:
            raise RuntimeError("a difference needs two marks")
        if self._kept is None:
            self._kept = kept_beside(self.session, self.sitting.id)
        if (entry.enrollment_id, entry.status, minutes, remark, self.actor_id) not in self._kept:
            row = self._row(entry, minutes, made_at, remark)
            self.rows.append(row | {"is_current": False, "conflicts_with_id": seat.mark_id})
        self.differences.append(
            Difference(
                entry.enrollment_id,
                seat.name,
                seat.status,
                seat.minutes,
                seat.recorded_by,
                seat.made_at,
                entry.status,
                minutes,
            )
        )

    def _row(self, entry: Entry, minutes: int, made_at: datetime, remark: str) -> dict[str, Any]:
        return {
            "meeting_id": self.sitting.id,
            "enrollment_id": entry.enrollment_id,
            "status": entry.status,
            "minutes": minutes,
            "remark": remark,
            "made_at": made_at,
            "recorded_at": self.now,
            "recorded_by_id": self.actor_id,
            "client_key": entry.client_key,
            "is_current": True,
            "supersedes_id": None,
            "conflicts_with_id": None,
            "roll_revision": self.roll_revision + 1,
        }

    def write(self, method: MarkMethod, reason: str) -> None:
        """Send everything: the old marks step back first, because only one may be current."""
        session = self.session
        if self._superseded:
            session.execute(
                sa.update(AttendanceMark)
                .where(AttendanceMark.id.in_(self._superseded))
                .values(is_current=False)
                .execution_options(synchronize_session=False)
            )
        for row in self.rows:
            row.update(method=method, reason=reason)
        session.execute(sa.insert(AttendanceMark), self.rows)
        values = {
            "revision": self.roll_revision + 1,
            "saved_at": self.now,
            "saved_by_id": self.actor_id,
        }
        if self.roll_revision:
            session.execute(
                sa.update(Roll)
                .where(Roll.meeting_id == self.sitting.id)
                .values(values)
                .execution_options(synchronize_session=False)
            )
        else:
            session.execute(sa.insert(Roll).values(meeting_id=self.sitting.id, **values))
