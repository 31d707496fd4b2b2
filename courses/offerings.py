"""Editing classes: create, change, move, publish, set when enrollment opens, assign instructors.

What takes or frees seats (capacity, cancelling) is the students' room's. Every rule here locks the offering first, then
the venue, then the people, in the order of their ids: two registrars who book one room at once see each other.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.clock import local_date
from core.errors import RuleError
from courses.models import Course, CourseState
from courses.offering_checks import (
    check_code,
    check_conflicts,
    check_dates,
    check_minimum,
    check_places,
    check_policy,
    course_to_run,
    date_problems,
    lock_offering,
    minimum_problems,
    new_meeting,
    people_to_assign,
    raise_all,
    unless_known,
    venue_to_use,
)
from courses.offering_models import (
    InstructorRole,
    Offering,
    OfferingInstructor,
    OfferingState,
    Venue,
)
from courses.scheduling import Double, PlannedMeeting, check_order, conflicts


@dataclass(frozen=True, kw_only=True)
class OfferingDetails:
    """What may change at any time; money in cents. New enrollments take it, those there are keep what they agreed to."""

    price_cents: int
    policy_id: int
    needs_approval: bool = False
    approval_holds_seat: bool = True
    promotes_at_once: bool = False
    issues_on_finalize: bool = False
    sends_reminders: bool = True
    minimum_to_run: int | None = None
    decide_by: date | None = None
    notes: str = ""


@dataclass(frozen=True, kw_only=True)
class NewOffering(OfferingDetails):
    """Everything a new class is; moments in UTC. An empty code is made from those of course and venue."""

    code: str = ""
    course_id: int
    venue_id: int
    capacity: int
    meetings: Sequence[PlannedMeeting]
    lead_id: int | None = None
    assistant_ids: Collection[int] = ()
    opens_at: datetime | None = None
    closes_at: datetime | None = None


def create_offering(
    session: Session, data: NewOffering, *, actor: User, now: datetime, despite_conflicts: bool = False
) -> Offering:
    """Add a class, as a draft, with its meetings and instructors.

    Raises RuleError with a field for each thing that is wrong (``problems``), a lead who is an assistant too, meetings that
    overlap; ConflictError for double bookings, unless they are known.
    """
    course, venue = course_to_run(session, data.course_id), venue_to_use(session, data.venue_id)
    people = people_to_assign(session, data.lead_id, data.assistant_ids)
    meetings = check_order(data.meetings, venue.time_zone)
    raise_all(problems(session, data, course, venue))
    code = _free_code(session, data.code, course, venue)
    known = check_conflicts(session, meetings, venue, people, None, despite_conflicts)
    offering = Offering(
        **{f.name: getattr(data, f.name) for f in fields(OfferingDetails)},
        code=code,
        course_id=course.id,
        venue_id=venue.id,
        state=OfferingState.DRAFT,
        time_zone=venue.time_zone,
        starts_at=meetings[0].starts_at,
        ends_at=meetings[-1].ends_at,
        capacity=data.capacity,
        enrollment_opens_at=data.opens_at,
        enrollment_closes_at=data.closes_at,
        created_at=now,
    )
    offering.meetings = [new_meeting(number, plan) for number, plan in enumerate(meetings, 1)]
    offering.instructors = [OfferingInstructor(user_id=key, role=role) for key, role in people.items()]
    session.add(offering)
    session.flush()
    audit.record(
        session, "courses:offering:created", offering, actor=actor, now=now, code=offering.code, despite=known
    )
    return offering


def problems(session: Session, data: NewOffering, course: Course, venue: Venue) -> list[RuleError]:
    """Everything that is wrong with a new class that has meetings, each with its field. Changes nothing.

    A code that is taken, more places than the room has, dates of enrollment out of order, a minimum without its day.
    """
    starts_at = min(meeting.starts_at for meeting in data.meetings)
    first_day = local_date(starts_at, venue.time_zone)
    checks: list[Callable[[], object]] = [
        lambda: _free_code(session, data.code, course, venue),
        lambda: check_places(data.capacity, venue),
        lambda: check_policy(session, data.policy_id),
    ]
    found = []
    for check in checks:
        try:
            check()
        except RuleError as error:
            found.append(error)
    found += date_problems(data.opens_at, data.closes_at, starts_at)
    found += minimum_problems(
        data.minimum_to_run, data.decide_by, capacity=data.capacity, first_day=first_day
    )
    return found


def edit_offering(
    session: Session, offering: Offering, details: OfferingDetails, *, actor: User, now: datetime
) -> list[str]:
    """Change a class's price, policy, notes, how it enrolls and when it runs; returns the names of what changed."""
    lock_offering(session, offering)
    check_policy(session, details.policy_id)
    if (details.minimum_to_run, details.decide_by) != (offering.minimum_to_run, offering.decide_by):
        check_minimum(
            details.minimum_to_run,
            details.decide_by,
            capacity=offering.capacity,
            first_day=local_date(offering.starts_at, offering.time_zone),
        )
    changed = [f.name for f in fields(details) if getattr(offering, f.name) != getattr(details, f.name)]
    for name in changed:
        setattr(offering, name, getattr(details, name))
    if changed:
        audit.record(
            session,
            "courses:offering:changed",
            offering,
            actor=actor,
            now=now,
            code=offering.code,
            changed=changed,
        )
    return changed


