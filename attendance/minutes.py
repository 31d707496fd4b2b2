"""Minutes: what a mark counts, what a class adds up to, what is still possible, and each body's hours.

Everything is whole minutes until a body's units are asked for; units are exact fractions, rounded down to the body's
step. The policy is the one frozen onto the enrollment. Sources: DESIGN (states: grace), DOMAIN (an hour differs by body;
full or partial credit).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import User
from attendance.models import AttendanceMark, MarkStatus
from core.clock import local_date
from courses.bodies import units_of
from courses.models import Approval, Body, Policy
from courses.offering_models import Meeting, MeetingKind, Offering
from courses.terms import minutes_needed
from students.models import ROLL_STATES, Enrollment, EnrollmentEvent, EnrollmentState, Student

# Whoever has one of these was in the room.
WAS_THERE = frozenset({MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.LEFT_EARLY})
# Only these say for how long; the others follow from the meeting.
TIMED = frozenset({MarkStatus.LATE, MarkStatus.LEFT_EARLY})


class Sitting(NamedTuple):
    """One meeting as plain data: UTC moments, and the minutes that full attendance counts."""

    id: int
    number: int
    starts_at: datetime
    ends_at: datetime
    kind: MeetingKind
    credit: int

    @classmethod
    def of(cls, meeting: Meeting) -> "Sitting":
        """A meeting's row as plain data."""
        return cls(
            meeting.id,
            meeting.number,
            meeting.starts_at,
            meeting.ends_at,
            meeting.kind,
            meeting.credit_minutes,
        )


class Marked(NamedTuple):
    """The current mark of one enrollment at one meeting, as plain data."""

    meeting_id: int
    enrollment_id: int
    status: MarkStatus
    minutes: int
    has_remark: bool = False


class Terms(NamedTuple):
    """The attendance rule of a policy: per cent of the class, minutes of grace per meeting, excused counts or not."""

    minimum_percent: int
    grace: int
    excused_counts: bool


class BodyRule(NamedTuple):
    """How one body counts one course: minutes per unit, step, the units as approved, credit for a part or not."""

    code: str
    title: str
    unit: str
    minutes_per_unit: int
    step: Fraction
    approved: Fraction
    partial: bool

    def units(self, minutes: int) -> Fraction:
        """The units that so many minutes make: rounded down to the step, never more than approved."""
        return min(units_of(minutes, self.minutes_per_unit, self.step), self.approved)

    def earned(self, minutes: int, total: int) -> Fraction:
        """What the body credits for ``minutes`` of a class of ``total``: nothing for a part where it wants the whole."""
        if not self.partial and minutes < total:
            return Fraction(0)
        return self.units(minutes)


@dataclass(frozen=True, slots=True)
class Credit:
    """One body's units for one student: so far, what it would credit now, what can still be reached, as approved."""

    body: BodyRule
    so_far: Fraction
    earned: Fraction
    reachable: Fraction

    @property
    def approved(self) -> Fraction:
        """The units as approved: what full attendance gives."""
        return self.body.approved

    @property
    def within_reach(self) -> bool:
        """Whether all approved units can still be had."""
        return self.reachable >= self.body.approved


@dataclass(frozen=True, slots=True)
class Summary:
    """One student's minutes in one class.

    ``attended`` are minutes in the room, with the grace of each meeting (what bodies count). ``counted`` is what the
    school's policy counts: the same, and excused meetings where the policy says so. ``reachable`` is the most that
    ``counted`` can still become: a meeting without a mark is still possible, unless it ended before the student joined.
    ``missing`` are the numbers of the meetings that wait for a mark.
    """

    enrollment_id: int
    name: str
    state: EnrollmentState
    terms: Terms
    total: int
    needed: int
    attended: int
    counted: int
    reachable: int
    reachable_attended: int
    was_there: bool
    missing: tuple[int, ...]
    joined_at: datetime
    marks: Mapping[int, Marked]
    credits: tuple[Credit, ...]

    @property
    def met(self) -> bool:
        """Whether the school's attendance policy is met by what was counted so far."""
        return self.counted >= self.needed

    @property
    def on_track(self) -> bool:
        """Whether the policy is met or can still be met."""
        return self.reachable >= self.needed

    @property
    def may_miss(self) -> int:
        """Minutes that can still be missed, beyond each meeting's grace; 0 when nothing can or it is too late."""
        return max(0, min(self.reachable - self.needed, self.open_minutes))

    @property
    def open_minutes(self) -> int:
        """Minutes of the meetings that are still to come (or still to be marked)."""
        return self.reachable - self.counted

    @property
    def outcome(self) -> EnrollmentState:
        """The state that signing off gives: DESIGN's states of an enrollment."""
        if not self.was_there:
            return EnrollmentState.NO_SHOW
        return EnrollmentState.COMPLETED if self.met else EnrollmentState.INCOMPLETE


