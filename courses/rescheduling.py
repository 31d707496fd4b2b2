"""Moving a class: other times, other meetings, another venue.

A meeting keeps its row, and with it its marks and its place in people's calendars; every change raises
``calendar_sequence`` (RFC 5545, 3.8.7.4), so that calendars replace what they hold. A meeting that has been marked stays
where it is, and so does a class that has been signed off.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.errors import RuleError
from core.formatting import medium_date, weekday_date
from courses.offering_checks import check_conflicts, check_places, lock_offering, new_meeting, venue_to_use
from courses.offering_models import Meeting, Offering, OfferingState, Venue
from courses.scheduling import PlannedMeeting, check_order


def reschedule(
    session: Session,
    offering: Offering,
    venue_id: int,
    meetings: Sequence[PlannedMeeting],
    *,
    marked: Collection[int],
    actor: User,
    now: datetime,
    named: Collection[int] = (),
    despite_conflicts: bool = False,
) -> bool:
    """Give a class these meetings at this venue; returns whether anything moved.

    A planned meeting with an ``id`` moves that one, one without is new, one that is not named goes. ``marked`` are the ids
    of meetings that have attendance, ``named`` of those that a make-up names: the room above knows them. The class takes the
    venue's time zone. Raises RuleError for a marked or signed-off meeting that would move, a named one that would go,
    meetings that overlap, a room that is too small, a published class that would have begun already; ConflictError for
    double bookings, unless they are known.
    """
    lock_offering(session, offering)
    venue = venue_to_use(session, venue_id)
    meetings = check_plan(offering, venue, meetings, marked=marked, named=named, now=now)
    stored = {meeting.id: meeting for meeting in offering.meetings}
    planned = {plan.id: plan for plan in meetings if plan.id is not None}
    moved = [key for key, plan in planned.items() if not _stands(stored[key], plan)]
    gone = [meeting for key, meeting in stored.items() if key not in planned]
    new = [plan for plan in meetings if plan.id is None]
    elsewhere = offering.venue_id != venue.id
    if not (moved or gone or new or elsewhere):
        return False
    people = [row.user_id for row in offering.instructors]
    known = check_conflicts(session, meetings, venue, people, offering.id, despite_conflicts)
    before = (offering.starts_at, offering.ends_at, offering.venue.code)
    _place(session, offering, meetings, stored, gone)
    offering.venue_id, offering.time_zone = venue.id, venue.time_zone
    offering.starts_at, offering.ends_at = meetings[0].starts_at, meetings[-1].ends_at
    offering.calendar_sequence += 1
    session.flush()
    session.refresh(offering, ["meetings", "venue"])
    audit.record(
        session,
        "courses:offering:moved",
        offering,
        actor=actor,
        now=now,
        code=offering.code,
        before=[before[0].isoformat(), before[1].isoformat(), before[2]],
        after=[offering.starts_at.isoformat(), offering.ends_at.isoformat(), venue.code],
        moved=len(moved),
        removed=len(gone),
        added=len(new),
        despite=known,
    )
    return True


def check_plan(
    offering: Offering,
    venue: Venue,
    meetings: Sequence[PlannedMeeting],
    *,
    marked: Collection[int],
    now: datetime,
    named: Collection[int] = (),
) -> list[PlannedMeeting]:
    """The planned meetings in order of time; changes nothing, so that it is asked before a plan is shown, too.

    Raises RuleError as ``reschedule`` does, double bookings aside.
    """
    if offering.finalized_at is not None:
        raise RuleError(_("This class has been signed off. Its meetings stay as they were."))
    ordered = check_order(meetings, venue.time_zone)
    stored = {meeting.id: meeting for meeting in offering.meetings}
    planned = {plan.id: plan for plan in ordered if plan.id is not None}
    if set(planned) - set(stored):
        raise RuleError(_("This class has changed in the meantime. Open the page again."))
    _keep_marked(offering, stored, planned, marked, venue)
    for key in set(named) & set(stored) - set(planned):
        raise RuleError(
            _(
                "A make-up names meeting %(n)s on %(day)s, so it can move but not go. Take out another one.",
                n=stored[key].number,
                day=weekday_date(stored[key].starts_at, offering.time_zone),
            )
        )
    check_places(offering.capacity, venue, offering.guest_places)
    begins = ordered[0].starts_at
    if offering.state is OfferingState.PUBLISHED and begins <= now < offering.starts_at:
        raise RuleError(
            _(
                "By this schedule the class would have begun already, on %(day)s. Choose days to come.",
                day=medium_date(begins, venue.time_zone),
            )
        )
    return ordered


def _stands(meeting: Meeting, plan: PlannedMeeting) -> bool:
    return (meeting.starts_at, meeting.ends_at, meeting.credit_minutes, meeting.kind) == (
        plan.starts_at,
        plan.ends_at,
        plan.credit_minutes,
        plan.kind,
    )


def _keep_marked(
    offering: Offering,
    stored: dict[int, Meeting],
    planned: dict[int, PlannedMeeting],
    marked: Collection[int],
    venue: Venue,
) -> None:
    fixed = [stored[key] for key in marked if key in stored]
    for meeting in fixed:
        plan = planned.get(meeting.id)
        if plan is None or not _stands(meeting, plan):
            raise RuleError(
                _(
                    "Meeting %(n)s on %(day)s has been marked. It stays where it was.",
                    n=meeting.number,
                    day=weekday_date(meeting.starts_at, offering.time_zone),
                )
            )
    if fixed and venue.id != offering.venue_id:
        raise RuleError(
            _("The roll has been taken at this venue already. The class stays there."), field="venue_id"
        )


def _place(
    session: Session,
    offering: Offering,
    meetings: Sequence[PlannedMeeting],
    stored: dict[int, Meeting],
    gone: Sequence[Meeting],
) -> None:
    """Numbers follow time. They are unique per class, so all step aside before each takes its own."""
    for meeting in gone:
        offering.meetings.remove(meeting)
    for number, meeting in enumerate(offering.meetings, 1):
        meeting.number = -number
    session.flush()
    for number, plan in enumerate(meetings, 1):
        if plan.id is None:
            offering.meetings.append(new_meeting(number, plan))
            continue
        meeting = stored[plan.id]
        meeting.number, meeting.kind = number, plan.kind
        meeting.starts_at, meeting.ends_at = plan.starts_at, plan.ends_at
        meeting.credit_minutes = plan.credit_minutes
    session.flush()
