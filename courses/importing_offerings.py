"""The classes of a catalog file: their meetings in local time, who teaches, and nobody in two places at once."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext
from sqlalchemy.orm import selectinload

from accounts.models import User
from core.errors import RuleError
from courses.catalog_entries import OfferingEntry
from courses.importing import Import
from courses.marked_yaml import Path_
from courses.models import Course
from courses.offering_models import (
    DailyPattern,
    InstructorRole,
    Meeting,
    Offering,
    OfferingInstructor,
    OfferingState,
    Venue,
)
from courses.scheduling import (
    Conflict,
    PlannedMeeting,
    Sitting,
    conflicts,
    following_days,
    parse_pattern,
    plan,
)

# A class that was held before the day of import was published so long before it began.
PUBLISHED_BEFORE = timedelta(days=60)


def clock_changes_after(day: date, zone: str) -> Iterator[date]:
    """The days after ``day``, for three years, on which clocks in the zone are put forward or back."""
    place, noon = ZoneInfo(zone), time(12)
    before = datetime.combine(day, noon, place).utcoffset()
    for number in range(1, 1100):
        here = day + timedelta(days=number)
        offset = datetime.combine(here, noon, place).utcoffset()
        if offset != before:
            yield here
        before = offset


def load_offerings(work: Import) -> None:
    """Make the classes of the file, or bring those that exist up to date. Those with a free choice of date come last."""
    session = work.session
    query = sa.select(Offering).options(selectinload(Offering.meetings), selectinload(Offering.instructors))
    codes = [entry.code for entry in work.file.entries.offerings]
    rows = {row.code: row for row in session.scalars(query.where(Offering.code.in_(codes)))}
    courses = {row.code: row for row in session.scalars(sa.select(Course))}
    venues = {row.code: row for row in session.scalars(sa.select(Venue))}
    patterns = {row.code: row.sittings for row in session.scalars(sa.select(DailyPattern))}
    # Whoever plans a class at the same moment waits for these, and then sees it.
    used = sorted(venues[entry.venue].id for entry in work.file.entries.offerings)
    session.execute(sa.select(Venue.id).where(Venue.id.in_(used)).order_by(Venue.id).with_for_update())
    teachers = [user.id for user in work.known.users.values()]
    session.execute(sa.select(User.id).where(User.id.in_(teachers)).order_by(User.id).with_for_update())
    numbered = list(enumerate(work.file.entries.offerings))
    for number, entry in sorted(numbered, key=lambda pair: pair[1].starts_before_clock_change is not None):
        made = _Class(work, ("offerings", number), entry, courses[entry.course], venues[entry.venue])
        sittings = parse_pattern("\n".join(patterns[entry.pattern]))
        work.result.offerings[entry.code] = made.load(rows.get(entry.code), sittings)
        session.flush()
    work.result.offerings = {code: work.result.offerings[code] for code in codes}


class _Class:
    """One class of the file on its way into the database."""

    def __init__(self, work: Import, path: Path_, entry: OfferingEntry, course: Course, venue: Venue) -> None:
        self.work, self.path, self.entry, self.course, self.venue = work, path, entry, course, venue
        domain, users = work.known.domain, work.known.users
        self.teachers: list[User] = [users[work.file.email_of(login, domain)] for login in entry.logins]

    def load(self, row: Offering | None, sittings: list[Sitting]) -> Offering:
        """Make the row, or update it."""
        if row is None:
            return self.make(sittings)
        changed = self.move(row, sittings)
        changed |= self.staff(row)
        self.work.result.note("offerings", row.code, made=False, changed=changed)
        return row

    def make(self, sittings: list[Sitting]) -> Offering:
        """A new class."""
        work, entry, course = self.work, self.entry, self.course
        meetings = self.choose(sittings)
        room = entry.seats or (
            course.default_capacity
            if self.venue.is_online
            else min(course.default_capacity, self.venue.seats)
        )
        if entry.seats and not self.venue.is_online and entry.seats > self.venue.seats:
            told = gettext("%(venue)s has %(n)s seats", venue=self.venue.name, n=self.venue.seats)
            work.tell((*self.path, "seats"), told)
        if entry.enrolled > room:
            work.tell((*self.path, "enrolled"), gettext("the class has %(n)s seats", n=room))
        price = course.price_cents
        if entry.price is not None:
            price = work.cents(entry.price, (*self.path, "price"))
        draft = entry.state == "draft"
        starts = meetings[0].starts_at if meetings else work.now
        since = min(work.now, starts - PUBLISHED_BEFORE)
        row = Offering(
            code=entry.code,
            course=course,
            venue=self.venue,
            state=OfferingState.DRAFT if draft else OfferingState.PUBLISHED,
            time_zone=self.venue.time_zone,
            starts_at=starts,
            ends_at=meetings[-1].ends_at if meetings else work.now + timedelta(hours=1),
            capacity=room,
            price_cents=price,
            policy_id=course.policy_id,
            notes=entry.notes,
            created_at=since,
            published_at=None if draft else since,
            meetings=_rows(meetings),
        )
        work.session.add(row)
        self.staff(row)
        work.result.note("offerings", row.code, made=True, changed=True)
        return row

    def choose(self, sittings: list[Sitting]) -> list[PlannedMeeting]:
        """The meetings on the first possible dates on which everyone and the room are free; problems are noted."""
        first_told: RuleError | None = None
        for first in self.firsts():
            try:
                meetings = self.plan(first, sittings)
                self.check_free(meetings)
            except RuleError as error:
                first_told = first_told or error
                continue
            credit = sum(meeting.credit_minutes for meeting in meetings)
            if credit != self.course.contact_minutes:
                told = gettext(
                    "its meetings come to %(credit)s minutes; %(course)s has %(minutes)s",
                    credit=credit,
                    course=self.course.code,
                    minutes=self.course.contact_minutes,
                )
                self.work.result.warnings.append(self.work.file.problem(self.path, told))
            return meetings
        told = gettext("clocks do not change in %(zone)s", zone=self.venue.time_zone)
        self.work.tell(self.path, first_told or told)
        return []

    def firsts(self) -> list[date]:
        """The days on which it may begin: one, or a choice when it runs across a clock change."""
        entry, today = self.entry, self.work.today
        if entry.starts_on is not None:
            return [entry.starts_on]
        if entry.starts_in_days is not None:
            return [today + timedelta(days=entry.starts_in_days)]
        lead = timedelta(days=entry.starts_before_clock_change or 0)
        return [day - lead for day in islice(clock_changes_after(today + lead, self.venue.time_zone), 3)]

    def plan(self, first: date, sittings: list[Sitting]) -> list[PlannedMeeting]:
        """The meetings from a first day on."""
        return plan(
            following_days(first, self.entry.days or self.course.days), sittings, self.venue.time_zone
        )

    def check_free(self, meetings: list[PlannedMeeting] | list[Meeting], row: Offering | None = None) -> None:
        """Raise RuleError naming whoever is double-booked."""
        clashes = conflicts(
            self.work.session,
            meetings,
            venue_id=self.venue.id,
            user_ids=[teacher.id for teacher in self.teachers],
            except_offering_id=row.id if row else None,
        )
        if clashes:
            raise RuleError("; ".join(_sentence(clash) for clash in clashes))

    def move(self, row: Offering, sittings: list[Sitting]) -> bool:
        """Bring place and dates of an existing class up to date. Dates that count from an import stay as they are."""
        work = self.work
        wanted = list(row.meetings)
        planned: list[PlannedMeeting] = []
        if row.course_id != self.course.id:
            work.tell((*self.path, "course"), gettext("this class exists already, of another course"))
        try:
            if not self.entry.is_relative:
                planned = self.plan(self.firsts()[0], sittings)
            self.check_free(planned or wanted, row)
        except RuleError as error:
            work.tell(self.path, error)
            return False
        times = [(meeting.starts_at, meeting.ends_at) for meeting in wanted]
        moved = bool(planned) and times != [(meeting.starts_at, meeting.ends_at) for meeting in planned]
        if not moved and row.venue_id == self.venue.id:
            return False
        if row.seats_taken or row.waiting_count or row.starts_at <= work.now:
            told = gettext("people are enrolled or it has begun: change its dates and place in the office")
            work.tell(self.path, told)
            return False
        if not planned and self.venue.time_zone != row.time_zone:
            work.tell(
                (*self.path, "venue"), gettext("its meetings were made in %(zone)s", zone=row.time_zone)
            )
            return False
        row.venue, row.time_zone = self.venue, self.venue.time_zone
        row.calendar_sequence += 1
        if moved:
            row.meetings.clear()
            work.session.flush()
            row.meetings.extend(_rows(planned))
            row.starts_at, row.ends_at = planned[0].starts_at, planned[-1].ends_at
        return True

    def staff(self, row: Offering) -> bool:
        """Bring the instructors up to date."""
        lead = self.teachers[0].id if self.entry.lead else None
        wanted = {
            teacher.id: InstructorRole.LEAD if teacher.id == lead else InstructorRole.ASSISTANT
            for teacher in self.teachers
        }
        if wanted == {item.user_id: item.role for item in row.instructors}:
            return False
        row.instructors.clear()
        self.work.session.flush()  # one lead each: the old one goes first
        row.instructors.extend(OfferingInstructor(user_id=key, role=role) for key, role in wanted.items())
        return True


def _rows(meetings: list[PlannedMeeting]) -> list[Meeting]:
    return [
        Meeting(
            number=number,
            starts_at=meeting.starts_at,
            ends_at=meeting.ends_at,
            kind=meeting.kind,
            credit_minutes=meeting.credit_minutes,
        )
        for number, meeting in enumerate(meetings, start=1)
    ]


def _sentence(clash: Conflict) -> str:
    return gettext("%(name)s has %(code)s at that time", name=clash.name, code=clash.code)
