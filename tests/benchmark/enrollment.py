"""Enrollment: a thousand offers that run out, a file of 500 people before it is confirmed, ten years of one's classes."""

import time
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import User
from core import clock
from core.database import db, writing
from courses.models import Course
from courses.offering_models import Offering, Venue
from portal.importing import fates, reading
from students import waitlist
from students.models import Enrollment, EnrollmentState, Student
from tests.benchmark.world import World, new_offering, put
from tests.helpers import statements

Line = tuple[str, str, str]
CLASSES, OFFERS = 20, 50  # a thousand offers, and as many who wait behind them
ROWS = 500
YEARS, A_YEAR = 10, 4


def measure_all(app: Flask, world: World, cookie: str) -> list[Line]:
    """Every measurement, in the order of the table. ``cookie`` is that of the first student, signed in."""
    with app.app_context():
        lines = [_lapse(), _preview(world.open_codes[0])]
    return [*lines, _my_page(app, world.students[0], cookie)]


def _lapse() -> Line:
    now = clock.now()
    with writing() as session:
        course, venue, students = _what_there_is(session)
        for number in range(CLASSES):
            offering = new_offering(session, course, venue, f"LAPSE-{number}", days=60, capacity=OFFERS)
            for place in range(2 * OFFERS):
                student = students[(number * OFFERS + place) % len(students)]
                offered = place < OFFERS
                _put_in_line(session, offering, student, place + 1, offered=offered, now=now)
    begun, cpu = time.perf_counter(), time.process_time()
    lapsed = waitlist.lapse_offers()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    offered_next = db.session.scalar(
        sa.select(sa.func.count(Enrollment.id)).where(
            Enrollment.state == EnrollmentState.OFFERED, Enrollment.offer_made_at >= now
        )
    )
    db.session.rollback()
    if lapsed != CLASSES * OFFERS or offered_next != CLASSES * OFFERS:
        raise SystemExit(f"{lapsed} offers lapsed and {offered_next} were made")
    measured = f"{seconds:.1f} s, {1000 * cpu / lapsed:.1f} ms CPU each"
    return "1,000 offers run out, 1,000 are made to the next", measured, "within 10 s"


def _put_in_line(
    session: Session, offering: Offering, student: Student, ticket: int, *, offered: bool, now: Any
) -> None:
    row = put(session, offering, student, ticket, now)
    if offered:
        row.state, row.offer_expires_at = EnrollmentState.OFFERED, now - timedelta(minutes=1)
        row.offer_made_at = now - timedelta(days=2)
    else:
        row.state, row.holds_seat = EnrollmentState.WAITLISTED, False
        offering.seats_taken -= 1
        offering.waiting_count += 1


def _preview(code: str) -> Line:
    rows = [f"Person {n},person{n}@bench.example,LMT,OR,B{n},{code}" for n in range(ROWS)]
    content = "\n".join(["Name,Email,Profession,License state,License number,Class", *rows]).encode()
    begun = time.perf_counter()
    sheet = reading.read(content)
    shown = fates.preview(db.session, sheet.rows, now=clock.now())
    seconds = time.perf_counter() - begun
    db.session.rollback()
    if len(shown) != ROWS:
        raise SystemExit(f"the preview has {len(shown)} rows")
    return "an import of 500 rows read and previewed", f"{seconds:.2f} s", "within 2 s"


def _my_page(app: Flask, email: str, cookie: str) -> Line:
    now = clock.now()
    with app.app_context(), writing() as session:
        course, venue, _students = _what_there_is(session)
        student = session.scalars(sa.select(Student).join(User).where(User.email == email)).one()
        for number in range(YEARS * A_YEAR):
            days = -30 - number * 365 // A_YEAR
            offering = new_offering(session, course, venue, f"PAST-{number}", days=days, capacity=24)
            put(session, offering, student, 1, now).state = EnrollmentState.COMPLETED
    client = app.test_client()
    client.set_cookie("stillpoint", cookie)
    with statements(app) as seen:
        answer = client.get("/my/")
    if answer.status_code != 200:
        raise SystemExit(f"the student's page answered {answer.status_code}")
    return "student's page with ten years of classes", f"{len(seen)} SQL statements", "at most 8"


def _what_there_is(session: Session) -> tuple[Course, Venue, list[Student]]:
    course = session.scalars(sa.select(Course).where(Course.code == "FAS1")).one()
    venue = session.scalars(sa.select(Venue).where(Venue.code == "NET")).one()
    students = session.scalars(
        sa.select(Student).join(User).where(User.email.like("student____@%")).order_by(User.email)
    ).all()
    return course, venue, list(students)
