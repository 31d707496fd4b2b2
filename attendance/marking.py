"""Marking: a roll saved in one go, one mark, a correction. Marks are only ever added (DESIGN, invariant 4).

Whoever marks locks the class first, so two people saving one roll come one after the other. The second is told what the
first said where the two differ: both marks are kept, and the page asks. ``revision`` says which state of the roll the
person was looking at; None means that there was nothing to look at (a check-in, an import).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from attendance import settling
from attendance.makeup_models import PLACED, MakeUp
from attendance.minutes import TIMED, Sitting, minutes_between
from attendance.models import REMARK_LIMIT, AttendanceMark, MarkMethod, MarkStatus
from attendance.rolls import Seat, seats_of
from attendance.words import said_by
from attendance.writing import Difference, Entry, Writer
from core import audit
from core.errors import RuleError
from core.formatting import clock_time, full_date
from courses.offering_models import Meeting, Offering, OfferingState
from students.models import EnrollmentState

REASON_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of saving: the roll's revision, and that ``before``; whose mark is new, what differs, what was refused (by
    enrollment id), and the keys of marks that were sent before."""

    revision: int
    changed: tuple[int, ...] = ()
    differences: tuple[Difference, ...] = ()
    refused: Mapping[int, str] = field(default_factory=dict)
    before: int = 0
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LockedRoll:
    """A roll that nobody else can change until the transaction ends."""

    offering: Offering
    seats: dict[int, Seat]
    revision: int


class RollError(RuleError):
    """Some rows of a roll cannot be saved; nothing was. ``rows`` has a sentence per enrollment id."""

    def __init__(self, rows: Mapping[int, str]) -> None:
        super().__init__(next(iter(rows.values())))
        self.rows = dict(rows)


def lock_roll(session: Session, meeting: Meeting) -> LockedRoll:
    """Lock a meeting's class and those its guests come from, read its roll; two statements. RuleError: the class is gone."""
    homes = (
        sa.select(Meeting.offering_id)
        .join(MakeUp, MakeUp.missed_meeting_id == Meeting.id)
        .where(MakeUp.meeting_id == meeting.id, MakeUp.state.in_(PLACED))
    )
    classes = settling.lock_classes(session, Offering.id == meeting.offering_id, Offering.id.in_(homes))
    offering = next((found for found in classes if found.id == meeting.offering_id), None)
    if offering is None:
        raise RuleError(_("This class does not exist any more."))
    seats, revision = seats_of(session, meeting.id, offering.id)
    return LockedRoll(offering, seats, revision)


def save_roll(
    session: Session,
    meeting: Meeting,
    entries: Sequence[Entry],
    *,
    actor: User | None,
    now: datetime,
    revision: int | None = None,
    reason: str = "",
    method: MarkMethod = MarkMethod.ROLL,
    partial: bool = False,
    roll: LockedRoll | None = None,
    opens_early: timedelta = timedelta(),
) -> Saved:
    """Save many marks of one meeting in the running transaction; ``roll`` when the caller locked it already. Who checks in
    by themselves may do so a while before the meeting (``opens_early``).

    Rows equal to what stands are left alone. Raises RollError when a row cannot be saved (with ``partial`` the others are
    saved and it is reported in ``refused``), and RuleError when the meeting has not begun, the class is cancelled, or it
    is signed off and no reason is given.
    """
    roll = roll or lock_roll(session, meeting)
    offering, room, roll_revision = roll.offering, roll.seats, roll.revision
    sitting = Sitting.of(meeting)
    refuse_closed(offering, sitting, now + opens_early)
    wanted, refused = _checked(entries, room, sitting, now)
    if refused and not partial:
        raise RollError(refused)
    known = _known_keys(session, wanted)
    wanted = [(entry, minutes) for entry, minutes in wanted if entry.client_key not in known]

    writer = Writer(session, room, sitting, revision, roll_revision, actor.id if actor else None, now)
    for entry, minutes in wanted:
        writer.take(entry, minutes)
    if not writer.rows:
        return Saved(roll_revision, (), tuple(writer.differences), refused, roll_revision, tuple(known))
    reason = reason.strip()[:REASON_LIMIT]
    if offering.finalized_at is not None:
        if not reason:
            raise RuleError(_("This class is signed off. A change now needs a reason."), field="reason")
        method = method if method is MarkMethod.MAKE_UP else MarkMethod.CORRECTION
    writer.write(method, reason)
    # A remark alone moves no hours: no state follows, and no certificate rests on it.
    guests = [number for number in writer.moved if room[number].is_guest]
    own = [number for number in writer.moved if not room[number].is_guest]
    signed_off = [number for number in own if room[number].state is not EnrollmentState.ENROLLED]
    if signed_off or (own and offering.finalized_at is not None):
        settling.after_change(session, offering, own, reason=reason, actor=actor, now=now)
    if guests:
        from attendance.crediting import credit_guests  # it marks as well: their missed meetings at home

        credit_guests(session, meeting, guests, actor=actor, now=now)
    audit.record(
        session,
        "attendance:roll:saved",
        meeting,
        actor=actor,
        now=now,
        revision=roll_revision + 1,
        method=method.value,
        marks=[[row["enrollment_id"], row["status"].value, row["minutes"]] for row in writer.rows],
        remarks=writer.remarked,  # whose, never what: nothing that could be about health stands in the log
        differences=[difference.enrollment_id for difference in writer.differences],
    )
    changed, differences = tuple(writer.changed), tuple(writer.differences)
    return Saved(roll_revision + 1, changed, differences, refused, roll_revision, tuple(known))


