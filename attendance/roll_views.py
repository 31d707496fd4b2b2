"""The roll of one meeting: opened, marked, saved; with and without JavaScript."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.access import TEACHING, actor_again, me, roles
from accounts.models import Role, User
from attendance.access import meeting_of, meeting_sent, rolls_of
from attendance.blueprint import blueprint
from attendance.checkin import scans_of
from attendance.codes import Way
from attendance.marking import RollError, Saved, lock_roll, refuse_closed, save_roll
from attendance.minutes import TIMED, Sitting
from attendance.models import REMARK_LIMIT, MarkStatus, Roll
from attendance.roll_form import TypedRoll, mark_rest, read_roll
from attendance.rolls import Other, Seat, others_of, seats_of
from attendance.words import STATUS_ORDER, choices, meeting_name, said_by
from core import clock
from core.database import db
from core.errors import RuleError
from core.formatting import clock_time, medium_date
from core.web import acting, page, see_other
from courses.offering_models import Meeting, OfferingState


@dataclass
class Row:
    """One student on the page: who, what to know, what is chosen, what is wrong, and whether that is ``unsaved``."""

    id: int
    name: str
    notes: list[str]
    chosen: str
    minutes: str
    remark: str
    error: str = ""
    said: list[str] = field(default_factory=list)
    later: bool = False
    unsaved: bool = False


@blueprint.get("/teaching/<code>/meetings/<int:number>/roll")
@roles(*TEACHING)
def roll(code: str, number: int) -> ResponseReturnValue:
    """The roll as it stands."""
    session = db.session
    meeting = meeting_of(session, me(), code, number)
    return _show(session, meeting, TypedRoll())


@blueprint.post("/teaching/<code>/meetings/<int:number>/roll")
@roles(*TEACHING)
def save(code: str, number: int) -> ResponseReturnValue:
    """Save the roll, or mark the rest present without saving yet."""
    wish = request.form.get("all", "")
    if wish:
        return _mark_rest(code, number, undo=wish == "undo")
    typed = TypedRoll()
    saved: Saved | None = None
    error = ""
    try:
        with acting() as session:
            actor = actor_again(session)
            meeting = meeting_sent(session, actor, code, number)
            stands_at = meeting.number
            locked = lock_roll(session, meeting)
            typed = read_roll(request.form, locked.seats, meeting.credit_minutes)
            if typed.errors:
                raise RollError(typed.errors)
            saved = save_roll(
                session,
                meeting,
                typed.entries,
                actor=actor,
                now=clock.now(),
                revision=typed.revision,
                reason=typed.reason,
                roll=locked,
            )
    except RollError as problem:
        typed.errors = problem.rows
    except RuleError as problem:
        error = str(problem)
    if saved is None:
        return _again(code, number, typed, status=422, error=error)
    if saved.differences:
        return _again(code, number, typed, status=409, saved=saved)
    flash(_told(saved), "success")
    return see_other(url_for(".roll", code=code, number=stands_at))


def _again(code: str, number: int, typed: TypedRoll, *, status: int, **more: Any) -> Response:
    session = db.session
    return _show(session, meeting_sent(session, me(), code, number), typed, status=status, **more)


def _mark_rest(code: str, number: int, *, undo: bool) -> Response:
    session = db.session
    meeting = meeting_sent(session, me(), code, number)
    seats, _revision = seats_of(session, meeting.id, meeting.offering_id)
    typed = read_roll(request.form, seats, meeting.credit_minutes)
    typed.errors.clear()  # nothing is saved yet
    if undo:
        for text in request.form.get("filled", "").split(","):
            number = int(text) if text.isdecimal() and len(text) < 12 else 0
            if typed.status.get(number) == MarkStatus.PRESENT:  # whoever was marked otherwise since stays so
                del typed.status[number]
                typed.minutes.pop(number, None)
        return _show(session, meeting, typed)
    late = [seat.enrollment_id for seat in seats.values() if _joined_later(seat, meeting)]
    filled = mark_rest(typed, seats.values(), late)
    return _show(session, meeting, typed, filled=filled, nobody_left=not filled)


def _joined_later(seat: Seat, meeting: Meeting) -> bool:
    return seat.joined_at >= meeting.ends_at and not seat.is_guest


def _show(
    session: Session,
    meeting: Meeting,
    typed: TypedRoll,
    *,
    status: int = 200,
    error: str = "",
    saved: Saved | None = None,
    filled: Sequence[int] = (),
    nobody_left: bool = False,
) -> Response:
    offering, zone = meeting.offering, meeting.offering.time_zone
    seats, revision = seats_of(session, meeting.id, offering.id)
    if saved is None and typed.revision is not None:
        revision = min(revision, typed.revision)  # the page is as old as what was typed on it
    differing = any(seat.has_differences for seat in seats.values())
    others = others_of(session, meeting.id) if differing else {}
    meetings, mine = rolls_of(session, me(), offering.id)
    scans = scans_of(session, meeting.id)
    rows = [
        _row(seat, meeting, typed, others.get(seat.enrollment_id, []), scans, zone) for seat in seats.values()
    ]
    unsaved = sum(row.unsaved for row in rows) if status == 200 else 0
    try:
        refuse_closed(offering, Sitting.of(meeting), clock.now())
        closed = ""
    except RuleError as problem:
        # A phone that is made ready before the meeting gets the roll as it will be then.
        soon = "offline" in request.args and offering.state is OfferingState.PUBLISHED
        closed = "" if soon else str(problem)
    place = next((n for n, item in enumerate(mine) if item.id == meeting.id), 0)
    return page(
        "attendance/roll.html",
        status=status,
        page_has_errors=status >= 400,
        clean=status == 200 and not unsaved and not closed,
        unsaved=unsaved,
        now=clock.now(),
        offering=offering,
        meeting=meeting,
        title=meeting_name(meeting.starts_at, zone),
        count=len(meetings),
        previous=mine[place - 1] if place else None,
        following=mine[place + 1] if place + 1 < len(mine) else None,
        meeting_name=meeting_name,
        rows=rows,
        tally=_tally(rows),
        choices=choices(),
        revision=revision,
        last=_last_saved(session, meeting) if revision else "",
        closed=closed,
        needs_reason=offering.finalized_at is not None,
        typed=typed,
        remark_limit=REMARK_LIMIT,
        error=error,
        saved=saved,
        filled=filled,
        nobody_left=nobody_left,
    )


def _row(
    seat: Seat,
    meeting: Meeting,
    typed: TypedRoll,
    others: list[Other],
    scans: Mapping[tuple[int, Way], datetime],
    zone: str,
) -> Row:
    number = seat.enrollment_id
    notes = []
    later = _joined_later(seat, meeting)
    if later:
        notes.append(_("Joined %(date)s", date=medium_date(seat.joined_at, zone)))
    if seat.is_guest:
        notes.append(_("Guest, makes up a missed meeting"))
    elif seat.wants_talk:
        notes.append(_("Wants to talk to you"))
    if (number, Way.IN) in scans:
        notes.append(_("Checked in %(time)s", time=clock_time(scans[number, Way.IN], zone)))
    if (number, Way.OUT) in scans:
        notes.append(_("Left %(time)s", time=clock_time(scans[number, Way.OUT], zone)))
    # Where two people differ nothing is chosen: the page asks.
    stands = "" if seat.has_differences or seat.status is None else seat.status.value
    minutes = shown = "" if seat.has_differences or seat.minutes is None else str(seat.minutes)
    chosen = typed.status.get(number, stands)
    if chosen in (MarkStatus.PRESENT.value, MarkStatus.ABSENT.value, MarkStatus.EXCUSED.value):
        implied = str(meeting.credit_minutes) if chosen == MarkStatus.PRESENT.value else "0"
        minutes = implied
    if typed.minutes.get(number) and (chosen in TIMED or number in typed.errors):
        minutes = typed.minutes[number]
    remark = typed.remark.get(number, seat.remark)
    row = Row(number, seat.name, notes, chosen, minutes, remark, typed.errors.get(number, ""))
    row.later = later
    row.unsaved = (chosen, remark) != (stands, seat.remark) or (chosen in TIMED and minutes != shown)
    if seat.has_differences and seat.status and seat.minutes is not None and seat.made_at:
        row.said.append(said_by(seat.recorded_by, seat.made_at, zone, seat.status, seat.minutes, seat.remark))
        row.said += [
            said_by(other.recorded_by, other.made_at, zone, other.status, other.minutes, other.remark)
            for other in others
        ]
    return row


def _tally(rows: Sequence[Row]) -> dict[str, int]:
    counts = {status.value: 0 for status in STATUS_ORDER} | {"none": 0}
    for row in rows:
        counts[row.chosen if row.chosen in counts else "none"] += 1
    return counts


def _last_saved(session: Session, meeting: Meeting) -> str:
    """Who saved the roll last, and when, in words. A student who checked in has not taken the roll."""
    query = (
        sa.select(Roll.saved_at, sa.func.coalesce(User.name, ""), User.role)
        .outerjoin(User, User.id == Roll.saved_by_id)
        .where(Roll.meeting_id == meeting.id)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return ""
    at, who, role = found
    zone = meeting.offering.time_zone
    if role is Role.STUDENT:
        return _("Last check-in at %(time)s", time=clock_time(at, zone))
    words = {"time": clock_time(at, zone), "date": medium_date(at, zone), "who": who}
    if clock.local_date(at, zone) == clock.local_date(clock.now(), zone):
        return _("Saved at %(time)s by %(who)s", **words) if who else _("Saved at %(time)s", **words)
    return _("Saved %(date)s by %(who)s", **words) if who else _("Saved %(date)s", **words)


def _told(saved: Saved) -> str:
    if not saved.changed:
        return _("Nothing had changed since the last save.")
    return ngettext("%(num)s mark saved.", "%(num)s marks saved.", len(saved.changed))
