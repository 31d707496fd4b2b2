"""Makes rows for tests: plain functions, each with sensible defaults; flush is done, commit is the test's."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.school import School
from courses.models import Body, Course, CourseState, Delivery, Policy, ScreeningSet, Subject
from courses.offering_models import (
    InstructorRole,
    Meeting,
    Offering,
    OfferingInstructor,
    OfferingState,
    Venue,
)
from students.models import Enrollment, EnrollmentState, License, Student

NOW = datetime(2027, 3, 1, 18, 0, tzinfo=UTC)  # a Monday, 10:00 in Astoria
_numbers = itertools.count(1)


def add(session: Session, row: Any, **values: Any) -> Any:
    """Add a row and flush it."""
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    return row


def make_school(session: Session, **values: Any) -> School:
    defaults: dict[str, Any] = {
        "id": 1,
        "name": "Tideway Bodywork Institute",
        "email": "office@tideway.example",
        "address": "12 Harbour Row, Astoria, OR 97103, USA",
        "currency": "USD",
        "time_zone": "America/Los_Angeles",
        "number_prefix": "TBI",
    }
    school: School = add(session, School(**(defaults | values)))
    return school


def make_user(session: Session, role: Role = Role.STUDENT, **values: Any) -> User:
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "email": f"person{number}@example.org",
        "name": f"Robin Person{number}",
        "family_name": f"Person{number}",
        "role": role,
        "created_at": NOW - timedelta(days=400),
        "confirmed_at": NOW - timedelta(days=400),
    }
    user: User = add(session, User(**(defaults | values)))
    return user


def make_student(
    session: Session, user: User | None = None, *, licensed: bool = True, **values: Any
) -> Student:
    user = user or make_user(session)
    defaults: dict[str, Any] = {
        "user_id": user.id,
        "certificate_name": user.name,
        "profession": "LMT",
        "calendar_token": f"token-{next(_numbers)}",
    }
    student: Student = add(session, Student(**(defaults | values)))
    if licensed:
        number = f"{20000 + student.id}"
        add(session, License(student_id=student.id, profession="LMT", jurisdiction="OR", number=number))
    session.refresh(student)
    return student


def make_policy(session: Session, **values: Any) -> Policy:
    defaults: dict[str, Any] = {
        "code": f"policy{next(_numbers)}",
        "version": 1,
        "minimum_percent": 100,
        "grace_minutes_per_meeting": 10,
        "excused_counts": False,
        "deposit_cents": 20000,
        "balance_due_days": 30,
        "refunds": [
            {"days_before": 30, "percent": 100, "fee": 5000},
            {"days_before": 14, "percent": 50, "fee": 5000},
            {"days_before": 0, "percent": 0, "fee": 0},
        ],
        "free_transfers": 1,
        "repeat_price_percent": 50,
        "seat_offer_hours": 48,
        "waitlist_cutoff_hours": 24,
        "created_at": NOW - timedelta(days=400),
    }
    policy: Policy = add(session, Policy(**(defaults | values)))
    return policy


def make_body(session: Session, **values: Any) -> Body:
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "code": f"BODY-{number}",
        "title": f"Board {number}",
        "unit": "CE hours",
        "minutes_per_unit": 50,
        "step_thousandths": 500,
        "partial_credit": False,
        "requires": [],
    }
    body: Body = add(session, Body(**(defaults | values)))
    return body


def make_screening(session: Session, **values: Any) -> ScreeningSet:
    defaults: dict[str, Any] = {
        "code": f"screening{next(_numbers)}",
        "version": 1,
        "do_not_receive": ["Recent skull fracture"],
        "ask_first": [],
    }
    screening: ScreeningSet = add(session, ScreeningSet(**(defaults | values)))
    return screening


def make_course(session: Session, **values: Any) -> Course:
    number = next(_numbers)
    subject = values.pop("subject", None) or add(session, Subject(title=f"Subject {number}"))
    defaults: dict[str, Any] = {
        "code": f"CRS{number}",
        "title": f"Course {number}",
        "subject_id": subject.id,
        "level": "Level 1",
        "delivery": Delivery.IN_PERSON,
        "state": CourseState.PUBLISHED,
        "summary": "What is taught.",
        "outcomes": ["Do one thing well."],
        "days": 1,
        "contact_minutes": 360,
        "default_capacity": 3,
        "price_cents": 79500,
        "open_to": ["anyone"],
    }
    values = defaults | values
    if "policy_id" not in values:
        values["policy_id"] = make_policy(session).id
    if "screening_set_id" not in values:
        values["screening_set_id"] = make_screening(session).id
    course: Course = add(session, Course(**values))
    return course


def make_venue(session: Session, **values: Any) -> Venue:
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "code": f"V{number}",
        "name": f"Hall {number}",
        "city": "Astoria",
        "region": "OR",
        "country": "US",
        "time_zone": "America/Los_Angeles",
        "seats": 30,
    }
    venue: Venue = add(session, Venue(**(defaults | values)))
    return venue


def make_offering(
    session: Session,
    course: Course | None = None,
    *,
    starts: datetime | None = None,
    meetings: int = 2,
    minutes: int = 90,
    lead: User | None = None,
    **values: Any,
) -> Offering:
    """A published offering: ``meetings`` sittings of ``minutes`` each, two hours apart, from ``starts`` (default: in
    40 days at 09:00 in the venue's zone)."""
    course = course or make_course(session)
    venue = values.pop("venue", None) or make_venue(session)
    zone = ZoneInfo(venue.time_zone)
    if starts is None:
        day = (NOW + timedelta(days=40)).astimezone(zone).replace(hour=9, minute=0)
        starts = day.astimezone(UTC)
    ends = starts + timedelta(minutes=120 * (meetings - 1) + minutes)
    defaults: dict[str, Any] = {
        "code": f"{course.code}-{next(_numbers)}",
        "course_id": course.id,
        "venue_id": venue.id,
        "state": OfferingState.PUBLISHED,
        "published_at": NOW - timedelta(days=30),
        "time_zone": venue.time_zone,
        "starts_at": starts,
        "ends_at": ends,
        "capacity": course.default_capacity,
        "price_cents": course.price_cents,
        "policy_id": course.policy_id,
        "created_at": NOW - timedelta(days=60),
    }
    offering: Offering = add(session, Offering(**(defaults | values)))
    for number in range(meetings):
        begin = starts + timedelta(minutes=120 * number)
        end = begin + timedelta(minutes=minutes)
        session.add(
            Meeting(
                offering_id=offering.id,
                number=number + 1,
                starts_at=begin,
                ends_at=end,
                credit_minutes=minutes,
            )
        )
    if lead is not None:
        session.add(OfferingInstructor(offering_id=offering.id, user_id=lead.id, role=InstructorRole.LEAD))
    session.flush()
    session.refresh(offering)
    return offering


def put_enrollment(
    session: Session,
    offering: Offering,
    student: Student | None = None,
    state: EnrollmentState = EnrollmentState.ENROLLED,
    **values: Any,
) -> Enrollment:
    """Put an enrollment into the tables as it is, counters included, without asking the rules."""
    from students.models import SEATED_STATES

    student = student or make_student(session)
    seated = state in SEATED_STATES
    defaults: dict[str, Any] = {
        "offering_id": offering.id,
        "student_id": student.id,
        "state": state,
        "ticket": offering.next_ticket,
        "holds_seat": seated,
        "certificate_name": student.certificate_name,
        "profession": student.profession,
        "license_id": student.licenses[0].id if student.licenses else None,
        "price_cents": offering.price_cents,
        "policy_id": offering.policy_id,
        "created_at": NOW - timedelta(days=20),
        "changed_at": NOW - timedelta(days=20),
    }
    if state is EnrollmentState.OFFERED:
        defaults |= {"offer_made_at": NOW, "offer_expires_at": NOW + timedelta(hours=48)}
    enrollment: Enrollment = add(session, Enrollment(**(defaults | values)))
    offering.next_ticket += 1
    if enrollment.holds_seat:
        offering.seats_taken += 1
    if state is EnrollmentState.WAITLISTED:
        offering.waiting_count += 1
    session.flush()
    return enrollment
