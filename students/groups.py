"""Group bookings: an organization reserves seats, names the people later, swaps one before the class, pays one invoice.

Unnamed seats count as held (invariant 1): ``students.seats`` reserves, names and releases them under its lock.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from core import audit, outbox
from core.errors import RuleError
from core.formatting import listing
from courses.offering_models import Offering
from students import billing, group_fees, ledger, newcomers, prerequisites, seats, telling, waitlist
from students import enrollment as enrolling
from students.enrollment import EnrollRequest
from students.group_models import GroupBooking
from students.models import SEATED_STATES, Enrollment, EnrollmentState, Source, Student

MOST_SEATS = 200
# Within this time a second booking of a class by one organization is a form that was sent twice.
TWICE = timedelta(minutes=5)


@dataclass(frozen=True)
class Person:
    """Someone who is named for a seat."""

    name: str
    email: str
    profession: str = ""
    license_state: str = ""
    license_number: str = ""
    override_reason: str = ""


def book(
    session: Session,
    offering: Offering,
    *,
    organization: str,
    contact_name: str,
    contact_email: str,
    seat_count: int,
    address: str = "",
    reference: str = "",
    actor: User,
    now: datetime,
) -> GroupBooking:
    """Reserve seats of a class for an organization, charge them to one account, mail the contact the private link.

    Raises RuleError when the class can't be enrolled in, NoSeatError when fewer seats are free or people wait.
    """
    offering = seats.lock(session, offering.id)
    enrolling.require_open(offering, now, by_office=True)
    _require_count(seat_count)
    twin = session.scalar(
        sa.select(GroupBooking.id).where(
            GroupBooking.offering_id == offering.id,
            GroupBooking.organization == organization,
            GroupBooking.contact_email == contact_email.lower(),
            GroupBooking.created_at > now - TWICE,
            GroupBooking.seats > 0,  # one whose seats were given back is gone from the office's pages
        )
    )
    if twin is not None:
        raise RuleError(
            _("Seats were reserved for this organization a moment ago. Add more on its own page.")
        )
    booking = GroupBooking(
        offering_id=offering.id,
        organization=organization,
        contact_name=contact_name,
        contact_email=contact_email.lower(),
        address=address,
        reference=reference,
        token=secrets.token_urlsafe(24),
        seats=0,
        seats_open=0,
        price_cents=offering.price_cents,
        policy_id=offering.policy_id,
        created_at=now,
        created_by_id=actor.id,
    )
    seats.reserve(session, offering, booking, seat_count)
    session.add(booking)
    session.flush()
    account = ledger.open_account(session, offering, offering.policy, booking=booking, now=now)
    group_fees.charge(session, booking, account, seat_count, actor=actor, now=now)
    _record(session, "booked", booking, actor=actor, now=now, seats=seat_count)
    tell(session, booking, "booked", now=now)
    return booking


def add_seats(
    session: Session,
    booking: GroupBooking,
    count: int,
    *,
    seen: int | None = None,
    actor: User,
    now: datetime,
) -> None:
    """Reserve more seats at the booking's price. Raises as ``book`` does, and for a closed booking.

    ``seen`` is how many seats the booking had when somebody decided on this: RuleError when it has others by now.
    """
    offering = _lock(session, booking)
    _require_running(booking, offering, now)
    _require_seen(booking, seen)
    _require_count(count)
    seats.reserve(session, offering, booking, count)
    account = ledger.account_of_group(session, booking.id)
    if account is not None:
        account = ledger.lock(session, account.id)
        group_fees.charge(session, booking, account, count, actor=actor, now=now)
    _record(session, "more_seats", booking, actor=actor, now=now, seats=count)


def give_back_seats(
    session: Session,
    booking: GroupBooking,
    count: int,
    *,
    seen: int | None = None,
    actor: User,
    now: datetime,
) -> int:
    """Give unnamed seats back; they go to the head of the waitlist. Returns by how much less is asked for, in cents.

    ``seen`` as in ``add_seats``. They are settled by the terms of the booking, as for a single student
    (``students.group_fees``).
    """
    offering = _lock(session, booking)
    _require_running(booking, offering, now)
    _require_seen(booking, seen)
    _require_count(count)
    before, off = booking.seats, 0
    seats.release(session, offering, booking, count)
    account = ledger.account_of_group(session, booking.id)
    if account is not None:
        account = ledger.lock(session, account.id)
        terms = group_fees.terms_of(session, booking, account, offering, seats=before, count=count, now=now)
        group_fees.give_back(session, account, terms, count, actor=actor, now=now)
        off = terms.off_cents
    _record(session, "fewer_seats", booking, actor=actor, now=now, seats=count, off_cents=off)
    waitlist.promote(session, offering, now=now, freed_by="group")
    return off


def name_person(
    session: Session, booking: GroupBooking, person: Person, *, actor: User | None, now: datetime
) -> Enrollment:
    """Name someone for an open seat: known by address, else invited. ``actor`` None: the contact does it.

    Raises RuleError when no seat is open, the person is in the class already, the class has begun (for the contact),
    or a required prerequisite is missing (the office may override with a reason).

    The contact is shown what was typed (``Enrollment.named_as``), here and later, never what an account says.
    """
    offering = _lock(session, booking)
    _require_running(booking, offering, now, by_office=actor is not None)
    if booking.seats_open < 1:
        raise seats.NoSeatError(_("Every seat of this booking has a name already."))
    typed = person
    student = newcomers.find_or_invite(session, email=person.email, name=person.name, actor=actor, now=now)
    if seats.live_enrollment(session, offering.id, student.id) is not None:
        raise seats.AlreadyThereError(
            _("%(name)s has a seat in this class already, or waits for one.", name=person.name), field="email"
        )
    if actor is None:
        missing = prerequisites.check(
            session, offering.course_id, student.id, before=offering.starts_at
        ).missing_required
        if missing:
            raise RuleError(
                _(
                    "This class asks for %(courses)s first, and we have no record of it for %(name)s. "
                    "Write to the office if they learned it elsewhere.",
                    courses=listing([need.course.code for need in missing]),
                    name=person.name,
                ),
                field="email",
            )
        person = _where_unknown(student, person)
    request = EnrollRequest(
        certificate_name=person.name,
        profession=person.profession,
        license_state=person.license_state,
        license_number=person.license_number,
        source=Source.GROUP,
        override_reason=person.override_reason,
        group_booking=booking,
        named_as=typed.name,
        named_email=typed.email,
    )
    return enrolling.enroll(session, offering, student, request, actor=actor, now=now)


def _where_unknown(student: Student, person: Person) -> Person:
    """What a contact may say of someone: what the school does not know yet. What the student said stays."""
    if student.licenses:
        person = replace(person, license_state="", license_number="")
    return replace(person, name=student.certificate_name, profession=student.profession or person.profession)


def take_off(
    session: Session, booking: GroupBooking, enrollment: Enrollment, *, actor: User | None, now: datetime
) -> None:
    """Take a named person off; the seat stays the booking's and is open again. The person is told.

    Raises RuleError when they are not on the booking any more, or the class has begun (for the contact).
    """
    offering = _lock(session, booking)
    _require_running(booking, offering, now, by_office=actor is not None)
    if enrollment.group_booking_id != booking.id or enrollment.state is not EnrollmentState.ENROLLED:
        raise RuleError(_("This person is not on the booking any more."))
    seats.move(
        session,
        enrollment,
        EnrollmentState.WITHDRAWN,
        actor=actor,
        now=now,
        kept_cents=0,
        by_group=booking.organization,
    )
    telling.withdrawn(
        session,
        enrollment,
        now=now,
        was=EnrollmentState.ENROLLED.value,
        by_office=actor is not None,
        by_group="" if actor is not None else booking.organization,
        refund_cents=0,
    )
    if actor is not None:  # else the contact did it
        telling.seat_of_group_open(session, enrollment, now=now)


def swap(
    session: Session,
    booking: GroupBooking,
    enrollment: Enrollment,
    person: Person,
    *,
    actor: User | None,
    now: datetime,
) -> Enrollment:
    """Put another person on a named seat, in one act. Returns the new enrollment; raises as the two halves do."""
    take_off(session, booking, enrollment, actor=actor, now=now)
    return name_person(session, booking, person, actor=actor, now=now)


def mail_invoice(session: Session, booking: GroupBooking, *, actor: User | None, now: datetime) -> str:
    """Issue the invoice as the account stands and mail it to the contact. Returns its number.

    Raises RuleError when nothing was charged. Asking again for the same invoice mails it once more the next day at most.
    """
    account = ledger.account_of_group(session, booking.id)
    if account is None:
        raise RuleError(_("Nothing was charged, so there is no invoice."))
    document = billing.issue_invoice(session, account, actor=actor, now=now)
    outbox.enqueue(
        session,
        "group-invoice",
        to=booking.contact_email,
        to_name=booking.contact_name,
        event=f"document:{document.id}:{now.date().isoformat()}",
        now=now,
        about_id=booking.id,
        document=document.id,
    )
    return document.number


def close_for_cancelled(session: Session, offering: Offering, *, actor: User, now: datetime) -> int:
    """The class is cancelled: give up every booking's seats, give everything back, tell the contacts. Returns how many."""
    session.flush()
    bookings = session.scalars(
        sa.select(GroupBooking)
        .where(GroupBooking.offering_id == offering.id, GroupBooking.closed_at.is_(None))
        .order_by(GroupBooking.id)
    ).all()
    for booking in bookings:
        if booking.seats_open:
            seats.release(session, offering, booking, booking.seats_open)
        booking.closed_at = now
        account = ledger.account_of_group(session, booking.id)
        if account is not None:
            ledger.settle(session, ledger.lock(session, account.id), 0, actor=actor, now=now)
        tell(session, booking, "cancelled", now=now)
    return len(bookings)


