"""What each kind of mail tells of when it is previewed: the rows it is about, in the sample school."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from attendance.door_models import Substitute
from attendance.makeup_models import MakeUp, MakeUpState
from certificates.models import Certificate, CertificateState, RevocationReason
from core.formatting import long_date
from core.outbox import Message, OutgoingMail, kinds
from core.school import School
from courses.models import Evaluation
from courses.offering_models import OfferingState
from portal.sample_school import SAMPLE_ID, Sample, sample_school
from students.group_models import GroupBooking
from students.ledger_models import DocumentKind, FeeAccount, FeeDocument
from students.models import EnrollmentState
from students.notice_models import ClassMessage

STATES = EnrollmentState


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


def _make_up(sample: Sample) -> tuple[int, dict[str, Any]]:
    make_up = MakeUp(
        id=SAMPLE_ID,
        enrollment=sample.enrollment,
        missed_meeting=sample.enrollment.offering.meetings[0],
        meeting=sample.other.offering.meetings[0],
        state=MakeUpState.PLANNED,
        asked_at=sample.now,
        decided_at=sample.now,
    )
    sample.session.add(make_up)
    sample.session.flush()
    return sample.of(make_up.id)


def _substitute(sample: Sample) -> tuple[int, dict[str, Any]]:
    offering = sample.enrollment.offering
    meeting = offering.meetings[0]
    row = Substitute(
        id=SAMPLE_ID,
        offering=offering,
        user=sample.user,
        begins_at=meeting.starts_at - timedelta(hours=9),
        ends_at=meeting.starts_at + timedelta(hours=15),
        named_by=sample.user,
        named_at=sample.now,
    )
    sample.session.add(row)
    sample.session.flush()
    return sample.of(row.id)


def _evaluated(sample: Sample) -> tuple[int, dict[str, Any]]:
    offering = sample.enrollment.offering
    offering.course.evaluation = Evaluation.REQUIRED
    offering.starts_at -= timedelta(days=200)
    offering.ends_at -= timedelta(days=200)
    return sample.in_state(STATES.ENROLLED)


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
    "make-up": _make_up,
    "substitute": _substitute,
    "certificate": _certificate(revoked=False),
    "certificate-revoked": _certificate(revoked=True),
    "evaluation": _evaluated,
}


def render_sample(kind: str, school: School, *, now: datetime) -> Message:
    """A mail of this kind as the sample student gets it. Raises LookupError for a kind without a sample."""
    prepare = SAMPLES.get(kind)
    if prepare is None:
        raise LookupError(f"the mail {kind} has no sample")
    with sample_school(school, now) as sample:
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
