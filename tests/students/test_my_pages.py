"""The student's own pages: /my/, withdrawing, answering offers, moving, details, the calendar feed."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from core import clock
from core.audit import AuditEvent
from core.database import begin_write
from courses.offering_models import Offering
from students import leaving
from students.models import Enrollment, EnrollmentState, License, Student
from tests import calendars
from tests.accounts.cast import text_of
from tests.factories import NOW, make_course, make_school, make_student, make_user, put_enrollment
from tests.helpers import mails_to, sign_in, statements
from tests.students.acting import ask, changes_nothing, fill, soon

pytestmark = pytest.mark.both_databases
S = EnrollmentState


def offered(session: Session, student: Student) -> tuple[Offering, Enrollment, Enrollment]:
    """A full class where the student has an offer and one more waits."""
    offering = soon(session, capacity=1)
    now = clock.now()
    (seated,) = fill(session, offering, 1, now=now)
    mine = ask(session, offering, student, now=now)
    (after,) = fill(session, offering, 1, now=now)
    leaving.withdraw(session, seated, actor=seated.student.user, now=now)
    assert mine.state is S.OFFERED
    session.commit()
    return offering, mine, after


def state_of(session: Session, enrollment: Enrollment) -> S:
    session.rollback()
    return session.scalars(sa.select(Enrollment.state).where(Enrollment.id == enrollment.id)).one()


def test_someone_new_finds_a_way_to_the_catalog(client: FlaskClient, session: Session) -> None:
    make_school(session)
    user = make_user(session)
    session.commit()
    sign_in(client, user)
    answer = client.get("/my/")
    assert answer.status_code == 200
    assert "No classes yet" in text_of(answer)


@pytest.mark.parametrize(
    "address", ["/my/", "/my/details", "/my/enrollments/1/withdraw", "/my/enrollments/1/transfer"]
)
def test_a_visitor_signs_in_first(client: FlaskClient, session: Session, address: str) -> None:
    make_school(session)
    session.commit()
    assert client.get(address).location.startswith("/accounts/login")


@pytest.mark.parametrize("act", ["withdraw", "accept", "decline", "transfer"])
def test_someone_elses_enrollment_is_not_found_and_stays(
    client: FlaskClient, session: Session, student: Student, act: str
) -> None:
    offering, mine, _after = offered(session, student)
    stranger = make_student(session)
    with changes_nothing(session, offering):
        session.rollback()
        sign_in(client, stranger.user)
        for enrollment_id in (mine.id, 99_999):
            assert client.post(f"/my/enrollments/{enrollment_id}/{act}", data={"to": "1"}).status_code == 404


def test_the_page_shows_next_class_offers_places_and_the_past(
    client: FlaskClient, session: Session, student: Student
) -> None:
    now = clock.now()
    coming = soon(session, starts=now + timedelta(days=3))
    ask(session, coming, student, now=now)
    later = soon(session, starts=now + timedelta(days=50))
    ask(session, later, student, now=now)
    past = soon(session, starts=now - timedelta(days=300))
    put_enrollment(session, past, student, S.COMPLETED)
    asked = soon(session, needs_approval=True)
    ask(session, asked, student, now=now)
    offering, mine, _after = offered(session, student)
    sign_in(client, student.user)
    answer = client.get("/my/")
    html, words = answer.get_data(as_text=True), text_of(answer)
    assert coming.course.title in words
    assert "Meeting 1 of 2" in words
    assert later.code in words
    assert past.code in words
    assert "Completed" in words
    assert "Seat held until the office decides" in words
    assert f"A seat opened in {offering.course.title}" in words
    assert "1 day 23 hours" in words or "2 days 0 hours" in words
    assert f'action="/my/enrollments/{mine.id}/accept"' in html


def test_the_place_in_line_and_how_it_moved(client: FlaskClient, session: Session, student: Student) -> None:
    offering = soon(session, capacity=1)
    now = clock.now() - timedelta(days=3)
    _seated, first, second = fill(session, offering, 3, now=now)
    mine = ask(session, offering, student, now=now + timedelta(minutes=1))
    fill(session, offering, 1, now=now + timedelta(minutes=2))
    leaving.withdraw(session, first, actor=first.student.user, now=now + timedelta(days=1))
    leaving.withdraw(session, second, actor=second.student.user, now=now + timedelta(days=2))
    session.commit()
    sign_in(client, student.user)
    words = text_of(client.get("/my/"))
    assert "Number 1 of 2 in line" in words
    assert [f"number {place}" in words for place in (3, 2, 1)] == [True] * 3
    assert (
        words.index("number 3") < words.index("number 2") < words.index("number 1", words.index("number 2"))
    )
    assert mine.ticket == 4


def test_a_list_that_has_closed_says_so_to_whoever_waits_and_what_is_free_to_the_office(
    client: FlaskClient, session: Session, student: Student
) -> None:
    offering = soon(session, starts=clock.now() + timedelta(hours=3), capacity=2, promotes_at_once=True)
    fill(session, offering, 1, now=clock.now())
    put_enrollment(session, offering, student, S.WAITLISTED)
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, student.user)
    words = text_of(client.get("/my/"))
    assert "The waitlist has closed." in words
    assert "you are enrolled at once" not in words
    sign_in(client, rosa)
    assert "1 of 2 seats left, 1 waiting" in text_of(client.get(f"/office/classes/{offering.code}/roster"))


def test_withdrawing_shows_the_refund_first(client: FlaskClient, session: Session, student: Student) -> None:
    offering = soon(session)
    mine = ask(session, offering, student, now=clock.now())
    session.commit()
    sign_in(client, student.user)
    shown = client.get(f"/my/enrollments/{mine.id}/withdraw")
    assert shown.status_code == 200
    assert "the school keeps $50.00 of the price of $795.00 today" in text_of(shown)
    answer = client.post(f"/my/enrollments/{mine.id}/withdraw")
    assert (answer.status_code, answer.location) == (303, "/my/")
    assert state_of(session, mine) is S.WITHDRAWN
    assert mails_to(student.user.email) == ["confirmation", "withdrawn"]
    again = client.post(f"/my/enrollments/{mine.id}/withdraw")
    assert again.status_code == 422
    assert "You withdrew from this class already" in text_of(again)
    assert "Stop waiting" not in text_of(again)  # a page that was left open asks nothing that cannot be done
    assert "Back to your classes" in text_of(again)


def test_accepting_an_offer_takes_the_seat(client: FlaskClient, session: Session, student: Student) -> None:
    _offering, mine, _after = offered(session, student)
    sign_in(client, student.user)
    assert client.get(f"/my/enrollments/{mine.id}/accept").status_code == 405
    assert client.post(f"/my/enrollments/{mine.id}/accept").status_code == 303
    assert state_of(session, mine) is S.ENROLLED
    assert "The seat is yours" in text_of(client.get("/my/"))
    client.post(f"/my/enrollments/{mine.id}/accept")
    assert "You have taken this seat already" in text_of(client.get("/my/"))
    late = text_of(client.get(f"/my/enrollments/{mine.id}/decline"))
    assert "You have taken this seat already. To give it up, withdraw from the class." in late
    assert "Pass on the seat" not in late


def test_declining_asks_first_and_passes_the_seat_on(
    client: FlaskClient, session: Session, student: Student
) -> None:
    _offering, mine, after = offered(session, student)
    sign_in(client, student.user)
    asked = text_of(client.get(f"/my/enrollments/{mine.id}/decline"))
    assert "Pass on the seat" in asked
    assert "The seat goes to the next in line." in asked
    assert client.post(f"/my/enrollments/{mine.id}/decline").status_code == 303
    assert state_of(session, mine) is S.WITHDRAWN
    assert state_of(session, after) is S.OFFERED


def test_no_page_speaks_of_a_next_in_line_who_is_not_there(
    client: FlaskClient, session: Session, student: Student
) -> None:
    offering, mine, after = offered(session, student)
    leaving.withdraw(session, after, actor=after.student.user, now=clock.now())
    other = ask(session, soon(session), student, now=clock.now())
    session.commit()
    sign_in(client, student.user)
    pages = ["/my/", f"/my/enrollments/{mine.id}/decline", f"/my/enrollments/{other.id}/withdraw"]
    for address in pages:
        text = text_of(client.get(address))
        assert "next in line" not in text
        assert "next person" not in text
        assert "becomes free for others" in text
    assert offering.waiting_count == 0


def test_a_lapsed_offer_cannot_be_taken(client: FlaskClient, session: Session, student: Student) -> None:
    offering, mine, _after = offered(session, student)
    mine.offer_expires_at = clock.now() - timedelta(seconds=1)
    with changes_nothing(session, offering):
        session.rollback()
        sign_in(client, student.user)
        client.post(f"/my/enrollments/{mine.id}/accept")
        shown = text_of(client.get("/my/"))
        assert "has run out" in shown
        assert "Offer ran out" in shown
        assert "Seat offered" not in shown


def test_a_student_moves_to_another_class(client: FlaskClient, session: Session, student: Student) -> None:
    course = make_course(session)
    here = soon(session, course)
    there = soon(session, course, starts=clock.now() + timedelta(days=60), capacity=1)
    mine = ask(session, here, student, now=clock.now())
    session.commit()
    sign_in(client, student.user)
    shown = client.get(f"/my/enrollments/{mine.id}/transfer")
    assert there.code in text_of(shown)
    assert "1 seat left" in text_of(shown)
    assert client.post(f"/my/enrollments/{mine.id}/transfer", data={"to": ""}).status_code == 422
    assert client.post(f"/my/enrollments/{mine.id}/transfer", data={"to": "99999"}).status_code == 422
    assert client.post(f"/my/enrollments/{mine.id}/transfer", data={"to": str(there.id)}).status_code == 303
    assert state_of(session, mine) is S.TRANSFERRED
    assert there.code in text_of(client.get("/my/"))
    assert "moved to another class already" in text_of(client.get(f"/my/enrollments/{mine.id}/transfer"))


def test_who_may_not_move_is_told_before_they_choose(
    client: FlaskClient, session: Session, student: Student
) -> None:
    course = make_course(session)
    here = soon(session, course)
    soon(session, course, starts=clock.now() + timedelta(days=60))
    mine = ask(session, here, student, now=clock.now())
    mine.policy.free_transfers = 0
    session.commit()
    sign_in(client, student.user)
    shown = client.get(f"/my/enrollments/{mine.id}/transfer")
    assert "The terms of this enrollment include no move to another class." in text_of(shown)
    assert 'name="to"' not in shown.text


def test_details_are_changed_and_reach_what_is_not_finished(
    client: FlaskClient, session: Session, student: Student
) -> None:
    coming = ask(session, soon(session), student, now=clock.now())
    done = put_enrollment(
        session, soon(session, starts=clock.now() - timedelta(days=90)), student, S.COMPLETED
    )
    old_name = done.certificate_name
    session.commit()
    sign_in(client, student.user)
    assert client.get("/my/details").status_code == 200
    answer = client.post("/my/details", data={"certificate_name": "Ana Núñez", "phone": "+1 555 0100"})
    assert (answer.status_code, answer.location) == (303, "/my/details")
    session.rollback()
    begin_write(session)
    assert (student.certificate_name, student.phone, student.wants_reminders) == (
        "Ana Núñez",
        "+1 555 0100",
        False,
    )
    assert (coming.certificate_name, done.certificate_name) == ("Ana Núñez", old_name)
    actions = session.scalars(sa.select(AuditEvent.action)).all()
    assert "students:student:changed" in actions
    bad = client.post("/my/details", data={"certificate_name": " "})
    assert bad.status_code == 422
    assert "Write your name" in text_of(bad)


def test_licenses_are_added_corrected_and_removed(
    client: FlaskClient, session: Session, student: Student
) -> None:
    other = make_student(session)
    session.commit()
    sign_in(client, student.user)
    data = {
        "profession": "PT",
        "license_state": "il",
        "license_number": "070.019283",
        "expires_on": "2031-05-31",
    }
    assert client.post("/my/licenses", data=data).status_code == 303
    assert client.post("/my/licenses", data=data | {"license_number": "070.019284"}).status_code == 303
    session.rollback()
    kept = session.scalars(sa.select(License).where(License.profession == "PT")).one()
    assert (kept.jurisdiction, kept.number, str(kept.expires_on)) == ("IL", "070.019284", "2031-05-31")
    bad = client.post("/my/licenses", data=data | {"license_number": ""})
    assert bad.status_code == 422
    assert 'value="il"' in bad.get_data(as_text=True)
    client.post(f"/my/licenses/{other.licenses[0].id}/remove")
    client.post(f"/my/licenses/{kept.id}/remove")
    session.rollback()
    assert session.scalar(sa.select(sa.func.count(License.id)).where(License.profession == "PT")) == 0
    assert session.scalar(sa.select(sa.func.count(License.id))) == 2


def test_a_license_that_was_removed_and_written_anew_is_that_of_the_coming_classes(
    client: FlaskClient, session: Session, student: Student
) -> None:
    coming = put_enrollment(session, soon(session), student)
    done = put_enrollment(session, soon(session), student, S.COMPLETED)
    other = put_enrollment(session, soon(session), student, profession="PT", license_id=None)
    session.commit()
    sign_in(client, student.user)
    client.post(f"/my/licenses/{student.licenses[0].id}/remove")
    data = {"profession": "LMT", "license_state": "WA", "license_number": "MA 7"}
    assert client.post("/my/licenses", data=data).status_code == 303
    session.rollback()
    (license_,) = session.scalars(sa.select(License)).all()
    assert (coming.license_id, done.license_id, other.license_id) == (license_.id, None, None)


def test_on_its_first_day_a_class_begins_today(
    client: FlaskClient, session: Session, student: Student
) -> None:
    offering = soon(session, starts=NOW)
    mine = put_enrollment(session, offering, student)
    session.commit()
    with time_machine.travel(NOW - timedelta(minutes=30)):
        sign_in(client, student.user)
        assert ", begins today." in client.get(f"/my/enrollments/{mine.id}/withdraw").text


def test_a_license_that_ran_out_is_told(client: FlaskClient, session: Session, student: Student) -> None:
    (license_,) = student.licenses
    session.commit()
    sign_in(client, student.user)
    for day, words in (
        (date(2031, 5, 31), "expires May 31, 2031"),
        (date(2020, 1, 1), "expired Jan 1, 2020"),
    ):
        license_.expires_on = day
        session.commit()
        for address in ("/my/", "/my/details"):
            assert words in text_of(client.get(address))


def test_the_calendar_feed_is_private_by_its_address(
    client: FlaskClient, session: Session, student: Student
) -> None:
    offering = soon(session)
    ask(session, offering, student, now=clock.now())
    waits = soon(session, capacity=1)
    fill(session, waits, 1, now=clock.now())
    ask(session, waits, student, now=clock.now())
    session.commit()
    token = student.calendar_token
    answer = client.get(f"/my/calendar/{token}.ics")
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    _, events = calendars.read(answer.data)
    assert [str(event["SUMMARY"]) for event in events] == [offering.course.title]
    first, last = offering.meetings[0], offering.meetings[-1]
    assert calendars.instances(events) == [
        (first.starts_at.replace(microsecond=0), last.ends_at.replace(microsecond=0))
    ]
    assert client.get("/my/calendar/guess.ics").status_code == 404
    idle = make_student(session)
    session.commit()
    empty = client.get(f"/my/calendar/{idle.calendar_token}.ics").text
    assert "BEGIN:VTIMEZONE" in empty, "a calendar has at least one component"
    assert "BEGIN:VEVENT" not in empty
    sign_in(client, student.user)
    asked = client.get("/my/calendar/renew")
    assert "stops getting your classes" in asked.text
    assert client.get(f"/my/calendar/{token}.ics").status_code == 200, "asking changes nothing"
    assert 'action="/my/calendar/renew"' not in client.get("/my/details").text, "one press does not do it"
    done = client.post("/my/calendar/renew", follow_redirects=True)
    assert "the old one no longer works" in done.text
    assert client.get(f"/my/calendar/{token}.ics").status_code == 404


def test_ten_years_of_classes_cost_no_more_statements(
    app: Flask, client: FlaskClient, session: Session, student: Student
) -> None:
    def history(count: int) -> None:
        course = make_course(session)
        for number in range(count):
            past = soon(session, course, starts=clock.now() - timedelta(days=30 * number + 60))
            put_enrollment(session, past, student, S.COMPLETED)
        session.commit()

    offered(session, student)
    begin_write(session)
    ask(session, soon(session), student, now=clock.now())
    full = soon(session, capacity=1)
    fill(session, full, 1, now=clock.now())
    ask(session, full, student, now=clock.now())
    history(3)
    sign_in(client, student.user)
    client.get("/my/")
    with statements(app) as few:
        client.get("/my/")
    begin_write(session)
    history(60)
    with statements(app) as many:
        assert client.get("/my/").status_code == 200
    assert len(many) == len(few)
    assert len(many) <= 8, many


def test_an_instructor_may_enroll_like_a_student(client: FlaskClient, session: Session) -> None:
    make_school(session)
    teacher = make_user(session, Role.INSTRUCTOR)
    session.commit()
    sign_in(client, teacher)
    assert client.get("/my/").status_code == 200
