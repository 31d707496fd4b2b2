"""Which mail tells a student of which change. The mails themselves stand in ``students.mail``."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from core import outbox
from students.models import Enrollment

# A reminder goes out this long before an offer ends, when it was given longer than twice that.
OFFER_REMINDER = timedelta(hours=6)


def _tell(session: Session, kind: str, enrollment: Enrollment, *, now: datetime, **details: Any) -> None:
    """Put a mail about an enrollment into the outbox, once per kind: each state is reached at most once."""
    session.flush()
    user = enrollment.student.user
    outbox.enqueue(
        session,
        kind,
        to=user.email,
        to_name=user.name,
        event=f"enrollment:{enrollment.id}:{kind}",
        now=now,
        about_id=enrollment.id,
        **details,
    )


def enrolled(session: Session, enrollment: Enrollment, *, now: datetime) -> None:
    """The seat is theirs: the confirmation with the meetings as calendar entries."""
    _tell(session, "confirmation", enrollment, now=now)


def waiting(session: Session, enrollment: Enrollment, *, now: datetime) -> None:
    """They are on the waitlist."""
    _tell(session, "waiting", enrollment, now=now)


def asked(session: Session, enrollment: Enrollment, *, now: datetime) -> None:
    """The office decides."""
    _tell(session, "asked", enrollment, now=now)


def offered(session: Session, enrollment: Enrollment, *, now: datetime) -> None:
    """A seat is held for them; and once more before the time runs out."""
    _tell(session, "offer", enrollment, now=now)
    until = enrollment.offer_expires_at
    if until is not None and until - now > 2 * OFFER_REMINDER:
        _tell(session, "offer-reminder", enrollment, now=now, not_before=until - OFFER_REMINDER)


def offer_shortened(session: Session, enrollment: Enrollment, *, now: datetime) -> None:
    """The class moved forward, and the offer ends earlier than was said: the offer once more, with its deadline."""
    user, until = enrollment.student.user, enrollment.offer_expires_at
    session.flush()
    outbox.enqueue(
        session,
        "offer",
        to=user.email,
        to_name=user.name,
        event=f"enrollment:{enrollment.id}:offer:{until.isoformat() if until else ''}",
        now=now,
        about_id=enrollment.id,
    )


def lapsed(session: Session, enrollment: Enrollment, *, now: datetime) -> None:
    """The offer's time is over."""
    _tell(session, "lapsed", enrollment, now=now)


def passed(session: Session, enrollment: Enrollment, *, now: datetime) -> None:
    """They declined the offer."""
    _tell(session, "declined", enrollment, now=now)


def list_closed(session: Session, enrollment: Enrollment, *, now: datetime) -> None:
    """The class began, and no seat became free."""
    _tell(session, "list-closed", enrollment, now=now)


def approved(session: Session, enrollment: Enrollment, *, now: datetime, message: str) -> None:
    """The office said yes; the mail says whether that is a seat or a place on the list."""
    _tell(session, "approved", enrollment, now=now, message=message)


def not_approved(
    session: Session, enrollment: Enrollment, *, now: datetime, message: str, unanswered: bool = False
) -> None:
    """The office said no, or (``unanswered``) nothing until the class was over."""
    _tell(session, "not-approved", enrollment, now=now, message=message, unanswered=unanswered)


def withdrawn(session: Session, enrollment: Enrollment, *, now: datetime, **details: Any) -> None:
    """They left; calendar entries are taken back when there were any."""
    _tell(session, "withdrawn", enrollment, now=now, **details)


def seat_of_group_open(session: Session, enrollment: Enrollment, *, now: datetime) -> None:
    """A person named by a group is out of the class: the group's contact can name another one."""
    booking = enrollment.group_booking
    if booking is None:
        return
    outbox.enqueue(
        session,
        "group-booking",
        to=booking.contact_email,
        to_name=booking.contact_name,
        event=f"group:{booking.id}:left:{enrollment.id}",
        now=now,
        about_id=booking.id,
        what="left",
        enrollment=enrollment.id,
    )


def transferred(session: Session, enrollment: Enrollment, *, now: datetime, new_id: int) -> None:
    """They moved to another class: the old entries go, the new ones come."""
    _tell(session, "transferred", enrollment, now=now, new_id=new_id)


def cancelled(session: Session, enrollment: Enrollment, *, now: datetime, was: str) -> None:
    """The class is cancelled. ``was`` is the state they were in."""
    _tell(session, "cancelled", enrollment, now=now, was=was)
