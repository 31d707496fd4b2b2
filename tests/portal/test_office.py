"""The office's first page: today's classes, how classes fill, what needs somebody."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from attendance.door_models import WalkIn
from attendance.makeup_models import MakeUp, MakeUpState
from attendance.models import AttendanceMark, MarkStatus, Roll
from certificates.models import Certificate, CertificateState
from core import clock
from core.outbox import MailState, OutgoingMail
from core.worker import WorkerHeartbeat
from courses.offering_models import Offering, OfferingState
from portal.filling import WEEKS, filling
from portal.needs import needs
from portal.office_day import RollState, classes_today
from students.models import EnrollmentEvent, EnrollmentState
from tests.factories import (
    NOW,
    add,
    make_course,
    make_offering,
    make_school,
    make_user,
    make_venue,
    put_enrollment,
)
from tests.helpers import MANY, sign_in, statements

ZONE = "America/Los_Angeles"
HOUR = timedelta(hours=1)


@pytest.fixture
def rosa(session: Session, client: FlaskClient) -> User:
    make_school(session)
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, rosa)
    return rosa


def mark_all(
    session: Session, offering: Offering, number: int, enrollments: list[int], absent: int = 0
) -> None:
    meeting = offering.meetings[number - 1]
    add(session, Roll(meeting_id=meeting.id, revision=1, saved_at=meeting.starts_at + HOUR / 4))
    for place, enrollment in enumerate(enrollments):
        gone = place < absent
        add(
            session,
            AttendanceMark(
                meeting_id=meeting.id,
                enrollment_id=enrollment,
                status=MarkStatus.ABSENT if gone else MarkStatus.PRESENT,
                minutes=0 if gone else meeting.credit_minutes,
                made_at=NOW,
                recorded_at=NOW,
            ),
        )


@pytest.mark.both_databases
def test_today_is_the_class_s_own_day_and_tells_how_the_roll_stands(session: Session) -> None:
    saved = make_offering(session, starts=NOW - HOUR, capacity=5)
    people = [put_enrollment(session, saved).id for _ in range(3)]
    mark_all(session, saved, 1, people, absent=1)
    left_open = make_offering(session, starts=NOW - HOUR / 2)
    put_enrollment(session, left_open)
    later = make_offering(session, starts=NOW + HOUR)
    put_enrollment(session, later)
    # In Sydney it is tomorrow already; here 23:30 is still today.
    sydney = make_venue(session, time_zone="Australia/Sydney")
    make_offering(session, starts=NOW - 12 * HOUR, venue=sydney, meetings=1)
    late = make_offering(session, starts=datetime(2027, 3, 2, 7, 30, tzinfo=UTC), meetings=1)
    make_offering(session, starts=NOW, state=OfferingState.DRAFT)
    found = {item.offering.code: item for item in classes_today(session, now=NOW)}
    assert list(found) == [saved.code, left_open.code, later.code, late.code]
    first = found[saved.code].meetings[0]
    assert (first.state, first.marked, first.here) == (RollState.SAVED, 3, 2)
    assert found[saved.code].open_meeting is None
    assert found[left_open.code].open_meeting is not None
    assert [item.state for item in found[later.code].meetings] == [RollState.AHEAD, RollState.AHEAD]


@pytest.mark.both_databases
def test_an_instructor_in_two_classes_at_once_is_named(session: Session) -> None:
    ines = make_user(session, Role.INSTRUCTOR, name="Ines Batista")
    one = make_offering(session, starts=NOW, lead=ines)
    two = make_offering(session, starts=NOW + HOUR, lead=ines)
    make_offering(session, starts=NOW + 9 * HOUR, lead=ines, meetings=1)
    first, second, third = classes_today(session, now=NOW)
    assert (first.clashes, third.clashes) == ([], [])
    assert second.offering is two
    assert second.clashes == [("Ines Batista", one.code, NOW + HOUR)]


@pytest.mark.both_databases
def test_filling_counts_back_through_the_history(session: Session) -> None:
    offering = make_offering(session, starts=NOW + timedelta(days=30), capacity=6)
    left = put_enrollment(session, offering, state=EnrollmentState.WITHDRAWN)
    stays = [put_enrollment(session, offering) for _ in range(2)]
    moves = [
        (stays[0], 60, None, EnrollmentState.ENROLLED),
        (left, 40, None, EnrollmentState.ENROLLED),
        (left, 20, EnrollmentState.ENROLLED, EnrollmentState.WITHDRAWN),
        (stays[1], 2, None, EnrollmentState.WAITLISTED),
        (stays[1], 1, EnrollmentState.WAITLISTED, EnrollmentState.OFFERED),
    ]
    for enrollment, days, before, after in moves:
        at = NOW - timedelta(days=days)
        add(session, EnrollmentEvent(enrollment_id=enrollment.id, at=at, from_state=before, to_state=after))
    (found,) = filling(session, now=NOW)
    assert found.series == (0, 1, 1, 1, 2, 2, 2, 1, 1, 2)
    assert len(found.series) == WEEKS


@pytest.mark.both_databases
def test_each_kind_of_task_is_counted(app: Flask, session: Session) -> None:
    tomorrow = NOW + timedelta(days=1)
    soon = make_offering(session, code="SOON-A", starts=NOW + timedelta(days=9), capacity=9)
    for state in (EnrollmentState.PENDING, EnrollmentState.PENDING, EnrollmentState.OFFERED):
        ends = NOW + HOUR if state is EnrollmentState.OFFERED else None
        put_enrollment(session, soon, state=state, offer_expires_at=ends)
    put_enrollment(session, soon, state=EnrollmentState.OFFERED, offer_expires_at=tomorrow)
    over = make_offering(session, code="OVER-A", starts=NOW - timedelta(days=9))
    put_enrollment(session, over)
    signed = make_offering(session, code="DONE-A", starts=NOW - timedelta(days=30), finalized_at=NOW)
    put_enrollment(session, signed, state=EnrollmentState.COMPLETED)
    for number in range(2):  # one was corrected after its certificate was issued, and is incomplete now
        told = put_enrollment(session, signed, state=EnrollmentState.INCOMPLETE, attendance_revision=1)
        add(
            session,
            Certificate(
                enrollment_id=told.id, year=2027, sequence=number + 1, number=f"TBI-27-{number}",
                token=f"token{number}", state=CertificateState.ISSUED, template="certificate-quiet", snapshot={},
                attendance_revision=number, reserved_at=NOW, issued_at=NOW, pdf_sha256="0" * 64, pdf_size=1,
            ),
        )  # fmt: skip
    make_offering(session, code="DRAFT-A", starts=NOW + timedelta(days=9), state=OfferingState.DRAFT)
    for number, mail_state in enumerate((MailState.FAILED, MailState.QUEUED, MailState.SENT)):
        add(
            session,
            OutgoingMail(
                kind="confirmation", event=f"e{number}", recipient="a@example.org", state=mail_state,
                created_at=NOW - HOUR, next_attempt_at=NOW - HOUR, message_key=f"k{number}",
            ),
        )  # fmt: skip
    with app.test_request_context():
        found = [(task.endpoint, task.code, task.count) for task in needs(session, now=NOW, zone=ZONE)]
    roster = (
        "students.office_roster" if "students.office_roster" in app.view_functions else "courses.office_class"
    )
    expected = [
        (roster, "SOON-A", 2),
        (roster, "SOON-A", 1),
        ("attendance.class_grid", "OVER-A", 1),
        ("certificates.office_certificates", "", 1),
        ("certificates.class_certificates", "DONE-A", 1),
        ("courses.office_class", "DRAFT-A", 1),
        ("portal.office_mail", "", 2),
    ]
    assert found == [task for task in expected if task[0] in app.view_functions]


def test_the_page_shows_the_day(session: Session, client: FlaskClient, rosa: User) -> None:
    ines = make_user(session, Role.INSTRUCTOR, name="Ines Batista")
    now = clock.now()
    offering = make_offering(session, code="CST1-A", starts=now - timedelta(minutes=5), meetings=1, lead=ines)
    put_enrollment(session, offering)
    coming = make_offering(session, code="CST1-B", starts=now + timedelta(days=20))
    put_enrollment(session, coming)
    session.commit()
    text = " ".join(client.get("/office/").text.split())
    assert "One class, one student, 0 of 1 rolls saved." in text
    assert "0 of 1 marked" in text
    assert "CST1-B <small>" in text


def test_an_empty_school_is_told_what_to_do(client: FlaskClient, rosa: User) -> None:
    text = client.get("/office/").text
    assert "No class meets today." in text
    assert "Nothing right now." in text


@pytest.mark.parametrize(("minutes", "told"), [(2, False), (4, True)])
def test_a_worker_that_has_stopped_is_told(
    session: Session, client: FlaskClient, rosa: User, minutes: int, told: bool
) -> None:
    session.add(WorkerHeartbeat(name="here:1", at=clock.now() - timedelta(minutes=minutes)))
    session.commit()
    assert ("worker has stopped" in client.get("/office/").text) is told


def test_the_door_and_make_ups_wait_for_the_office(session: Session, client: FlaskClient, rosa: User) -> None:
    now = clock.now()
    home, host = make_offering(session, starts=now - 9 * HOUR), make_offering(session, starts=now + 99 * HOUR)
    enrollment = put_enrollment(session, home, state=EnrollmentState.COMPLETED)
    problem = "No seat is free."
    values = {"name": "Nia Obi", "email": "nia@example.org", "problem": problem, "noted_at": now}
    session.add(WalkIn(meeting_id=home.meetings[0].id, **values))
    asked = {"missed_meeting_id": home.meetings[0].id, "meeting_id": host.meetings[0].id, "asked_at": now}
    session.add(MakeUp(enrollment_id=enrollment.id, state=MakeUpState.ASKED, **asked))
    session.commit()
    html = client.get("/office/").text
    for words, address in (
        ("person at the door was not enrolled", "/office/walk-ins"),
        ("make-up is asked for", "/office/make-ups"),
    ):
        assert words in html
        assert f'href="{address}"' in html


@pytest.mark.parametrize("more", MANY)
def test_the_page_takes_as_many_statements_with_many_classes(
    session: Session, client: FlaskClient, app: Flask, rosa: User, more: int
) -> None:
    course, venue, ines = make_course(session), make_venue(session), make_user(session, Role.INSTRUCTOR)
    now = clock.now()

    def fill(count: int) -> None:
        for _ in range(count // 2):
            today = make_offering(session, course, venue=venue, starts=now, meetings=1, lead=ines)
            put_enrollment(session, today)
            make_offering(session, course, venue=venue, starts=now + timedelta(days=9), meetings=1)
        session.commit()

    counts = []
    for count in (10, more):
        fill(count)
        with statements(app) as seen:
            assert client.get("/office/").status_code == 200
        counts.append(len(seen))
    assert counts == [16, 16]


def test_strangers_are_refused(session: Session, client: FlaskClient) -> None:
    make_school(session)
    people = [make_user(session), make_user(session, Role.INSTRUCTOR)]
    session.commit()
    assert client.get("/office/").status_code == 303
    for person in people:
        sign_in(client, person)
        assert client.get("/office/").status_code == 403
    assert client.post("/office/").status_code == 405
