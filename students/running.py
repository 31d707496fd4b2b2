"""Whether a class runs that has fewer students than it needs: the office decides by a day, and tells everyone.

The minimum counts seats held, those of a group that nobody is named for yet included.
"""

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from core import audit, outbox
from core.clock import local_date
from core.errors import RuleError
from courses.offering_models import Offering, OfferingState
from students import cancelling, seats
from students.models import Enrollment, EnrollmentState, Student

# The decision stands on the office's day so long before it is due.
AHEAD = timedelta(days=7)


def is_open(offering: Offering, now: datetime) -> bool:
    """Whether the office still has to decide: too few students, nothing decided, not begun."""
    return (
        offering.state is OfferingState.PUBLISHED
        and offering.minimum_to_run is not None
        and offering.runs_since is None
        and offering.seats_taken < offering.minimum_to_run
        and offering.starts_at > now
    )


def undecided(now: datetime) -> sa.Select[Offering]:
    """Classes whose decision is due within ``AHEAD`` or late, the most pressing first."""
    return (
        sa.select(Offering)
        .where(
            Offering.state == OfferingState.PUBLISHED,
            Offering.minimum_to_run > Offering.seats_taken,
            Offering.runs_since.is_(None),
            Offering.starts_at > now,
            Offering.decide_by <= now.date() + AHEAD,
        )
        .order_by(Offering.decide_by, Offering.starts_at)
    )


def run(session: Session, offering: Offering, *, actor: User, now: datetime) -> int:
    """It runs, with however many. Everyone enrolled is told; returns how many. Raises RuleError when nothing is open."""
    offering = _to_decide(session, offering, now)
    offering.runs_since = now
    _record(session, offering, "run", actor=actor, now=now)
    return _tell(session, offering, "runs", f"runs:{now.isoformat()}", now=now)


def put_off(session: Session, offering: Offering, until: date | None, *, actor: User, now: datetime) -> int:
    """Decide later. Everyone enrolled is told until when; returns how many.

    Raises RuleError (field ``until``) for a day that is not later, or after the class has begun.
    """
    offering = _to_decide(session, offering, now)
    zone = offering.time_zone
    if until is None:
        raise RuleError(_("Say by which day the office decides."), field="until")
    if until <= max(local_date(now, zone), offering.decide_by or date.min):
        raise RuleError(_("Choose a later day than before."), field="until")
    if until > local_date(offering.starts_at, zone):
        raise RuleError(_("Decide before the class begins."), field="until")
    offering.decide_by = until
    _record(session, offering, "put_off", actor=actor, now=now)
    return _tell(session, offering, "put-off", f"put-off:{until}", now=now)


def call_off(session: Session, offering: Offering, reason: str, *, actor: User, now: datetime) -> int:
    """It does not run: the class is cancelled, everyone is told and gets everything back. Returns how many."""
    offering = _to_decide(session, offering, now)
    told = cancelling.cancel(session, offering, reason=reason, actor=actor, now=now)
    _record(session, offering, "cancel", actor=actor, now=now)
    return told


def _to_decide(session: Session, offering: Offering, now: datetime) -> Offering:
    offering = seats.lock(session, offering.id)
    if offering.minimum_to_run is None:
        raise RuleError(_("This class has no minimum, so there is nothing to decide."))
    if not is_open(offering, now):
        raise RuleError(
            _("There is nothing to decide any more: it was decided, has students enough, or has begun.")
        )
    return offering


def _record(session: Session, offering: Offering, decision: str, *, actor: User, now: datetime) -> None:
    audit.record(
        session,
        "students:class:decided",
        offering,
        actor=actor,
        now=now,
        code=offering.code,
        decision=decision,
        seats=offering.seats_taken,
        minimum=offering.minimum_to_run,
    )


def _tell(session: Session, offering: Offering, kind: str, event: str, *, now: datetime) -> int:
    enrolled = session.scalars(
        sa.select(Enrollment)
        .where(Enrollment.offering_id == offering.id, Enrollment.state == EnrollmentState.ENROLLED)
        .options(joinedload(Enrollment.student).joinedload(Student.user))
        .order_by(Enrollment.ticket)
    ).all()
    for enrollment in enrolled:
        outbox.enqueue(
            session,
            kind,
            to=enrollment.student.user.email,
            to_name=enrollment.student.user.name,
            event=f"enrollment:{enrollment.id}:{event}",
            now=now,
            about_id=enrollment.id,
        )
    return len(enrolled)
