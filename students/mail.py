"""The mails about an enrollment. Each has a folder in ``templates/mail``; what they say is true when they are sent."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload, selectinload

from core import clock
from core.formatting import (
    clock_time,
    date_range,
    date_time,
    full_date,
    long_date,
    money,
    time_range,
    weekday_date,
    zone_name,
)
from core.links import absolute
from core.mailing import compose
from core.outbox import Attachment, Message, OutgoingMail, mail
from core.school import School, current_school
from courses.entries import location_of
from courses.offering_models import Offering, OfferingState
from students import calendar, waitlist
from students.models import LIVE_STATES, Enrollment, EnrollmentState, Student
from students.price_words import policy_words, price_words, refund_words, still_to_pay

S = EnrollmentState
HELD_OR_WAITING = frozenset({S.ENROLLED, S.OFFERED, S.WAITLISTED, S.PENDING})


def load(session: Session, enrollment_id: int | None) -> Enrollment | None:
    """An enrollment with all that a mail speaks of; three statements."""
    return session.scalars(
        sa.select(Enrollment)
        .where(Enrollment.id == enrollment_id)
        .options(
            joinedload(Enrollment.student).joinedload(Student.user),
            joinedload(Enrollment.policy),
            joinedload(Enrollment.group_booking),
            joinedload(Enrollment.screening_set),
            joinedload(Enrollment.offering).options(
                joinedload(Offering.course), joinedload(Offering.venue), selectinload(Offering.meetings)
            ),
        )
    ).one_or_none()


def class_facts(offering: Offering) -> dict[str, Any]:
    """What every mail says about a class."""
    zone = offering.time_zone
    return {
        "code": offering.code,
        "title": offering.course.title,
        "dates": date_range(offering.starts_at, offering.ends_at, zone),
        "place": offering.venue.place,
        "where": location_of(offering),
        "begins": date_time(offering.starts_at, zone),
        "url": calendar.class_url(offering),
        "meetings": [
            (
                weekday_date(meeting.starts_at, zone),
                time_range(meeting.starts_at, meeting.ends_at, zone),
                zone_name(meeting.starts_at, zone),
            )
            for meeting in offering.meetings
        ],
    }


def message_about(
    session: Session,
    row: OutgoingMail,
    kind: str,
    *,
    only_in: frozenset[EnrollmentState] | None = None,
    calendar_of: Enrollment | None = None,
    cancel_calendar: bool = False,
    **context: Any,
) -> Message | None:
    """A mail about the enrollment of a row; None when it is gone, or in none of the states ``only_in``."""
    enrollment = load(session, row.about_id)
    school = current_school(session)
    if enrollment is None or school is None or (only_in is not None and enrollment.state not in only_in):
        return None
    offering = enrollment.offering
    return compose(
        kind,
        attachments=_calendar_file(enrollment, calendar_of, school, row.created_at, cancel=cancel_calendar),
        school=school,
        greeting=enrollment.student.user.given_name,
        enrollment=enrollment,
        offering=offering,
        klass=class_facts(offering),
        price=price_words(session, enrollment, school.currency),
        policy=policy_words(enrollment, school.currency),
        asked_on=long_date(enrollment.created_at, offering.time_zone),
        my_url=absolute("portal.my"),
        calendar_url=f"{absolute('students.details')}#calendar-h",
        **context,
    )


def _calendar_file(
    old: Enrollment, new: Enrollment | None, school: School, at: datetime, *, cancel: bool
) -> tuple[Attachment, ...]:
    """One at most: mail programs act on a single calendar file of a mail, and on a single entry in it."""
    if new is not None:
        return (calendar_file(calendar.invitation(new, school, now=at)),)
    if cancel:
        return (calendar_file(calendar.invitation(old, school, now=at, cancelled=True), cancelled=True),)
    return ()


def calendar_file(content: bytes, *, cancelled: bool = False) -> Attachment:
    """A message to calendars, to go with a mail."""
    method, name = ("CANCEL", "cancelled.ics") if cancelled else ("REQUEST", "meetings.ics")
    return Attachment(name, content, "text/calendar", {"method": method, "charset": "utf-8"})


def _safety(enrollment: Enrollment) -> dict[str, Any] | None:
    shown = enrollment.screening_set or enrollment.offering.course.screening_set
    if shown.is_empty:
        return None
    return {
        "conditions": shown.do_not_receive,
        "ask_first": shown.ask_first,
        "version": shown.version,
        "confirmed": enrollment.screening_acknowledged_at is not None,
        "url": absolute("students.safety", id=enrollment.id),
    }


@mail("confirmation")
def confirmation(session: Session, row: OutgoingMail) -> Message | None:
    """You are enrolled; with the meetings as calendar entries. Dropped when they left in the meantime."""
    enrollment = load(session, row.about_id)
    if enrollment is None or enrollment.state in (S.WITHDRAWN, S.TRANSFERRED, S.CANCELLED):
        return None
    return message_about(
        session,
        row,
        "confirmation",
        calendar_of=enrollment,
        safety=_safety(enrollment),
        # They had no say at that moment: the class gives a freed seat to the next at once.
        from_list=enrollment.offering.promotes_at_once and enrollment.offer_made_at is not None,
    )


@mail("waiting")
def waiting(session: Session, row: OutgoingMail) -> Message | None:
    """You are on the waitlist, at this place."""
    place = waitlist.places(session, [row.about_id] if row.about_id else []).get(row.about_id or 0)
    hours = waitlist.hours_of(session, row.about_id)
    return message_about(
        session, row, "waiting", only_in=frozenset({S.WAITLISTED}), place=place, offer_hours=hours
    )


@mail("asked")
def asked(session: Session, row: OutgoingMail) -> Message | None:
    """The office decides on your request."""
    return message_about(session, row, "asked", only_in=frozenset({S.PENDING}))


def _offer(session: Session, row: OutgoingMail, kind: str) -> Message | None:
    enrollment = load(session, row.about_id)
    if (
        enrollment is None
        or enrollment.offer_expires_at is None
        or enrollment.offer_expires_at <= clock.now()
    ):
        return None
    zone, until = enrollment.offering.time_zone, enrollment.offer_expires_at
    return message_about(
        session,
        row,
        kind,
        deadline=_("%(date)s, %(time)s", date=full_date(until, zone), time=clock_time(until, zone)),
        deadline_zone=zone_name(until, zone),
    )


@mail("offer")
def offer(session: Session, row: OutgoingMail) -> Message | None:
    """A seat is held for you until …. Dropped when it was taken, declined or lapsed before it could be sent."""
    return _offer(session, row, "offer")


@mail("offer-reminder")
def offer_reminder(session: Session, row: OutgoingMail) -> Message | None:
    """The seat is still held for you, not much longer."""
    return _offer(session, row, "offer-reminder")


@mail("lapsed")
def lapsed(session: Session, row: OutgoingMail) -> Message | None:
    """The time to take the seat has run out."""
    return message_about(session, row, "lapsed")


@mail("declined")
def declined(session: Session, row: OutgoingMail) -> Message | None:
    """You passed on the seat."""
    return message_about(session, row, "declined")


@mail("list-closed")
def list_closed(session: Session, row: OutgoingMail) -> Message | None:
    """The class has begun; no seat became free."""
    return message_about(session, row, "list-closed")


@mail("approved")
def approved(session: Session, row: OutgoingMail) -> Message | None:
    """The office said yes: a seat, or a place on the waitlist."""
    enrollment = load(session, row.about_id)
    if enrollment is None or enrollment.state not in LIVE_STATES:
        return None
    waits = enrollment.state in (S.WAITLISTED, S.OFFERED)
    return message_about(
        session,
        row,
        "approved",
        calendar_of=None if waits else enrollment,
        waits=waits,
        note=str(row.details.get("message", "")),
        safety=_safety(enrollment),
    )


@mail("not-approved")
def not_approved(session: Session, row: OutgoingMail) -> Message | None:
    """The office said no, with its message; or the class is over, and nobody decided."""
    return message_about(
        session,
        row,
        "not-approved",
        note=str(row.details.get("message", "")),
        unanswered=bool(row.details.get("unanswered")),
    )


@mail("withdrawn")
def withdrawn(session: Session, row: OutgoingMail) -> Message | None:
    """You left; the calendar entries go."""
    had_seat = row.details.get("was") == S.ENROLLED
    enrollment = load(session, row.about_id)
    return message_about(
        session,
        row,
        "withdrawn",
        cancel_calendar=had_seat,
        had_seat=had_seat,
        was=row.details.get("was", ""),
        by_office=bool(row.details.get("by_office")),
        by_group=str(row.details.get("by_group", "")),
        money_words=refund_words(enrollment, row, _amount(session, row, "refund_cents"))
        if enrollment
        else "",
    )


@mail("transferred")
def transferred(session: Session, row: OutgoingMail) -> Message | None:
    """You moved to another class; the entry in calendars goes along."""
    new = load(session, row.details.get("new_id"))
    if new is None:
        return None
    still = new if new.state is S.ENROLLED and new.offering.state is OfferingState.PUBLISHED else None
    return message_about(
        session,
        row,
        "transferred",
        calendar_of=still,
        has_file=still is not None,
        to_pay=still_to_pay(session, new),
        new_class=class_facts(new.offering),
    )


@mail("cancelled")
def cancelled(session: Session, row: OutgoingMail) -> Message | None:
    """The class is cancelled; here are other dates of the course."""
    enrollment = load(session, row.about_id)
    if enrollment is None:
        return None
    had_seat = row.details.get("was") == S.ENROLLED
    return message_about(
        session,
        row,
        "cancelled",
        cancel_calendar=had_seat,
        had_seat=had_seat,
        paid_by_group=enrollment.group_booking is not None,
        note=enrollment.offering.cancel_reason,
        other_dates=_other_dates(session, enrollment.offering),
    )


@mail("moved")
def moved(session: Session, row: OutgoingMail) -> Message | None:
    """The class has other times or another place; calendar entries follow. Dropped when they left in the meantime."""
    enrollment = load(session, row.about_id)
    if enrollment is None or enrollment.state not in HELD_OR_WAITING:
        return None
    has_seat = enrollment.state is S.ENROLLED
    return message_about(
        session, row, "moved", calendar_of=enrollment if has_seat else None, has_seat=has_seat
    )


def _other_dates(session: Session, offering: Offering) -> list[tuple[str, str, str]]:
    """Coming classes of the same course: dates, place, address of the page."""
    coming = session.scalars(
        sa.select(Offering)
        .where(
            Offering.course_id == offering.course_id,
            Offering.id != offering.id,
            Offering.state == OfferingState.PUBLISHED,
            Offering.starts_at > clock.now(),
        )
        .options(joinedload(Offering.venue))
        .order_by(Offering.starts_at)
        .limit(4)
    )
    return [
        (
            date_range(other.starts_at, other.ends_at, other.time_zone),
            other.venue.place,
            calendar.class_url(other),
        )
        for other in coming
    ]


def _amount(session: Session, row: OutgoingMail, name: str) -> str:
    school = current_school(session)
    cents = row.details.get(name)
    if school is None or not isinstance(cents, int):
        return ""
    return money(cents, school.currency)
