"""Classes for attendance tests: made as they are, without asking the rules of other rooms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role, User
from attendance.models import AttendanceMark, MarkStatus
from attendance.writing import Entry
from core.database import db
from courses.offering_models import InstructorRole, Meeting, Offering, OfferingInstructor
from students.models import Enrollment
from tests import factories

START = datetime(2027, 3, 1, 17, 0, tzinfo=factories.NOW.tzinfo)  # 9:00 in Astoria, an hour before NOW
NOW = factories.NOW


@dataclass
class Class:
    """A class that is running: its people and its meetings."""

    offering: Offering
    lead: User
    assistant: User
    enrollments: list[Enrollment]

    @property
    def meeting(self) -> Meeting:
        return self.offering.meetings[0]

    @property
    def meetings(self) -> Sequence[Meeting]:
        return self.offering.meetings

    @property
    def ids(self) -> list[int]:
        return [enrollment.id for enrollment in self.enrollments]


def make_class(session: Session, students: int = 3, *, commit: bool = True, **values: Any) -> Class:
    """A class of two meetings of 90 minutes on the morning of NOW, the first under way; committed unless told."""
    factories.make_school(session)
    lead = factories.make_user(session, Role.INSTRUCTOR, name="Ilse Maren", family_name="Maren")
    assistant = factories.make_user(session, Role.INSTRUCTOR, name="Dov Castellan", family_name="Castellan")
    policy = values.pop("policy", {})
    course = values.pop("course", None) or factories.make_course(
        session, policy_id=factories.make_policy(session, **policy).id
    )
    defaults: dict[str, Any] = {"starts": START, "lead": lead, "capacity": max(students, 3)}
    offering = factories.make_offering(session, course, **(defaults | values))
    session.add(
        OfferingInstructor(offering_id=offering.id, user_id=assistant.id, role=InstructorRole.ASSISTANT)
    )
    people = [
        factories.make_student(
            session,
            factories.make_user(session, name=f"Student {n:03}", family_name=f"{n:03}"),
        )
        for n in range(students)
    ]
    enrollments = [factories.put_enrollment(session, offering, person) for person in people]
    if commit:
        session.commit()
    else:
        session.flush()
    return Class(offering, lead, assistant, enrollments)


def entries(ids: Sequence[int], status: MarkStatus = MarkStatus.PRESENT, **values: Any) -> list[Entry]:
    return [Entry(number, status, **values) for number in ids]


def history(session: Session, enrollment_id: int) -> list[AttendanceMark]:
    """All marks of an enrollment, oldest first."""
    query = (
        sa.select(AttendanceMark)
        .where(AttendanceMark.enrollment_id == enrollment_id)
        .order_by(AttendanceMark.id)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def stored(app: Flask, enrollment_id: int) -> list[AttendanceMark]:
    """All marks of an enrollment as another process sees them, oldest first."""
    with app.app_context(), db.sessionmaker() as session:
        return history(session, enrollment_id)


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)