def mark_one(
    session: Session,
    meeting: Meeting,
    entry: Entry,
    *,
    actor: User | None,
    now: datetime,
    method: MarkMethod = MarkMethod.ROLL,
    revision: int | None = None,
    reason: str = "",
) -> Saved:
    """Mark one student. Raises RuleError with the sentence for that student; see ``save_roll``."""
    return save_roll(
        session,
        meeting,
        [entry],
        actor=actor,
        now=now,
        revision=revision,
        reason=reason,
        method=method,
    )


def correct(
    session: Session,
    meeting: Meeting,
    entry: Entry,
    *,
    reason: str,
    actor: User,
    now: datetime,
    revision: int | None = None,
    seen: int | None = None,
) -> Saved:
    """Correct one mark: a new row that supersedes the old one. After sign-off a reason is needed (field ``reason``);
    it moves the enrollment's state and raises its ``attendance_revision``.

    ``seen`` is the newest of the student's marks that the page showed (its id): raises RuleError when somebody else has
    marked that meeting since.
    """
    if seen is not None:
        lock_roll(session, meeting)
        _require_seen(session, meeting, entry.enrollment_id, seen, actor)
    return mark_one(
        session,
        meeting,
        entry,
        actor=actor,
        now=now,
        method=MarkMethod.CORRECTION,
        revision=revision,
        reason=reason,
    )


def _require_seen(session: Session, meeting: Meeting, enrollment_id: int, seen: int, actor: User) -> None:
    by = AttendanceMark.recorded_by_id
    query = (
        sa.select(
            sa.func.coalesce(User.name, ""),
            AttendanceMark.made_at,
            AttendanceMark.status,
            AttendanceMark.minutes,
            AttendanceMark.remark,
        )
        .outerjoin(User, User.id == by)
        .where(
            AttendanceMark.meeting_id == meeting.id,
            AttendanceMark.enrollment_id == enrollment_id,
            AttendanceMark.id > seen,
            sa.or_(by.is_(None), by != actor.id),
        )
        .order_by(AttendanceMark.id.desc())
    )
    found = session.execute(query.limit(1)).one_or_none()
    if found is not None:
        who, at, status, minutes, remark = found
        said = said_by(who, at, meeting.offering.time_zone, status, minutes, remark)
        raise RuleError(
            _("This meeting was marked meanwhile. %(said)s. Save again if yours is right.", said=said)
        )


def refuse_closed(offering: Offering, sitting: Sitting, now: datetime) -> None:
    """Raise RuleError when a meeting cannot be marked at all: its class is cancelled, or it has not begun."""
    if offering.state is OfferingState.CANCELLED:
        raise RuleError(_("This class was cancelled. Its roll is closed."))
    if now < sitting.starts_at:
        raise RuleError(
            _(
                "This meeting begins on %(date)s at %(time)s. Its roll opens then.",
                date=full_date(sitting.starts_at, offering.time_zone),
                time=clock_time(sitting.starts_at, offering.time_zone),
            )
        )


def minutes_for(entry: Entry, sitting: Sitting, now: datetime) -> int:
    """The minutes that a mark credits, within the meeting. Raises RuleError with the sentence for the row."""
    credit = sitting.credit
    if entry.status is MarkStatus.PRESENT:
        return credit
    if entry.status not in TIMED:
        return 0
    minutes = entry.minutes
    if minutes is None:
        moment = entry.moment(sitting, now)
        if not sitting.starts_at <= moment < sitting.ends_at:
            raise RuleError(_("Give the minutes, from 1 to %(most)s.", most=credit))
        late = entry.status is MarkStatus.LATE
        minutes = minutes_between(sitting, arrived=moment if late else None, left=None if late else moment)
    if minutes > credit or minutes < 0:
        raise RuleError(
            _("This meeting has %(most)s minutes. Give a number from 1 to %(most)s.", most=credit)
        )
    if minutes == 0 and credit:
        raise RuleError(_("Late and left early count at least 1 minute. Mark who missed it all as absent."))
    return minutes


def _checked(
    entries: Iterable[Entry], room: Mapping[int, Seat], sitting: Sitting, now: datetime
) -> tuple[list[tuple[Entry, int]], dict[int, str]]:
    wanted: list[tuple[Entry, int]] = []
    refused: dict[int, str] = {}
    for entry in entries:
        if entry.enrollment_id not in room:
            refused[entry.enrollment_id] = _("This student is not in this class, or not any more.")
            continue
        if len(entry.remark or "") > REMARK_LIMIT:
            refused[entry.enrollment_id] = _("A remark has at most %(most)s characters.", most=REMARK_LIMIT)
            continue
        try:
            wanted.append((entry, minutes_for(entry, sitting, now)))
        except RuleError as error:
            refused[entry.enrollment_id] = str(error)
    return wanted, refused


def _known_keys(session: Session, wanted: list[tuple[Entry, int]]) -> set[str]:
    """The keys of what was sent before; looked up in one statement."""
    keys = [entry.client_key for entry, _minutes in wanted if entry.client_key]
    if not keys:
        return set()
    query = sa.select(AttendanceMark.client_key).where(AttendanceMark.client_key.in_(keys))
    return {key for key in session.scalars(query) if key}
