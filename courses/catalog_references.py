"""Whether everything that a catalog file refers to exists, in the file or in the database already."""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from flask_babel import gettext
from sqlalchemy.orm import Session, aliased

from accounts.access import TEACHING
from accounts.models import User
from core.school import current_school
from courses.catalog_file import CatalogFile
from courses.marked_yaml import Path_, Problem
from courses.models import Body, Course, Policy, Prerequisite, ScreeningSet, Subject
from courses.offering_models import DailyPattern, Venue


@dataclass
class Known:
    """The codes that a file may refer to, and the users who teach by e-mail address."""

    bodies: set[str]
    subjects: set[str]
    screening: set[str]
    policies: set[str]
    courses: set[str]
    venues: set[str]
    patterns: set[str]
    users: dict[str, User]
    domain: str


def known(session: Session, file: CatalogFile) -> Known:
    """What the database holds and the file brings."""
    entries = file.entries

    def codes(column: sa.orm.InstrumentedAttribute[str], *own: str) -> set[str]:
        return {*session.scalars(sa.select(column)), *own}

    school = current_school(session)
    email = entries.provider.email if entries.provider else school.email if school else ""
    domain = email.rpartition("@")[2]
    addresses = {file.email_of(login, domain) for offering in entries.offerings for login in offering.logins}
    users = session.scalars(sa.select(User).where(User.email.in_(addresses)))
    return Known(
        bodies=codes(Body.code, *entries.bodies),
        subjects=codes(Subject.title, *entries.subjects),
        screening=codes(ScreeningSet.code, *entries.screening_sets),
        policies=codes(Policy.code, *entries.policies),
        courses=codes(Course.code, *(course.code for course in entries.courses)),
        venues=codes(Venue.code, *(venue.code for venue in entries.venues)),
        patterns=codes(DailyPattern.code, *entries.daily_patterns),
        users={user.email: user for user in users},
        domain=domain,
    )


def reference_problems(session: Session, file: CatalogFile, known: Known) -> list[Problem]:
    """A problem for each reference to something that exists nowhere, and for a circle of prerequisites."""
    problems = [*_missing(file, known), *_teachers(file, known)]
    if not problems:
        problems += _circles(session, file)
    if file.entries.provider is None and current_school(session) is None:
        problems.append(
            Problem(0, "provider", gettext("the school is not set up yet: write its provider section"))
        )
    return problems


def _missing(file: CatalogFile, known: Known) -> Iterator[Problem]:
    for path, kind, code in _references(file):
        words = {
            "bodies": gettext("there is no body called %(code)s", code=code),
            "subjects": gettext("there is no subject called %(code)s", code=code),
            "screening": gettext("there is no screening set called %(code)s", code=code),
            "policies": gettext("there is no policy called %(code)s", code=code),
            "courses": gettext("there is no course called %(code)s", code=code),
            "venues": gettext("there is no venue called %(code)s", code=code),
            "patterns": gettext("there is no daily pattern called %(code)s", code=code),
        }
        if code not in getattr(known, kind):
            yield file.problem(path, words[kind])


def _references(file: CatalogFile) -> Iterator[tuple[Path_, str, str]]:
    entries = file.entries
    if entries.provider:
        for code in entries.provider.provider_numbers:
            yield ("provider", "provider_numbers", code), "bodies", code
    for number, course in enumerate(entries.courses):
        here = ("courses", number)
        yield (*here, "subject"), "subjects", course.subject
        yield (*here, "screening"), "screening", course.screening
        yield (*here, "policy"), "policies", course.policy
        for position, prerequisite in enumerate(course.prerequisites):
            yield (*here, "prerequisites", position, "course"), "courses", prerequisite.course
        for position, approval in enumerate(course.approvals):
            yield (*here, "approvals", position, "body"), "bodies", approval.body
    for number, offering in enumerate(entries.offerings):
        here = ("offerings", number)
        yield (*here, "course"), "courses", offering.course
        yield (*here, "venue"), "venues", offering.venue
        yield (*here, "pattern"), "patterns", offering.pattern


def _teachers(file: CatalogFile, known: Known) -> Iterator[Problem]:
    for number, offering in enumerate(file.entries.offerings):
        for login in offering.logins:
            email = file.email_of(login, known.domain)
            user = known.users.get(email)
            here = ("offerings", number, "lead" if login == offering.lead else "assistants")
            if user is None:
                yield file.problem(
                    here, gettext("there is no user %(email)s; invite them first", email=email)
                )
            elif user.role not in TEACHING or not user.is_active:
                yield file.problem(here, gettext("%(email)s is not an instructor", email=email))


def _circles(session: Session, file: CatalogFile) -> list[Problem]:
    """A circle would let nobody in: no course may come before itself, over however many others."""
    after, before = aliased(Course), aliased(Course)
    query = (
        sa.select(after.code, before.code)
        .select_from(Prerequisite)
        .join(after, after.id == Prerequisite.course_id)
        .join(before, before.id == Prerequisite.needs_id)
    )
    needs: dict[str, list[str]] = {}
    for course, needed in session.execute(query):
        needs.setdefault(course, []).append(needed)
    place = {}
    for number, entry in enumerate(file.entries.courses):
        if "prerequisites" in entry.model_fields_set:  # else those that are stored stay
            needs[entry.code] = [prerequisite.course for prerequisite in entry.prerequisites]
        place[entry.code] = number
    circle = find_circle(needs)
    if not circle:
        return []
    here = next((code for code in circle if code in place), circle[0])
    told = gettext("these prerequisites go round in a circle: %(circle)s", circle=" → ".join(circle))
    return [file.problem(("courses", place[here], "prerequisites"), told)]


def find_circle(needs: dict[str, list[str]]) -> list[str]:
    """The first circle among ``needs`` (course → the courses before it), its first course repeated at the end; or []."""
    done: set[str] = set()
    for start in needs:
        way: list[str] = []
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            code, position = stack.pop()
            if position == 0:
                if code in way:
                    return [*way[way.index(code) :], code]
                if code in done:
                    continue
                way.append(code)
            following = needs.get(code, [])
            if position < len(following):
                stack.append((code, position + 1))
                stack.append((following[position], 0))
            else:
                done.add(code)
                way.remove(code)
    return []
