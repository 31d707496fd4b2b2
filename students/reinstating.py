"""Bringing someone back who left by mistake: a new enrollment with the old one's price and terms, if a seat is free."""

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core.errors import RuleError
from students import discounts, seats, states, telling
from students import enrollment as enrolling
from students.models import Enrollment, EnrollmentState, Source


def reinstate(
    session: Session, enrollment: Enrollment, *, reason: str, actor: User, now: datetime
) -> Enrollment:
    """Staff give a seat back to someone who left. Returns the new enrollment, at the end of the ticket order.

    A discount code comes along while it still has a use left (``lost_code``).

    Raises RuleError without a reason, without a free seat, while people wait for one, when the class is over or
    cancelled, when the old enrollment is still live, or when the student moved (they move back by a transfer).
    """
    offering = seats.lock_of(session, enrollment)
    reason = reason.strip()
    if enrollment.state not in states.FINAL_STATES:
        raise seats.AlreadyThereError(seats.already(enrollment.state, by_office=True))
    if enrollment.state is EnrollmentState.TRANSFERRED:
        raise RuleError(
            _("The student moved to another class, and what was paid went along. Move them back.")
        )
    if enrollment.group_booking_id is not None:
        raise RuleError(_("This seat belonged to a group booking. Name the person there again."))
    if not reason:
        raise RuleError(_("Write why; it stays in the student's history."), field="reason")
    seats.require_no_other(session, offering, enrollment.student_id, by_office=True)
    enrolling.require_open(offering, now, by_office=True)
    if offering.is_full:
        raise seats.NoSeatError(
            _("No seat is free, or people wait for one. Enroll the student by hand instead.")
        )
    new = Enrollment(
        student_id=enrollment.student_id,
        state=EnrollmentState.ENROLLED,
        source=Source.STAFF,
        certificate_name=enrollment.certificate_name,
        profession=enrollment.profession,
        license_id=enrollment.license_id,
        price_cents=enrollment.price_cents,
        policy_id=enrollment.policy_id,
        policy_agreed_at=enrollment.policy_agreed_at,
        screening_set_id=enrollment.screening_set_id,
        screening_acknowledged_at=enrollment.screening_acknowledged_at,
        wants_talk=enrollment.wants_talk,
        wants_access_help=enrollment.wants_access_help,
        access_help_done_at=enrollment.access_help_done_at,
    )
    seats.add(session, offering, new, actor=actor, now=now, reason=reason, reinstated_from=enrollment.id)
    telling.enrolled(session, new, now=now)
    return new


def lost_code(session: Session, old: Enrollment, new: Enrollment) -> str:
    """The discount code that ``old`` had and ``new`` could not have again, because others used it up; else empty."""
    code = discounts.last_code(session, old.id)
    return code.code if code is not None and discounts.code_in_use(session, new.id) is None else ""
