"""A small school that exists only while a mail is previewed: every kind of mail has something to say in it.

It lives in a database in memory, so a preview touches no real row; its people have numbers that no real account has, so
a link in a preview opens nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Role, User
from certificates.models import Certificate, CertificateState, RevocationReason
from core.database import Base
from core.formatting import long_date
from core.outbox import Message, OutgoingMail, kinds
from core.school import School
from courses.models import Course, CourseState, Delivery, Policy, ScreeningSet, Subject
from courses.offering_models import Meeting, Offering, OfferingState, Venue
from students.group_models import GroupBooking
from students.ledger_models import DocumentKind, FeeAccount, FeeDocument
from students.models import Enrollment, EnrollmentState, Student
from students.notice_models import ClassMessage

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


Prepare = Callable[[Sample], tuple[int, dict[str, Any]]]


def _in(state: EnrollmentState, **details: Any) -> Prepare:
    return lambda sample: sample.in_state(state, **details)


def _user(**values: Any) -> Prepare:
    def prepare(sample: Sample) -> tuple[int, dict[str, Any]]:
        for name, value in values.items():
            setattr(sample.user, name, value)
        return sample.of(sample.user.id)

    return prepare


def _cancelled(sample: Sample) -> tuple[int, dict[str, Any]]:
    sample.enrollment.offering.state = OfferingState.CANCELLED
    sample.enrollment.offering.cancel_reason = "The instructor is ill."
    return sample.in_state(STATES.CANCELLED, was="enrolled")


def _message(sample: Sample) -> tuple[int, dict[str, Any]]:
    message = ClassMessage(
        offering=sample.enrollment.offering,
        sender=sample.user,
        sent_at=sample.now,
        subject="Please bring two sheets",
        body="One for you, one for your partner.\n\nThe door opens at half past eight.",
        to_waiting=False,
        recipients=12,
    )
    sample.session.add(message)
    sample.session.flush()
    return sample.of(message_id=message.id)


def _opened(sample: Sample) -> tuple[int, dict[str, Any]]:
    return sample.of(sample.enrollment.student_id, offering_id=sample.enrollment.offering_id)


def _booking(sample: Sample) -> GroupBooking:
    booking = GroupBooking(
        id=SAMPLE_ID,
        offering=sample.enrollment.offering,
        organization="Harbour Clinic",
        contact_name="Noor Haddad",
        contact_email="noor@clinic.example",
        token="sample",  # noqa: S106 (opens nothing)
        seats=4,
        seats_open=4,
        price_cents=79500,
        policy=sample.enrollment.policy,
        created_at=sample.now,
    )
    sample.session.add(booking)
    sample.session.flush()
    return booking


def _invoice(sample: Sample) -> tuple[int, dict[str, Any]]:
    booking = _booking(sample)
    account = FeeAccount(
        id=SAMPLE_ID,
        group_booking_id=booking.id,
        currency=sample.school.currency,
        due_on=sample.now.date(),
        opened_at=sample.now,
    )
    sample.session.add(account)
    sample.session.flush()
    document = FeeDocument(
        id=SAMPLE_ID,
        account_id=account.id,
        kind=DocumentKind.INVOICE,
        year=sample.now.year,
        sequence=1,
        number="TBI-INV-0001",
        through_entry=0,
        snapshot={},
        issued_at=sample.now,
    )
    sample.session.add(document)
    sample.session.flush()
    return sample.of(booking.id, document=document.id, preview=True)


def _certificate(*, revoked: bool) -> Prepare:
    def prepare(sample: Sample) -> tuple[int, dict[str, Any]]:
        offering, zone = sample.enrollment.offering, sample.enrollment.offering.time_zone
        day = long_date(sample.now, zone)
        printed = {
            "completed": day,
            "issued": day,
            "contact_hours": "24",
            "participant": sample.user.name,
            "credits": [{"body": "NCBTMB", "program_number": "1234", "hours": "24", "unit": "CE hours"}],
            "retention": "Keep it for four years.",
            "verify_text": "the address on it",
            "disclaimer": "It records the completion of a course and is not a license to practice.",
        }
        facts = {"course_title": offering.course.title, "course_code": offering.course.code}
        certificate = Certificate(
            id=SAMPLE_ID,
            enrollment=sample.enrollment,
            year=sample.now.year,
            sequence=1,
            number=f"TBI-{sample.now.year}-0001",
            token="sample",  # noqa: S106 (opens nothing)
            state=CertificateState.REVOKED if revoked else CertificateState.ISSUED,
            template="quiet",
            snapshot={"facts": facts, "document": {"certificate": printed}},
            reserved_at=sample.now,
            issued_at=sample.now,
            pdf_sha256="0" * 64,
            revoked_at=sample.now if revoked else None,
            revocation=RevocationReason.ISSUED_IN_ERROR if revoked else None,
        )
        sample.session.add(certificate)
        sample.session.flush()
        return sample.of(certificate.id)

    return prepare


# What each kind of mail tells of. A test holds this list to the kinds that are registered.
SAMPLES: dict[str, Prepare] = {
    "account-confirmation": _user(confirmed_at=None),
    "account-known": _user(),
    "account-invitation": _user(password_hash=None),
    "account-reset": _user(),
    "account-password-changed": _user(),
    "account-new-address": _user(pending_email="student@school.example"),
    "account-address-notice": _user(),
    "confirmation": _in(STATES.ENROLLED),
    "waiting": _in(STATES.WAITLISTED),
    "asked": _in(STATES.PENDING),
    "offer": _in(STATES.OFFERED),
    "offer-reminder": _in(STATES.OFFERED),
    "lapsed": _in(STATES.LAPSED),
    "declined": _in(STATES.WITHDRAWN),
    "list-closed": _in(STATES.WITHDRAWN),
    "approved": _in(STATES.ENROLLED, message="Welcome. Please bring your license."),
    "not-approved": _in(STATES.DECLINED, message="This class is for licensed professionals."),
    "withdrawn": _in(STATES.WITHDRAWN, was="enrolled", refund_cents=74500),
    "transferred": lambda sample: sample.in_state(STATES.TRANSFERRED, new_id=sample.other.id),
    "cancelled": _cancelled,
    "moved": _in(STATES.ENROLLED, meetings_before=2),
    "reminder": _in(STATES.ENROLLED, days=8),
    "class-message": _message,
    "runs": _in(STATES.ENROLLED),
    "put-off": _in(STATES.ENROLLED),
    "opened": _opened,
    "group-booking": lambda sample: sample.of(_booking(sample).id, what="booked"),
    "group-invoice": _invoice,
    "certificate": _certificate(revoked=False),
    "certificate-revoked": _certificate(revoked=True),
}


def render_sample(kind: str, school: School, *, now: datetime) -> Message:
    """A mail of this kind as the sample student gets it. Raises LookupError for a kind without a sample."""
    prepare = SAMPLES.get(kind)
    if prepare is None:
        raise LookupError(f"the mail {kind} has no sample")
    with _sample_school(school, now) as sample:
        about_id, details = prepare(sample)
        sample.session.flush()
        row = OutgoingMail(
            kind=kind,
            event="preview",
            recipient="student@school.example",
            recipient_name=sample.user.name,
            about_id=about_id,
            details=details,
            created_at=now,
            next_attempt_at=now,
            message_key="preview",
        )
        message = kinds()[kind].render(sample.session, row)
    if message is None:
        raise LookupError(f"the sample of the mail {kind} has nothing to say")
    return message


@contextmanager
def _sample_school(school: School, now: datetime) -> Iterator[Sample]:
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
