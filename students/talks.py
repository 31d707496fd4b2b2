"""Talks before a hands-on class: who asked for one, and how each takes part (DOMAIN, "Safety and honesty").

An outcome implies health. It is read here and nowhere else, shown to that class's instructors and to admins, never
exported, mailed, logged or put into the audit log (which says only that outcomes were recorded), and erased by a job
30 days after the class, or as soon as the student has left it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import audit, clock, jobs
from core.database import locked, writing
from core.errors import RuleError
from courses.offering_models import Offering, OfferingInstructor
from students.models import LIVE_STATES, Enrollment, Student
from students.talk_models import Outcome, TalkOutcome

log = logging.getLogger("stillpoint.talks")

KEPT_FOR = timedelta(days=30)
LABELS = {
    Outcome.FULL_PRACTICE: lazy_gettext("Full practice"),
    Outcome.GIVE_ONLY: lazy_gettext("Give only"),
    Outcome.OBSERVE: lazy_gettext("Observe"),
    Outcome.BRING_A_MODEL: lazy_gettext("Bring a model"),
}


@dataclass(frozen=True)
class Talk:
    """A student of the class: whether they asked to talk, what was agreed (None: nothing recorded), and whether they
    confirmed the safety list."""

    enrollment_id: int
    name: str
    wants_talk: bool
    outcome: Outcome | None
    recorded_at: datetime | None
    has_read: bool


def may_read(session: Session, user: User, offering_id: int) -> bool:
    """Whether someone may know outcomes of this class: its instructors and admins, nobody else of the office."""
    if user.role is Role.ADMIN:
        return True
    return session.get(OfferingInstructor, (offering_id, user.id)) is not None


def are_over(offering: Offering, now: datetime) -> bool:
    """Whether the outcomes of this class are erased by now, or about to be."""
    return now >= offering.ends_at + KEPT_FOR


def talks_of(session: Session, offering: Offering) -> Sequence[Talk]:
    """Everyone who holds or waits for a seat, those who asked to talk first, by name. One statement."""
    rows = session.execute(
        sa.select(
            Enrollment.id,
            User.name,
            Enrollment.wants_talk,
            TalkOutcome.outcome,
            TalkOutcome.recorded_at,
            Enrollment.screening_acknowledged_at.is_not(None),
        )
        .join(Student, Student.id == Enrollment.student_id)
        .join(User, User.id == Student.user_id)
        .outerjoin(TalkOutcome, TalkOutcome.enrollment_id == Enrollment.id)
        .where(Enrollment.offering_id == offering.id, Enrollment.state.in_(LIVE_STATES))
        .order_by(Enrollment.wants_talk.desc(), User.family_name, User.name, Enrollment.id)
    )
    return [Talk(*row) for row in rows]


def record(
    session: Session,
    offering: Offering,
    outcomes: Mapping[int, Outcome | None],
    *,
    actor: User,
    now: datetime,
) -> int:
    """Keep what was agreed, per enrollment id; None takes it back. Returns how many changed.

    Raises RuleError for someone who may not know outcomes, 30 days after the class, and for people not in the class.
    """
    locked(session, Offering, offering.id)
    if not may_read(session, actor, offering.id):
        raise RuleError(_("Only the instructors of this class record this."))
    if are_over(offering, now):
        raise RuleError(_("This class ended more than 30 days ago. What was agreed is erased."))
    there = set(
        session.scalars(
            sa.select(Enrollment.id).where(
                Enrollment.offering_id == offering.id, Enrollment.state.in_(LIVE_STATES)
            )
        )
    )
    if set(outcomes) - there:
        raise RuleError(_("Somebody has left this class in the meantime. Open the page again."))
    stored = {
        row.enrollment_id: row
        for row in session.scalars(sa.select(TalkOutcome).where(TalkOutcome.enrollment_id.in_(outcomes)))
    }
    changed = 0
    for enrollment_id, outcome in outcomes.items():
        row = stored.get(enrollment_id)
        if (row.outcome if row else None) is outcome:
            continue
        changed += 1
        if outcome is None:
            session.delete(row)
        elif row is not None:
            row.outcome, row.recorded_by_id, row.recorded_at = outcome, actor.id, now
        else:
            session.add(
                TalkOutcome(
                    enrollment_id=enrollment_id, outcome=outcome, recorded_by_id=actor.id, recorded_at=now
                )
            )
    if changed:
        audit.record(session, "students:talk:recorded", offering, actor=actor, now=now, code=offering.code)
    return changed


@jobs.job("erase-talks", every=60)
def erase() -> int:
    """Erase the outcomes of classes that ended 30 days ago, and of people who left. Returns how many."""
    over = sa.select(Offering.id).where(Offering.ends_at <= clock.now() - KEPT_FOR)
    done = sa.select(Enrollment.id).where(
        sa.or_(Enrollment.offering_id.in_(over), Enrollment.state.not_in(LIVE_STATES))
    )
    with writing() as session:
        found = session.execute(sa.delete(TalkOutcome).where(TalkOutcome.enrollment_id.in_(done)))
        count = int(getattr(found, "rowcount", 0))
    if count:
        log.info("erased the outcomes of %s talks", count)
    return count
