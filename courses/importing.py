"""Brings a catalog file into the database: all of it, or nothing. Importing again updates by code.

What people rely on is not changed behind their backs: a version of a policy or a screening set never changes once it is
stored, and a class that exists keeps its seats, price, policy and (when they count from the day of import) its dates.
Claims arrive unpublished.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from babel.numbers import get_currency_precision
from flask_babel import gettext
from sqlalchemy.orm import Session, selectinload

from core import audit
from core.clock import local_date
from core.database import Base
from core.school import School, current_school
from courses.catalog_entries import ApprovalEntry, CourseEntry, Entry, RenewalEntry
from courses.catalog_file import CatalogFile
from courses.catalog_references import Known, known, reference_problems
from courses.import_words import difference
from courses.importing_versions import Versions, load_policies, load_screening_sets
from courses.marked_yaml import CatalogError, Path_, Problem
from courses.models import (
    Approval,
    Body,
    Claim,
    Course,
    CourseState,
    Policy,
    Prerequisite,
    ScreeningSet,
    Subject,
)
from courses.offering_models import DailyPattern, Offering, Venue


@dataclass
class Imported:
    """What an import did. ``offerings`` are the rows of all classes in the file, by code; people are left to the caller.

    ``made`` and ``changed`` list codes per section of the file; ``details`` say per section and code what a changed row
    was and is, and who of the office changed it last; ``warnings`` are sentences that stopped nothing.
    """

    file: CatalogFile
    school: School
    offerings: dict[str, Offering] = field(default_factory=dict)
    made: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, list[str]] = field(default_factory=dict)
    details: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)

    def note(self, section: str, code: str, *, made: bool, changed: bool) -> None:
        """Count one row."""
        if made or changed:
            (self.made if made else self.changed).setdefault(section, []).append(code)


class Import:
    """One import under way: the session, the file, its day, and what was found wrong so far."""

    def __init__(self, session: Session, file: CatalogFile, *, today: date, now: datetime) -> None:
        self.session, self.file, self.today, self.now = session, file, today, now
        self.known: Known = known(session, file)
        self.problems: list[Problem] = []
        self.result = Imported(file, School())
        self.changed_rows: dict[str, dict[str, Base]] = {}
        # What to call the rows that a column of ids chooses from.
        self.names: dict[str, Mapping[int, str]] = {}

    def tell(self, path: Path_, text: object) -> None:
        """Note something that is wrong."""
        self.problems.append(self.file.problem(path, text))

    def stop_on_problems(self) -> None:
        """Raise CatalogError when something was wrong."""
        if self.problems:
            raise CatalogError(self.problems)

    def put(self, section: str, code: str, row: Base, *, made: bool, **values: Any) -> bool:
        """Set what differs; add the row when it is new. Returns whether anything changed."""
        changed = [name for name, value in values.items() if made or getattr(row, name) != value]
        if changed and not made:
            told = [
                difference(name, getattr(row, name), values[name], self.names.get(name)) for name in changed
            ]
            self.result.details.setdefault(section, {}).setdefault(code, []).extend(told)
            self.changed_rows.setdefault(section, {})[code] = row
        for name in changed:
            setattr(row, name, values[name])
        if made:
            self.session.add(row)
        self.result.note(section, code, made=made, changed=bool(changed))
        return bool(changed)

    def cents(self, amount: Decimal, path: Path_) -> int:
        """An amount in the currency's smallest unit."""
        places = get_currency_precision(self.result.school.currency)
        cents = amount.scaleb(places)
        if cents != int(cents):
            told = gettext(
                "%(currency)s has %(n)s decimal places", currency=self.result.school.currency, n=places
            )
            self.tell(path, told)
        return int(cents)


def load_catalog(
    session: Session, file: CatalogFile, *, today: date, now: datetime, actor: audit.Actor | None
) -> Imported:
    """Bring a file into the database, within the caller's write transaction; nothing is committed here.

    ``today`` is the local day from which the file's days count. Instructors must exist as users (the demo makes its cast
    first). Raises CatalogError, with all problems found, when the file does not fit: the caller rolls back.
    """
    from courses.importing_offerings import load_offerings

    work = Import(session, file, today=today, now=now)
    work.problems += reference_problems(session, file, work.known)
    work.stop_on_problems()
    with session.no_autoflush:
        _school(work)
        work.stop_on_problems()
        _bodies(work)
        _subjects(work)
        load_screening_sets(work)
        load_policies(work)
        _patterns(work)
        _venues(work)
        session.flush()
        work.stop_on_problems()
        _courses(work)
        _claims(work)
        session.flush()
        work.stop_on_problems()
        load_offerings(work)
        work.stop_on_problems()
    _who_changed_it(work)
    made, changed = work.result.made, work.result.changed
    if made or changed:
        details = {"file": file.path.name, "made": made, "changed": changed}
        audit.record(session, "courses:catalog:imported", work.result.school, actor=actor, now=now, **details)
    return work.result


