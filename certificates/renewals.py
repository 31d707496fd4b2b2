"""What a student should keep in mind: licenses and certificates that run out, and the next classes that give credit."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from dateutil.relativedelta import relativedelta
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from certificates.models import Certificate, CertificateState
from courses.models import Approval, Body, Course, CourseState
from courses.offering_models import Offering, OfferingState
from students.jurisdictions import jurisdiction_name
from students.models import LIVE_STATES, Enrollment, Student
from students.people import profession_label

SOON = timedelta(days=180)
MOST_CLASSES = 4


@dataclass(frozen=True)
class Deadline:
    """A day on which something runs out: a license, or a certificate that a course gives for a while."""

    day: date
    days_left: int
    what: str
    course_code: str = ""

    @property
    def is_soon(self) -> bool:
        """Whether half a year or less is left."""
        return self.days_left <= SOON.days


def deadlines_of(student: Student, certificates: list[Certificate], today: date) -> list[Deadline]:
    """When the student's licenses and certificates run out, the nearest first. What ran out stays for half a year."""
    found = []
    for item in student.licenses:
        if item.expires_on is not None:
            place = jurisdiction_name(item.jurisdiction)
            what = _(
                "License %(number)s, %(profession)s, %(place)s",
                number=item.number,
                profession=profession_label(item.profession),
                place=place,
            )
            found.append(Deadline(item.expires_on, (item.expires_on - today).days, what))
    latest: dict[str, dict[str, Any]] = {}
    for row in certificates:
        facts = row.snapshot["facts"]
        if row.state is CertificateState.ISSUED and facts.get("valid_until"):
            known = latest.get(facts["course_code"])
            if known is None or known["valid_until"] < facts["valid_until"]:
                latest[facts["course_code"]] = facts
    for code, facts in latest.items():
        day = date.fromisoformat(facts["valid_until"])
        what = _("Certificate %(number)s, %(course)s", number=facts["number"], course=facts["course_title"])
        found.append(Deadline(day, (day - today).days, what, code))
    return sorted(
        (item for item in found if item.days_left >= -SOON.days), key=lambda item: (item.day, item.what)
    )


@dataclass(frozen=True)
class Period:
    """A body's period that the student is in: its days (both included), what was earned in it and what is wanted.

    Without ``last`` the body's period ends with a license whose last day is not known here.
    """

    body: str
    unit: str
    first: date | None
    last: date | None
    days_left: int
    earned: Fraction
    wanted: Fraction | None

    @property
    def missing(self) -> Fraction:
        """The units still to earn; zero when nothing is wanted or enough is there."""
        return max((self.wanted or Fraction(0)) - self.earned, Fraction(0))

    @property
    def is_soon(self) -> bool:
        """Whether half a year or less is left."""
        return self.days_left <= SOON.days


def periods_of(
    session: Session, student: Student, certificates: list[Certificate], today: date
) -> list[Period]:
    """The periods of the bodies on a student's valid certificates, the nearest end first; one statement.

    A body's rules are data (``Body.renewal_months``); a body without a period is left out.
    """
    facts = [row.snapshot["facts"] for row in certificates if row.state is CertificateState.ISSUED]
    codes = {line["body"] for item in facts for line in item["credits"]}
    if not codes:
        return []
    query = sa.select(Body).where(Body.code.in_(codes), Body.renewal_months.is_not(None))
    found = [_period(body, student, facts, today) for body in session.scalars(query.order_by(Body.title))]
    return sorted(found, key=lambda period: (period.last is None, period.last or today, period.body))


def _period(body: Body, student: Student, facts: list[dict[str, Any]], today: date) -> Period:
    length = relativedelta(months=body.renewal_months or 0)
    last = (
        period_end(body.renewal_ends_on, body.renewal_months or 1, today)
        if body.renewal_ends_on
        else _license_end(body, student, facts)
    )
    first = last - length + timedelta(days=1) if last else None
    earned = sum(
        (
            Fraction(line["units"])
            for item in facts
            for line in item["credits"]
            if line["body"] == body.code
            and (not first or first <= date.fromisoformat(item["completed_on"]) <= (last or today))
        ),
        Fraction(0),
    )
    units = body.renewal_units_thousandths
    return Period(
        body=body.title,
        unit=body.unit,
        first=first,
        last=last,
        days_left=(last - today).days if last else SOON.days + 1,
        earned=earned,
        wanted=Fraction(units, 1000) if units else None,
    )


def period_end(known: date, months: int, today: date) -> date:
    """The end of the period that holds ``today``, from any known end; counted from that one, so that month ends stay."""
    turns = (12 * (today.year - known.year) + today.month - known.month) // months - 1
    while (end := known + relativedelta(months=turns * months)) < today:
        turns += 1
    return end


def _license_end(body: Body, student: Student, facts: list[dict[str, Any]]) -> date | None:
    """The last day of the license that stood on the student's latest certificate with a line of this body."""
    with_line = [
        item
        for item in facts
        if item["license"] and any(line["body"] == body.code for line in item["credits"])
    ]
    if not with_line:
        return None
    printed = max(with_line, key=lambda item: str(item["completed_on"]))["license"]
    for item in student.licenses:
        if (item.profession, item.jurisdiction) == (printed["profession"], printed["jurisdiction"]):
            return item.expires_on
    return None


def next_classes(
    session: Session,
    student: Student,
    certificates: list[Certificate],
    deadlines: list[Deadline],
    now: datetime,
) -> list[Offering]:
    """The next classes that help: courses whose certificate runs out, else those that give credit with the same bodies.

    Left out are courses completed before and classes that the student is in. One statement.
    """
    bodies = {line["body"] for row in certificates for line in row.snapshot["facts"]["credits"]}
    again = {item.course_code for item in deadlines if item.course_code and item.is_soon}
    done = {row.snapshot["facts"]["course_code"] for row in certificates} - again
    credit = (
        sa.select(Approval.id)
        .join(Approval.body)
        .where(
            Approval.course_id == Offering.course_id,
            Approval.valid_from <= Offering.starts_on,
            Approval.valid_until >= Offering.starts_on,
            *([Body.code.in_(bodies)] if bodies else []),
        )
        .exists()
    )
    mine = sa.select(Enrollment.offering_id).where(
        Enrollment.student_id == student.id, Enrollment.state.in_(LIVE_STATES)
    )
    query = (
        sa.select(Offering)
        .join(Offering.course)
        .where(
            Offering.state == OfferingState.PUBLISHED,
            Offering.starts_at > now,
            Course.state == CourseState.PUBLISHED,
            Course.code.not_in(done),
            Offering.id.not_in(mine),
            sa.or_(Course.code.in_(again), credit),
        )
        .options(joinedload(Offering.course), joinedload(Offering.venue))
        .order_by(sa.case((Course.code.in_(again), 0), else_=1), Offering.starts_at)
        .limit(MOST_CLASSES)
    )
    return list(session.scalars(query))
