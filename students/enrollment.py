"""Enrolling: who may, at what price, and whether it is a seat, a place on the waitlist or a request to the office."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.models import User
from core.errors import RuleError
from core.formatting import date_time, listing
from courses.models import Course, Policy
from courses.offering_models import Offering, OfferingState
from students import people, prerequisites, seats, telling, waitlist
from students.group_models import GroupBooking
from students.jurisdictions import jurisdiction_of
from students.models import Enrollment, EnrollmentState, License, Source, Student
from students.people import LicenseEntry
from students.seats import move as move

# Entered by the office: enrollment times, approval and agreement don't hold them up; seats and the queue do.
OFFICE_SOURCES = frozenset({Source.STAFF, Source.IMPORT, Source.DOOR, Source.GROUP})


@dataclass(frozen=True, kw_only=True)
class EnrollRequest:
    """What someone asks for and says when enrolling.

    ``policy_id`` and ``screening_set_id`` are the versions that were shown and agreed to (None: not agreed).
    ``override_reason`` is the office's reason to enroll without a required prerequisite; it is kept as a waiver.
    ``ahead_reason`` is its reason to seat someone before people who wait, once the waitlist has closed.
    ``group_booking`` is the booking whose open seat this is: the seat is taken there, and the booking pays. ``named_as``
    and ``named_email`` are what was typed for it.
    """

    certificate_name: str
    profession: str = ""
    license_state: str = ""
    license_number: str = ""
    policy_id: int | None = None
    screening_set_id: int | None = None
    talk_to_instructor: bool = False
    wants_access_help: bool = False
    source: Source = Source.SELF
    override_reason: str = ""
    ahead_reason: str = ""
    discount_code: str = ""
    group_booking: GroupBooking | None = None
    named_as: str = ""
    named_email: str = ""

    @property
    def is_by_office(self) -> bool:
        """Whether the office enters it."""
        return self.source in OFFICE_SOURCES


def enroll(
    session: Session,
    offering: Offering,
    student: Student,
    request: EnrollRequest,
    *,
    actor: User | None,
    now: datetime,
) -> Enrollment:
    """Ask for a seat. Returns the new enrollment: ``enrolled``, ``waitlisted`` or ``pending``.

    Raises RuleError with the form field it belongs to: the class can't be enrolled in (now), something was not agreed
    to, a required prerequisite is missing; AlreadyThereError for a second try while the first one lives.
    """
    offering = seats.lock(session, offering.id)
    course, policy = offering.course, offering.policy
    seats.require_no_other(session, offering, student.id, by_office=request.is_by_office)
    require_open(offering, now, by_office=request.is_by_office)
    name = people.checked_name(request.certificate_name)
    _require_answers(request, offering, course)
    result = prerequisites.check(session, course.id, student.id, before=offering.starts_at)
    if result.missing_required:
        _waive_or_refuse(session, student, result.missing_required, request, actor=actor, now=now)
    booking = request.group_booking
    # Asked before anything changes: what changes below is then written in one go.
    price = booking.price_cents if booking else price_for(session, offering, policy, student.id)
    license_ = _license_of(session, student, request, actor=actor, now=now)
    if request.profession:
        student.profession = request.profession
    reasons = [] if request.is_by_office else approval_reasons(offering, course, request.profession, result)
    if booking is None:
        state, holds_seat = _decide(offering, policy, request, needs_approval=bool(reasons), now=now)
    else:
        state, holds_seat, policy = EnrollmentState.ENROLLED, True, booking.policy
    enrollment = Enrollment(
        student=student,
        state=state,
        holds_seat=holds_seat,
        source=request.source,
        certificate_name=name,
        profession=request.profession or student.profession,
        license=license_,
        price_cents=price,
        group_booking=booking,
        named_as=request.named_as,
        named_email=request.named_email,
        policy_id=policy.id,
        policy_agreed_at=now if request.policy_id else None,
        screening_set_id=request.screening_set_id,
        screening_acknowledged_at=now if request.screening_set_id else None,
        wants_talk=request.talk_to_instructor,
        wants_access_help=request.wants_access_help,
        approval_reasons=",".join(reasons),
    )
    details: dict[str, Any] = {"source": request.source.value}
    passed = waitlist.tickets(session, offering.id) if _passes(state, offering, booking) else []
    if passed:
        details |= {"rule": "out_of_order", "ticket": offering.next_ticket, "passed": passed}
    if request.discount_code.strip():
        details["discount_code"] = request.discount_code.strip().upper()
    reason = request.ahead_reason.strip() if passed else ""
    seats.add(session, offering, enrollment, actor=actor, now=now, reason=reason, **details)
    if state is EnrollmentState.ENROLLED:
        telling.enrolled(session, enrollment, now=now)
    elif state is EnrollmentState.WAITLISTED:
        telling.waiting(session, enrollment, now=now)
    else:
        telling.asked(session, enrollment, now=now)
    return enrollment


def require_open(offering: Offering, now: datetime, *, by_office: bool = False) -> None:
    """Raise RuleError with the reason when nobody can enroll in the class now.

    The office may enroll before and after the enrollment times, and at the door until the class is over.
    """
    if offering.state is OfferingState.CANCELLED:
        raise RuleError(_("This class was cancelled. Nobody can enroll in it any more."))
    if offering.state is not OfferingState.PUBLISHED:
        raise RuleError(_("This class is not published yet, so nobody can enroll in it."))
    if offering.finalized_at is not None or now >= offering.ends_at:
        raise RuleError(_("This class is over. Nobody can enroll in it any more."))
    if by_office:
        return
    if now >= offering.starts_at:
        raise RuleError(_("This class has already begun. Ask the office whether you can still join."))
    opens, closes = offering.enrollment_opens_at, offering.enrollment_closes_at
    if opens is not None and now < opens:
        when = date_time(opens, offering.time_zone)
        raise RuleError(_("Enrollment is not open yet. It opens %(when)s.", when=when))
    if closes is not None and now >= closes:
        when = date_time(closes, offering.time_zone)
        raise RuleError(
            _("Enrollment closed %(when)s. Ask the office whether you can still join.", when=when)
        )


def why_closed(offering: Offering, now: datetime, *, by_office: bool = False) -> str:
    """What ``require_open`` would say, or an empty text when people can enroll."""
    try:
        require_open(offering, now, by_office=by_office)
    except RuleError as error:
        return str(error)
    return ""


def _require_answers(request: EnrollRequest, offering: Offering, course: Course) -> None:
    """Raise one RuleError that names everything missing, in the order of the form."""
    wrong = [] if request.is_by_office else list(_wrong_with_profession(request, course))
    wrong += _wrong_with_agreement(request, offering, course)
    if wrong:
        raise wrong[0].together_with(wrong[1:])


def _wrong_with_agreement(request: EnrollRequest, offering: Offering, course: Course) -> Iterator[RuleError]:
    agreed = request.screening_set_id
    if agreed is None and not request.is_by_office and not course.screening_set.is_empty:
        yield RuleError(
            _("Confirm that you have read the safety list. It refuses nobody."), field="acknowledge_screening"
        )
    if agreed not in (None, course.screening_set_id) and not course.screening_set.is_empty:
        yield RuleError(
            _("The safety list changed while this page was open. Read it again, then confirm."),
            field="acknowledge_screening",
        )
    if request.policy_id is None and not request.is_by_office:
        yield RuleError(_("Agree to the terms to enroll."), field="accept_policy")
    if request.policy_id is not None and request.policy_id != offering.policy_id:
        yield RuleError(
            _("The terms changed while this page was open. Read them again, then agree."),
            field="accept_policy",
        )


def _wrong_with_profession(request: EnrollRequest, course: Course) -> Iterator[RuleError]:
    known = not request.profession or request.profession in people.PROFESSIONS
    if not known and request.profession not in course.open_to:
        yield RuleError(_("Choose a profession from the list."), field="profession")
    if course.is_open_to_anyone:
        return
    if not request.profession:
        yield RuleError(_("Choose your profession."), field="profession")
    if request.profession in course.open_to:
        try:
            jurisdiction_of(request.license_state)
        except RuleError as error:
            yield error
        if not request.license_number.strip():
            yield RuleError(_("Write the number of your license."), field="license_number")


def _waive_or_refuse(
    session: Session,
    student: Student,
    missing: list[prerequisites.Need],
    request: EnrollRequest,
    *,
    actor: User | None,
    now: datetime,
) -> None:
    names = listing([f"{need.course.code} {need.course.title}" for need in missing])
    if not request.is_by_office:
        raise RuleError(
            _(
                "This class asks for %(courses)s first. Take it, or ask the office if you learned it elsewhere.",
                courses=names,
            )
        )
    if request.source is Source.IMPORT:
        raise RuleError(
            _(
                "The student has not taken %(courses)s. Enroll them by hand, with a reason, if they may join all the same.",
                courses=names,
            )
        )
    if request.source is Source.DOOR:  # an instructor enters it, who has nowhere to write a reason
        raise RuleError(
            _(
                "The student has not taken %(courses)s. The office decides whether they may join all the same.",
                courses=names,
            )
        )
    if actor is None or not request.override_reason.strip():
        raise RuleError(
            _("The student has not taken %(courses)s. Write why they may join all the same.", courses=names),
            field="override_reason",
        )
    for need in missing:
        prerequisites.grant(
            session,
            student,
            need.course,
            reason=request.override_reason,
            is_external=False,
            actor=actor,
            now=now,
        )


def _license_of(
    session: Session, student: Student, request: EnrollRequest, *, actor: User | None, now: datetime
) -> License | None:
    if request.profession == people.UNLICENSED:
        return None  # a license of before may still stand in the form
    if request.license_state.strip() and not request.license_number.strip():
        raise RuleError(
            _("Write the number of the license too, or leave the state or country empty."),
            field="license_number",
        )
    if request.license_number.strip():
        entry = LicenseEntry(request.profession, request.license_state, request.license_number)
        return people.save_license(session, student, entry, actor=actor, now=now)
    matching = [known for known in student.licenses if known.profession == request.profession]
    if request.is_by_office and not matching:
        matching = list(student.licenses)
    return matching[0] if matching else None


def approval_reasons(
    offering: Offering, course: Course, profession: str, result: prerequisites.Result
) -> list[str]:
    """Why the office must approve this request: "offering", "prerequisite", "profession"; empty: it need not."""
    reasons = []
    if offering.needs_approval:
        reasons.append("offering")
    if result.missing_approval:
        reasons.append("prerequisite")
    if not course.is_open_to_anyone and profession not in course.open_to:
        reasons.append("profession")
    return reasons


def _decide(
    offering: Offering, policy: Policy, request: EnrollRequest, *, needs_approval: bool, now: datetime
) -> tuple[EnrollmentState, bool]:
    """The first state, and whether it holds a seat. The offering is locked and counted."""
    if needs_approval:
        if offering.is_full and not waitlist.is_open(offering, policy, now):
            raise no_seat(offering, by_office=False)  # the registrar could not say yes to it
        return EnrollmentState.PENDING, offering.approval_holds_seat and not offering.is_full
    if not offering.is_full:
        return EnrollmentState.ENROLLED, True
    if waitlist.is_open(offering, policy, now):
        return EnrollmentState.WAITLISTED, False
    if offering.seats_left > 0 and request.is_by_office and request.ahead_reason.strip():
        return EnrollmentState.ENROLLED, True
    raise no_seat(offering, by_office=request.is_by_office)


def no_seat(offering: Offering, *, by_office: bool) -> seats.NoSeatError:
    """Why nobody gets a seat once the waitlist has closed: none is free, or people who wait come first.

    At the cut-off the list closes and staff seat people at the door (DESIGN, invariant 3): those who wait first, by
    ``waitlist.promote_by_hand``; someone else only with a reason.
    """
    if offering.seats_left <= 0:
        if by_office:
            return seats.NoSeatError(
                _("This class is full, and its waitlist has closed. Raise the capacity first.")
            )
        return seats.NoSeatError(_("This class is full, and its waitlist has closed. Ask the office."))
    if not by_office:
        return seats.NoSeatError(
            _("People wait for the seats that are left, and the waitlist has closed. Ask the office.")
        )
    return seats.NoSeatError(
        ngettext(
            "A seat is free, but %(num)d person waits for it and comes first. Seat them on the roster, or enroll by "
            "hand and write why this student goes before them.",
            "A seat is free, but %(num)d people wait for it and come first. Seat one of them on the roster, or enroll by "
            "hand and write why this student goes before them.",
            offering.waiting_count,
        ),
        field="ahead_reason",
    )


def _passes(state: EnrollmentState, offering: Offering, booking: GroupBooking | None) -> bool:
    return state is EnrollmentState.ENROLLED and booking is None and offering.waiting_count > 0


_COMPLETED = sa.select(
    sa.exists().where(
        Enrollment.student_id == sa.bindparam("student_id"),
        Enrollment.state == EnrollmentState.COMPLETED,
        Offering.id == Enrollment.offering_id,
        Offering.course_id == sa.bindparam("course_id"),
    )
)


def price_for(session: Session, offering: Offering, policy: Policy, student_id: int | None) -> int:
    """The price in cents: the offering's, or the policy's part of it for someone who completed the course before."""
    if student_id is None or policy.repeat_price_percent == 100:
        return offering.price_cents
    if not session.scalar(_COMPLETED, {"student_id": student_id, "course_id": offering.course_id}):
        return offering.price_cents
    return (offering.price_cents * policy.repeat_price_percent + 50) // 100