def _who_changed_it(work: Import) -> None:
    """Say of each row that the file changes who of the office changed it last: one statement for each section."""
    zone = work.result.school.time_zone
    for section, rows in work.changed_rows.items():
        last = audit.last_people(work.session, list(rows.values()))
        for code, row in rows.items():
            if found := last.get(getattr(row, "id", 0)):
                told = gettext(
                    "%(name)s changed it in the office on %(day)s",
                    name=found[0],
                    day=local_date(found[1], zone),
                )
                work.result.details[section][code].append(told)


def _said(entry: Entry, row: Base | None, values: dict[str, Any]) -> dict[str, Any]:
    """Of a row that is stored already, what the file says; what it leaves out stays as the office has it."""
    return values if row is None else {key: values[key] for key in values if key in entry.model_fields_set}


def _school(work: Import) -> None:
    school, entry = current_school(work.session), work.file.entries.provider
    if entry is None:
        if school is not None:
            work.result.school = school
        return
    made = school is None
    school = school or School(id=1)
    if not made and entry.demo and not school.is_demo:
        work.tell(("provider", "demo"), gettext("this school is no demonstration and does not become one"))
    if not made and entry.currency != school.currency:
        told = gettext(
            "this school counts in %(currency)s; its currency cannot change", currency=school.currency
        )
        work.tell(("provider", "currency"), told)
    values = _said(entry, None if made else school, entry.model_dump(exclude={"demo", "provider_numbers"}))
    if made or "demo" in entry.model_fields_set:
        values["is_demo"] = entry.demo
    work.put("provider", entry.name, school, made=made, **values)
    work.result.school = school


def _bodies(work: Import) -> None:
    entries = work.file.entries
    rows = {body.code: body for body in work.session.scalars(sa.select(Body))}
    numbers = entries.provider.provider_numbers if entries.provider else {}
    for code, entry in entries.bodies.items():
        row = rows.get(code)
        values = _said(entry, row, entry.model_dump(exclude={"round_down_to", "renewal"}))
        values["step_thousandths"] = int(entry.round_down_to * 1000)
        if row is None or "renewal" in entry.model_fields_set:
            values |= _renewal(entry.renewal)
        values["provider_number"] = numbers.get(code, row.provider_number if row else "")
        work.put("bodies", code, row or Body(code=code), made=row is None, **values)
    for code, number in numbers.items():
        if code not in entries.bodies:
            work.put("bodies", code, rows[code], made=False, provider_number=number)


def _renewal(entry: RenewalEntry | None) -> dict[str, Any]:
    units = entry.units if entry else None
    return {
        "renewal_months": entry.months if entry else None,
        "renewal_units_thousandths": int(units * 1000) if units is not None else None,
        "renewal_ends_on": entry.ends_on if entry else None,
    }


def _subjects(work: Import) -> None:
    rows = {subject.title: subject for subject in work.session.scalars(sa.select(Subject))}
    for position, title in enumerate(work.file.entries.subjects):
        row = rows.get(title)
        work.put("subjects", title, row or Subject(title=title), made=row is None, position=position)


def _patterns(work: Import) -> None:
    rows = {row.code: row for row in work.session.scalars(sa.select(DailyPattern))}
    for code, sittings in work.file.patterns.items():
        row = rows.get(code)
        written = [f"{sitting.starts:%H:%M}-{sitting.ends:%H:%M}" for sitting in sittings]
        work.put("daily_patterns", code, row or DailyPattern(code=code), made=row is None, sittings=written)


def _venues(work: Import) -> None:
    rows = {row.code: row for row in work.session.scalars(sa.select(Venue))}
    for entry in work.file.entries.venues:
        row = rows.get(entry.code)
        values = _said(entry, row, entry.model_dump(exclude={"code", "online"}))
        if row is None or entry.model_fields_set & {"online", "city"}:
            values["is_online"] = entry.is_online
        work.put("venues", entry.code, row or Venue(code=entry.code), made=row is None, **values)


