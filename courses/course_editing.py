"""Editing the catalog: courses with their prerequisites and approvals; publishing and retiring them."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.database import flush_unique
from core.errors import RuleError
from courses.models import (
    Approval,
    Body,
    Course,
    CourseState,
    Delivery,
    Evaluation,
    Prerequisite,
    PrerequisiteKind,
    Subject,
)
from courses.offering_checks import check_code


@dataclass(frozen=True, kw_only=True)
class PlannedApproval:
    """An approval as it shall be; ``units_thousandths`` is 28500 for 28.5. ``id`` names the one it changes, if any."""

    body_id: int
    program_number: str
    units_thousandths: int
    valid_from: date
    valid_until: date
    id: int | None = None


@dataclass(frozen=True, kw_only=True)
class CourseData:
    """Everything a course is. Money in cents, time in minutes; ``prerequisites`` maps a course's id to its kind."""

    code: str
    title: str
    subject: str
    level: str
    delivery: Delivery
    summary: str
    outcomes: list[str]
    days: int
    contact_minutes: int
    default_capacity: int
    assistant_ratio: int | None
    price_cents: int
    preparation: str
    open_to: list[str]
    screening_set_id: int
    policy_id: int
    validity_months: int | None
    evaluation: Evaluation = Evaluation.NONE
    prerequisites: Mapping[int, PrerequisiteKind] = field(default_factory=dict)
    approvals: Sequence[PlannedApproval] = ()


# The unique index of the codes, as PostgreSQL and SQLite name it.
_CODES = ("uq_courses_code", "courses.code")
# What is copied as it stands; subject, prerequisites and approvals are rows of their own.
_PLAIN = [f.name for f in fields(CourseData) if f.name not in ("subject", "prerequisites", "approvals")]


def create_course(
    session: Session, data: CourseData, *, actor: User, now: datetime, kept_wording: Sequence[str] = ()
) -> Course:
    """Add a course as a draft. ``kept_wording``: sentences that read like health claims, kept knowingly.

    Raises RuleError when the code is taken, or as ``edit_course`` does.
    """
    course = Course(**{name: getattr(data, name) for name in _PLAIN}, state=CourseState.DRAFT)
    _check(session, None, data)
    course.subject = _subject(session, data.subject)
    session.add(course)
    flush_unique(session, _taken(), *_CODES)
    _set_prerequisites(session, course, data.prerequisites)
    _set_approvals(session, course, data.approvals)
    audit.record(
        session,
        "courses:course:created",
        course,
        actor=actor,
        now=now,
        code=course.code,
        **_kept(kept_wording),
    )
    return course


def edit_course(
    session: Session,
    course: Course,
    data: CourseData,
    *,
    actor: User,
    now: datetime,
    kept_wording: Sequence[str] = (),
) -> list[str]:
    """Change a course; returns the names of what changed (nothing is recorded when nothing did).

    Classes that are scheduled keep their own price, policy and places. Raises RuleError with the field's name: for a code
    that is taken or has been published, prerequisites that form a circle, and approvals that overlap.
    """
    _check(session, course, data)
    if data.code != course.code and course.state is not CourseState.DRAFT:
        raise RuleError(
            _(
                "The code stands in addresses that people keep. It can be changed only while the course is a draft."
            ),
            field="code",
        )
    changed = [name for name in _PLAIN if getattr(course, name) != getattr(data, name)]
    for name in changed:
        setattr(course, name, getattr(data, name))
    flush_unique(session, _taken(), *_CODES)
    if course.subject.title != data.subject:
        course.subject = _subject(session, data.subject)
        changed.append("subject")
    if _set_prerequisites(session, course, data.prerequisites):
        changed.append("prerequisites")
    if _set_approvals(session, course, data.approvals):
        changed.append("approvals")
    if changed:
        audit.record(
            session,
            "courses:course:changed",
            course,
            actor=actor,
            now=now,
            code=course.code,
            changed=changed,
            **_kept(kept_wording),
        )
    return changed


def publish_course(session: Session, course: Course, *, actor: User, now: datetime) -> None:
    """Show a course in the catalog. Raises RuleError for what is published, or has no text or outcomes yet."""
    if course.state is CourseState.PUBLISHED:
        raise RuleError(_("This course is published already."))
    if not course.summary or not course.outcomes:
        raise RuleError(_("A course needs its summary and at least one outcome before it can be published."))
    course.state = CourseState.PUBLISHED
    audit.record(session, "courses:course:published", course, actor=actor, now=now, code=course.code)


def retire_course(session: Session, course: Course, *, actor: User, now: datetime) -> None:
    """Take a course out of the catalog; its classes, past and coming, stay. Raises RuleError unless it is published."""
    if course.state is not CourseState.PUBLISHED:
        raise RuleError(_("Only a published course can be retired."))
    course.state = CourseState.RETIRED
    audit.record(session, "courses:course:retired", course, actor=actor, now=now, code=course.code)


