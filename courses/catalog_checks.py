"""What a catalog file alone can be asked: duplicate codes, dates that make no sense, patterns, the demo's people."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence

from flask_babel import gettext

from courses.catalog_entries import OfferingEntry
from courses.catalog_file import CatalogFile
from courses.marked_yaml import Problem


def own_problems(file: CatalogFile) -> list[Problem]:
    """Everything that is wrong with the file itself, whatever the database holds."""
    return [
        *_repeated(file, "subjects", file.entries.subjects, lambda subject: subject),
        *_repeated(file, "courses", file.entries.courses, lambda course: course.code),
        *_repeated(file, "venues", file.entries.venues, lambda venue: venue.code),
        *_repeated(file, "offerings", file.entries.offerings, lambda offering: offering.code),
        *_repeated(file, "cast", file.entries.cast, lambda person: person.login),
        *_policies(file),
        *_courses(file),
        *_offerings(file),
        *_cast(file),
    ]


def _repeated(
    file: CatalogFile, section: str, entries: Sequence[object], key: Callable[..., Hashable]
) -> Iterator[Problem]:
    first: dict[Hashable, int] = {}
    for number, entry in enumerate(entries):
        code = key(entry)
        if code in first:
            line = file.marked.line((section, first[code]))
            told = gettext("%(code)s stands here twice, first on line %(line)s", code=code, line=line)
            yield file.problem((section, number), told)
        first.setdefault(code, number)


def _policies(file: CatalogFile) -> Iterator[Problem]:
    for code, policy in file.entries.policies.items():
        days = [tier.days_before for tier in policy.refunds]
        if days != sorted(set(days), reverse=True):
            told = gettext("write each refund once, the one with most days before the class first")
            yield file.problem(("policies", code, "refunds"), told)


def _courses(file: CatalogFile) -> Iterator[Problem]:
    for number, course in enumerate(file.entries.courses):
        here = ("courses", number)
        needs = Counter(prerequisite.course for prerequisite in course.prerequisites)
        for position, prerequisite in enumerate(course.prerequisites):
            at = (*here, "prerequisites", position)
            if prerequisite.course == course.code:
                yield file.problem(at, gettext("a course cannot come before itself"))
            elif needs[prerequisite.course] > 1:
                needs[prerequisite.course] = 0
                yield file.problem(at, gettext("%(code)s is listed twice", code=prerequisite.course))
        for position, approval in enumerate(course.approvals):
            at = (*here, "approvals", position)
            if (approval.valid_days is None) == (approval.valid is None):
                yield file.problem(at, gettext("write either valid_days or valid"))
                continue
            start, end = approval.valid_days or approval.valid or (0, 0)
            if end < start:  # type: ignore[operator]
                yield file.problem(at, gettext("the approval ends before it begins"))
        programs = Counter((approval.body, approval.program) for approval in course.approvals)
        for (body, program), count in programs.items():
            if count > 1:
                told = gettext("%(body)s approves %(program)s twice", body=body, program=program)
                yield file.problem((*here, "approvals"), told)


def _offerings(file: CatalogFile) -> Iterator[Problem]:
    for number, offering in enumerate(file.entries.offerings):
        here = ("offerings", number)
        ways = [offering.starts_on, offering.starts_in_days, offering.starts_before_clock_change]
        if sum(way is not None for way in ways) != 1:
            told = gettext("write one of starts_on, starts_in_days, starts_before_clock_change")
            yield file.problem(here, told)
        for login, count in Counter(offering.logins).items():
            if count > 1:
                yield file.problem(here, gettext("%(login)s is listed twice", login=login))
        yield from _filling(file, number, offering)


def _filling(file: CatalogFile, number: int, offering: OfferingEntry) -> Iterator[Problem]:
    here = ("offerings", number)
    if offering.balance_unpaid > offering.enrolled:
        yield file.problem((*here, "balance_unpaid"), gettext("more than are enrolled"))
    if offering.certificates and offering.state != "finished":
        told = gettext("only a finished class has certificates; write state: finished")
        yield file.problem((*here, "certificates"), told)


def _cast(file: CatalogFile) -> Iterator[Problem]:
    codes = {offering.code for offering in file.entries.offerings}
    for number, offering in enumerate(file.entries.offerings):
        if offering.from_ is not None and offering.from_ not in codes:
            told = gettext("there is no class called %(code)s in this file", code=offering.from_)
            yield file.problem(("offerings", number, "from"), told)
    for number, person in enumerate(file.entries.cast):
        for key, wanted in (("in", person.in_), ("waiting", person.waiting)):
            for position, code in enumerate(wanted):
                if code not in codes:
                    told = gettext("there is no class called %(code)s in this file", code=code)
                    yield file.problem(("cast", number, key, position), told)