def set_enrollment_dates(
    session: Session,
    offering: Offering,
    opens_at: datetime | None,
    closes_at: datetime | None,
    *,
    actor: User,
    now: datetime,
) -> bool:
    """Set when enrollment opens and closes (UTC; None: at once, or when the class begins); whether that changed anything.

    Raises RuleError when it would close before it opens, or open or close after the class has begun.
    """
    lock_offering(session, offering)
    if (offering.enrollment_opens_at, offering.enrollment_closes_at) == (opens_at, closes_at):
        return False
    check_dates(opens_at, closes_at, offering.starts_at)
    offering.enrollment_opens_at, offering.enrollment_closes_at = opens_at, closes_at
    audit.record(
        session,
        "courses:offering:dates_set",
        offering,
        actor=actor,
        now=now,
        code=offering.code,
        opens_at=opens_at.isoformat() if opens_at else None,
        closes_at=closes_at.isoformat() if closes_at else None,
    )
    return True


def assign_instructors(
    session: Session,
    offering: Offering,
    lead_id: int | None,
    assistant_ids: Collection[int],
    *,
    actor: User,
    now: datetime,
    despite_conflicts: bool = False,
) -> bool:
    """Say who leads and who assists; returns whether that changed anything.

    Raises RuleError when the class has been signed off, when a published class would have no lead, or someone is both;
    ConflictError when one of them teaches elsewhere at the same time, unless that is known.
    """
    lock_offering(session, offering)
    if offering.finalized_at is not None:
        raise RuleError(_("This class has been signed off. Its instructors stay as they are."))
    if lead_id is None and offering.state is OfferingState.PUBLISHED:
        raise RuleError(_("A published class needs a lead instructor."), field="lead_id")
    stored = {row.user_id: row.role for row in offering.instructors}
    people = people_to_assign(session, lead_id, assistant_ids, already=stored)
    if stored == people:
        return False
    new = [key for key in people if key not in stored]
    found = conflicts(
        session,
        offering.meetings,
        venue_id=offering.venue_id,
        user_ids=new,
        except_offering_id=offering.id,
    )
    known = unless_known([c for c in found if c.kind is Double.PERSON], despite_conflicts)
    for row in list(offering.instructors):
        if people.get(row.user_id) is not row.role:
            offering.instructors.remove(row)
    session.flush()  # the lead of before goes first: a class has one
    kept = {row.user_id for row in offering.instructors}
    offering.instructors.extend(
        OfferingInstructor(user_id=key, role=role) for key, role in people.items() if key not in kept
    )
    session.flush()
    audit.record(
        session,
        "courses:offering:assigned",
        offering,
        actor=actor,
        now=now,
        code=offering.code,
        lead=lead_id,
        assistants=sorted(assistant_ids),
        despite=known,
    )
    return True


def publish(session: Session, offering: Offering, *, actor: User, now: datetime) -> None:
    """Show a class to students. Raises RuleError with what is still missing."""
    lock_offering(session, offering)
    if offering.state is OfferingState.PUBLISHED:
        raise RuleError(_("This class is published already."))
    if offering.course.state is not CourseState.PUBLISHED:
        raise RuleError(
            _("The course %(code)s is not in the catalog. Publish it first.", code=offering.course.code)
        )
    if not any(row.role is InstructorRole.LEAD for row in offering.instructors):
        raise RuleError(_("A class needs a lead instructor before it is published."))
    if offering.ends_at <= now:
        raise RuleError(_("This class is over. Give it new dates first."))
    offering.state, offering.published_at = OfferingState.PUBLISHED, now
    audit.record(session, "courses:offering:published", offering, actor=actor, now=now, code=offering.code)


def _free_code(session: Session, wanted: str, course: Course, venue: Venue) -> str:
    if wanted:
        check_code(wanted)
        if session.scalar(sa.select(Offering.id).where(Offering.code == wanted)) is not None:
            raise RuleError(_("There is a class with this code already."), field="code")
        return wanted
    base = f"{course.code}-{venue.code}-"
    taken = set(
        session.scalars(sa.select(Offering.code).where(Offering.code.startswith(base, autoescape=True)))
    )
    letters = (chr(65 + number) for number in range(26))
    numbers = (str(number) for number in range(27, 10_000))
    for suffix in (*letters, *numbers):
        if base + suffix not in taken:
            return base + suffix
    raise RuleError(_("Write a code of your own."), field="code")
