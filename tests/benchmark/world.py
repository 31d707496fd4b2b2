"""The school that is measured: the demo, 1,000 students and 200 classes more, and a class with 30 seats for the rush."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy.orm import Session

from accounts.models import User
from core import clock
from core.database import writing
from courses.models import Course
from courses.offering_models import (
    InstructorRole,
    Meeting,
    Offering,
    OfferingInstructor,
    OfferingState,
    Venue,
)
from students.models import Enrollment, EnrollmentState, Student

STUDENTS = 1000
CLASSES = 200


@dataclass
class World:
    """Codes and people that the measurements use."""

    open_codes: list[str]
    rush_code: str
    roll_code: str
    finished_code: str
    students: list[str]
    instructor: str
    registrar: str


def make_classes(app: Flask) -> World:
    """Add the classes to a database that has the demo and the students already."""
    with app.app_context(), writing() as session:
        course = session.scalars(sa.select(Course).where(Course.code == "FAS1")).one()
        venue = session.scalars(sa.select(Venue).where(Venue.code == "NET")).one()
        lead = session.scalars(sa.select(User).where(User.email == "ines@tideway.example")).one()
        now = clock.now()
        made = [
            new_offering(session, course, venue, f"BENCH-{n:03d}", days=30 + n % 200, capacity=24)
            for n in range(CLASSES)
        ]
        new_offering(session, course, venue, "BENCH-RUSH", days=90, capacity=30)
        roll = new_offering(session, course, venue, "BENCH-ROLL", days=-1, capacity=40)
        session.add(OfferingInstructor(offering_id=roll.id, user_id=lead.id, role=InstructorRole.LEAD))
        people = session.scalars(
            sa.select(Student).join(User).where(User.email.like("student____@%")).order_by(User.email)
        ).all()
        for number, student in enumerate(people[-40:]):
            put(session, roll, student, number + 1, now)
        codes = [offering.code for offering in made]
        logins = list(
            session.scalars(
                sa.select(User.email).where(User.email.like("student____@%")).order_by(User.email)
            )
        )
    return World(
        codes,
        "BENCH-RUSH",
        "BENCH-ROLL",
        "CST1-AST-A",
        logins,
        "ines@tideway.example",
        "rosa@tideway.example",
    )


def new_offering(
    session: Session, course: Course, venue: Venue, code: str, *, days: int, capacity: int
) -> Offering:
    """A published class of two days, so many days from now; flushed."""
    starts = (clock.now() + timedelta(days=days)).replace(hour=17, minute=0, second=0, microsecond=0)
    row = Offering(
        code=code,
        course_id=course.id,
        venue_id=venue.id,
        state=OfferingState.PUBLISHED,
        time_zone=venue.time_zone,
        starts_at=starts,
        ends_at=starts + timedelta(days=1, hours=6),
        capacity=capacity,
        price_cents=course.price_cents,
        policy_id=course.policy_id,
        created_at=clock.now() - timedelta(days=90),
        published_at=clock.now() - timedelta(days=90),
    )
    for number in range(8):
        begins = starts + timedelta(days=number // 4, minutes=105 * (number % 4))
        ends = begins + timedelta(minutes=90)
        row.meetings.append(Meeting(number=number + 1, starts_at=begins, ends_at=ends, credit_minutes=90))
    session.add(row)
    session.flush()
    return row


def put(session: Session, offering: Offering, student: Student, ticket: int, now: Any) -> Enrollment:
    """An enrolled student, as if thirty days ago; not flushed."""
    row = Enrollment(
        offering_id=offering.id,
        student_id=student.id,
        state=EnrollmentState.ENROLLED,
        ticket=ticket,
        holds_seat=True,
        certificate_name=student.certificate_name,
        profession="LMT",
        price_cents=offering.price_cents,
        policy_id=offering.policy_id,
        created_at=now - timedelta(days=30),
        changed_at=now - timedelta(days=30),
    )
    session.add(row)
    offering.seats_taken += 1
    offering.next_ticket = ticket + 1
    return row


def cookies(app: Flask, emails: list[str]) -> dict[str, str]:
    """A signed-in session cookie for each person: signing in itself is not what is measured."""
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    if serializer is None:
        raise SystemExit("the application has no secret key")
    with app.app_context(), writing() as session:
        users = session.scalars(sa.select(User).where(User.email.in_(emails))).all()
        return {
            user.email: str(serializer.dumps({"_user_id": user.get_id(), "_fresh": True, "_id": "benchmark"}))
            for user in users
        }
