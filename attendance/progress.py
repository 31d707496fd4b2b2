"""A student's own hours in several classes at once, for the student's page."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from attendance.minutes import (
    BodyRule,
    Marked,
    Sitting,
    Summary,
    Terms,
    joined_at,
    rule_of,
    summarize,
)
from attendance.models import AttendanceMark
from core.clock import local_date
from courses.models import Approval, Body, Policy
from courses.offering_models import Meeting
from students.models import Enrollment


def progress_of(session: Session, enrollments: Sequence[Enrollment]) -> dict[int, Summary]:
    """The summary of each enrollment, by its id; their offerings are loaded. Two statements, however many classes."""
    if not enrollments:
        return {}
    rules = _rules(session, enrollments)
    terms: dict[int, tuple[Terms, datetime]] = {}
    meetings: dict[int, list[Sitting]] = defaultdict(list)
    marks: dict[int, dict[int, Marked]] = defaultdict(dict)
    query = _TAKEN.where(Enrollment.id.in_([enrollment.id for enrollment in enrollments]))
    for row in session.execute(query):
        key, sitting = row[0], Sitting._make(row[5:11])
        terms[key] = Terms._make(row[1:4]), row[4]
        meetings[key].append(sitting)
        if row[11] is not None:
            marks[key][sitting.id] = Marked(sitting.id, key, row[11], row[12])
    return {
        enrollment.id: summarize(
            enrollment.id,
            enrollment.certificate_name,
            enrollment.state,
            *terms[enrollment.id],
            meetings[enrollment.id],
            marks[enrollment.id],
            rules[enrollment.offering_id],
        )
        for enrollment in enrollments
    }


# An enrollment's terms and when it joined, each meeting of its class, and its current mark there.
_TAKEN = (
    sa.select(
        Enrollment.id,
        Policy.minimum_percent,
        Policy.grace_minutes_per_meeting,
        Policy.excused_counts,
        joined_at(),
        Meeting.id,
        Meeting.number,
        Meeting.starts_at,
        Meeting.ends_at,
        Meeting.kind,
        Meeting.credit_minutes,
        AttendanceMark.status,
        AttendanceMark.minutes,
    )
    .join(Policy, Policy.id == Enrollment.policy_id)
    .join(Meeting, Meeting.offering_id == Enrollment.offering_id)
    .outerjoin(
        AttendanceMark,
        sa.and_(
            AttendanceMark.enrollment_id == Enrollment.id,
            AttendanceMark.meeting_id == Meeting.id,
            AttendanceMark.is_current,
        ),
    )
    .order_by(Meeting.number)
)


def _rules(session: Session, enrollments: Sequence[Enrollment]) -> dict[int, list[BodyRule]]:
    """Per offering the bodies whose approval is valid on its last day; see ``minutes.body_rules``."""
    courses = {enrollment.offering.course_id for enrollment in enrollments}
    query = (
        sa.select(Approval, Body)
        .join(Body, Body.id == Approval.body_id)
        .where(Approval.course_id.in_(courses))
        .order_by(Body.code, Approval.valid_from.desc())
    )
    approvals = session.execute(query).all()
    found: dict[int, list[BodyRule]] = {}
    for offering in {enrollment.offering_id: enrollment.offering for enrollment in enrollments}.values():
        last_day = local_date(offering.ends_at, offering.time_zone)
        rules: dict[str, BodyRule] = {}
        for approval, body in approvals:
            if (
                approval.course_id == offering.course_id
                and approval.valid_from <= last_day <= approval.valid_until
            ):
                rules.setdefault(body.code, rule_of(body, approval))
        found[offering.id] = list(rules.values())
    return found