def tell(session: Session, booking: GroupBooking, what: str, *, now: datetime) -> None:
    """Mail the contact: ``booked`` or ``cancelled``."""
    outbox.enqueue(
        session,
        "group-booking",
        to=booking.contact_email,
        to_name=booking.contact_name,
        event=f"group:{booking.id}:{what}",
        now=now,
        about_id=booking.id,
        what=what,
    )


def people_of(session: Session, booking_id: int) -> list[Enrollment]:
    """Who sits on the booking's seats, by name. Users are loaded; one statement."""
    return list(
        session.scalars(
            sa.select(Enrollment)
            .join(Enrollment.student)
            .join(Student.user)
            .where(Enrollment.group_booking_id == booking_id, Enrollment.state.in_(SEATED_STATES))
            .options(joinedload(Enrollment.student).joinedload(Student.user))
            .order_by(User.family_name, User.name)
        )
    )


def as_named(people: Iterable[Enrollment]) -> list[Enrollment]:
    """The same people in the order of the names that were typed: the order of their accounts would tell of those."""
    return sorted(people, key=lambda enrollment: (enrollment.named_as.casefold(), enrollment.id))


def bookings_of(session: Session, offering_id: int) -> list[GroupBooking]:
    """The bookings of a class that still hold seats, by organization. One statement."""
    return list(
        session.scalars(
            sa.select(GroupBooking)
            .where(GroupBooking.offering_id == offering_id, GroupBooking.seats > 0)
            .order_by(GroupBooking.organization, GroupBooking.id)
        )
    )


