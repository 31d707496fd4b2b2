"""Marks from a CSV: what another program wrote down, as a mark per person or as scan times.

The first line names the columns: ``email``, ``license`` or ``name`` says who; ``status`` (present, late, left_early,
excused, absent) with ``minutes`` says what, or ``time`` when they were scanned, on the clock of the class. The first scan
of a person is coming; another one, later, is leaving. A ``remark`` column stands beside the mark; an empty one leaves
the remark that stands.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from attendance.marking import minutes_for
from attendance.minutes import Sitting, minutes_between
from attendance.models import REMARK_LIMIT, MarkStatus
from attendance.rolls import on_roll_of
from attendance.writing import Entry
from core.clock import local
from core.errors import RuleError
from core.typed import clean_text
from courses.models import Policy
from courses.offering_models import Meeting
from students.models import Enrollment, License, Student

MOST_LINES = 2000
WHO = ("email", "license", "name")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}")
# Whoever comes the evening before comes to something else.
_EARLY = timedelta(hours=6)
_NEAR = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class ImportLine:
    """One person of the file: the lines, who, the mark that would be made, or why there is none."""

    lines: tuple[int, ...]
    who: str
    entry: Entry | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Person:
    enrollment_id: int
    name: str
    grace: int


def preview(session: Session, meeting: Meeting, text: str, now: datetime) -> list[ImportLine]:
    """What a file would mark, a line per person, in the file's order. Two statements.

    Raises RuleError (field ``text``) when the file as a whole cannot be read.
    """
    rows = _read(text)
    people = _people(session, meeting)
    sitting, zone = Sitting.of(meeting), meeting.offering.time_zone
    found: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, row in rows:
        found.setdefault(_key(row), []).append((number, row))
    result: list[ImportLine] = []
    seen: set[int] = set()
    for key, lines in found.items():
        numbers = tuple(number for number, _row in lines)
        person = people.get(key)
        if person is None:
            said = _("Nobody on this roll fits, or several do.") if key else _("This line names nobody.")
            result.append(ImportLine(numbers, _named(lines[0][1]), None, said))
        elif person.enrollment_id in seen:
            result.append(ImportLine(numbers, person.name, None, _("This person stands in the file twice.")))
        else:
            seen.add(person.enrollment_id)
            try:
                entry = _entry(person, [row for _number, row in lines], sitting, zone)
                minutes_for(entry, sitting, now)
            except RuleError as error:
                result.append(ImportLine(numbers, person.name, None, str(error)))
            else:
                result.append(ImportLine(numbers, person.name, entry))
    return result


def _read(text: str) -> list[tuple[int, dict[str, str]]]:
    text = text.lstrip("\ufeff")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise RuleError(_("This is not a CSV that we can read."), field="text") from error
    lines = [(number, row) for number, row in lines if any(row)]
    if not lines:
        raise RuleError(_("The file is empty."), field="text")
    if len(lines) > MOST_LINES + 1:
        raise RuleError(_("A file holds at most 2,000 lines."), field="text")
    names = [name.casefold().replace(" ", "_") for name in lines[0][1]]
    if not set(names) & set(WHO) or not set(names) & {"status", "time"}:
        raise RuleError(
            _("The first line names the columns: email, license or name; and status or time."), field="text"
        )
    return [(number, dict(zip(names, row, strict=False))) for number, row in lines[1:]]


def _key(row: Mapping[str, str]) -> str:
    for column in WHO:
        if row.get(column):
            return f"{column}:{' '.join(row[column].casefold().split())}"
    return ""


def _named(row: Mapping[str, str]) -> str:
    return next((row[column] for column in WHO if row.get(column)), "")


def _people(session: Session, meeting: Meeting) -> dict[str, _Person]:
    """Whoever can be named: by address, license number, or name; what fits several is left out."""
    query = (
        sa.select(Enrollment.id, User.name, User.email, License.number, Policy.grace_minutes_per_meeting)
        .join(Student, Student.id == Enrollment.student_id)
        .join(User, User.id == Student.user_id)
        .join(Policy, Policy.id == Enrollment.policy_id)
        .outerjoin(License, License.student_id == Student.id)
        .where(on_roll_of(meeting.id, meeting.offering_id))
    )
    found: dict[str, _Person | None] = {}
    for number, name, email, license_, grace in session.execute(query):
        person = _Person(number, name, grace)
        for column, value in (("email", email), ("license", license_), ("name", name)):
            if value:
                key = f"{column}:{' '.join(value.casefold().split())}"
                found[key] = person if found.get(key, person) == person else None
    return {key: person for key, person in found.items() if person is not None}


def _entry(person: _Person, rows: Sequence[Mapping[str, str]], sitting: Sitting, zone: str) -> Entry:
    remark = next((clean_text(row["remark"]) for row in rows if row.get("remark")), None)
    if len(remark or "") > REMARK_LIMIT:
        raise RuleError(_("A remark has at most %(most)s characters.", most=REMARK_LIMIT))
    said = [row for row in rows if row.get("status")]
    if said:
        if len(rows) > 1:
            raise RuleError(_("This person stands in the file twice."))
        return _stated(person, said[0], remark)
    moments = sorted(_moment(row.get("time", ""), sitting, zone) for row in rows)
    came, left = moments[0], moments[-1] if len(moments) > 1 else None
    if came >= sitting.ends_at:
        raise RuleError(_("This scan is after the meeting."))
    late = minutes_between(sitting, arrived=came)
    minutes = minutes_between(sitting, arrived=came, left=left)
    if sitting.credit - minutes <= person.grace:
        return Entry(person.enrollment_id, MarkStatus.PRESENT, remark=remark)
    status = MarkStatus.LEFT_EARLY if sitting.credit - late <= person.grace else MarkStatus.LATE
    return Entry(person.enrollment_id, status, minutes, remark=remark)


def _stated(person: _Person, row: Mapping[str, str], remark: str | None) -> Entry:
    try:
        status = MarkStatus(row["status"].casefold().replace(" ", "_").replace("-", "_"))
    except ValueError as error:
        raise RuleError(_("Choose present, late, left early, absent or excused.")) from error
    text = row.get("minutes", "")
    if text and not (text.isdecimal() and len(text) < 6):
        raise RuleError(_("Write the minutes as a whole number."))
    return Entry(person.enrollment_id, status, int(text) if text else None, remark=remark)


def _moment(text: str, sitting: Sitting, zone: str) -> datetime:
    """A scan: ``9:05`` on the day of the meeting, or a whole date and time; without an offset on the clock of the class.

    Past midnight ``0:20`` is of the morning after. Raises RuleError for anything else, and for another day.
    """
    if not text:
        raise RuleError(_("This line says neither a mark nor a time."))
    begins, ends = local(sitting.starts_at, zone), local(sitting.ends_at, zone)
    try:
        if _CLOCK.fullmatch(text):
            parts = time.fromisoformat(text.zfill(5) if text.count(":") == 1 else text.zfill(8))
            moment = datetime.combine(begins.date(), parts, ZoneInfo(zone))
            if moment < sitting.starts_at - _EARLY and ends.date() > begins.date():
                moment = datetime.combine(ends.date(), parts, ZoneInfo(zone))
        elif _MOMENT.match(text):
            moment = datetime.fromisoformat(text)
        else:
            raise ValueError(text)
    except ValueError as error:
        raise RuleError(_("Write a time as 9:05 or 2027-03-12 09:05.")) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    early = sitting.starts_at - _EARLY <= moment < sitting.starts_at
    if abs(moment - sitting.starts_at) > _NEAR or not (
        early or begins.date() <= local(moment, zone).date() <= ends.date()
    ):
        raise RuleError(_("This scan is of another day."))
    return moment
