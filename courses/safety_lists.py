"""The safety lists that stand above the Enroll button: a new list, a new version. The school writes what is in them."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core.errors import RuleError
from courses import versions
from courses.models import Course, ScreeningSet
from courses.offering_checks import raise_all

LONGEST_LINE = 200


@dataclass(frozen=True, kw_only=True)
class SafetyListData:
    """What a version says: where it is from, and the two lists, a line each. Both empty: nothing to acknowledge."""

    source: str = ""
    do_not_receive: list[str]
    ask_first: list[str]


def transient(code: str, version: int, data: SafetyListData) -> ScreeningSet:
    """A list that is not stored, to be shown as students would see it."""
    return ScreeningSet(code=code, version=version, **asdict(data))


def add_safety_list(
    session: Session, code: str, data: SafetyListData, *, actor: User, now: datetime
) -> ScreeningSet:
    """Store a new list as version 1. Raises RuleError for a name that is taken and what ``check`` refuses."""
    check(data)
    return versions.add_first(session, ScreeningSet, code, asdict(data), actor=actor, now=now)


def add_safety_list_version(
    session: Session,
    code: str,
    data: SafetyListData,
    *,
    actor: User,
    now: datetime,
    course_ids: Collection[int] = (),
) -> ScreeningSet:
    """Store the next version of a list. Whoever enrolls in a course of ``course_ids`` from now on reads it.

    Raises RuleError when it says what the newest says, and for what ``check`` refuses.
    """
    check(data)
    return versions.add_next(
        session, ScreeningSet, code, asdict(data), actor=actor, now=now, course_ids=course_ids
    )


def check(data: SafetyListData) -> None:
    """Raise RuleError, each with its field, for lines that are too long and lines that stand twice."""
    wrong: list[RuleError] = []
    seen: set[str] = set()
    for field in ("do_not_receive", "ask_first"):
        for line in getattr(data, field):
            if len(line) > LONGEST_LINE:
                told = _(
                    "“%(line)s…” is too long: a line has at most %(n)s characters.",
                    n=LONGEST_LINE,
                    line=line[:30],
                )
                wrong.append(RuleError(told, field=field))
            elif line.lower() in seen:
                wrong.append(RuleError(_("“%(line)s” stands here twice.", line=line), field=field))
            seen.add(line.lower())
    raise_all(wrong)


def courses_with(session: Session, list_ids: Collection[int]) -> dict[int, int]:
    """How many courses use each of these versions, by its id. One statement."""
    rows = session.execute(
        sa.select(Course.screening_set_id, sa.func.count(Course.id))
        .where(Course.screening_set_id.in_(list_ids))
        .group_by(Course.screening_set_id)
    )
    return {row[0]: row[1] for row in rows}