def circle(edges: Mapping[int, Collection[int]], start: int) -> list[int]:
    """The way from a course along "needs" back to itself, both ends included; empty when there is none."""
    way: list[int] = []
    seen: set[int] = set()

    def follow(course: int) -> bool:
        for needed in edges.get(course, ()):
            if needed == start:
                way.append(needed)
                return True
            if needed not in seen:
                seen.add(needed)
                if follow(needed):
                    way.append(needed)
                    return True
        return False

    return [start, *reversed(way)] if follow(start) else []


def _kept(sentences: Sequence[str]) -> dict[str, Any]:
    return {"kept_wording": list(sentences)} if sentences else {}


def _check(session: Session, course: Course | None, data: CourseData) -> None:
    check_code(data.code)
    taken = session.scalar(sa.select(Course.id).where(Course.code == data.code))
    if taken is not None and (course is None or taken != course.id):
        raise _taken()


def _taken() -> RuleError:
    return RuleError(_("There is a course with this code already."), field="code")


def _subject(session: Session, title: str) -> Subject:
    like = sa.select(Subject).where(sa.func.lower(Subject.title) == title.lower())
    found = session.scalar(like.with_for_update(read=True))  # it stays until the course is saved
    if found is None:
        last = session.scalar(sa.select(sa.func.max(Subject.position))) or 0
        found = Subject(title=title, position=last + 1)
        session.add(found)
    return found


def _set_prerequisites(session: Session, course: Course, wanted: Mapping[int, PrerequisiteKind]) -> bool:
    """Returns whether anything changed. Raises RuleError when a course would come before itself."""
    stored = {row.needs_id: row for row in course.prerequisites}
    if {needs: row.kind for needs, row in stored.items()} == dict(wanted):
        return False
    # All courses are locked: two people closing a circle from both ends must see each other.
    codes = {
        row.id: row.code
        for row in session.execute(sa.select(Course.id, Course.code).order_by(Course.id).with_for_update())
    }
    edges: dict[int, set[int]] = {}
    for course_id, needs_id in session.execute(sa.select(Prerequisite.course_id, Prerequisite.needs_id)):
        edges.setdefault(course_id, set()).add(needs_id)
    edges[course.id] = set(wanted)
    if way := circle(edges, course.id):
        raise RuleError(
            _(
                "These prerequisites form a circle: %(way)s. A course cannot come before itself.",
                way=" → ".join(codes[step] for step in way),
            ),
            field="prerequisites",
        )
    for needs_id, row in stored.items():
        if needs_id not in wanted:
            course.prerequisites.remove(row)
    for needs_id, kind in wanted.items():
        if needs_id in stored:
            stored[needs_id].kind = kind
        else:
            course.prerequisites.append(Prerequisite(needs_id=needs_id, kind=kind))
    session.flush()
    return True


def _set_approvals(session: Session, course: Course, wanted: Sequence[PlannedApproval]) -> bool:
    """Returns whether anything changed. Raises RuleError as ``_check_approvals`` does."""
    _check_approvals(session, wanted)
    stored: dict[int | None, Approval] = {row.id: row for row in course.approvals}
    kept = {plan.id for plan in wanted}
    gone = [row for row in stored.values() if row.id not in kept]
    for row in gone:
        course.approvals.remove(row)
    session.flush()
    changed = bool(gone)
    for plan in wanted:
        row = stored.get(plan.id) or Approval()
        if row.id is None:
            course.approvals.append(row)
        values = {f.name: getattr(plan, f.name) for f in fields(plan) if f.name != "id"}
        for name, value in values.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
                changed = True
    session.flush()
    return changed


def _check_approvals(session: Session, wanted: Sequence[PlannedApproval]) -> None:
    """Raise RuleError for a body that has been removed, dates out of order, two approvals of one body on one day."""
    ids = {plan.body_id for plan in wanted}
    query = sa.select(Body).where(Body.id.in_(ids)).order_by(Body.id).with_for_update(read=True)
    titles = {
        body.id: body.title for body in session.scalars(query)
    }  # they stay until the approvals are saved
    if ids - set(titles):
        raise RuleError(_("A body chosen here has been removed. Choose another."), field="approvals")
    for plan in wanted:
        if plan.valid_until < plan.valid_from:
            raise RuleError(_("An approval ends before it begins."), field="approvals")
    ordered = sorted(wanted, key=lambda plan: (plan.body_id, plan.valid_from))
    for earlier, later in itertools.pairwise(ordered):
        if earlier.body_id == later.body_id and later.valid_from <= earlier.valid_until:
            raise RuleError(
                _(
                    "Two approvals of %(body)s hold on the same day. End the first before the second begins.",
                    body=titles[later.body_id],
                ),
                field="approvals",
            )
