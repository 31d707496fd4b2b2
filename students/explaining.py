"""Why someone waits where they wait, and why a seat went to this person and not to another, in words.

Students read these too, so other students appear as tickets, never by name.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session, aliased

from core.formatting import date_time, listing
from students import states
from students.models import Enrollment, EnrollmentEvent, EnrollmentState


@dataclass(frozen=True)
class Step:
    """The place in line from a moment on."""

    at: datetime
    place: int


def moves(session: Session, waiting: Sequence[Enrollment]) -> dict[int, list[Step]]:
    """How each of these waiting enrollments moved up (or back) since joining, oldest first. One statement.

    Reckoned back from the place now: whoever with a lower ticket came to or left the list in between.
    """
    mine, other = aliased(Enrollment), aliased(Enrollment)
    ids = [item.id for item in waiting]
    if not ids:
        return {}
    rows: Any = session.execute(
        sa.select(
            mine.id,
            other.id,
            other.state,
            EnrollmentEvent.at,
            EnrollmentEvent.to_state,
        )
        .join(other, sa.and_(other.offering_id == mine.offering_id, other.ticket <= mine.ticket))
        .outerjoin(
            EnrollmentEvent,
            sa.and_(
                EnrollmentEvent.enrollment_id == other.id,
                sa.or_(
                    EnrollmentEvent.from_state == EnrollmentState.WAITLISTED,
                    EnrollmentEvent.to_state == EnrollmentState.WAITLISTED,
                ),
            ),
        )
        .where(
            mine.id.in_(ids),
            sa.or_(EnrollmentEvent.id.is_not(None), other.state == EnrollmentState.WAITLISTED),
        )
        .order_by(EnrollmentEvent.at.desc(), EnrollmentEvent.id.desc())
    )
    places: dict[int, set[int]] = defaultdict(set)
    changes: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for mine_id, other_id, other_state, at, to_state in rows:
        if other_state is EnrollmentState.WAITLISTED:
            places[mine_id].add(other_id)
        if at is not None and other_id != mine_id:
            changes[mine_id].append((at, 1 if to_state is EnrollmentState.WAITLISTED else -1))
    return {item.id: _steps(item, len(places[item.id]), changes[item.id]) for item in waiting}


def _steps(enrollment: Enrollment, place: int, changes: Iterable[tuple[datetime, int]]) -> list[Step]:
    joined = enrollment.created_at
    steps = []
    for at, change in changes:  # newest first
        if at <= joined:
            break
        steps.append(Step(at, place))
        place -= change
    return [Step(joined, place), *reversed(steps)]


def promotion(event: EnrollmentEvent, zone: str) -> str:
    """Why this person was offered (or given) the seat, from what was noted at that moment; empty for other events."""
    details = event.details
    if event.to_state not in (EnrollmentState.OFFERED, EnrollmentState.ENROLLED) or "ticket" not in details:
        return ""
    when = date_time(event.at, zone)
    waiting = int(details.get("waiting", 1))
    if details.get("rule") == "out_of_order":
        return ngettext(
            "%(when)s: %(who)s gave the seat to ticket %(ticket)d before ticket %(passed)s, because: %(reason)s",
            "%(when)s: %(who)s gave the seat to ticket %(ticket)d before tickets %(passed)s, because: %(reason)s",
            len(details.get("passed", [])),
            when=when,
            who=event.actor.name if event.actor else _("the office"),
            ticket=details["ticket"],
            passed=listing([str(ticket) for ticket in details.get("passed", [])]),
            reason=event.reason,
        )
    freed = freed_words(str(details.get("freed_by", "")))
    return ngettext(
        "%(when)s: %(freed)s. Ticket %(ticket)d was the only one waiting.",
        "%(when)s: %(freed)s. Ticket %(ticket)d was the lowest of %(num)d waiting.",
        waiting,
        when=when,
        freed=freed,
        ticket=details["ticket"],
    )


def freed_words(freed_by: str) -> str:
    """What freed a seat, in words."""
    return {
        "withdrawn": _("A student withdrew"),
        "declined": _("A student passed on an offer"),
        "lapsed": _("An offer ran out"),
        "capacity": _("The class got more seats"),
        "transferred": _("A student moved to another class"),
        "group": _("An organization gave a seat back"),
        "not approved": _("A request was not approved"),
        "staff": _("The office gave out a free seat"),
    }.get(freed_by, _("A seat was free"))


def explain(
    enrollment: Enrollment, history: Sequence[EnrollmentEvent], place: int | None, zone: str
) -> list[str]:
    """Where this person stands, and for each promotion why them: sentences, oldest first.

    ``history`` are the enrollment's events with their actors; ``place`` is the place in line for who waits.
    """
    said = [text for event in history if (text := promotion(event, zone))]
    if enrollment.state is EnrollmentState.WAITLISTED and place is not None:
        if place == 1:
            said.append(_("Ticket %(ticket)d is the next in line.", ticket=enrollment.ticket))
        else:
            said.append(
                ngettext(
                    "Ticket %(ticket)d waits behind %(num)d person who asked earlier.",
                    "Ticket %(ticket)d waits behind %(num)d people who asked earlier.",
                    place - 1,
                    ticket=enrollment.ticket,
                )
            )
    return said


def event_words(event: EnrollmentEvent) -> str:
    """One move in words: "On the waitlist → Seat offered"."""
    to_state = str(states.LABELS[event.to_state])
    if event.from_state is None:
        return to_state
    return f"{states.LABELS[event.from_state]} → {to_state}"
