"""What the tests of group bookings do over and over."""

from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from core.outbox import OutgoingMail, kinds
from courses.offering_models import Offering
from students import groups, seats
from students.group_models import GroupBooking
from students.groups import Person
from students.models import Enrollment
from tests.factories import NOW
from tests.students.fees import registrar


def book(session: Session, offering: Offering, count: int = 2, **values: Any) -> GroupBooking:
    usual: dict[str, Any] = {
        "organization": "Harbor Clinic",
        "contact_name": "Kim Park",
        "contact_email": "kim@clinic.example",
        "seat_count": count,
        "now": NOW,
    }
    values.setdefault("actor", registrar(session))
    return groups.book(session, offering, **(usual | values))


def person(number: int = 1, **values: Any) -> Person:
    return Person(**({"name": f"Noa Quill{number}", "email": f"noa{number}@clinic.example"} | values))


def name(session: Session, booking: GroupBooking, number: int = 1) -> Enrollment:
    return groups.name_person(session, booking, person(number), actor=None, now=NOW)


def require_counts(session: Session, offering: Offering) -> None:
    session.flush()
    counted = seats.count(session, offering.id)
    assert (offering.seats_taken, offering.waiting_count) == (counted.held, counted.waiting)
    assert offering.seats_taken <= offering.capacity


def rendered(session: Session, app: Flask, recipient: str) -> list[str]:
    """The texts of the mails to someone, oldest first; what would be dropped is left out."""
    session.flush()
    query = sa.select(OutgoingMail).where(OutgoingMail.recipient == recipient).order_by(OutgoingMail.id)
    with app.test_request_context():
        made = [kinds()[row.kind].render(session, row) for row in session.scalars(query)]
    return [f"{message.subject}\n{message.text}" for message in made if message is not None]
