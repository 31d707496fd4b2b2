"""A class in a list: when, where, who, how many seats are left, and what one can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from courses.models import Policy
from courses.offering_models import Offering, OfferingState, Venue


class Door(StrEnum):
    """Whether one can get in: enroll, wait, not yet, no more."""

    OPEN = "open"
    WAITLIST = "waitlist"
    NOT_YET = "not_yet"
    CLOSED = "closed"
    LIST_CLOSED = "list_closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class ClassCard:
    """What a list shows of a class. Moments in UTC."""

    code: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    place: str
    teachers: tuple[str, ...]
    capacity: int
    seats_taken: int
    waiting: int
    opens_at: datetime | None
    door: Door


COLUMNS = (
    Offering.id,
    Offering.code,
    Offering.starts_at,
    Offering.ends_at,
    Offering.time_zone,
    Offering.capacity,
    Offering.seats_taken,
    Offering.waiting_count,
    Offering.enrollment_opens_at,
    Offering.enrollment_closes_at,
    Offering.state,
    Policy.waitlist_cutoff_hours,
    Venue.name,
    Venue.city,
    Venue.is_online,
)


def card_of(row: Sequence[Any], teachers: tuple[str, ...], now: datetime) -> ClassCard:
    """A card from a row of ``COLUMNS``."""
    (
        _key,
        code,
        starts,
        ends,
        zone,
        capacity,
        taken,
        waiting,
        opens,
        closes,
        state,
        cutoff,
        name,
        city,
        online,
    ) = row
    return ClassCard(
        code=code,
        starts_at=starts,
        ends_at=ends,
        time_zone=zone,
        place=name if online or not city else f"{city}, {name}",
        teachers=teachers,
        capacity=capacity,
        seats_taken=taken,
        waiting=waiting,
        opens_at=opens,
        door=_door(
            state, starts, opens, closes, full=taken >= capacity or waiting > 0, cutoff=cutoff, now=now
        ),
    )


def door_of(offering: Offering, *, now: datetime) -> Door:
    """Whether one can get into this class now. The same answer as ``students.enrollment`` gives, as a word."""
    return _door(
        offering.state,
        offering.starts_at,
        offering.enrollment_opens_at,
        offering.enrollment_closes_at,
        full=offering.is_full,
        cutoff=offering.policy.waitlist_cutoff_hours,
        now=now,
    )


def _door(
    state: OfferingState,
    starts: datetime,
    opens: datetime | None,
    closes: datetime | None,
    *,
    full: bool,
    cutoff: int,
    now: datetime,
) -> Door:
    if state is OfferingState.CANCELLED:
        return Door.CANCELLED
    if state is OfferingState.DRAFT or starts <= now or (closes is not None and closes <= now):
        return Door.CLOSED
    if opens is not None and opens > now:
        return Door.NOT_YET
    if not full:
        return Door.OPEN
    return Door.WAITLIST if now < starts - timedelta(hours=cutoff) else Door.LIST_CLOSED
