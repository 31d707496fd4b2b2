"""The evaluation of a class by its students: who is asked, filling it in once, and the summary without names.

A course asks for it, or requires it: then a certificate waits until it is filled in (``certificates.eligibility``). The
answers are kept without the person, so one that was sent can be neither changed nor found again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from certificates.evaluation_models import EvaluationAnswer, EvaluationReceipt
from core import audit, jobs
from core.audit import Actor
from core.database import locked
from core.errors import RuleError
from courses.models import Course, Delivery, Evaluation
from courses.offering_models import Offering
from students.models import ROLL_STATES, Enrollment, EnrollmentState

BEST = 5
# A summary of fewer would tell who said what.
FEWEST = 3
# It may be filled in in the room, at the end of the last meeting.
EARLY = timedelta(hours=1)
LONGEST = 2000  # characters of free text
LISTED = 60  # classes in the office's list
_MAY = ROLL_STATES - {EnrollmentState.NO_SHOW}


@dataclass(frozen=True)
class Answers:
    """What a student sends: 1 … 5 per question and per outcome (in the course's order), and words where there are some."""

    ratings: Mapping[str, int]
    outcomes: Sequence[int]
    helped: str = ""
    change: str = ""


def questions_of(offering: Offering) -> dict[str, str]:
    """The statements that are rated beside the course's own outcomes, by key."""
    rooms = {
        Delivery.IN_PERSON: _("The rooms and their equipment were fit for the class."),
        Delivery.LIVE_ONLINE: _("Sound, picture and materials worked."),
    }
    return {
        "content": _("The class taught what its description said."),
        "instructors": _("The instructors knew the subject and explained it clearly."),
        "respect": _("I was treated with respect and could say stop at any time."),
        "facility": rooms[offering.course.delivery],
        "practice": _("I can use what I learned in my own practice."),
        "overall": _("I would recommend this class to a colleague."),
    }


def scale() -> dict[int, str]:
    """The words of the five steps."""
    return {1: _("Not at all"), 2: _("A little"), 3: _("Partly"), 4: _("Mostly"), 5: _("Fully")}


def is_open(enrollment: Enrollment, now: datetime) -> bool:
    """Whether someone may say how the class was: asked for, (nearly) over, and they sat in it."""
    offering = enrollment.offering
    return (
        offering.course.evaluation is not Evaluation.NONE
        and enrollment.state in _MAY
        and offering.cancelled_at is None
        and now >= offering.ends_at - EARLY
    )


def filled_in(session: Session, enrollment_ids: Iterable[int]) -> set[int]:
    """Which of these enrollments have filled it in; one statement."""
    query = sa.select(EvaluationReceipt.enrollment_id)
    return set(session.scalars(query.where(EvaluationReceipt.enrollment_id.in_(list(enrollment_ids)))))


def still_to_fill_in(session: Session, enrollments: Sequence[Enrollment], now: datetime) -> list[Enrollment]:
    """Those that are asked and have not answered yet; no statement when nobody is asked, else one."""
    asked = [row for row in enrollments if is_open(row, now)]
    done = filled_in(session, [row.id for row in asked]) if asked else set()
    return [row for row in asked if row.id not in done]


def missing_reasons(
    session: Session, offering: Offering, enrollments: Sequence[Enrollment]
) -> dict[int, str]:
    """By enrollment id, that the certificate waits for the evaluation; no statement unless the course requires one."""
    if offering.course.evaluation is not Evaluation.REQUIRED:
        return {}
    may = [row.id for row in enrollments if row.state in _MAY]
    done = filled_in(session, may)
    reason = _("The evaluation has not been filled in. The student finds it on their page and in a mail.")
    return {row_id: str(reason) for row_id in may if row_id not in done}


def fill_in(
    session: Session, enrollment: Enrollment, answers: Answers, *, actor: Actor, now: datetime
) -> None:
    """Keep what a student says of a class: the answers without the person, and that the person has answered.

    Raises RuleError when nothing is asked (yet), when it was filled in before, and when a rating is missing.
    """
    row = locked(session, Enrollment, enrollment.id)
    if row is None or not is_open(row, now):
        raise RuleError(_("This class cannot be evaluated now."))
    if filled_in(session, [row.id]):
        raise RuleError(
            _("You have filled this in already. It is kept without your name, so it stays as it is.")
        )
    course: Course = row.offering.course
    ratings = {key: answers.ratings.get(key, 0) for key in questions_of(row.offering)}
    outcomes = list(answers.outcomes)
    if len(outcomes) != len(course.outcomes):
        raise RuleError(_("The course was changed meanwhile. Please look at the questions again."))
    if not all(1 <= value <= BEST for value in (*ratings.values(), *outcomes)):
        raise RuleError(_("Choose one of the five for every sentence."))
    session.add(EvaluationReceipt(enrollment_id=row.id, filled_at=now))
    session.add(
        EvaluationAnswer(
            offering_id=row.offering_id,
            ratings=ratings,
            outcomes=[
                {"text": text, "rating": value} for text, value in zip(course.outcomes, outcomes, strict=True)
            ],
            helped=answers.helped.strip()[:LONGEST],
            change=answers.change.strip()[:LONGEST],
        )
    )
    session.flush()
    audit.record(session, "certificates:evaluation:filled-in", row, actor=actor, now=now)
    if course.evaluation is Evaluation.REQUIRED:
        from certificates.issuing import FINALIZED_JOB  # which judges by this module

        jobs.nudge(session, FINALIZED_JOB)


@dataclass
class Rated:
    """How one sentence was rated: how often each of the five was chosen."""

    text: str
    counts: Counter[int] = field(default_factory=Counter)

    @property
    def mean(self) -> Fraction:
        """The mean, 1 to 5."""
        return Fraction(sum(value * count for value, count in self.counts.items()), self.counts.total())

    @property
    def share(self) -> float:
        """How much of the bar it fills: 0 when all chose 1, 1 when all chose 5."""
        return float((self.mean - 1) / (BEST - 1))


@dataclass(frozen=True)
class Summary:
    """What a class's students said; empty lists while fewer than three have answered."""

    asked: int
    answered: int
    outcomes: list[Rated]
    questions: list[Rated]
    helped: list[str]
    change: list[str]

    @property
    def is_shown(self) -> bool:
        """Whether enough have answered for nobody to be recognised."""
        return self.answered >= FEWEST


def summary_of(session: Session, offering: Offering) -> Summary:
    """The summary of a class, in two statements. Words come in the order of random numbers, so that it tells nothing."""
    asked = session.scalar(
        sa.select(sa.func.count()).where(Enrollment.offering_id == offering.id, Enrollment.state.in_(_MAY))
    )
    query = sa.select(EvaluationAnswer).where(EvaluationAnswer.offering_id == offering.id)
    rows = list(session.scalars(query.order_by(EvaluationAnswer.id)))
    if len(rows) < FEWEST:
        return Summary(asked or 0, len(rows), [], [], [], [])
    outcomes: dict[str, Rated] = {}
    questions = {key: Rated(text) for key, text in questions_of(offering).items()}
    for row in rows:
        for item in row.outcomes:
            outcomes.setdefault(item["text"], Rated(item["text"])).counts[item["rating"]] += 1
        for key, rated in questions.items():
            if key in row.ratings:
                rated.counts[row.ratings[key]] += 1
    return Summary(
        asked=asked or 0,
        answered=len(rows),
        outcomes=list(outcomes.values()),
        questions=[rated for rated in questions.values() if rated.counts],
        helped=[row.helped for row in rows if row.helped],
        change=[row.change for row in rows if row.change],
    )


@dataclass(frozen=True)
class ClassLine:
    """A class in the office's list; ``mean`` of the recommendation, None while fewer than three have answered."""

    offering: Offering
    asked: int
    answered: int
    mean: Fraction | None


def classes_with_answers(session: Session, now: datetime) -> list[ClassLine]:
    """The latest classes whose students are asked, the newest first, in three statements."""
    query = (
        sa.select(Offering)
        .join(Offering.course)
        .where(Course.evaluation != Evaluation.NONE, Offering.ends_at <= now + EARLY)
        .where(Offering.cancelled_at.is_(None), Offering.published_at.is_not(None))
        .options(joinedload(Offering.course), joinedload(Offering.venue))
        .order_by(Offering.ends_at.desc())
        .limit(LISTED)
    )
    offerings = list(session.scalars(query))
    ids = [row.id for row in offerings]
    sat = sa.select(Enrollment.offering_id, sa.func.count()).where(
        Enrollment.offering_id.in_(ids), Enrollment.state.in_(_MAY)
    )
    asked: dict[int, int] = {row[0]: row[1] for row in session.execute(sat.group_by(Enrollment.offering_id))}
    said = sa.select(EvaluationAnswer.offering_id, EvaluationAnswer.ratings)
    overall: dict[int, list[int]] = {}
    for offering_id, ratings in session.execute(said.where(EvaluationAnswer.offering_id.in_(ids))):
        overall.setdefault(offering_id, []).append(ratings["overall"])
    return [
        ClassLine(
            offering=row,
            asked=asked.get(row.id, 0),
            answered=len(given := overall.get(row.id, [])),
            mean=Fraction(sum(given), len(given)) if len(given) >= FEWEST else None,
        )
        for row in offerings
    ]