def _courses(work: Import) -> None:
    session, entries = work.session, work.file.entries.courses
    query = sa.select(Course).options(selectinload(Course.prerequisites), selectinload(Course.approvals))
    rows = {row.code: row for row in session.scalars(query)}
    stored = set(rows)
    subjects = {row.title: row.id for row in session.execute(sa.select(Subject.title, Subject.id))}
    screening = Versions(session, ScreeningSet, work.file.entries.screening_sets)
    policies = Versions(session, Policy, work.file.entries.policies)
    titles = {key: title for title, key in subjects.items()}
    work.names = {"policy_id": policies.names, "screening_set_id": screening.names, "subject_id": titles}
    touched: set[str] = set()
    for number, entry in enumerate(entries):
        row = rows.get(entry.code)
        same = {"title", "level", "summary", "outcomes", "days", "contact_minutes", "assistant_ratio"}
        plain = entry.model_dump(include=same | {"preparation", "open_to", "validity_months"})
        values = _said(entry, row, plain)
        if row is None or "evaluation" in entry.model_fields_set:
            values["evaluation"] = entry.wish
        values |= {
            "subject_id": subjects[entry.subject],
            "delivery": entry.given,
            "state": entry.stands or (row.state if row else CourseState.PUBLISHED),
            "default_capacity": entry.seats,
            "price_cents": work.cents(entry.price, ("courses", number, "price")),
            "screening_set_id": screening.choose(row.screening_set_id if row else None, entry.screening),
            "policy_id": policies.choose(row.policy_id if row else None, entry.policy),
        }
        course = row or Course(code=entry.code)
        if work.put("courses", entry.code, course, made=row is None, **values):
            touched.add(entry.code)
        rows[entry.code] = course
    session.flush()
    bodies = {row.code: row.id for row in session.execute(sa.select(Body.code, Body.id))}
    for entry in entries:
        prerequisites = _prerequisites(rows[entry.code], entry, rows)
        approvals = _approvals(work, rows[entry.code], entry.approvals, bodies)
        changed = prerequisites or approvals
        if entry.code in stored and changed:
            told = work.result.details.setdefault("courses", {}).setdefault(entry.code, [])
            told += [gettext("its prerequisites are others now")] if prerequisites else []
            told += [gettext("its approvals are others now")] if approvals else []
            work.changed_rows.setdefault("courses", {})[entry.code] = rows[entry.code]
        if entry.code not in touched:
            work.result.note("courses", entry.code, made=False, changed=changed)


def _prerequisites(course: Course, entry: CourseEntry, rows: dict[str, Course]) -> bool:
    if "prerequisites" not in entry.model_fields_set:
        return False
    wanted = {rows[item.course].id: item.strength for item in entry.prerequisites}
    before = {item.needs_id: item.kind for item in course.prerequisites}
    if wanted == before:
        return False
    kept = [item for item in course.prerequisites if item.needs_id in wanted]
    for item in kept:
        item.kind = wanted[item.needs_id]
    new = [Prerequisite(needs_id=key, kind=kind) for key, kind in wanted.items() if key not in before]
    course.prerequisites = kept + new
    return True


def _approvals(
    work: Import, course: Course, entries: Sequence[ApprovalEntry], bodies: dict[str, int]
) -> bool:
    """Approvals are known by body and program number; those that the file does not name stay."""
    rows = {(row.body_id, row.program_number): row for row in course.approvals}
    changed = False
    for entry in entries:
        first, last = entry.valid or [work.today + timedelta(days=days) for days in entry.valid_days or ()]
        values = {"units_thousandths": int(entry.hours * 1000), "valid_from": first, "valid_until": last}
        row = rows.get((bodies[entry.body], entry.program))
        if row is None:
            course.approvals.append(
                Approval(body_id=bodies[entry.body], program_number=entry.program, **values)
            )
            changed = True
            continue
        for name, value in values.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
                changed = True
    return changed


def _claims(work: Import) -> None:
    stored = set(work.session.scalars(sa.select(Claim.text)))
    for origin, text in work.file.claims:
        if text not in stored:
            stored.add(text)
            work.put("claims", origin, Claim(text=text, origin=origin), made=True)
