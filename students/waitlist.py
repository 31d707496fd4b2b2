"""The waitlist: first come, first served, by ticket.

A freed seat becomes an offer to the head of the list until the earlier of the policy's hours and the cut-off; lapsed
or declined, it goes to the next. At the cut-off the list closes. Offerings may enroll the head at once instead.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, aliased, joinedload

from accounts.models import User
from core import clock, jobs
from core.database import db, writing
from core.errors import RuleError
from courses.models import Policy
from courses.offering_models import Offering, OfferingState
from students import closing, seats, telling
from students.models import Enrollment, EnrollmentState, Student

log = logging.getLogger("stillpoint.waitlist")

LAPSE_JOB = "lapse-offers"
# Offers that one transaction of the job handles; small, so that nobody waits long for its lock.
BATCH = 100
# Whoever is told needs an address: loaded with the rows, not one by one.
_WITH_USER = joinedload(Enrollment.student).joinedload(Student.user)


def cut_off(offering: Offering, policy: Policy) -> datetime:
    """When the waitlist closes: the policy's hours before the class begins."""
    return offering.starts_at - timedelta(hours=policy.waitlist_cutoff_hours)


def offer_deadline(offering: Offering, policy: Policy, now: datetime) -> datetime:
    """Until when a seat offered now is held."""
    return min(now + timedelta(hours=policy.seat_offer_hours), cut_off(offering, policy))


def is_open(offering: Offering, policy: Policy, now: datetime) -> bool:
    """Whether people may still join the list and be offered seats."""
    return offering.state is OfferingState.PUBLISHED and now < cut_off(offering, policy)


def whose_next(offering: Offering, policy: Policy, now: datetime) -> str:
    """Who gets the seat of this class that someone is about to give up, as a sentence."""
    if offering.waiting_count and is_open(offering, policy, now):
        return _("The seat goes to the next in line.")
    return _("The seat becomes free for others.")


def promote(session: Session, offering: Offering, *, now: datetime, freed_by: str = "") -> list[Enrollment]:
    """Offer every free seat to the head of the list (or enroll them at once). The offering is locked by ``seats.lock``.

    ``freed_by`` says in a word what freed the seat ("withdrawn", "lapsed", "capacity"), for the history. Returns those
    who got one.
    """
    if offering.waiting_count == 0 or offering.seats_left <= 0 or not is_open(offering, offering.policy, now):
        return []
    session.flush()
    heads = list(
        session.scalars(
            sa.select(Enrollment)
            .where(Enrollment.offering_id == offering.id, Enrollment.state == EnrollmentState.WAITLISTED)
            .options(_WITH_USER)
            .order_by(Enrollment.ticket)
            .limit(offering.seats_left)
        )
    )
    for head in heads:
        why = {"rule": "head", "ticket": head.ticket, "waiting": offering.waiting_count, "freed_by": freed_by}
        _give_seat(session, offering, head, actor=None, now=now, reason="", details=why)
    return heads


def _give_seat(
    session: Session,
    offering: Offering,
    enrollment: Enrollment,
    *,
    actor: User | None,
    now: datetime,
    reason: str,
    details: dict[str, Any],
    at_once: bool = False,
) -> None:
    enrollment.offer_made_at = now
    enrollment.offer_expires_at = offer_deadline(offering, offering.policy, now)
    if not (at_once or offering.promotes_at_once):
        details = {**details, "until": enrollment.offer_expires_at.isoformat()}
        seats.move(
            session, enrollment, EnrollmentState.OFFERED, actor=actor, now=now, reason=reason, **details
        )
        telling.offered(session, enrollment, now=now)
        return
    seats.move(session, enrollment, EnrollmentState.OFFERED, actor=actor, now=now, reason=reason, **details)
    session.flush()
    seats.move(session, enrollment, EnrollmentState.ENROLLED, actor=actor, now=now, at_once=True)
    telling.enrolled(session, enrollment, now=now)


