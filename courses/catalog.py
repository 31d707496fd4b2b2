"""What the public sees of the catalog: published courses and their coming classes, filtered, in pages.

Everything is read in a fixed number of statements, whatever the number of courses and classes. "Coming" are published
classes that have not begun.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses import catalog_queries as queries
from courses.cards import ClassCard, card_of
from courses.models import Delivery

COURSES_PER_PAGE = 15
ONLINE = "online"

_MONTH = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True)
class Filters:
    """What a visitor asks for. ``month`` is like 2027-03; ``place`` a city, or ``online``. Empty: everything."""

    q: str = ""
    subject: str = ""
    level: str = ""
    delivery: str = ""
    place: str = ""
    month: str = ""

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> "Filters":
        """From the address; spaces are collapsed, overlong values cut."""
        names = cls.__dataclass_fields__
        return cls(**{name: " ".join(arguments.get(name, "").split())[:100] for name in names})

    def active(self) -> dict[str, str]:
        """The filters that are set, by name."""
        return {name: value for name in self.__dataclass_fields__ if (value := getattr(self, name))}

    def without(self, name: str) -> dict[str, str]:
        """The other filters that are set."""
        return {key: value for key, value in self.active().items() if key != name}


@dataclass(frozen=True)
class CourseCard:
    """A course in the list. ``classes`` are its first coming ones, ``class_count`` says how many there are.

    It holds everything that the list shows of it, and nothing else: what is drawn of an equal card is equal.
    """

    code: str
    title: str
    summary: str
    level: str
    delivery: Delivery
    contact_minutes: int
    price_cents: int
    subject: str
    needs: tuple[str, ...] = ()
    classes: tuple[ClassCard, ...] = ()
    class_count: int = 0


@dataclass(frozen=True)
class MonthCount:
    """A month and the number of classes that begin in it. ``key`` is like 2027-03."""

    first: date
    count: int

    @property
    def key(self) -> str:
        """As written in the address."""
        return f"{self.first:%Y-%m}"


@dataclass
class Listing:
    """One page of the catalog."""

    courses: list[CourseCard]
    course_count: int
    class_count: int
    months: list[MonthCount]


@dataclass
class Choices:
    """What the filters offer: values and labels in their order."""

    subjects: list[str]
    levels: list[str]
    deliveries: list[str]
    places: list[tuple[str, str]]


def choices(session: Session, *, now: datetime) -> Choices:
    """What may be chosen. Two statements."""
    rows = session.execute(queries.kinds()).all()
    labels: dict[str, str] = {}
    for city, region, country, online in session.execute(queries.places(), {"now": now}):
        if online or city:
            label = "" if online else ", ".join(part for part in (city, region or country) if part)
            labels.setdefault(ONLINE if online else city, label)
    return Choices(
        subjects=list(dict.fromkeys(row[0] for row in rows)),
        levels=_levels([row[1] for row in rows]),
        deliveries=[kind.value for kind in Delivery if any(row[2] is kind for row in rows)],
        places=list(labels.items()),
    )


def _levels(found: Sequence[str]) -> list[str]:
    """Levels by name, those with a number after those that begin, before those that end: Foundation, Level 1, Advanced."""
    first = {"Foundation": 0, "Introduction": 0, "Beginner": 0}
    last = {"Intermediate": 2, "Advanced": 3, "Mastery": 4}
    return sorted(set(found), key=lambda level: (first.get(level, last.get(level, 1)), level))


def listing(session: Session, filters: Filters, *, page: int, now: datetime) -> Listing:
    """One page of courses with their first coming classes. Five statements; two when nothing matches."""
    active, values = _values(filters, now)
    if active is None:
        return Listing([], 0, 0, [])
    asked = queries.statements(active, sum(name.startswith("word") for name in values))
    months = [
        MonthCount(date(int(year), int(month), 1), count)
        for year, month, count in session.execute(asked.months, values)
    ]
    size = {"size": COURSES_PER_PAGE, "skip": (page - 1) * COURSES_PER_PAGE}
    rows = session.execute(asked.courses, values | size).all()
    found = _with_classes(session, rows, asked, values, now) if rows else []
    chosen = [month.count for month in months if not filters.month or month.key == filters.month]
    return Listing(found, rows[0][9] if rows else 0, sum(chosen), months)


def _with_classes(
    session: Session,
    rows: Sequence[Sequence[Any]],
    asked: queries.Statements,
    values: dict[str, Any],
    now: datetime,
) -> list[CourseCard]:
    keys = [row[0] for row in rows]
    found = session.execute(asked.classes, values | {"ids": keys}).all()
    teachers = _grouped(session, queries.teachers(), [row[2] for row in found])
    needs = _grouped(session, queries.needs(), keys)
    classes: dict[int, list[ClassCard]] = {}
    for row in found:
        classes.setdefault(row[0], []).append(card_of(row[2:], tuple(teachers.get(row[2], ())), now))
    counts = {row[0]: row[1] for row in found}
    cards = []
    for key, code, title, summary, level, delivery, minutes, price, subject, _total in rows:
        about = (code, title, summary, level, delivery, minutes, price, subject, tuple(needs.get(key, ())))
        cards.append(CourseCard(*about, tuple(classes.get(key, ())), counts.get(key, 0)))
    return cards


def _grouped(session: Session, query: sa.Select[int, str], keys: list[int]) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = {}
    for key, text in session.execute(query, {"ids": keys}):
        grouped.setdefault(key, []).append(text)
    return grouped


def _values(filters: Filters, now: datetime) -> tuple[frozenset[str] | None, dict[str, Any]]:
    """Which conditions are asked for, and their values; None when nothing can match."""
    active, values = set(filters.active()) - {"q"}, {"now": now, **filters.active()}
    if filters.place == ONLINE:
        active = active - {"place"} | {"online"}
    if filters.month:
        first = first_of_month(filters.month)
        if first is None:
            return None, {}
        values |= {"first": first, "next": _month_after(first)}
    for number, word in enumerate(filters.q.split()[:8]):
        escaped = word.replace("/", "//").replace("%", "/%").replace("_", "/_")
        values[f"word{number}"] = f"%{escaped}%"
    for name in ("q", "month"):
        values.pop(name, None)
    return frozenset(active), values


def first_of_month(month: str) -> date | None:
    """The first day of a month like 2027-03; None when there is no such month."""
    match = _MONTH.fullmatch(month)
    try:
        return date(int(match[1]), int(match[2]), 1) if match else None
    except ValueError:
        return None


def _month_after(first: date) -> date:
    if first.month == 12:
        return date.max if first.year == date.max.year else date(first.year + 1, 1, 1)
    return date(first.year, first.month + 1, 1)