def _lock(session: Session, booking: GroupBooking) -> Offering:
    # The booking changes only under its offering's lock, which reads it anew.
    return seats.lock(session, booking.offering_id)


def _require_count(count: int) -> None:
    if not 1 <= count <= MOST_SEATS:
        raise RuleError(_("A booking has 1 to %(most)d seats.", most=MOST_SEATS), field="seats")


def _require_seen(booking: GroupBooking, seen: int | None) -> None:
    if seen not in (None, booking.seats):
        raise RuleError(
            ngettext(
                "The booking has %(num)d seat by now. Look at it again, then change it.",
                "The booking has %(num)d seats by now. Look at it again, then change it.",
                booking.seats,
            )
        )


def _require_running(
    booking: GroupBooking, offering: Offering, now: datetime, *, by_office: bool = True
) -> None:
    if booking.closed_at is not None:
        raise RuleError(_("This booking is closed: the class was cancelled."))
    enrolling.require_open(offering, now, by_office=True)
    if not by_office and now >= offering.starts_at:
        raise RuleError(_("The class has begun. Write to the office for a change."))


def _record(
    session: Session, what: str, booking: GroupBooking, *, actor: User, now: datetime, **details: object
) -> None:
    audit.record(
        session,
        f"students:group:{what}",
        booking,
        actor=actor,
        now=now,
        offering=booking.offering_id,
        organization=booking.organization,
        **details,
    )
