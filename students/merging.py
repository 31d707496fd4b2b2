"""Two records of one person: found by the same license or the same address, merged into one, history and all.

Enrollments, licenses and grants move to the record that stays; fees, attendance and certificates hang on enrollments and
move with them. The other account is closed and says where it went. Nothing is deleted.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload, selectinload

from accounts.models import Role, User
from core import audit
from core.database import locked
from core.errors import RuleError
from core.formatting import listing
from courses.offering_models import Offering
from students import states
from students.models import Enrollment, License, PrerequisiteGrant, Student
from students.notice_models import OpeningWish


@dataclass(frozen=True)
class Pair:
    """Two records that look like one person, the older account first, and why."""

    first: Student
    second: Student
    why: str


def find_duplicates(session: Session, *, most: int = 100) -> list[Pair]:
    """Pairs with the same license, or with addresses that differ only by what follows a plus. Constant statements."""
    pairs: dict[tuple[int, int], str] = {}
    mine, other = sa.orm.aliased(License), sa.orm.aliased(License)
    same = sa.select(mine.student_id, other.student_id, mine.number).join(
        other,
        sa.and_(
            sa.func.upper(other.number) == sa.func.upper(mine.number),
            other.jurisdiction == mine.jurisdiction,
            other.profession == mine.profession,
            other.student_id > mine.student_id,
        ),
    )
    for first, second, number in session.execute(same.limit(4 * most)):
        pairs.setdefault((first, second), _("The same license, %(number)s", number=number))
    plain: dict[str, list[int]] = {}
    with_plus = sa.select(Student.id, User.email).join(User, User.id == Student.user_id)
    tagged = session.execute(
        with_plus.where(User.email.like("%+%@%"), Student.merged_into_id.is_(None))
    ).all()
    bases = {email: _base(email) for _id, email in tagged}
    if bases:
        candidates = with_plus.where(User.email.in_(set(bases.values())), Student.merged_into_id.is_(None))
        for student_id, email in [*session.execute(candidates), *tagged]:
            plain.setdefault(_base(email), []).append(student_id)
    for ids in plain.values():
        for second in sorted(ids)[1:]:
            pairs.setdefault((min(ids), second), _("The same email address"))
    return _pairs(session, pairs, most)


def _base(email: str) -> str:
    name, _at, domain = email.partition("@")
    return f"{name.split('+')[0]}@{domain}"


def _pairs(session: Session, pairs: dict[tuple[int, int], str], most: int) -> list[Pair]:
    ids = {student_id for pair in pairs for student_id in pair}
    students = {
        row.id: row
        for row in session.scalars(
            sa.select(Student)
            .where(Student.id.in_(ids), Student.merged_into_id.is_(None))
            .options(joinedload(Student.user), selectinload(Student.licenses))
        )
    }
    found = [
        Pair(students[first], students[second], why)
        for (first, second), why in pairs.items()
        if first in students and second in students
    ]
    return sorted(found, key=lambda pair: pair.first.user.family_name)[:most]


def objection(session: Session, keep: Student, gone: Student) -> str:
    """Why these two can't be merged; empty when they can."""
    if keep.id == gone.id:
        return _("These are the same record.")
    if keep.merged_into_id is not None or gone.merged_into_id is not None:
        return _("One of the two was merged already.")
    if gone.user.role is not Role.STUDENT:
        if keep.user.role is Role.STUDENT:
            return _("The account that goes must be a student’s. Merge the other way round.")
        return _("Both accounts belong to people who work here. Only a student’s account can go.")
    live = sa.select(Enrollment.offering_id).where(Enrollment.state.not_in(states.FINAL_STATES))
    both = session.execute(
        sa.select(Offering.code, Offering.finalized_at)
        .where(
            Offering.id.in_(live.where(Enrollment.student_id == keep.id)),
            Offering.id.in_(live.where(Enrollment.student_id == gone.id)),
        )
        .order_by(Offering.code)
    ).all()
    finished = [code for code, finalized_at in both if finalized_at is not None]
    if finished:
        return _(
            "Both stand on the signed-off roll of %(classes)s, and each keeps its attendance. They stay two records.",
            classes=listing(finished),
        )
    if both:
        codes = listing([code for code, _finalized_at in both])
        return _("Both are in %(classes)s. Withdraw one of them there first.", classes=codes)
    return ""


def merge(session: Session, keep_id: int, gone_id: int, *, actor: User, now: datetime) -> Student:
    """Merge one record into another. Returns the one that stays. Raises RuleError with the objection, LookupError.

    The account that goes is closed and signed out; its address stays with it, so nobody else can take it.
    """
    rows = {row_id: locked(session, Student, row_id) for row_id in sorted({keep_id, gone_id})}
    keep, gone = rows.get(keep_id), rows.get(gone_id)
    if keep is None or gone is None:
        raise LookupError(f"students {keep_id} and {gone_id}")
    problem = objection(session, keep, gone)
    if problem:
        raise RuleError(problem)
    _move_licenses(session, keep, gone)
    moved = session.scalars(
        sa.update(Enrollment)
        .where(Enrollment.student_id == gone.id)
        .values(student_id=keep.id)
        .returning(Enrollment.id)
    ).all()
    _move_grants(session, keep, gone)
    _move_wishes(session, keep, gone)
    keep.phone = keep.phone or gone.phone
    keep.profession = keep.profession or gone.profession
    gone.merged_into_id = keep.id
    gone.user.disabled_at = gone.user.disabled_at or now
    gone.user.session_version += 1
    session.flush()
    session.expire_all()
    audit.record(
        session,
        "students:student:merged",
        keep,
        actor=actor,
        now=now,
        gone=gone_id,
        gone_email=gone.user.email,
        enrollments=len(moved),
    )
    return keep


def _move_licenses(session: Session, keep: Student, gone: Student) -> None:
    mine = {(row.profession, row.jurisdiction): row for row in keep.licenses}
    for license_ in list(gone.licenses):
        kept = mine.get((license_.profession, license_.jurisdiction))
        if kept is None:
            session.execute(sa.update(License).where(License.id == license_.id).values(student_id=keep.id))
        elif kept.number.upper() == license_.number.upper():
            session.execute(
                sa.update(Enrollment).where(Enrollment.license_id == license_.id).values(license_id=kept.id)
            )
        # A different number of the same kind stays with the record that goes: enrollments still point to it.
    session.expire(keep, ["licenses"])
    session.expire(gone, ["licenses"])


def _move_grants(session: Session, keep: Student, gone: Student) -> None:
    mine = sa.select(PrerequisiteGrant.course_id).where(PrerequisiteGrant.student_id == keep.id)
    session.execute(
        sa.update(PrerequisiteGrant)
        .where(PrerequisiteGrant.student_id == gone.id, PrerequisiteGrant.course_id.not_in(mine))
        .values(student_id=keep.id)
    )


def _move_wishes(session: Session, keep: Student, gone: Student) -> None:
    """Whoever asked to be told when a class opens is told once, at the address that stays."""
    mine = session.execute(
        sa.select(OpeningWish.course_id, OpeningWish.offering_id).where(OpeningWish.student_id == keep.id)
    ).all()
    known = {tuple(row) for row in mine}
    for wish in session.scalars(sa.select(OpeningWish).where(OpeningWish.student_id == gone.id)).all():
        if (wish.course_id, wish.offering_id) in known:
            session.delete(wish)
        else:
            wish.student_id = keep.id
