"""A small school that exists only while a mail is previewed: every kind of mail has something to say in it.

It lives in a database in memory, so a preview touches no real row; its people have numbers that no real account has, so
a link in a preview opens nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.database import Base
from core.school import School
from courses.models import Course, CourseState, Delivery, Policy, ScreeningSet, Subject
from courses.offering_models import Meeting, Offering, OfferingState, Venue
from students.models import Enrollment, EnrollmentState, Student

# Far beyond any real account: tokens in a preview name this number.
SAMPLE_ID = 2_000_000_000
STATES = EnrollmentState


@dataclass
class Sample:
    """The rows that a mail may be about. A kind's preparation changes them to what its mail tells of."""

    session: Session
    now: datetime
    school: School
    user: User
    enrollment: Enrollment
    other: Enrollment

    def of(self, about_id: int | None = None, **details: Any) -> tuple[int, dict[str, Any]]:
        """What the mail's row holds; about the enrollment unless said otherwise."""
        return about_id or self.enrollment.id, details

    def in_state(self, state: EnrollmentState, **details: Any) -> tuple[int, dict[str, Any]]:
        """The enrollment stands like this."""
        self.enrollment.state = state
        self.enrollment.holds_seat = state in (STATES.ENROLLED, STATES.OFFERED)
        if state is STATES.OFFERED:
            self.enrollment.offer_made_at = self.now
            self.enrollment.offer_expires_at = self.now + timedelta(hours=48)
        return self.of(**details)


@contextmanager
def sample_school(school: School, now: datetime) -> Iterator[Sample]:
    """A sample school in memory, with the real school's name and address, as of ``now``."""
    engine = sa.create_engine("sqlite://")
    try:
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            copied = {column.key: getattr(school, column.key) for column in sa.inspect(School).columns}
            session.add(School(**copied))
            yield _fill(session, school, now)
    finally:
        engine.dispose()


def _fill(session: Session, school: School, now: datetime) -> Sample:
    zone = ZoneInfo(school.time_zone)
    user = User(
        id=SAMPLE_ID,
        email="student@school.example",
        name="Maya Okafor",
        family_name="Okafor",
        role=Role.STUDENT,
        created_at=now,
        confirmed_at=now,
        password_hash="none",  # noqa: S106 (matches no password)
    )
    student = Student(
        id=SAMPLE_ID,
        user=user,
        certificate_name=user.name,
        profession="LMT",
        calendar_token="sample",  # noqa: S106
    )
    policy = Policy(
        code="standard",
        version=1,
        minimum_percent=100,
        grace_minutes_per_meeting=10,
        excused_counts=False,
        deposit_cents=20000,
        balance_due_days=30,
        refunds=[{"days_before": 30, "percent": 100, "fee": 5000}],
        free_transfers=1,
        repeat_price_percent=50,
        seat_offer_hours=48,
        waitlist_cutoff_hours=24,
        created_at=now,
    )
    screening = ScreeningSet(
        code="hands-on", version=1, do_not_receive=["Recent skull fracture"], ask_first=[]
    )
    course = Course(
        code="CST1",
        title="Craniosacral Therapy 1",
        subject=Subject(title="Craniosacral Therapy"),
        level="Level 1",
        delivery=Delivery.IN_PERSON,
        state=CourseState.PUBLISHED,
        summary="What is taught.",
        outcomes=["Do one thing well."],
        days=2,
        contact_minutes=720,
        default_capacity=12,
        price_cents=79500,
        open_to=["anyone"],
        policy=policy,
        screening_set=screening,
        preparation="Read the first chapter of the handbook.",
    )
    venue = Venue(
        code="HALL",
        name="Harbour Hall",
        street="12 Harbour Row",
        city="Astoria",
        region="OR",
        country="US",
        time_zone=school.time_zone,
        seats=12,
        directions="The door is on the river side.",
    )
    session.add_all([user, student, policy, screening, course, venue])
    session.flush()
    first = (now.astimezone(zone) + timedelta(days=7)).replace(hour=9, minute=0, second=0, microsecond=0)
    enrollments = [
        _enroll(session, _offering(session, code, course, venue, day, now), student, now)
        for code, day in (("CST1-A", first), ("CST1-B", first + timedelta(days=42)))
    ]
    return Sample(session, now, school, user, *enrollments)


def _offering(
    session: Session, code: str, course: Course, venue: Venue, first: datetime, now: datetime
) -> Offering:
    days = [first, first + timedelta(days=1)]
    offering = Offering(
        code=code,
        course=course,
        venue=venue,
        policy=course.policy,
        state=OfferingState.PUBLISHED,
        time_zone=venue.time_zone,
        starts_at=days[0].astimezone(UTC),
        ends_at=(days[1] + timedelta(hours=8)).astimezone(UTC),
        capacity=12,
        seats_taken=3,
        price_cents=79500,
        minimum_to_run=6,
        decide_by=days[0].date() - timedelta(days=2),
        created_at=now,
        published_at=now,
        meetings=[
            Meeting(
                number=number,
                starts_at=day.astimezone(UTC),
                ends_at=(day + timedelta(hours=8)).astimezone(UTC),
                credit_minutes=360,
            )
            for number, day in enumerate(days, 1)
        ],
    )
    session.add(offering)
    session.flush()
    return offering


def _enroll(session: Session, offering: Offering, student: Student, now: datetime) -> Enrollment:
    enrollment = Enrollment(
        offering=offering,
        student=student,
        state=STATES.ENROLLED,
        ticket=1,
        holds_seat=True,
        certificate_name=student.certificate_name,
        price_cents=offering.price_cents,
        policy=offering.policy,
        screening_set=offering.course.screening_set,
        screening_acknowledged_at=now,
        created_at=now,
        changed_at=now,
    )
    session.add(enrollment)
    session.flush()
    return enrollment
