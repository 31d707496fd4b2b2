"""A student's own hours in several classes at once, for the student's page."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import sqlalchemy as sa
from sqlalchemy.orm import Session

from attendance.minutes import (
    BodyRule,
    Marked,
    Sitting,
    Summary,
    Terms,
    joined_at,
    summarize,
)
from attendance.models import AttendanceMark
from core.clock import local_date
from courses.models import Approval, Body, Policy
from courses.offering_models import Meeting
from students.models import Enrollment


def progress_of(session: Session, enrollments: Sequence[Enrollment]) -> dict[int, Summary]:
    """The summary of each enrollment, by its id; their offerings are loaded. Four statements, however many classes."""
    if not enrollments:
        return {}
    ids = [enrollment.id for enrollment in enrollments]
    meetings = _meetings(session, enrollments)
    rules = _rules(session, enrollments)
    marks: dict[int, dict[int, Marked]] = defaultdict(dict)
    current = sa.select(
        AttendanceMark.meeting_id,
        AttendanceMark.enrollment_id,
        AttendanceMark.status,
        AttendanceMark.minutes,
    ).where(AttendanceMark.enrollment_id.in_(ids), AttendanceMark.is_current)
    for row in session.execute(current):
        marks[row[1]][row[0]] = Marked(*row)
    terms = (
        sa.select(
            Enrollment.id,
            Policy.minimum_percent,
            Policy.grace_minutes_per_meeting,
            Policy.excused_counts,
            joined_at(),
        )
        .join(Policy, Policy.id == Enrollment.policy_id)
        .where(Enrollment.id.in_(ids))
    )
    agreed = {row[0]: (Terms(*row[1:4]), row[4]) for row in session.execute(terms)}
    return {
        enrollment.id: summarize(
            enrollment.id,
            enrollment.certificate_name,
            enrollment.state,
            *agreed[enrollment.id],
            meetings[enrollment.offering_id],
            marks[enrollment.id],
            rules[enrollment.offering_id],
        )
        for enrollment in enrollments
    }


def _meetings(session: Session, enrollments: Sequence[Enrollment]) -> dict[int, list[Sitting]]:
    offering_ids = {enrollment.offering_id for enrollment in enrollments}
    query = (
        sa.select(
            Meeting.offering_id,
            Meeting.id,
            Meeting.number,
            Meeting.starts_at,
            Meeting.ends_at,
            Meeting.kind,
            Meeting.credit_minutes,
        )
        .where(Meeting.offering_id.in_(offering_ids))
        .order_by(Meeting.number)
    )
    found: dict[int, list[Sitting]] = defaultdict(list)
    for row in session.execute(query):
        found[row[0]].append(Sitting(*row[1:]))
    return found


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
                rule = BodyRule(
                    body.code,
                    body.title,
                    body.unit,
                    body.minutes_per_unit,
                    Fraction(body.step_thousandths, 1000),
                    approval.units,
                    body.partial_credit,
                )
                rules.setdefault(body.code, rule)
        found[offering.id] = list(rules.values())
    return found