def promote_by_hand(
    session: Session, enrollment: Enrollment, *, reason: str, actor: User, now: datetime
) -> None:
    """Staff give a free seat to someone on the list: the head, or out of order with a reason that stays.

    Before the cut-off the person gets an offer; after it, staff seat people at the door, so they are enrolled at once.
    Raises RuleError without a free seat, out of order without a reason, or when the class is over or cancelled.
    """
    offering = seats.lock_of(session, enrollment)
    if enrollment.state is not EnrollmentState.WAITLISTED:
        raise RuleError(_("This person is not on the waitlist any more."))
    if offering.state is not OfferingState.PUBLISHED:
        raise RuleError(_("This class is not open: it is cancelled or not published."))
    if now >= offering.ends_at or offering.finalized_at is not None:
        raise RuleError(_("This class is over; nobody can be seated in it any more."))
    if offering.seats_left <= 0:
        raise seats.NoSeatError(
            _(
                "No seat is free. Add one for this person, or let the next free seat go to the head of the list."
            )
        )
    passed = list(
        session.scalars(
            sa.select(Enrollment.ticket)
            .where(
                Enrollment.offering_id == offering.id,
                Enrollment.state == EnrollmentState.WAITLISTED,
                Enrollment.ticket < enrollment.ticket,
            )
            .order_by(Enrollment.ticket)
        )
    )
    reason = reason.strip()
    if passed and not reason:
        raise RuleError(
            _("Others asked earlier. Write why this person goes first; it stays in the history."),
            field="reason",
        )
    details: dict[str, Any] = {
        "rule": "out_of_order" if passed else "head",
        "ticket": enrollment.ticket,
        "waiting": offering.waiting_count,
        "passed": passed,
        "freed_by": "staff",
    }
    at_once = not is_open(offering, offering.policy, now)
    _give_seat(
        session, offering, enrollment, actor=actor, now=now, reason=reason, details=details, at_once=at_once
    )


def accept(session: Session, enrollment: Enrollment, *, actor: User, now: datetime) -> None:
    """The student takes the seat that is held for them.

    Raises RuleError when there is no offer, its time is over, or the class is cancelled.
    """
    offering = seats.lock_of(session, enrollment)
    if enrollment.state is EnrollmentState.ENROLLED:
        raise RuleError(_("You have taken this seat already; you are enrolled."))
    if enrollment.state is EnrollmentState.WAITLISTED:
        raise RuleError(_("No seat is offered to you yet. You keep your place on the waitlist."))
    if enrollment.state is not EnrollmentState.OFFERED:
        raise RuleError(_no_offer(enrollment.state))
    if _is_over(enrollment, now):
        raise OfferLapsedError(_no_offer(EnrollmentState.LAPSED))
    if offering.state is not OfferingState.PUBLISHED:
        raise RuleError(_no_offer(EnrollmentState.CANCELLED))
    seats.move(session, enrollment, EnrollmentState.ENROLLED, actor=actor, now=now)
    telling.enrolled(session, enrollment, now=now)


def nothing_to_decline(state: EnrollmentState) -> RuleError:
    """Why there is no offer to pass on, for the student."""
    if state is EnrollmentState.ENROLLED:
        return RuleError(_("You have taken this seat already. To give it up, withdraw from the class."))
    if state is EnrollmentState.WAITLISTED:
        return RuleError(_("No seat is offered to you yet. To leave the waitlist, withdraw."))
    return RuleError(_no_offer(state))


def decline(session: Session, enrollment: Enrollment, *, actor: User, now: datetime) -> None:
    """The student passes: the seat goes to the next in line, if any, and this place on the list ends.

    Raises RuleError when there is no offer to decline, or its time is over.
    """
    offering = seats.lock_of(session, enrollment)
    if enrollment.state is not EnrollmentState.OFFERED:
        raise nothing_to_decline(enrollment.state)
    if _is_over(enrollment, now):
        raise OfferLapsedError(_no_offer(EnrollmentState.LAPSED))
    seats.move(session, enrollment, EnrollmentState.WITHDRAWN, actor=actor, now=now, passed=True)
    telling.passed(session, enrollment, now=now)
    promote(session, offering, now=now, freed_by="declined")


class OfferLapsedError(RuleError):
    """The offer's time is over (the job may not have said so yet)."""


def _is_over(enrollment: Enrollment, now: datetime) -> bool:
    return enrollment.offer_expires_at is not None and enrollment.offer_expires_at <= now


def _no_offer(state: EnrollmentState) -> str:
    if state is EnrollmentState.LAPSED:
        return _("The time to take this seat has run out; it is no longer held for you.")
    if state is EnrollmentState.CANCELLED:
        return _("This class was cancelled, so there is no seat to take.")
    if state is EnrollmentState.WITHDRAWN:
        return _("You gave this place up already.")
    return _("There is no seat offer for you in this class.")


def shorten_offers(session: Session, offering: Offering, *, now: datetime) -> int:
    """After a class was moved forward: offers end at its new cut-off, or at its beginning when that has passed.

    The offering is locked. Whoever has an offer is mailed the new deadline; returns how many.
    """
    closes = cut_off(offering, offering.policy)
    latest = closes if closes > now else offering.starts_at
    session.flush()
    offers = session.scalars(
        sa.select(Enrollment)
        .where(
            Enrollment.offering_id == offering.id,
            Enrollment.state == EnrollmentState.OFFERED,
            Enrollment.offer_expires_at > latest,
        )
        .options(_WITH_USER)
        .execution_options(populate_existing=True)
        .order_by(Enrollment.ticket)
    ).all()
    for enrollment in offers:
        enrollment.offer_expires_at = latest
        telling.offer_shortened(session, enrollment, now=now)
    return len(offers)


