"""The statements of the catalog page. They are made once per combination of filters and run with the values asked for:
composing them costs more than running them.

Parameters: ``now``, ``subject``, ``level``, ``delivery``, ``place``, ``first`` and ``next`` (days), ``word0`` … ``word7``
(LIKE patterns, escaped with ``/``), ``size`` and ``skip``, ``ids``.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa

from accounts.models import User
from courses.cards import COLUMNS
from courses.models import Course, CourseState, Prerequisite, PrerequisiteKind, Subject
from courses.offering_models import Offering, OfferingInstructor, OfferingState, Venue

CLASSES_PER_COURSE = 3
Condition = sa.ColumnElement[bool]
ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)


def coming(now: Any) -> Condition:
    """Published classes that have not begun."""
    return sa.and_(Offering.state == OfferingState.PUBLISHED, Offering.starts_at > now)


_coming = coming(sa.bindparam("now"))


@dataclass(frozen=True)
class Statements:
    """What one page of the catalog asks; ``courses`` end with the count of all that match."""

    courses: sa.Select[*tuple[Any, ...]]
    classes: sa.Select[*tuple[Any, ...]]
    months: sa.Select[*tuple[Any, ...]]


@lru_cache(maxsize=512)
def statements(active: frozenset[str], words: int) -> Statements:
    """The statements for the filters that are set (by name) and so many words of search."""
    about_course = _course_conditions(active, words)
    about_class = _class_conditions(active)
    conditions = list(about_course)
    if active & {"place", "online", "month"}:
        matching = (
            sa.select(Offering.id).join(Offering.venue).where(Offering.course_id == Course.id, *about_class)
        )
        conditions.append(matching.correlate(Course).exists())
    return Statements(
        courses=_courses(conditions),
        classes=_classes(about_class),
        months=_months([*about_course, *_class_conditions(active - {"month"})]),
    )


def _courses(conditions: list[Condition]) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Course.id,
            Course.code,
            Course.title,
            Course.summary,
            Course.level,
            Course.delivery,
            Course.contact_minutes,
            Course.price_cents,
            Subject.title,
            sa.func.count().over(),
        )
        .join(Course.subject)
        .where(*conditions)
        .order_by(Subject.position, Subject.id, Course.id)
        .limit(sa.bindparam("size"))
        .offset(sa.bindparam("skip"))
    )


def _classes(conditions: list[Condition]) -> sa.Select[*tuple[Any, ...]]:
    """The first classes of each course, with the number of all that match."""
    by_date = (Offering.starts_at, Offering.id)
    ranked = (
        sa.select(
            Offering.id,
            sa.func.row_number().over(partition_by=Offering.course_id, order_by=by_date).label("place"),
            sa.func.count().over(partition_by=Offering.course_id).label("of"),
        )
        .join(Offering.venue)
        .where(Offering.course_id.in_(ids), *conditions)
        .subquery()
    )
    return (
        sa.select(Offering.course_id, ranked.c.of, *COLUMNS)
        .join(ranked, ranked.c.id == Offering.id)
        .join(Offering.venue)
        .join(Offering.policy)
        .where(ranked.c.place <= CLASSES_PER_COURSE)
        .order_by(*by_date)
    )


def _months(conditions: list[Condition]) -> sa.Select[*tuple[Any, ...]]:
    year, month = sa.extract("year", Offering.starts_on), sa.extract("month", Offering.starts_on)
    return (
        sa.select(year, month, sa.func.count())
        .select_from(Offering)
        .join(Offering.course)
        .join(Offering.venue)
        .where(*conditions)
        .group_by(year, month)
        .order_by(year, month)
    )


def _course_conditions(active: frozenset[str], words: int) -> list[Condition]:
    found: list[Condition] = [Course.state == CourseState.PUBLISHED]
    if "subject" in active:
        found.append(Course.subject.has(Subject.title == sa.bindparam("subject")))
    if "level" in active:
        found.append(Course.level == sa.bindparam("level"))
    if "delivery" in active:
        found.append(sa.cast(Course.delivery, sa.String) == sa.bindparam("delivery"))
    return found + [_about(f"word{number}") for number in range(words)]


def _about(name: str) -> Condition:
    """A word of the search: in a course's title, code or summary, or an instructor of one of its coming classes."""
    word = sa.bindparam(name, type_=sa.String)
    teaches = (
        sa.exists()
        .where(
            Offering.course_id == Course.id,
            _coming,
            OfferingInstructor.offering_id == Offering.id,
            User.id == OfferingInstructor.user_id,
            User.name.ilike(word, escape="/"),
        )
        .correlate(Course)
    )
    return sa.or_(
        *(text.ilike(word, escape="/") for text in (Course.title, Course.code, Course.summary)), teaches
    )


def _class_conditions(active: frozenset[str]) -> list[Condition]:
    found: list[Condition] = [_coming]
    if "online" in active:
        found.append(Venue.is_online.is_(True))
    if "place" in active:
        found.append(Venue.city == sa.bindparam("place"))
    if "month" in active:
        found += [Offering.starts_on >= sa.bindparam("first"), Offering.starts_on < sa.bindparam("next")]
    return found


@cache
def needs() -> sa.Select[int, str]:
    """The courses that each of some courses cannot do without."""
    return (
        sa.select(Prerequisite.course_id, Course.code)
        .join(Prerequisite.needs)
        .where(Prerequisite.course_id.in_(ids), Prerequisite.kind != PrerequisiteKind.RECOMMENDED)
        .order_by(Course.id)
    )


@cache
def teachers() -> sa.Select[int, str]:
    """Who teaches some classes, the lead first."""
    return (
        sa.select(OfferingInstructor.offering_id, User.name)
        .join(OfferingInstructor.user)
        .where(OfferingInstructor.offering_id.in_(ids))
        .order_by(OfferingInstructor.role.desc(), User.name)
    )


@cache
def kinds() -> sa.Select[*tuple[Any, ...]]:
    """The subjects, levels and kinds of delivery in the catalog."""
    return (
        sa.select(Subject.title, Course.level, Course.delivery)
        .join(Course.subject)
        .where(Course.state == CourseState.PUBLISHED)
        .group_by(Subject.title, Course.level, Course.delivery)
        .order_by(sa.func.min(Subject.position), sa.func.min(Course.id))
    )


@cache
def places() -> sa.Select[*tuple[Any, ...]]:
    """The places of coming classes."""
    used = sa.exists().where(Offering.venue_id == Venue.id, _coming).correlate(Venue)
    return (
        sa.select(Venue.city, Venue.region, Venue.country, Venue.is_online)
        .distinct()
        .where(used)
        .order_by(Venue.is_online, Venue.city)
    )
