"""The preview: what each row would come to, by the rules' own words, in a number of statements that rows don't raise."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from core.errors import RuleError
from core.formatting import listing
from core.typed import mail_address
from courses.models import Prerequisite, PrerequisiteKind
from courses.offering_models import Offering, OfferingState
from portal.importing.models import Fate
from portal.importing.reading import Row
from students import duplicates, people, seats, states, waitlist
from students import enrollment as enrolling
from students.jurisdictions import jurisdiction_of
from students.models import Enrollment, EnrollmentState, License, PrerequisiteGrant, Student

_CHUNK = 400  # values in one IN


@dataclass(frozen=True)
class Preview:
    """A row and its fate, with the sentence that says so."""

    row: Row
    fate: Fate
    words: str


@dataclass
class _Known:
    """Everything that the rows ask about, read at once."""

    users: dict[str, User] = field(default_factory=dict)
    students: dict[int, Student] = field(default_factory=dict)  # by user
    licenses: dict[tuple[str, str], list[License]] = field(default_factory=dict)  # by duplicates.license_key
    offerings: dict[str, Offering] = field(default_factory=dict)
    live: dict[tuple[int, int], EnrollmentState] = field(default_factory=dict)  # by offering and student
    needs: dict[int, list[tuple[int, str]]] = field(default_factory=dict)  # by course
    met: dict[tuple[int, int], datetime | None] = field(default_factory=dict)  # by student and course
    free: dict[int, int] = field(default_factory=dict)


@dataclass
class _Seen:
    """What the rows before have brought: their lines and licenses, and the people made by them."""

    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    # Of each license: who brought it, for which profession, in which line.
    licenses: dict[tuple[str, str], list[tuple[str, str, int]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def preview(session: Session, rows: Sequence[Row], *, now: datetime) -> list[Preview]:
    """The fate of every row, in order: seats are given out as the import would. Changes nothing."""
    known = _load(session, rows)
    seen = _Seen()
    return [_fate(row, known, seen, now) for row in rows]


def _fate(row: Row, known: _Known, seen: _Seen, now: datetime) -> Preview:
    problem = row.problem or row_problem(row)
    if problem:
        return Preview(row, Fate.REFUSED, problem)
    key = (row.email, row.class_code)
    if key in seen.lines:
        words = _("The same person and class stand in line %(line)d.", line=seen.lines[key])
        return Preview(row, Fate.DUPLICATE, words)
    seen.lines[key] = row.line
    user = known.users.get(row.email)
    merged = known.students[user.id].merged_into if user and user.id in known.students else None
    if merged is not None:
        user = known.users[row.email] = merged.user
        known.students[user.id] = merged
    student = known.students.get(user.id) if user else None
    profession = row.profession or (student.profession if student else "")
    license_key = duplicates.license_key(row.license_state, row.license_number)
    if row.license_number:
        holder = duplicates.other_holder(known.licenses.get(license_key, []), profession, student)
        if holder is not None:
            return Preview(row, Fate.DUPLICATE, same_license(holder))
    if user is not None and not user.is_active:
        return Preview(row, Fate.REFUSED, _("The account of %(email)s is closed.", email=row.email))
    if row.license_number:
        mine = user.email if user else row.email
        for email, other, line in seen.licenses.setdefault(license_key, []):
            if email != mine and duplicates.same_profession(other, profession):
                words = _("The same license stands in line %(line)d, for another address.", line=line)
                return Preview(row, Fate.DUPLICATE, words)
        seen.licenses[license_key].append((mine, profession, row.line))
    name = user.name if user else seen.names.get(row.email)
    who = _("Known as %(name)s.", name=name) if name else _("New; invited by mail.")
    fate = Fate.KNOWN if name else Fate.NEW
    if not row.class_code:
        seen.names.setdefault(row.email, row.name)
        return Preview(row, fate, who)
    refusal = _refusal(row, known, student, now)
    if refusal is not None:
        return Preview(row, *refusal)
    offering = known.offerings[row.class_code]
    seen.names.setdefault(row.email, row.name)
    if known.free[offering.id] > 0:
        known.free[offering.id] -= 1
        return Preview(row, fate, f"{who} {_('Gets a seat in %(code)s.', code=offering.code)}")
    if waitlist.is_open(offering, offering.policy, now):
        return Preview(
            row, Fate.WAITLIST, f"{who} {_('%(code)s is full: joins the waitlist.', code=offering.code)}"
        )
    return Preview(row, Fate.REFUSED, str(enrolling.no_seat(offering, by_office=True)))


def row_problem(row: Row) -> str:
    """Why a row can't be read as a person; empty when it can."""
    try:
        people.checked_name(row.name)
        mail_address(row.email)
        if row.license_state:
            jurisdiction_of(row.license_state)
    except (RuleError, ValueError) as error:
        return str(error)
    if bool(row.license_number) != bool(row.license_state):
        return _("A license needs its number and the state or country that gave it.")
    if len(row.license_number) > 60:
        return _("A license number has at most 60 characters.")
    return ""


