"""Capacity: raising it promotes from the waitlist; lowering it below the seats held is refused, with the names.

A seat may also be added for one person who waits: the only way out of order while the list is open, because every seat
that is free goes to the head at once.
"""

from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.errors import RuleError
from core.formatting import listing
from courses.offering_checks import check_places
from courses.offering_models import Offering, OfferingState
from students import seats, waitlist
from students.group_models import GroupBooking
from students.models import Enrollment, EnrollmentState, Student


def set_capacity(
    session: Session, offering: Offering, capacity: int, *, actor: User, now: datetime
) -> list[Enrollment]:
    """Change how many seats a class has. Returns whoever got a seat (or an offer) by that.

    Raises RuleError for fewer than one, for a cancelled class, and below the seats held, naming who holds them,
    and more than the room has.
    """
    offering = seats.lock(session, offering.id)
    if offering.state is OfferingState.CANCELLED:
        raise RuleError(_("This class was cancelled; its capacity does not change any more."))
    if capacity < 1:
        raise RuleError(_("A class has at least one seat."), field="capacity")
    if capacity < offering.seats_taken:
        names = listing([*_holders(session, offering.id), *_reserved(session, offering.id)])
        raise RuleError(
            ngettext(
                "%(num)d seat is held: %(names)s. Move or withdraw someone first.",
                "%(num)d seats are held: %(names)s. Move or withdraw someone first.",
                offering.seats_taken,
                names=names,
            ),
            field="capacity",
        )
    if capacity == offering.capacity:
        return []
    _change(session, offering, capacity, actor=actor, now=now)
    return waitlist.promote(session, offering, now=now, freed_by="capacity")


def add_seat_for(
    session: Session, enrollment: Enrollment, *, reason: str, actor: User, now: datetime
) -> None:
    """Give someone on the waitlist a seat: a free one, or one more that the class gets for them.

    Those who asked earlier keep their places. Raises RuleError as ``waitlist.promote_by_hand`` does, and when the room
    has no place for one more.
    """
    offering = seats.lock_of(session, enrollment)
    is_wanted = enrollment.state is EnrollmentState.WAITLISTED and offering.state is OfferingState.PUBLISHED
    if is_wanted and offering.seats_left <= 0:
        try:
            _change(session, offering, offering.capacity + 1, actor=actor, now=now)
        except RuleError as error:
            raise RuleError(str(error), field="add_seat") from None
    waitlist.promote_by_hand(session, enrollment, reason=reason, actor=actor, now=now)


def _change(session: Session, offering: Offering, capacity: int, *, actor: User, now: datetime) -> None:
    if capacity > offering.capacity:
        check_places(capacity, offering.venue, offering.guest_places)
    before, offering.capacity = offering.capacity, capacity
    audit.record(
        session, "students:capacity:changed", offering, actor=actor, now=now, before=before, after=capacity
    )


def _holders(session: Session, offering_id: int) -> list[str]:
    return list(
        session.scalars(
            sa.select(User.name)
            .join(Student, Student.user_id == User.id)
            .join(Enrollment, Enrollment.student_id == Student.id)
            .where(Enrollment.offering_id == offering_id, Enrollment.holds_seat)
            .order_by(User.family_name, User.name)
        )
    )


def _reserved(session: Session, offering_id: int) -> list[str]:
    rows = session.execute(
        sa.select(GroupBooking.organization, GroupBooking.seats_open)
        .where(GroupBooking.offering_id == offering_id, GroupBooking.seats_open > 0)
        .order_by(GroupBooking.organization)
    )
    return [
        _("%(organization)s (%(count)d reserved)", organization=name, count=open_) for name, open_ in rows
    ]
