"""Editing venues: places with their own clock and so many seats."""

from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.clock import is_zone
from core.database import flush_unique, locked
from core.errors import RuleError
from core.formatting import listing
from courses.offering_checks import check_code
from courses.offering_models import Offering, OfferingState, Venue

# The unique index of the codes, as PostgreSQL and SQLite name it.
_CODES = ("uq_venues_code", "venues.code")


@dataclass(frozen=True, kw_only=True)
class VenueData:
    """Everything a venue is; ``time_zone`` is an IANA name."""

    code: str
    name: str
    street: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    time_zone: str
    seats: int
    is_online: bool = False
    directions: str = ""


def create_venue(session: Session, data: VenueData, *, actor: User, now: datetime) -> Venue:
    """Add a venue. Raises RuleError when the code is taken or the zone unknown."""
    _check(session, None, data)
    venue = Venue(**{f.name: getattr(data, f.name) for f in fields(data)})
    session.add(venue)
    flush_unique(session, _taken(), *_CODES)
    audit.record(session, "courses:venue:created", venue, actor=actor, now=now, code=venue.code)
    return venue


def edit_venue(session: Session, venue: Venue, data: VenueData, *, actor: User, now: datetime) -> list[str]:
    """Change a venue; returns the names of what changed.

    Classes keep the times they have: the zone counts for classes made from now on. Raises RuleError when the code is
    taken, the zone unknown, or a coming class has more places than the room would have seats.
    """
    locked(session, Venue, venue.id)
    _check(session, venue, data)
    if data.seats < venue.seats and not data.is_online:
        _room_for_classes(session, venue, data.seats, now)
    changed = [f.name for f in fields(data) if getattr(venue, f.name) != getattr(data, f.name)]
    for name in changed:
        setattr(venue, name, getattr(data, name))
    if changed:
        flush_unique(session, _taken(), *_CODES)
        audit.record(
            session, "courses:venue:changed", venue, actor=actor, now=now, code=venue.code, changed=changed
        )
    return changed


def _check(session: Session, venue: Venue | None, data: VenueData) -> None:
    check_code(data.code)
    taken = session.scalar(sa.select(Venue.id).where(Venue.code == data.code))
    if taken is not None and (venue is None or taken != venue.id):
        raise _taken()
    if not is_zone(data.time_zone):
        raise RuleError(_("This is not a time zone. One looks like America/Chicago."), field="time_zone")


def _taken() -> RuleError:
    return RuleError(_("There is a venue with this code already."), field="code")


def _room_for_classes(session: Session, venue: Venue, seats: int, now: datetime) -> None:
    query = (
        sa.select(Offering.code)
        .where(
            Offering.venue_id == venue.id,
            Offering.capacity + Offering.guest_places > seats,
            Offering.ends_at > now,
            Offering.state != OfferingState.CANCELLED,
        )
        .order_by(Offering.starts_at)
        .limit(5)
    )
    if codes := session.scalars(query).all():
        raise RuleError(
            _("These classes here have more places than that: %(codes)s.", codes=listing(codes)),
            field="seats",
        )


def venue_choices(session: Session) -> list[tuple[int, str]]:
    """The venues to choose one from, by name: id, and name, city and seats in words. One statement."""
    venues = session.execute(sa.select(Venue.id, Venue.name, Venue.city, Venue.seats).order_by(Venue.name))
    return [
        (
            key,
            ngettext(
                "%(name)s, %(num)s seat",
                "%(name)s, %(num)s seats",
                seats,
                name=", ".join(filter(None, (name, city))),
            ),
        )
        for key, name, city, seats in venues
    ]
