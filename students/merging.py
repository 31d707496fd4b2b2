"""Two records of one person are merged into one, history and all. ``students.duplicates`` finds them.

Enrollments, licenses and grants move to the record that stays; fees, attendance and certificates hang on enrollments and
move with them. The other account is closed and says where it went. Nothing is deleted.
"""

from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import audit
from core.database import locked
from core.errors import RuleError
from core.formatting import listing
from courses.offering_models import Offering
from students import duplicates, states
from students.models import Enrollment, KeptApart, License, PrerequisiteGrant, Student
from students.notice_models import OpeningWish


def objection(session: Session, keep: Student, gone: Student) -> str:
    """Why these two can't be merged; empty when they can."""
    if keep.id == gone.id:
        return _("These are the same record.")
    if keep.merged_into_id is not None or gone.merged_into_id is not None:
        return _("One of the two was merged already.")
    if duplicates.is_kept_apart(session, keep.id, gone.id):
        return _("It was said that these are two people. Take that back first, on the list of duplicates.")
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
    _move_words(session, keep, gone)
    keep.phone = keep.phone or gone.phone
    keep.profession = keep.profession or gone.profession
    gone.merged_into_id = keep.id
    # Whatever was merged into that record before is found in this one, at one step.
    session.execute(
        sa.update(Student).where(Student.merged_into_id == gone.id).values(merged_into_id=keep.id)
    )
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


def _move_words(session: Session, keep: Student, gone: Student) -> None:
    """Whoever is not the person that goes is not the one that stays."""
    for word in session.scalars(
        sa.select(KeptApart).where(sa.or_(KeptApart.first_id == gone.id, KeptApart.second_id == gone.id))
    ).all():
        other = word.second_id if word.first_id == gone.id else word.first_id
        if not duplicates.is_kept_apart(session, keep.id, other):
            first, second = sorted((keep.id, other))
            session.add(
                KeptApart(first_id=first, second_id=second, said_at=word.said_at, said_by_id=word.said_by_id)
            )
        session.delete(word)
        session.flush()
