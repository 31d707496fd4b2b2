"""Policies and safety lists: a version never changes once it is stored; a change is the next version.

Whoever agreed to a version, or read it, keeps it. Courses choose a version: a new one counts for those that take it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.database import flush_unique
from core.errors import RuleError
from courses.models import Course, Policy, ScreeningSet
from courses.offering_checks import check_code

V = TypeVar("V", Policy, ScreeningSet)
Kind = type[Policy] | type[ScreeningSet]

# The column of a course that names its version, and what the audit log calls the thing.
_COLUMN: Mapping[Kind, str] = {Policy: "policy_id", ScreeningSet: "screening_set_id"}
_CALLED: Mapping[Kind, str] = {Policy: "policy", ScreeningSet: "safety_list"}


@dataclass(frozen=True)
class Using:
    """A course that uses some version of a thing: which one, and whether it is the version looked at."""

    course: Course
    version: int


def newest(session: Session, kind: type[V], code: str) -> V | None:
    """The newest version of a code; one that differs in case only, when none is written like this."""
    query = sa.select(kind).where(sa.func.lower(kind.code) == code.lower())
    order = (kind.code == code).desc(), kind.version.desc()
    return session.scalars(query.order_by(*order).limit(1)).first()


def lock(session: Session, kind: Kind, code: str) -> None:
    """Hold the versions of a code until the end of the transaction, so that nobody adds one meanwhile."""
    query = sa.select(kind.id).where(kind.code == code).order_by(kind.id).with_for_update()
    session.execute(query).all()


def add_first(
    session: Session,
    kind: type[V],
    code: str,
    values: Mapping[str, Any],
    *,
    actor: User,
    now: datetime,
    course_ids: Collection[int] = (),
) -> V:
    """Store version 1 of something new. Raises RuleError (field ``code``) when the name is taken."""
    check_code(code.upper())
    if newest(session, kind, code) is not None:
        raise _taken()
    return _store(session, kind, code, 1, values, course_ids, actor=actor, now=now)


def add_next(
    session: Session,
    kind: type[V],
    code: str,
    values: Mapping[str, Any],
    *,
    actor: User,
    now: datetime,
    course_ids: Collection[int] = (),
) -> V:
    """Store the next version of a code. ``course_ids`` take it at once; the others stay with theirs.

    Raises RuleError when it says the same as the newest one.
    """
    lock(session, kind, code)  # two at once: the second counts on from what the first stored
    last = newest(session, kind, code)
    if last is None:
        raise RuleError(_("This is not there any more."))
    if all(getattr(last, name) == value for name, value in values.items()):
        raise RuleError(_("This says what version %(n)s says already. Nothing was stored.", n=last.version))
    return _store(session, kind, code, last.version + 1, values, course_ids, actor=actor, now=now)


def _store(
    session: Session,
    kind: type[V],
    code: str,
    version: int,
    values: Mapping[str, Any],
    course_ids: Collection[int],
    *,
    actor: User,
    now: datetime,
) -> V:
    row = kind(code=code, version=version, **values)
    if isinstance(row, Policy):
        row.created_at = now
    session.add(row)
    table = kind.__tablename__
    flush_unique(session, _taken(), f"uq_{table}_code_version", f"{table}.code")
    taken = take_up(session, row, course_ids, actor=actor, now=now)
    audit.record(
        session,
        f"courses:{_CALLED[kind]}:added",
        row,
        actor=actor,
        now=now,
        code=code,
        version=version,
        courses=taken,
    )
    return row


def _taken() -> RuleError:
    return RuleError(_("There is one with this name already."), field="code")


def take_up(
    session: Session, row: Policy | ScreeningSet, course_ids: Collection[int], *, actor: User, now: datetime
) -> list[str]:
    """Let courses use a version; returns the codes of those that did not yet. Their classes keep what they have."""
    column = _COLUMN[type(row)]
    query = sa.select(Course).where(Course.id.in_(course_ids)).order_by(Course.id).with_for_update()
    taken = []
    for course in session.scalars(query.execution_options(populate_existing=True)):
        if getattr(course, column) != row.id:
            setattr(course, column, row.id)
            taken.append(course.code)
            audit.record(
                session,
                "courses:course:changed",
                course,
                actor=actor,
                now=now,
                code=course.code,
                changed=[column],
            )
    return taken


def courses_using(session: Session, kind: Kind, code: str) -> list[Using]:
    """The courses that use any version of a code, by their own code. One statement."""
    column = getattr(Course, _COLUMN[kind])
    query = (
        sa.select(Course, kind.version)
        .join(kind, kind.id == column)
        .where(kind.code == code)
        .order_by(Course.code)
    )
    return [Using(course, version) for course, version in session.execute(query)]
