"""The school's policies: a new version, what it says, and which classes and courses use which."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core.errors import RuleError
from courses import versions
from courses.models import Course, Policy
from courses.offering_models import Offering, OfferingState


@dataclass(frozen=True, kw_only=True)
class PolicyData:
    """Everything a version of a policy says. Money in cents; ``refunds`` as ``courses.models.Policy`` has them."""

    minimum_percent: int
    grace_minutes_per_meeting: int = 0
    excused_counts: bool = False
    deposit_cents: int = 0
    balance_due_days: int = 0
    refunds: list[dict[str, Any]]
    free_transfers: int = 0
    repeat_price_percent: int = 100
    seat_offer_hours: int
    waitlist_cutoff_hours: int = 0


@dataclass(frozen=True)
class Uses:
    """How many classes a version has: those that students can still come to, and all; and how many courses."""

    courses: int
    open_classes: int
    classes: int


def transient(code: str, version: int, data: PolicyData) -> Policy:
    """A policy that is not stored, to be shown in words."""
    return Policy(code=code, version=version, **asdict(data))


def add_policy(
    session: Session,
    code: str,
    data: PolicyData,
    *,
    actor: User,
    now: datetime,
    course_ids: Collection[int] = (),
) -> Policy:
    """Store a new policy as version 1. Raises RuleError for a name that is taken and refunds that can't be."""
    return versions.add_first(
        session, Policy, code, asdict(checked(data)), actor=actor, now=now, course_ids=course_ids
    )


def add_policy_version(
    session: Session,
    code: str,
    data: PolicyData,
    *,
    actor: User,
    now: datetime,
    course_ids: Collection[int] = (),
) -> Policy:
    """Store the next version of a policy; ``course_ids`` take it for new classes. Classes that exist keep theirs.

    Raises RuleError when it says what the newest says, and for refunds that can't be.
    """
    return versions.add_next(
        session, Policy, code, asdict(checked(data)), actor=actor, now=now, course_ids=course_ids
    )


def checked(data: PolicyData) -> PolicyData:
    """The same with refunds the earliest first. Raises RuleError (field ``refunds``) for steps that can't be."""
    steps = sorted(data.refunds, key=lambda step: -int(step["days_before"]))
    days = [step["days_before"] for step in steps]
    if len(set(days)) < len(days):
        raise RuleError(_("Two steps begin on the same day. Keep one of them."), field="refunds")
    percents = [step["percent"] for step in steps]
    if percents != sorted(percents, reverse=True):
        raise RuleError(
            _("A step nearer to the class gives back more than one before it. Is a number in the wrong row?"),
            field="refunds",
        )
    return replace(data, refunds=steps)


def uses_of(session: Session, policy_ids: Collection[int], now: datetime) -> dict[int, Uses]:
    """How much rests on each of these versions. Two statements."""
    is_open = sa.and_(Offering.state != OfferingState.CANCELLED, Offering.ends_at > now)
    classes = session.execute(
        sa.select(
            Offering.policy_id,
            sa.func.count(Offering.id),
            sa.func.coalesce(sa.func.sum(sa.case((is_open, 1), else_=0)), 0),
        )
        .where(Offering.policy_id.in_(policy_ids))
        .group_by(Offering.policy_id)
    )
    counted = {key: (count, open_) for key, count, open_ in classes}
    courses = session.execute(
        sa.select(Course.policy_id, sa.func.count(Course.id))
        .where(Course.policy_id.in_(policy_ids))
        .group_by(Course.policy_id)
    )
    in_courses: dict[int, int] = {row[0]: row[1] for row in courses}
    return {
        key: Uses(in_courses.get(key, 0), int(counted.get(key, (0, 0))[1]), counted.get(key, (0, 0))[0])
        for key in policy_ids
    }


def open_classes(session: Session, policy: Policy, now: datetime, most: int) -> list[Offering]:
    """The classes with this version that are not over, by their start, at most so many. One statement."""
    query = (
        sa.select(Offering)
        .where(
            Offering.policy_id == policy.id,
            Offering.state != OfferingState.CANCELLED,
            Offering.ends_at > now,
        )
        .order_by(Offering.starts_at, Offering.id)
        .limit(most)
    )
    return list(session.scalars(query))
