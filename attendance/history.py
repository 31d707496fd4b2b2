"""Everything that was ever said about attendance: one student's marks, and what happened to a class after sign-off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from accounts.models import User
from attendance.models import AttendanceMark, MarkMethod, MarkStatus
from core.audit import AuditEvent
from courses.offering_models import Meeting, Offering
from students.models import Enrollment, Student


@dataclass(frozen=True, slots=True)
class Said:
    """One mark in a history: what, by whom, when made and when recorded, why, and what became of it."""

    id: int
    meeting_id: int
    status: MarkStatus
    minutes: int
    remark: str
    method: MarkMethod
    made_at: datetime
    recorded_at: datetime
    reason: str
    is_current: bool
    conflicts_with_id: int | None
    by: str


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a class's history: when, who, what (``signed_off``, ``reopened``, ``corrected``, ``made_up``), and the
    details."""

    at: datetime
    by: str
    what: str
    reason: str = ""
    name: str = ""
    number: int = 0
    status: MarkStatus | None = None
    minutes: int = 0
    remark: str = ""


def marks_of(session: Session, enrollment_id: int) -> dict[int, list[Said]]:
    """All marks of an enrollment by meeting id, newest first. One statement."""
    query = (
        sa.select(
            AttendanceMark.id,
            AttendanceMark.meeting_id,
            AttendanceMark.status,
            AttendanceMark.minutes,
            AttendanceMark.remark,
            AttendanceMark.method,
            AttendanceMark.made_at,
            AttendanceMark.recorded_at,
            AttendanceMark.reason,
            AttendanceMark.is_current,
            AttendanceMark.conflicts_with_id,
            sa.func.coalesce(User.name, ""),
        )
        .outerjoin(User, User.id == AttendanceMark.recorded_by_id)
        .where(AttendanceMark.enrollment_id == enrollment_id)
        .order_by(AttendanceMark.id.desc())
    )
    found: dict[int, list[Said]] = {}
    for row in session.execute(query):
        found.setdefault(row[1], []).append(Said(*list(row)))
    return found


def class_history(session: Session, offering: Offering) -> Sequence[Event]:
    """Sign-offs, re-openings, corrections and credited make-ups of a class, newest first. Two statements."""
    query = (
        sa.select(AuditEvent.at, AuditEvent.action, AuditEvent.payload)
        .where(
            AuditEvent.subject_type == Offering.__tablename__,
            AuditEvent.subject_id == offering.id,
            AuditEvent.action.in_(("attendance:class:signed_off", "attendance:class:reopened")),
        )
        .order_by(AuditEvent.id)
    )
    events = [
        Event(
            at, (payload or {}).get("by") or "", action.rpartition(":")[2], (payload or {}).get("reason", "")
        )
        for at, action, payload in session.execute(query)
    ]
    return sorted([*events, *_corrections(session, offering)], key=lambda event: event.at, reverse=True)


def _corrections(session: Session, offering: Offering) -> list[Event]:
    student, recorder = aliased(User), aliased(User)
    query = (
        sa.select(
            AttendanceMark.recorded_at,
            sa.func.coalesce(recorder.name, ""),
            AttendanceMark.reason,
            student.name,
            Meeting.number,
            AttendanceMark.status,
            AttendanceMark.minutes,
            AttendanceMark.remark,
            AttendanceMark.method,
        )
        .join(Meeting, Meeting.id == AttendanceMark.meeting_id)
        .join(Enrollment, Enrollment.id == AttendanceMark.enrollment_id)
        .join(Student, Student.id == Enrollment.student_id)
        .join(student, student.id == Student.user_id)
        .outerjoin(recorder, recorder.id == AttendanceMark.recorded_by_id)
        .where(
            Meeting.offering_id == offering.id,
            AttendanceMark.method.in_([MarkMethod.CORRECTION, MarkMethod.MAKE_UP]),
            AttendanceMark.conflicts_with_id.is_(None),
        )
        .order_by(AttendanceMark.id)
    )
    return [
        Event(
            at,
            by,
            "made_up" if method is MarkMethod.MAKE_UP else "corrected",
            reason,
            name,
            number,
            status,
            minutes,
            remark,
        )
        for at, by, reason, name, number, status, minutes, remark, method in session.execute(query)
    ]