@jobs.job(LAPSE_JOB, every=1)
def lapse_offers() -> int:
    """End offers whose time is over and offer the seats to the next; also seats that nobody was offered yet.

    Each offering is a transaction of its own: whoever kills the worker in between loses nothing, the next run goes on.
    Returns how many offers lapsed.
    """
    total = 0
    now = clock.now()
    for offering_id in _due(now):
        lapsed = BATCH
        while lapsed == BATCH:
            try:
                with writing() as session:
                    lapsed = lapse_in(session, offering_id, now=now)
            except Exception:
                # One class in disorder must not hold up the others.
                log.exception("the offers of offering %s could not be ended", offering_id)
                break
            total += lapsed
    return total


def _due(now: datetime) -> list[int]:
    """Offerings with an offer that is over, with a free seat that someone waits for, whose list is to be closed, or that are
    over and have a request that nobody decided about."""
    over = sa.select(Enrollment.offering_id).where(
        Enrollment.state == EnrollmentState.OFFERED, Enrollment.offer_expires_at <= now
    )
    cut_off_at = Policy.waitlist_cutoff_hours
    waiting = sa.select(
        Offering.id, Offering.starts_at, cut_off_at, Offering.seats_taken, Offering.capacity
    ).join(Policy, Policy.id == Offering.policy_id)
    waiting = waiting.where(Offering.waiting_count > 0, Offering.state == OfferingState.PUBLISHED)
    undecided = (
        sa.select(Enrollment.offering_id)
        .join(Enrollment.offering)
        .where(Enrollment.state == EnrollmentState.PENDING, Offering.ends_at <= now)
    )
    due = {*db.session.scalars(over), *db.session.scalars(undecided)}
    for offering_id, starts_at, hours, taken, capacity in db.session.execute(waiting):
        has_free_seat = taken < capacity and now < starts_at - timedelta(hours=hours)
        if has_free_seat or now >= starts_at:
            due.add(offering_id)
    db.session.rollback()
    return sorted(due)


def lapse_in(session: Session, offering_id: int, *, now: datetime) -> int:
    """Do in one offering what is due by now, at most ``BATCH`` offers. Returns how many offers lapsed."""
    offering = seats.lock(session, offering_id)
    over = session.scalars(
        sa.select(Enrollment)
        .where(
            Enrollment.offering_id == offering_id,
            Enrollment.state == EnrollmentState.OFFERED,
            Enrollment.offer_expires_at <= now,
        )
        .options(_WITH_USER)
        .order_by(Enrollment.ticket)
        .limit(BATCH)
    ).all()
    for enrollment in over:
        until = enrollment.offer_expires_at
        seats.move(
            session,
            enrollment,
            EnrollmentState.LAPSED,
            actor=None,
            now=now,
            until=until.isoformat() if until else "",
        )
        telling.lapsed(session, enrollment, now=now)
    promote(session, offering, now=now, freed_by="lapsed" if over else "found")
    if now >= offering.starts_at:
        closing.close_list(session, offering, now=now)
    if now >= offering.ends_at:
        closing.end_requests(session, offering, now=now)
    return len(over)


def tickets(session: Session, offering_id: int) -> list[int]:
    """The tickets of everyone on the waitlist, the head first. One statement."""
    return list(
        session.scalars(
            sa.select(Enrollment.ticket)
            .where(Enrollment.offering_id == offering_id, Enrollment.state == EnrollmentState.WAITLISTED)
            .order_by(Enrollment.ticket)
        )
    )


def places(session: Session, enrollment_ids: Sequence[int]) -> dict[int, int]:
    """The place in line (1 is the head) of each of these that is on a waitlist now. One statement."""
    if not enrollment_ids:
        return {}
    mine, other = aliased(Enrollment), aliased(Enrollment)
    rows = session.execute(
        sa.select(mine.id, sa.func.count(other.id))
        .join(
            other,
            sa.and_(
                other.offering_id == mine.offering_id,
                other.state == EnrollmentState.WAITLISTED,
                other.ticket <= mine.ticket,
            ),
        )
        .where(mine.id.in_(enrollment_ids), mine.state == EnrollmentState.WAITLISTED)
        .group_by(mine.id)
    )
    return {row[0]: row[1] for row in rows}


def hours_of(session: Session, enrollment_id: int | None) -> int:
    """How many hours an offer in this enrollment's class is held at most."""
    return (
        session.scalar(
            sa.select(Policy.seat_offer_hours)
            .join(Offering, Offering.policy_id == Policy.id)
            .join(Enrollment, Enrollment.offering_id == Offering.id)
            .where(Enrollment.id == enrollment_id)
        )
        or 0
    )
