"""The demo school: believable, always fresh, made by the rules, and quiet."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role, User
from accounts.passwords import check_password
from attendance.models import AttendanceMark
from certificates.models import Certificate
from core import audit, clock
from core.database import db, writing
from core.outbox import OutgoingMail
from courses.models import Claim
from courses.offering_models import Offering
from portal.demo.commands import KEY_SINCE
from portal.demo.loading import PASSWORD, load_demo
from portal.importing import reading
from portal.importing.fates import preview
from students import access_help, duplicates, fee_lists, running, safety, seats
from students.group_models import GroupBooking
from students.ledger_models import DiscountCode, FeeAccount
from students.models import Enrollment, EnrollmentState
from tests.conftest import Databases
from tests.helpers import sign_in


@pytest.fixture
def loaded(app: Flask, databases: Databases) -> Iterator[Session]:
    """A session on the demo school, which is loaded once and copied for each test."""
    if not databases.restore("demo"):
        with app.app_context(), writing() as session:
            load_demo(session, now=clock.now())
        databases.keep("demo")
    with app.app_context():
        yield db.session


def states(session: Session, code: str) -> list[EnrollmentState]:
    query = sa.select(Enrollment.state).join(Offering).where(Offering.code == code)
    return list(session.scalars(query))


def test_the_school_is_as_its_file_says(loaded: Session, app: Flask) -> None:
    assert len(states(loaded, "CST1-AST-A")) == 18
    assert states(loaded, "CST1-CHI-A").count(EnrollmentState.ENROLLED) == 24
    assert states(loaded, "CST1-CHI-A").count(EnrollmentState.WAITLISTED) == 5
    assert EnrollmentState.COMPLETED in states(loaded, "ANA1-NET-A")
    roles = loaded.execute(sa.select(User.role, sa.func.count()).group_by(User.role)).all()
    assert dict((role, count) for role, count in roles)[Role.INSTRUCTOR] == 3  # noqa: C402
    alice = loaded.scalars(sa.select(User).where(User.email == "alice@tideway.example")).one()
    assert check_password(alice.password_hash, PASSWORD)


def test_alice_has_a_certificate_and_two_classes_to_come(loaded: Session) -> None:
    query = (
        sa.select(Offering.code, Enrollment.state)
        .join(Enrollment, Enrollment.offering_id == Offering.id)
        .where(Enrollment.certificate_name == "Alice Okafor")
        .order_by(Offering.starts_at)
    )
    assert [tuple(row) for row in loaded.execute(query)] == [
        ("CST1-AST-A", EnrollmentState.COMPLETED),
        ("CST2-AST-A", EnrollmentState.ENROLLED),
        ("SER1-AST-A", EnrollmentState.ENROLLED),
    ]
    assert any(
        row.snapshot["facts"]["participant"] == "Alice Okafor"
        for row in loaded.scalars(sa.select(Certificate))
    )


def test_alices_class_that_runs_lets_her_miss_some_of_it(loaded: Session, app: Flask) -> None:
    alice = loaded.scalars(sa.select(User).where(User.email == "alice@tideway.example")).one()
    client = app.test_client()
    sign_in(client, alice)
    page = client.get("/my/").text
    assert "You can miss 72 more minutes and still complete this class." in page  # 5 % of 1,440
    assert "It credits full attendance only." in page  # what the school allows, that board does not


def test_a_demo_loaded_again_beside_its_old_key_finds_it_valid(loaded: Session) -> None:
    first = loaded.scalar(sa.select(sa.func.min(Certificate.reserved_at)))
    assert first is not None
    assert clock.now() - KEY_SINCE < first


def test_there_is_a_roll_to_take_at_any_hour(loaded: Session) -> None:
    offering = loaded.scalars(sa.select(Offering).where(Offering.code == "CST2-AST-A")).one()
    over = [meeting for meeting in offering.meetings if meeting.ends_at <= clock.now()]
    marked = set(loaded.scalars(sa.select(AttendanceMark.meeting_id)))
    assert [meeting.id in marked for meeting in over] == [True] * (len(over) - 1) + [False]


def test_no_mail_goes_out_for_the_past_and_no_claim_is_published(loaded: Session) -> None:
    assert loaded.scalar(sa.select(sa.func.count(OutgoingMail.id))) == 0
    assert loaded.scalar(sa.select(sa.func.count(Claim.id))) == 12
    assert loaded.scalar(sa.select(sa.func.count(Claim.id)).where(Claim.published_at.is_not(None))) == 0


def test_the_class_across_the_clock_change_begins_at_nine_each_day(loaded: Session) -> None:
    offering = loaded.scalars(sa.select(Offering).where(Offering.code == "CST1-CHI-DST")).one()
    starts = [clock.local(meeting.starts_at, offering.time_zone) for meeting in offering.meetings]
    mornings = [moment for moment in starts if moment.hour == 9]
    assert len(mornings) == 4
    assert len({moment.utcoffset() for moment in mornings}) == 2


def test_the_office_has_every_kind_of_work_under_way(loaded: Session) -> None:
    classes = {row.code: row for row in loaded.scalars(sa.select(Offering))}
    asked = loaded.scalars(sa.select(Enrollment).where(Enrollment.state == EnrollmentState.PENDING)).all()
    assert [(row.offering.code, row.holds_seat) for row in asked] == [("ADV1-AST-A", True)] * 2
    (deciding,) = loaded.scalars(running.undecided(clock.now()))
    assert (deciding.code, deciding.seats_taken, deciding.minimum_to_run) == ("SAF1-NET-A", 8, 12)
    booking = loaded.scalars(sa.select(GroupBooking)).one()
    assert (booking.offering.code, booking.seats, booking.seats_open) == ("CST1-LIS-A", 4, 2)
    unread = loaded.scalars(sa.select(Enrollment).where(Enrollment.group_booking_id == booking.id)).all()
    assert [safety.is_open(row, clock.now()) for row in unread] == [True, True]
    codes = loaded.execute(sa.select(DiscountCode.code, DiscountCode.uses).order_by(DiscountCode.code))
    assert [tuple(row) for row in codes] == [("EARLY10", 1), ("FAIR50", 0)]
    (help_wanted,) = access_help.open_requests(loaded, now=clock.now())
    assert help_wanted.wants_talk
    today = clock.now().date()
    sums = fee_lists.sums(loaded, today=today)
    assert sums[fee_lists.View.OVERDUE][0] > 0
    refunds = loaded.scalars(sa.select(FeeAccount.balance_cents).where(FeeAccount.balance_cents < 0)).all()
    assert len(refunds) == 1
    assert len(duplicates.find(loaded)) == 1
    assert classes["CST1-LIS-A"].seats_taken == 9 + 1 + 4


def test_the_example_file_has_a_row_of_each_fate_in_the_demo_school(loaded: Session) -> None:
    path = Path(__file__).resolve().parents[2] / "docs" / "example-people.csv"
    rows = preview(loaded, reading.read(path.read_bytes()).rows, now=clock.now())
    assert [item.fate.value for item in rows] == [
        "new",
        "new",
        "known",
        "waitlist",
        "duplicate",
        "duplicate",
        "duplicate",
        "refused",
        "refused",
        "refused",
        "refused",
    ]


@pytest.mark.both_databases
def test_every_count_of_seats_is_what_the_rows_say_and_the_chain_is_whole(session: Session) -> None:
    load_demo(session, now=clock.now())
    session.commit()
    for offering in session.scalars(sa.select(Offering)):
        counted = seats.count(session, offering.id)
        assert (offering.seats_taken, offering.waiting_count) == (counted.held, counted.waiting)
        assert offering.seats_taken <= offering.capacity
    assert list(audit.verify(session)) == []


def test_a_database_with_users_is_refused(app: Flask, loaded: Session) -> None:
    loaded.rollback()
    result = app.test_cli_runner().invoke(args=["demo", "load"])
    assert result.exit_code != 0
    assert "already has users" in result.output


def test_students_for_load_tests_are_confirmed_and_licensed(app: Flask) -> None:
    runner = app.test_cli_runner()
    assert "12 students were added" in runner.invoke(args=["demo", "students", "12"]).output
    assert "3 students were added" in runner.invoke(args=["demo", "students", "3"]).output
    with app.app_context():
        emails = db.session.scalars(sa.select(User.email).order_by(User.email)).all()
        assert emails[0] == "student0001@tideway.example"
        assert len(emails) == 15
        assert db.session.scalars(sa.select(User)).first().confirmed_at is not None  # type: ignore[union-attr]
