"""How coming classes fill: seats taken over the last ten weeks, from the history of enrollments. Two statements."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from courses.offering_models import Offering, OfferingState
from students.models import SEATED_STATES, Enrollment, EnrollmentEvent

WEEKS = 10
CLASSES = 8


@dataclass(frozen=True)
class Filling:
    """A coming class and its seats taken at the end of each of the last weeks, the present one last."""

    offering: Offering
    series: tuple[int, ...]


def filling(session: Session, *, now: datetime) -> list[Filling]:
    """The next classes to begin, with how their seats were taken."""
    query = (
        sa.select(Offering)
        .where(Offering.state == OfferingState.PUBLISHED, Offering.starts_at > now)
        .options(joinedload(Offering.course))
        .order_by(Offering.starts_at, Offering.id)
        .limit(CLASSES)
    )
    offerings = session.scalars(query).all()
    changes = _changes(session, [offering.id for offering in offerings])
    ends = [now - timedelta(weeks=WEEKS - 1 - week) for week in range(WEEKS)]
    return [
        Filling(offering, _series(offering, changes.get(offering.id, []), ends)) for offering in offerings
    ]


def _changes(session: Session, offering_ids: list[int]) -> dict[int, list[tuple[datetime, int]]]:
    """Per class: when a seat was taken (+1) or freed (-1)."""
    query = (
        sa.select(
            Enrollment.offering_id, EnrollmentEvent.at, EnrollmentEvent.from_state, EnrollmentEvent.to_state
        )
        .join(EnrollmentEvent.enrollment)
        .where(Enrollment.offering_id.in_(offering_ids))
    )
    found: dict[int, list[tuple[datetime, int]]] = {}
    for offering_id, at, before, after in session.execute(query):
        change = int(after in SEATED_STATES) - int(before in SEATED_STATES)
        if change:
            found.setdefault(offering_id, []).append((at, change))
    return found


def _series(offering: Offering, changes: list[tuple[datetime, int]], ends: list[datetime]) -> tuple[int, ...]:
    """Counted back from the seats that are taken now, so that seats without a history are in it too."""
    series = []
    for end in ends:
        since = sum(change for at, change in changes if at > end)
        series.append(min(max(offering.seats_taken - since, 0), offering.capacity))
    return tuple(series)