def same_license(holder: Student) -> str:
    """Why a row is not imported when its license belongs to someone else."""
    return _(
        "The license belongs to %(name)s, %(email)s. Use that address, or merge the two afterwards.",
        name=holder.user.name,
        email=holder.user.email,
    )


def _refusal(row: Row, known: _Known, student: Student | None, now: datetime) -> tuple[Fate, str] | None:
    offering = known.offerings.get(row.class_code)
    if offering is None or offering.state is OfferingState.DRAFT:
        return Fate.REFUSED, _("There is no class %(code)s.", code=row.class_code)
    if student is not None and (state := known.live.get((offering.id, student.id))) is not None:
        return Fate.DUPLICATE, seats.already(state, by_office=True)
    try:
        enrolling.require_open(offering, now, by_office=True)
    except RuleError as error:
        return Fate.REFUSED, str(error)
    missing = [
        title
        for course_id, title in known.needs.get(offering.course_id, [])
        if not _has(known, student, course_id, offering.starts_at)
    ]
    if missing:
        words = _(
            "The student has not taken %(courses)s. Enroll them by hand, with a reason, if they may join all the same.",
            courses=listing(missing),
        )
        return Fate.REFUSED, words
    return None


def _has(known: _Known, student: Student | None, course_id: int, before: datetime) -> bool:
    if student is None or (student.id, course_id) not in known.met:
        return False
    ends = known.met[student.id, course_id]
    return ends is None or ends <= before


def _load(session: Session, rows: Sequence[Row]) -> _Known:
    known = _Known()
    for part in _parts({row.email for row in rows if row.email}):
        for user in session.scalars(sa.select(User).where(User.email.in_(part))):
            known.users[user.email] = user
    for ids in _parts({user.id for user in known.users.values()}):
        with_merged = joinedload(Student.merged_into).joinedload(Student.user)
        for student in session.scalars(
            sa.select(Student).where(Student.user_id.in_(ids)).options(with_merged)
        ):
            known.students[student.user_id] = student
    known.licenses = duplicates.holders(session, {row.license_number for row in rows if row.license_number})
    for part in _parts({row.class_code for row in rows if row.class_code}):
        classes = sa.select(Offering).where(Offering.code.in_(part)).options(joinedload(Offering.policy))
        for offering in session.scalars(classes):
            known.offerings[offering.code] = offering
            known.free[offering.id] = 0 if offering.waiting_count else max(0, offering.seats_left)
    _load_needs(session, known)
    return known


def _load_needs(session: Session, known: _Known) -> None:
    from courses.models import Course

    offerings = [offering.id for offering in known.offerings.values()]
    needs = sa.select(Prerequisite.course_id, Course.id, Course.code).join(
        Course, Course.id == Prerequisite.needs_id
    )
    courses = {offering.course_id for offering in known.offerings.values()}
    for course_id, need_id, code in session.execute(
        needs.where(Prerequisite.course_id.in_(courses), Prerequisite.kind == PrerequisiteKind.REQUIRED)
    ):
        known.needs.setdefault(course_id, []).append((need_id, code))
    wanted = {need_id for asked in known.needs.values() for need_id, _code in asked}
    for ids in _parts({student.id for student in known.students.values()}):
        live = sa.select(Enrollment.offering_id, Enrollment.student_id, Enrollment.state).where(
            Enrollment.offering_id.in_(offerings),
            Enrollment.student_id.in_(ids),
            Enrollment.state.not_in(states.FINAL_STATES),
        )
        for offering_id, student_id, state in session.execute(live):
            known.live[offering_id, student_id] = state
        _load_met(session, known, ids, wanted)


def _load_met(session: Session, known: _Known, ids: list[int], wanted: set[int]) -> None:
    taken = (
        sa.select(Enrollment.student_id, Offering.course_id, Enrollment.state, Offering.ends_at)
        .join(Offering, Offering.id == Enrollment.offering_id)
        .where(
            Enrollment.student_id.in_(ids),
            Offering.course_id.in_(wanted),
            Enrollment.state.in_((EnrollmentState.COMPLETED, EnrollmentState.ENROLLED)),
            Offering.state == OfferingState.PUBLISHED,
        )
    )
    for student_id, course_id, state, ends_at in session.execute(taken):
        done = state is EnrollmentState.COMPLETED
        before = known.met.get((student_id, course_id), ends_at)
        known.met[student_id, course_id] = None if done or before is None else min(before, ends_at)
    granted = sa.select(PrerequisiteGrant.student_id, PrerequisiteGrant.course_id).where(
        PrerequisiteGrant.student_id.in_(ids), PrerequisiteGrant.course_id.in_(wanted)
    )
    for student_id, course_id in session.execute(granted):
        known.met[student_id, course_id] = None


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]
