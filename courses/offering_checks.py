"""What every change to a class checks first: locks, seats, people, dates, double bookings."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.access import TEACHING
from accounts.models import User
from core.database import locked
from core.errors import RuleError
from core.formatting import time_range, weekday_date
from courses.models import Course, CourseState, Policy
from courses.offering_models import InstructorRole, Meeting, Offering, OfferingState, Venue
from courses.scheduling import Conflict, Double, PlannedMeeting, conflicts

# As a code, these would hide a page of the office.
WORDS_OF_ADDRESSES = ("NEW", "WORDING")


class ConflictError(RuleError):
    """A person or the room has another class at the same time. ``conflicts`` lists them; staff may go on knowingly."""

    def __init__(self, found: Sequence[Conflict]) -> None:
        super().__init__(" ".join(told(conflict) for conflict in found), field="despite_conflicts")
        self.conflicts = list(found)


def told(conflict: Conflict) -> str:
    """A double booking in words, on the clock of the class it clashes with."""
    when = {
        "day": weekday_date(conflict.starts_at, conflict.time_zone),
        "time": time_range(conflict.starts_at, conflict.ends_at, conflict.time_zone),
    }
    if conflict.kind is Double.ROOM:
        sentence: str = _(
            "%(name)s is taken by %(code)s on %(day)s, %(time)s.",
            name=conflict.name,
            code=conflict.code,
            **when,
        )
    else:
        sentence = _(
            "%(name)s teaches %(code)s on %(day)s, %(time)s.", name=conflict.name, code=conflict.code, **when
        )
    return sentence


def lock_offering(session: Session, offering: Offering) -> None:
    """Read a class again and lock it. Raises RuleError for a cancelled one."""
    locked(session, Offering, offering.id)
    if offering.state is OfferingState.CANCELLED:
        raise RuleError(_("This class is cancelled. It stays as it is."))


def course_to_run(session: Session, course_id: int) -> Course:
    """The course of a new class. Raises RuleError for a retired one."""
    course = session.get(Course, course_id)
    if course is None or course.state is CourseState.RETIRED:
        raise RuleError(_("Choose a course that is not retired."), field="course_id")
    return course


def venue_to_use(session: Session, venue_id: int) -> Venue:
    """The venue, locked: two classes booking it at once see each other."""
    venue = locked(session, Venue, venue_id)
    if venue is None:
        raise RuleError(_("Choose a venue."), field="venue_id")
    return venue


def people_to_assign(
    session: Session, lead_id: int | None, assistant_ids: Collection[int], already: Collection[int] = ()
) -> dict[int, InstructorRole]:
    """Who teaches, with their parts, locked. ``already``: who may stay although the account has since been closed."""
    if lead_id is not None and lead_id in assistant_ids:
        raise lead_assists()
    people = dict.fromkeys(sorted(assistant_ids), InstructorRole.ASSISTANT)
    if lead_id is not None:
        people = {lead_id: InstructorRole.LEAD, **people}
    query = sa.select(User).where(User.id.in_(people)).order_by(User.id).with_for_update()
    users = {user.id: user for user in session.scalars(query.execution_options(populate_existing=True))}
    for key in people:
        user = users.get(key)
        fit = user is not None and user.is_active and user.role in TEACHING
        if not fit and key not in already:
            field = "lead_id" if key == lead_id else "assistant_ids"
            raise RuleError(_("Choose instructors whose account is open."), field=field)
    return people


def lead_assists() -> RuleError:
    """Why nobody can be both."""
    return RuleError(_("The lead instructor is not an assistant as well."), field="assistant_ids")


def check_places(capacity: int, venue: Venue, guests: int = 0) -> None:
    """Raise RuleError when the room has fewer seats than the class, and ``guests`` who make up a meeting there, need."""
    if guests and capacity <= venue.seats < capacity + guests:
        raise RuleError(
            ngettext(
                "%(venue)s has %(seats)s seats, and %(num)s guest makes up a meeting there.",
                "%(venue)s has %(seats)s seats, and %(num)s guests make up a meeting there.",
                guests,
                venue=venue.name,
                seats=venue.seats,
            ),
            field="capacity",
        )
    if capacity > venue.seats:
        raise RuleError(
            ngettext(
                "%(venue)s has %(num)s seat. A class there has no more places.",
                "%(venue)s has %(num)s seats. A class there has no more places.",
                venue.seats,
                venue=venue.name,
            ),
            field="capacity",
        )


def check_code(code: str) -> None:
    """Raise RuleError (field ``code``) for a code that would hide a page of the office."""
    if code in WORDS_OF_ADDRESSES:
        raise RuleError(_("This word stands in an address already. Choose another code."), field="code")


def check_policy(session: Session, policy_id: int) -> None:
    """Raise RuleError when there is no such policy."""
    if session.get(Policy, policy_id) is None:
        raise RuleError(_("Choose a policy."), field="policy_id")


def check_dates(opens_at: datetime | None, closes_at: datetime | None, starts_at: datetime) -> None:
    """Raise RuleError with everything that ``date_problems`` finds."""
    raise_all(date_problems(opens_at, closes_at, starts_at))


def date_problems(
    opens_at: datetime | None, closes_at: datetime | None, starts_at: datetime
) -> list[RuleError]:
    """What is wrong when enrollment would open or close after the class has begun, or close before it opens (UTC)."""
    found = []
    if opens_at is not None and opens_at >= starts_at:
        found.append(RuleError(_("This has to be before the class begins."), field="opens_at"))
    if closes_at is not None and closes_at > starts_at:
        told = _(
            "Enrollment closes when the class begins at the latest. After that the office enrolls people."
        )
        found.append(RuleError(told, field="closes_at"))
    elif opens_at is not None and closes_at is not None and closes_at <= opens_at:
        found.append(RuleError(_("This has to be after enrollment opens."), field="closes_at"))
    return found


def check_minimum(minimum: int | None, decide_by: date | None, *, capacity: int, first_day: date) -> None:
    """Raise RuleError with everything that ``minimum_problems`` finds."""
    raise_all(minimum_problems(minimum, decide_by, capacity=capacity, first_day=first_day))


def minimum_problems(
    minimum: int | None, decide_by: date | None, *, capacity: int, first_day: date
) -> list[RuleError]:
    """What is wrong when a minimum lacks its day, exceeds the places, or is decided on after the class has begun."""
    found = []
    if decide_by is not None and minimum is None:
        found.append(RuleError(_("Say how many students the class needs."), field="minimum_to_run"))
    if minimum is not None and minimum > capacity:
        told = ngettext("The class has only %(num)s place.", "The class has only %(num)s places.", capacity)
        found.append(RuleError(told, field="minimum_to_run"))
    if minimum is not None and decide_by is None:
        found.append(RuleError(_("Say by which day the office decides."), field="decide_by"))
    if decide_by is not None and decide_by > first_day:
        found.append(RuleError(_("Decide before the class begins."), field="decide_by"))
    return found


def raise_all(wrong: Sequence[RuleError]) -> None:
    """Raise the first of these, which tells the others too; nothing when there is none."""
    if wrong:
        raise wrong[0].together_with(wrong[1:])


def check_conflicts(
    session: Session,
    meetings: Sequence[PlannedMeeting],
    venue: Venue,
    people: Collection[int],
    offering_id: int | None,
    despite: bool,
) -> list[str]:
    """The double bookings, in words for the audit log. Raises ConflictError unless they are known."""
    found = conflicts(session, meetings, venue_id=venue.id, user_ids=people, except_offering_id=offering_id)
    return unless_known(found, despite)


def unless_known(found: Sequence[Conflict], despite: bool) -> list[str]:
    """These double bookings, in words for the audit log. Raises ConflictError unless they are known."""
    if found and not despite:
        raise ConflictError(found)
    return sorted({f"{conflict.name}: {conflict.code}" for conflict in found})


def new_meeting(number: int, plan: PlannedMeeting) -> Meeting:
    """A meeting row made from a plan."""
    return Meeting(
        number=number,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        kind=plan.kind,
        credit_minutes=plan.credit_minutes,
    )
