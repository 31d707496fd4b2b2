"""The door: 300 students behind one address sign in, scan the screen's code, and check in, all at once; every fifth types
the password wrong first, and no limit on guesses shuts the others out."""

import re
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import User
from attendance import codes
from attendance.codes import Way
from attendance.models import AttendanceMark, CheckIn
from core import clock
from core.database import db, writing
from courses.models import Course
from courses.offering_models import Venue
from students.models import Student
from tests.benchmark.clients import Client, run_together
from tests.benchmark.server import Server
from tests.benchmark.world import new_offering, put

Line = tuple[str, str, str]
PHONES = 300
PASSWORD = "tideway-demo"


def measure(server: Server, app: Flask) -> Line:
    """The whole way of each phone, from signing in to the page that says "checked in"; the clients share one address."""
    with app.app_context(), writing() as session:
        meeting_id, emails = _class_about_to_begin(session)
    secret = str(app.config["SECRET_KEY"])

    def screen() -> str:
        return codes.code_for(secret, meeting_id, Way.IN, clock.now())

    def phone(number: int, email: str) -> Callable[[], int]:
        passwords = ["wrong-at-first", PASSWORD] if number % 5 == 0 else [PASSWORD]
        return lambda: _check_in(Client(server.port), email, passwords, screen)

    before = server.cpu_seconds()
    timing = run_together([phone(*one) for one in enumerate(emails)], PHONES)
    cpu = 1000 * (server.cpu_seconds() - before) / PHONES
    if timing.errors:
        raise SystemExit(f"check-in: {len(timing.errors)} errors, the first: {timing.errors[0]}")
    with app.app_context():
        marked = db.session.scalar(
            sa.select(sa.func.count()).where(
                AttendanceMark.meeting_id == meeting_id, AttendanceMark.is_current
            )
        )
        scans = db.session.scalar(sa.select(sa.func.count()).where(CheckIn.meeting_id == meeting_id))
        db.session.rollback()
    if (marked, scans) != (PHONES, PHONES):
        raise SystemExit(f"{scans} checked in and {marked} are marked")
    measured = f"all in after {timing.seconds:.1f} s, {len(timing.errors)} errors, {cpu:.0f} ms CPU each"
    return f"{PHONES} students sign in and check in at once, one address", measured, "within 60 s, no error"


def _class_about_to_begin(session: Session) -> tuple[int, list[str]]:
    course = session.scalars(sa.select(Course).where(Course.code == "FAS1")).one()
    venue = session.scalars(sa.select(Venue).where(Venue.code == "NET")).one()
    offering = new_offering(session, course, venue, "BENCH-DOOR", days=0, capacity=PHONES)
    shift = clock.now() + timedelta(minutes=10) - offering.starts_at
    for meeting in offering.meetings:
        meeting.starts_at, meeting.ends_at = meeting.starts_at + shift, meeting.ends_at + shift
    offering.starts_at, offering.ends_at = offering.starts_at + shift, offering.ends_at + shift
    people = session.scalars(
        sa.select(Student)
        .join(User)
        .where(User.email.like("student____@%"))
        .order_by(User.email)
        .limit(PHONES)
    ).all()
    for number, student in enumerate(people):
        put(session, offering, student, number + 1, clock.now())
    session.flush()
    return offering.meetings[0].id, [student.user.email for student in people]


def _check_in(client: Client, email: str, passwords: list[str], code: Callable[[], str]) -> int:
    """Sign in by the page, scan what the screen shows at that moment, press the button; 200, or the first other status."""
    try:
        status, text = client.get("/accounts/login")
        if status != 200:
            return status
        for password in passwords:
            fields = {"csrf_token": client.form_token(text), "email": email, "password": password}
            status, text, where = client.post("/accounts/login", fields)
            if status == 429:
                return status
        if status != 303 or "login" in where:
            return status if status >= 400 else 599
        address = f"/check-in/{code()}"
        status, text = client.get(address)
        if status != 200:
            return status
        status, _text, where = client.post(address, {"csrf_token": client.form_token(text)})
        if status != 303:
            return status if status >= 400 else 599
        path = re.sub(r"^https?://[^/]+", "", where)
        status, text = client.get(path)
        return status if "Checked in" in text or status >= 400 else 599
    finally:
        client.close()