def attended_minutes(status: MarkStatus, minutes: int, credit: int, grace: int) -> int:
    """Minutes that count as attended at a meeting of ``credit`` minutes; what is missed within the grace counts."""
    if status not in WAS_THERE:
        return 0
    minutes = min(minutes, credit)
    return credit if credit - minutes <= grace else minutes


def counted_minutes(status: MarkStatus, minutes: int, credit: int, terms: Terms) -> int:
    """Minutes that the school's policy counts: those attended, and an excused meeting where excused counts."""
    if status is MarkStatus.EXCUSED:
        return credit if terms.excused_counts else 0
    return attended_minutes(status, minutes, credit, terms.grace)


def minutes_between(
    sitting: Sitting, *, arrived: datetime | None = None, left: datetime | None = None
) -> int:
    """Minutes credited to someone who arrived late or left early: the meeting's minus those missed, never below 0.

    Both are UTC moments; None stands for the meeting's own begin or end. Elapsed time, so a clock change in the middle
    of a meeting changes nothing. Seconds of a begun minute are the student's.
    """
    late = max(0.0, (arrived - sitting.starts_at).total_seconds()) if arrived else 0.0
    early = max(0.0, (sitting.ends_at - left).total_seconds()) if left else 0.0
    missed = int(late // 60) + int(early // 60)
    return max(0, sitting.credit - missed)


# The columns of a Sitting.
SITTING = (
    Meeting.id,
    Meeting.number,
    Meeting.starts_at,
    Meeting.ends_at,
    Meeting.kind,
    Meeting.credit_minutes,
)


def sittings(session: Session, offering_id: int) -> list[Sitting]:
    """The meetings of a class in order, one statement."""
    query = sa.select(*SITTING).where(Meeting.offering_id == offering_id).order_by(Meeting.number)
    return [Sitting._make(row) for row in session.execute(query)]


def by_name() -> tuple[sa.ColumnElement[str], sa.ColumnElement[str]]:
    """How people are ordered on every list: by family name, then by the whole name."""
    family = sa.func.coalesce(sa.func.nullif(User.family_name, ""), User.name)
    return sa.func.lower(family), sa.func.lower(User.name)


def joined_at() -> sa.ColumnElement[datetime]:
    """When an enrollment first became ``enrolled`` (it may have waited before), as a column of a query on enrollments."""
    first = (
        sa.select(sa.func.min(EnrollmentEvent.at))
        .where(
            EnrollmentEvent.enrollment_id == Enrollment.id,
            EnrollmentEvent.to_state == EnrollmentState.ENROLLED,
        )
        .scalar_subquery()
    )
    return sa.func.coalesce(first, Enrollment.created_at, type_=Enrollment.created_at.type)


def rule_of(body: Body, approval: Approval) -> BodyRule:
    """How a body counts a course by one of its approvals."""
    return BodyRule(
        body.code,
        body.title,
        body.unit,
        body.minutes_per_unit,
        Fraction(body.step_thousandths, 1000),
        approval.units,
        body.partial_credit,
    )


def body_rules(session: Session, offering: Offering) -> tuple[BodyRule, ...]:
    """The bodies whose approval of the course is valid on the class's last day (in its zone), by code; one statement."""
    last_day = local_date(offering.ends_at, offering.time_zone)
    query = (
        sa.select(Body, Approval)
        .join(Approval, Approval.body_id == Body.id)
        .where(
            Approval.course_id == offering.course_id,
            Approval.valid_from <= last_day,
            Approval.valid_until >= last_day,
        )
        .order_by(Body.code, Approval.valid_from.desc())
    )
    rules: dict[str, BodyRule] = {}
    for body, approval in session.execute(query):
        rules.setdefault(body.code, rule_of(body, approval))
    return tuple(rules.values())


def summaries(session: Session, offering: Offering) -> dict[int, Summary]:
    """The summary of everyone on the roll of a class, by enrollment id, in the order of their names.

    Four statements, however many students.
    """
    return summaries_of(session, offering, sittings(session, offering.id))


def summaries_of(
    session: Session, offering: Offering, meetings: Sequence[Sitting], *, only: int | None = None
) -> dict[int, Summary]:
    """The same, for whoever has read the meetings already; ``only`` one enrollment. Three statements."""
    rules = body_rules(session, offering)
    people = (
        sa.select(
            Enrollment.id,
            User.name,
            Enrollment.state,
            Policy.minimum_percent,
            Policy.grace_minutes_per_meeting,
            Policy.excused_counts,
            joined_at(),
        )
        .join(Policy, Policy.id == Enrollment.policy_id)
        .join(Student, Student.id == Enrollment.student_id)
        .join(User, User.id == Student.user_id)
        .where(Enrollment.offering_id == offering.id, Enrollment.state.in_(ROLL_STATES))
        .order_by(*by_name(), Enrollment.id)
    )
    if only is not None:
        people = people.where(Enrollment.id == only)
    enrolled = session.execute(people).all()
    marks = current_marks(session, offering.id, only=only)
    return {
        enrollment_id: summarize(
            enrollment_id,
            name,
            state,
            Terms(percent, grace, excused),
            joined_at,
            meetings,
            marks.get(enrollment_id, {}),
            rules,
        )
        for enrollment_id, name, state, percent, grace, excused, joined_at in enrolled
    }


def current_marks(
    session: Session, offering_id: int, *, only: int | None = None
) -> dict[int, dict[int, Marked]]:
    """The current marks of a class (or ``only`` of one enrollment): by enrollment id, then by meeting id. One statement."""
    query = (
        sa.select(
            AttendanceMark.meeting_id,
            AttendanceMark.enrollment_id,
            AttendanceMark.status,
            AttendanceMark.minutes,
            AttendanceMark.remark != "",
        )
        .join(Meeting, Meeting.id == AttendanceMark.meeting_id)
        .where(Meeting.offering_id == offering_id, AttendanceMark.is_current)
    )
    if only is not None:
        query = query.where(AttendanceMark.enrollment_id == only)
    found: dict[int, dict[int, Marked]] = defaultdict(dict)
    for row in session.execute(query):
        found[row[1]][row[0]] = Marked(*row)
    return found


def summarize(
    enrollment_id: int,
    name: str,
    state: EnrollmentState,
    terms: Terms,
    joined_at: datetime,
    meetings: Sequence[Sitting],
    marks: Mapping[int, Marked],
    rules: Iterable[BodyRule],
) -> Summary:
    """Add up one student's minutes; pure arithmetic over plain data."""
    total = attended = counted = open_minutes = 0
    was_there = False
    missing: list[int] = []
    for meeting in meetings:
        credit = meeting.credit
        total += credit
        mark = marks.get(meeting.id)
        if mark is None:
            if meeting.ends_at > joined_at:
                open_minutes += credit
                missing.append(meeting.number)
            continue
        there = attended_minutes(mark.status, mark.minutes, credit, terms.grace)
        attended += there
        counted += counted_minutes(mark.status, mark.minutes, credit, terms)
        was_there = was_there or mark.minutes > 0
    possible = attended + open_minutes
    return Summary(
        enrollment_id=enrollment_id,
        name=name,
        state=state,
        terms=terms,
        total=total,
        needed=minutes_needed(total, terms.minimum_percent),
        attended=attended,
        counted=counted,
        reachable=counted + open_minutes,
        reachable_attended=possible,
        was_there=was_there,
        missing=tuple(missing),
        joined_at=joined_at,
        marks=marks,
        credits=tuple(
            Credit(rule, rule.units(attended), rule.earned(attended, total), rule.earned(possible, total))
            for rule in rules
        ),
    )
