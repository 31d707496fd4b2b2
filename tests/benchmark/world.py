"""The school that is measured: the demo, 1,000 students and 200 classes more; classes with 30 seats for the rush; classes
whose students bring what they ask for; a long class and a large one with marks."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy.orm import Session

from accounts.models import User
from attendance.models import AttendanceMark, MarkMethod, MarkStatus
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
DEMANDING = 20


@dataclass
class World:
    """Codes and people that the measurements use."""

    open_codes: list[str]
    rush_code: str
    # Classes of a course that asks for another one, which every student has completed.
    demanding_codes: list[str]
    demanding_rush_code: str
    roll_code: str
    grid_code: str
    large_code: str
    finished_code: str
    students: list[str]
    instructor: str
    registrar: str


def make_classes(app: Flask) -> World:
    """Add the classes to a database that has the demo and the students already."""
    with app.app_context(), writing() as session:
        venue = session.scalars(sa.select(Venue).where(Venue.code == "NET")).one()
        lead = session.scalars(sa.select(User).where(User.email == "ines@tideway.example")).one()
        # As ``flask demo students`` names them; the demo's own have a dash in theirs.
        theirs = User.email.like("student____@%") & User.email.not_like("student-%")
        people = session.scalars(sa.select(Student).join(User).where(theirs).order_by(User.email)).all()
        logins = list(session.scalars(sa.select(User.email).where(theirs).order_by(User.email)))
        plain = _course(session, "FAS1")
        for number in range(CLASSES):
            new_offering(session, plain, venue, f"BENCH-{number:03d}", days=30 + number % 200, capacity=24)
        new_offering(session, plain, venue, "BENCH-RUSH", days=90, capacity=30)
        demanding = _course(session, "CST2")
        for number in range(DEMANDING):
            new_offering(session, demanding, venue, f"MORE-{number:02d}", days=30 + number, capacity=24)
        new_offering(session, demanding, venue, "MORE-RUSH", days=90, capacity=30)
        before = new_offering(
            session, _course(session, "CST1"), venue, "BEFORE", days=-400, capacity=STUDENTS
        )
        for ticket, student in enumerate(people, start=1):
            put(session, before, student, ticket, clock.now()).state = EnrollmentState.COMPLETED
        for code, count, meetings in (
            ("BENCH-ROLL", 40, 8),
            ("BENCH-GRID", 60, 40),
            ("BENCH-LARGE", STUDENTS, 20),
        ):
            offering = new_offering(session, plain, venue, code, days=-1, capacity=count, meetings=meetings)
            session.add(
                OfferingInstructor(offering_id=offering.id, user_id=lead.id, role=InstructorRole.LEAD)
            )
            seated = [
                put(session, offering, student, number, clock.now())
                for number, student in enumerate(people[-count:], start=1)
            ]
            session.flush()
            if code != "BENCH-ROLL":
                mark_all(session, offering, seated, lead)
    return World(
        open_codes=[f"BENCH-{number:03d}" for number in range(CLASSES)],
        rush_code="BENCH-RUSH",
        demanding_codes=[f"MORE-{number:02d}" for number in range(DEMANDING)],
        demanding_rush_code="MORE-RUSH",
        roll_code="BENCH-ROLL",
        grid_code="BENCH-GRID",
        large_code="BENCH-LARGE",
        finished_code="CST1-AST-A",
        students=logins,
        instructor="ines@tideway.example",
        registrar="rosa@tideway.example",
    )


def _course(session: Session, code: str) -> Course:
    return session.scalars(sa.select(Course).where(Course.code == code)).one()


def mark_all(session: Session, offering: Offering, seated: list[Enrollment], lead: User) -> None:
    """Mark everyone at every meeting: mostly present, now and then late. The rows are written as they are."""
    session.execute(
        sa.insert(AttendanceMark),
        [
            {
                "meeting_id": meeting.id,
                "enrollment_id": enrollment.id,
                "status": MarkStatus.LATE
                if (meeting.number + enrollment.id) % 7 == 0
                else MarkStatus.PRESENT,
                "minutes": 70 if (meeting.number + enrollment.id) % 7 == 0 else meeting.credit_minutes,
                "method": MarkMethod.ROLL,
                "made_at": clock.now(),
                "recorded_at": clock.now(),
                "recorded_by_id": lead.id,
                "reason": "",
                "is_current": True,
                "roll_revision": 1,
            }
            for meeting in offering.meetings
            for enrollment in seated
        ],
    )


def new_offering(
    session: Session,
    course: Course,
    venue: Venue,
    code: str,
    *,
    days: int,
    capacity: int,
    meetings: int = 8,
) -> Offering:
    """A published class with four meetings a day, so many days from now; flushed."""
    starts = (clock.now() + timedelta(days=days)).replace(hour=17, minute=0, second=0, microsecond=0)
    row = Offering(
        code=code,
        course_id=course.id,
        venue_id=venue.id,
        state=OfferingState.PUBLISHED,
        time_zone=venue.time_zone,
        starts_at=starts,
        ends_at=starts + timedelta(days=(meetings - 1) // 4, hours=7),
        capacity=capacity,
        price_cents=course.price_cents,
        policy_id=course.policy_id,
        created_at=clock.now() - timedelta(days=90),
        published_at=clock.now() - timedelta(days=90),
    )
    for number in range(meetings):
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
