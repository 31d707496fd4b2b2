"""What a guest's mark means at home: the missed meeting is credited, once, by a mark of its own."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from attendance.makeup_models import PLACED, MakeUp, MakeUpState
from attendance.marking import LockedRoll, save_roll
from attendance.minutes import WAS_THERE
from attendance.models import AttendanceMark, MarkMethod, MarkStatus
from attendance.rolls import Seat, seats_of
from attendance.writing import Entry
from core.formatting import medium_date
from courses.offering_models import Meeting, Offering, OfferingState


def credit_guests(
    session: Session,
    meeting: Meeting,
    enrollment_ids: Collection[int],
    *,
    actor: User | None,
    now: datetime,
) -> None:
    """Carry the marks of guests home; their classes are locked already (``marking.lock_roll``).

    What was attended there is credited here up to the missed meeting's minutes, when that is more than stands here. A
    later correction there corrects it here. Signed-off classes move the student's state and revision.
    """
    query = (
        sa.select(MakeUp, AttendanceMark)
        .join(
            AttendanceMark,
            sa.and_(
                AttendanceMark.meeting_id == MakeUp.meeting_id,
                AttendanceMark.enrollment_id == MakeUp.enrollment_id,
                AttendanceMark.is_current,
            ),
        )
        .where(
            MakeUp.meeting_id == meeting.id,
            MakeUp.enrollment_id.in_(enrollment_ids),
            MakeUp.state.in_(PLACED),
        )
        .options(joinedload(MakeUp.missed_meeting, innerjoin=True))
        .order_by(MakeUp.id)
        .execution_options(populate_existing=True)
    )
    for makeup, there in session.execute(query).all():
        _carry(session, makeup, there, meeting, actor=actor, now=now)


def _carry(
    session: Session,
    makeup: MakeUp,
    there: AttendanceMark,
    meeting: Meeting,
    *,
    actor: User | None,
    now: datetime,
) -> None:
    lost = makeup.missed_meeting
    home = session.get(Offering, lost.offering_id)
    if home is None or home.state is OfferingState.CANCELLED:
        return
    seats, revision = seats_of(session, lost.id, home.id)
    seat = seats.get(makeup.enrollment_id)
    if seat is None:
        return
    minutes = min(there.minutes, lost.credit_minutes) if there.status in WAS_THERE else 0
    entry = _entry(session, makeup, seat, minutes, lost.credit_minutes)
    makeup.state = MakeUpState.CREDITED if minutes else MakeUpState.PLANNED
    if entry is None:
        return
    reason = _(
        "Made up in %(code)s, %(date)s.",
        code=meeting.offering.code,
        date=medium_date(meeting.starts_at, meeting.offering.time_zone),
    )
    save_roll(
        session,
        lost,
        [entry],
        actor=actor,
        now=now,
        reason=reason,
        method=MarkMethod.MAKE_UP,
        roll=LockedRoll(home, seats, revision),
    )


def _entry(session: Session, makeup: MakeUp, seat: Seat, minutes: int, credit: int) -> Entry | None:
    """What to mark at home, before the make-up's new state is set; None when what stands there is as good."""
    number = makeup.enrollment_id
    if makeup.state is not MakeUpState.CREDITED and (not minutes or minutes <= (seat.minutes or 0)):
        return None
    if minutes >= credit:
        return Entry(number, MarkStatus.PRESENT)
    before = _before(session, makeup)
    if before is not None and before[1] >= minutes:
        return Entry(number, before[0], before[1] or None)
    return Entry(number, MarkStatus.LATE, minutes) if minutes else Entry(number, MarkStatus.ABSENT)


def _before(session: Session, makeup: MakeUp) -> tuple[MarkStatus, int] | None:
    """What stood at home before anything was made up."""
    query = (
        sa.select(AttendanceMark.status, AttendanceMark.minutes)
        .where(
            AttendanceMark.meeting_id == makeup.missed_meeting_id,
            AttendanceMark.enrollment_id == makeup.enrollment_id,
            AttendanceMark.method != MarkMethod.MAKE_UP,
            AttendanceMark.conflicts_with_id.is_(None),
        )
        .order_by(AttendanceMark.id.desc())
        .limit(1)
    )
    found = session.execute(query).one_or_none()
    return (found[0], found[1]) if found else None
