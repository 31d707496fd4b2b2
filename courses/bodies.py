"""Editing bodies: how a board or council counts, and what it wants on a certificate.

A body's rule holds for all that is not issued yet: the hours students see, whether a line is earned, what is missing. What
is issued keeps its snapshot. The code stands in those snapshots and in the catalog file, so it never changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.database import flush_unique, locked
from core.errors import RuleError
from core.formatting import listing
from core.typed import format_money
from courses.models import Approval, Body, Course
from courses.offering_checks import check_code, raise_all
from courses.offering_models import Offering, OfferingState

# What a body may ask for that can be missing; certificates.eligibility looks for each.
FACTS = {
    "license_number": _l("The student’s license number"),
    "program": _l("The program number of the approval"),
    "provider_number": _l("The school’s provider number"),
    "place": _l("The place of the class"),
    "instructor": _l("The lead instructor"),
    "statement": _l("The body’s statement"),
}
# What every certificate carries anyway. A file may ask for it.
ALWAYS = ("title", "date", "delivery", "hours", "signature")

# Rooms above say here what else rests on a body: a sentence for whoever wants to remove it, or nothing.
Use = Callable[[Session, Body], str]
_USES: list[Use] = []


@dataclass(frozen=True, kw_only=True)
class BodyData:
    """What of a body may change. Minutes per unit; steps and units in whole thousandths (0.5 → 500)."""

    title: str
    unit: str
    minutes_per_unit: int
    step_thousandths: int
    partial_credit: bool
    requires: list[str]
    statement: str = ""
    provider_number: str = ""
    retention_years: int = 7
    renewal_months: int | None = None
    renewal_units_thousandths: int | None = None
    renewal_ends_on: date | None = None


@dataclass(frozen=True)
class Resting:
    """A course with an approval by a body, and how many of its classes are not signed off.

    ``full`` are the units that full attendance gives by the body's rule, before the approval caps them.
    """

    course: Course
    approval: Approval
    open_classes: int
    full: Fraction

    @property
    def falls_short(self) -> bool:
        """Whether not even full attendance reaches the units that were approved."""
        return self.full < self.approval.units


def units_of(minutes: int, minutes_per_unit: int, step: Fraction) -> Fraction:
    """The units that so many minutes make by a body's rule: exact, rounded down to a multiple of ``step``."""
    return Fraction(minutes, minutes_per_unit) // step * step


def create_body(session: Session, code: str, data: BodyData, *, actor: User, now: datetime) -> Body:
    """Add a body. Raises RuleError with a field for a code that is taken and for what ``edit_body`` refuses."""
    wrong = _problems(data)
    check_code(code.upper())
    taken = RuleError(_("There is a body with this code already."), field="code")
    if session.scalar(sa.select(Body.id).where(sa.func.lower(Body.code) == code.lower())) is not None:
        wrong.insert(0, taken)
    raise_all(wrong)
    body = Body(code=code, **{f.name: getattr(data, f.name) for f in fields(data)})
    session.add(body)
    flush_unique(session, taken, "uq_bodies_code", "bodies.code")
    audit.record(session, "courses:body:created", body, actor=actor, now=now, code=body.code)
    return body


def edit_body(session: Session, body: Body, data: BodyData, *, actor: User, now: datetime) -> list[str]:
    """Change a body's rule; returns the names of what changed. The audit log keeps what it was.

    Raises RuleError for a renewal that has units or a day but no length.
    """
    locked(session, Body, body.id)
    raise_all(_problems(data))
    if set(data.requires) == set(body.requires):
        data = replace(data, requires=body.requires)  # in whatever order a file has them
    changed = [f.name for f in fields(data) if getattr(body, f.name) != getattr(data, f.name)]
    before = {name.removesuffix("_thousandths"): _plain(name, getattr(body, name)) for name in changed}
    for name in changed:
        setattr(body, name, getattr(data, name))
    if changed:
        audit.record(
            session,
            "courses:body:changed",
            body,
            actor=actor,
            now=now,
            code=body.code,
            changed=changed,
            before=before,
        )
    return changed


def remove_body(session: Session, body: Body, *, actor: User, now: datetime) -> None:
    """Remove a body that nothing rests on. Raises RuleError with what does."""
    locked(session, Body, body.id)
    if found := uses_of(session, body):
        raise RuleError(" ".join(found))
    audit.record(
        session, "courses:body:removed", body, actor=actor, now=now, code=body.code, title=body.title
    )
    session.delete(body)
    session.flush()


def uses_of(session: Session, body: Body) -> list[str]:
    """What rests on a body: a sentence for each kind of thing; none: it can be removed."""
    codes = session.scalars(
        sa.select(Course.code)
        .join(Approval, Approval.course_id == Course.id)
        .where(Approval.body_id == body.id)
        .distinct()
        .order_by(Course.code)
    ).all()
    found = []
    if codes:
        told = ngettext(
            "%(num)s course has an approval by it: %(codes)s.",
            "%(num)s courses have an approval by it: %(codes)s.",
            len(codes),
            codes=listing([*codes[:5], "…"] if len(codes) > 5 else codes),
        )
        found.append(told)
    return found + [told for use in _USES if (told := use(session, body))]


def a_use(use: Use) -> Use:
    """Register what a room above knows of a body's use."""
    _USES.append(use)
    return use


def resting_on(session: Session, body: Body) -> list[Resting]:
    """The courses whose approvals rest on a body, by code and date. One statement."""
    open_classes = (
        sa.select(sa.func.count(Offering.id))
        .where(
            Offering.course_id == Course.id,
            Offering.state == OfferingState.PUBLISHED,
            Offering.finalized_at.is_(None),
        )
        .scalar_subquery()
    )
    query = (
        sa.select(Course, Approval, open_classes)
        .join(Approval, Approval.course_id == Course.id)
        .where(Approval.body_id == body.id)
        .order_by(Course.code, Approval.valid_from)
    )
    return [
        Resting(
            course,
            approval,
            count,
            units_of(course.contact_minutes, body.minutes_per_unit, body.step),
        )
        for course, approval, count in session.execute(query)
    ]


def period_problems(
    months: int | None, units_thousandths: int | None, ends_on: date | None
) -> list[RuleError]:
    """What is wrong with a body's periods: units or a day without a length."""
    if months is None and (units_thousandths or ends_on):
        return [RuleError(_("Say how long a period is."), field="renewal_months")]
    return []


def _problems(data: BodyData) -> list[RuleError]:
    return period_problems(data.renewal_months, data.renewal_units_thousandths, data.renewal_ends_on)


def missing_facts(body: Body) -> list[str]:
    """What a body asks for that stands on its own page and is not there: nobody gets its line until it is."""
    return [
        name
        for name in ("provider_number", "statement")
        if name in body.requires and not getattr(body, name).strip()
    ]


def _plain(name: str, value: Any) -> Any:
    """A value for the audit log, to be read by people: thousandths as units, dates as text."""
    if name.endswith("_thousandths") and value is not None:
        return format_money(value, 3).rstrip("0").rstrip(".")
    return value.isoformat() if isinstance(value, date) else value


def fact_choices(stored: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The facts that a body may ask for; those in ``stored`` that are not among them stay in the list, and say so."""
    known = [(key, str(words)) for key, words in FACTS.items()]
    other = [
        (
            key,
            _("%(name)s: on every certificate anyway", name=key)
            if key in ALWAYS
            else _("%(name)s: nothing here can show this, so no certificate gets the line", name=key),
        )
        for key in stored
        if key not in FACTS
    ]
    return [*known, *other]
