"""The student's page: next class, offers, places in line, what came before.

The page is made of small parts in ``templates/portal/my/``. A part that needs facts of its own has a function here that
returns them; ``my`` puts all into one context.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Response
from sqlalchemy.orm import Session, joinedload

from accounts.access import me, signed_in
from accounts.models import User
from attendance.minutes import Summary
from attendance.progress import progress_of
from attendance.words import grace_words, outlook
from certificates import evaluation
from certificates.evaluation_models import EvaluationReceipt
from certificates.lookups import certificates_of
from core import clock
from core.database import db
from core.web import page
from courses.models import Course
from courses.offering_models import Meeting, Offering, OfferingInstructor
from portal.blueprint import blueprint
from students import explaining, people, safety, states, waitlist
from students.ledger_models import FeeAccount
from students.models import Enrollment, EnrollmentState, Student
from students.price_words import prices_of_offers

S = EnrollmentState
SHOWN_CERTIFICATES = 5


@dataclass
class Classes:
    """A student's enrollments, by what the page does with them."""

    next: Enrollment | None = None
    next_meetings: list[Meeting] = field(default_factory=list)
    coming: list[Enrollment] = field(default_factory=list)
    offers: list[Enrollment] = field(default_factory=list)
    waiting: list[Enrollment] = field(default_factory=list)
    pending: list[Enrollment] = field(default_factory=list)
    past: list[Enrollment] = field(default_factory=list)
    line: dict[int, list[explaining.Step]] = field(default_factory=dict)
    accounts: dict[int, FeeAccount] = field(default_factory=dict)
    evaluated: set[int] = field(default_factory=set)

    @property
    def all(self) -> list[Enrollment]:
        """Every enrollment, in the order of the page."""
        upcoming = [self.next] if self.next else []
        return [*upcoming, *self.offers, *self.coming, *self.waiting, *self.pending, *self.past]

    @property
    def is_empty(self) -> bool:
        """Whether there never was anything."""
        return not (self.next or self.coming or self.offers or self.waiting or self.pending or self.past)


@blueprint.get("/my/")
@signed_in
def my() -> Response:
    """The student's page."""
    user, now = me(), clock.now()
    student = people.find_student(db.session, user.id)
    return page("portal/my.html", **context_of(db.session, user, student, now))


def context_of(session: Session, user: User, student: Student | None, now: datetime) -> dict[str, Any]:
    """Everything that the parts of the page show."""
    classes = classes_of(session, student, now)
    return {
        "student": student,
        "given_name": user.given_name,
        "now": now,
        "classes": classes,
        "attendance": attendance_of(session, classes, now),
        "evaluations": [
            row for row in classes.all if evaluation.is_open(row, now) and row.id not in classes.evaluated
        ],
        "outlook": outlook,
        "grace_words": grace_words,
        "accounts": classes.accounts,
        "labels": states.LABELS,
        "time_left": time_left,
        "safety_open": safety.is_open,
        "offer_prices": prices_of_offers(session, classes.offers),
        "local_day": clock.local_date,
        "profession_label": people.profession_label,
        "expiry_words": people.expiry_words,
        "list_is_open": waitlist.is_open,
        "certificates": certificates_of(session, student.id)[:SHOWN_CERTIFICATES] if student else [],
    }


def classes_of(session: Session, student: Student | None, now: datetime) -> Classes:
    """A student's enrollments with offering, course, safety list, venue, policy, fees and evaluation.

    Three statements at most.
    """
    found = Classes()
    if student is None:
        return found
    rows = session.execute(
        sa.select(Enrollment, FeeAccount, EvaluationReceipt.enrollment_id)
        .where(Enrollment.student_id == student.id)
        .join(Enrollment.offering)
        .outerjoin(FeeAccount, FeeAccount.enrollment_id == Enrollment.id)
        .outerjoin(EvaluationReceipt, EvaluationReceipt.enrollment_id == Enrollment.id)
        .options(
            joinedload(Enrollment.offering).options(
                joinedload(Offering.course).joinedload(Course.screening_set),
                joinedload(Offering.venue),
                joinedload(Offering.policy),
            )
        )
        .order_by(Offering.starts_at, Enrollment.id)
    ).all()
    for enrollment, account, evaluated in rows:
        _sort_in(found, enrollment, now)
        if evaluated is not None:
            found.evaluated.add(enrollment.id)
        if account is not None:
            found.accounts[enrollment.id] = account
    found.past.reverse()
    if found.next is not None:
        # The instructors come with them, in the same statement: both are few.
        with_people = joinedload(Meeting.offering).joinedload(Offering.instructors)
        query = (
            sa.select(Meeting)
            .where(Meeting.offering_id == found.next.offering_id)
            .options(with_people.joinedload(OfferingInstructor.user))
            .order_by(Meeting.number)
        )
        found.next_meetings = list(session.scalars(query).unique())
    found.line = explaining.moves(session, found.waiting)
    return found


def attendance_of(session: Session, classes: Classes, now: datetime) -> list[tuple[Enrollment, Summary]]:
    """Hours so far in the classes that have begun and are not signed off yet; two statements at most."""
    enrolled = [classes.next] if classes.next is not None else []
    enrolled += [row for row in [*classes.coming, *classes.past] if row.state is S.ENROLLED]
    running = [row for row in enrolled if row.offering.starts_at <= now]
    found = progress_of(session, running)
    return [(row, found[row.id]) for row in running]


def _sort_in(found: Classes, enrollment: Enrollment, now: datetime) -> None:
    if enrollment.state is S.OFFERED and enrollment.offer_expires_at and enrollment.offer_expires_at > now:
        found.offers.append(enrollment)
    elif enrollment.state is S.WAITLISTED:
        found.waiting.append(enrollment)
    elif enrollment.state is S.PENDING:
        found.pending.append(enrollment)
    elif enrollment.state is S.ENROLLED and enrollment.offering.ends_at > now:
        if found.next is None:
            found.next = enrollment
        else:
            found.coming.append(enrollment)
    else:
        found.past.append(enrollment)


def time_left(until: datetime, now: datetime) -> tuple[int, int, int]:
    """Whole days, hours and minutes until a deadline; never below zero."""
    left = max(until - now, timedelta(0))
    hours, seconds = divmod(left.seconds, 3600)
    return left.days, hours, seconds // 60
