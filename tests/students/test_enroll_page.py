"""The enrollment form: works, strangers refused, bad input told with what was typed kept, each refusal in its words."""

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from core import clock
from core.database import begin_write
from core.school import School
from courses.models import Prerequisite, PrerequisiteKind
from courses.offering_models import Offering, OfferingState
from students.models import Enrollment, EnrollmentState, Student
from tests.accounts.cast import text_of
from tests.factories import (
    add,
    make_course,
    make_school,
    make_student,
    make_user,
    put_enrollment,
)
from tests.helpers import MANY, mails_to, sign_in, statements
from tests.students.acting import soon

pytestmark = pytest.mark.both_databases
S = EnrollmentState


def fields(**values: Any) -> dict[str, str]:
    filled = {
        "certificate_name": "Maya Okonjo",
        "profession": "LMT",
        "license_state": "OR",
        "license_number": "28417",
        "acknowledge_screening": "y",
        "accept_policy": "y",
    }
    return {key: value for key, value in (filled | values).items() if value}


def enrolled_in(session: Session, offering: Offering) -> list[Enrollment]:
    return list(session.scalars(sa.select(Enrollment).where(Enrollment.offering_id == offering.id)))


def test_the_form_shows_what_is_known_and_enrolls(
    client: FlaskClient, session: Session, student: Student
) -> None:
    offering = soon(session)
    session.commit()
    sign_in(client, student.user)
    address = f"/classes/{offering.code.lower()}/enroll"
    shown = client.get(address)
    assert shown.status_code == 200
    html = shown.get_data(as_text=True)
    assert f'value="{student.certificate_name}"' in html
    assert f'value="{student.licenses[0].number}"' in html
    assert "Recent skull fracture" in html
    assert "$795.00" in html
    answer = client.post(address, data=fields(talk_to_instructor="y"))
    assert (answer.status_code, answer.location) == (303, "/my/")
    (made,) = enrolled_in(session, offering)
    assert (made.state, made.certificate_name, made.wants_talk) == (S.ENROLLED, "Maya Okonjo", True)
    assert mails_to(student.user.email) == ["confirmation"]
    assert "You are enrolled in" in text_of(client.get("/my/"))


def test_a_first_timer_gets_a_student_record(client: FlaskClient, session: Session) -> None:
    make_school(session)
    user = make_user(session)
    offering = soon(session)
    session.commit()
    sign_in(client, user)
    assert client.get(f"/classes/{offering.code}/enroll").status_code == 200
    assert client.post(f"/classes/{offering.code}/enroll", data=fields()).status_code == 303
    (made,) = enrolled_in(session, offering)
    assert (made.student.user_id, made.student.licenses[0].number) == (user.id, "28417")


def test_a_visitor_signs_in_first_and_comes_back(
    client: FlaskClient, session: Session, student: Student
) -> None:
    offering = soon(session)
    session.commit()
    for answer in (
        client.get(f"/classes/{offering.code}/enroll"),
        client.post(f"/classes/{offering.code}/enroll"),
    ):
        assert answer.status_code == 303
        assert answer.location.startswith("/accounts/login")


def test_an_unknown_class_and_a_draft_are_not_found(
    client: FlaskClient, session: Session, student: Student
) -> None:
    draft = soon(session, state=OfferingState.DRAFT)
    session.commit()
    sign_in(client, student.user)
    for code in ("NOWHERE", draft.code):
        assert client.get(f"/classes/{code}/enroll").status_code == 404
        assert client.post(f"/classes/{code}/enroll", data=fields()).status_code == 404


def test_other_methods_are_refused(client: FlaskClient, session: Session, student: Student) -> None:
    offering = soon(session)
    session.commit()
    assert client.put(f"/classes/{offering.code}/enroll").status_code == 405


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("certificate_name", "", "Write your name"),
        ("certificate_name", "x" * 101, "100"),
        ("profession", "", "Choose your profession"),
        ("profession", "WIZARD", "Choose a profession from the list"),
        ("license_state", "", "Choose the state or country"),
        ("license_number", "", "Write the number of your license"),
        ("license_number", "9" * 61, "60"),
        ("acknowledge_screening", "", "Confirm that you have read"),
        ("accept_policy", "", "Agree to the terms"),
        ("policy_version", "999", "The terms changed"),
        ("screening_version", "999", "The safety list changed"),
    ],
)
def test_bad_input_names_the_field_and_keeps_what_was_typed(
    client: FlaskClient, session: Session, student: Student, field: str, value: str, words: str
) -> None:
    offering = soon(session, make_course(session, open_to=["LMT", "PT"]))
    session.commit()
    sign_in(client, student.user)
    answer = client.post(f"/classes/{offering.code}/enroll", data=fields(**{field: value}))
    assert answer.status_code == 422
    html = answer.get_data(as_text=True)
    assert words in text_of(answer)
    assert "<title>Error:" in html
    visible = {"policy_version": "accept_policy", "screening_version": "acknowledge_screening"}.get(
        field, field
    )
    assert f'href="#{visible}"' in html
    if field != "certificate_name":
        assert 'value="Maya Okonjo"' in html
    ticked = {name for name in ("accept_policy", "acknowledge_screening") if _is_ticked(html, name)}
    assert ticked == {"accept_policy", "acknowledge_screening"} - {visible}, "what changed is agreed to anew"
    assert enrolled_in(session, offering) == []


def _is_ticked(html: str, name: str) -> bool:
    (box,) = re.findall(rf'<input[^>]*name="{name}"[^>]*>', html)
    return " checked" in box


def test_everything_that_is_missing_is_told_at_once_in_the_order_of_the_form(
    client: FlaskClient, session: Session, student: Student
) -> None:
    offering = soon(session, make_course(session, open_to=["LMT", "PT"]))
    session.commit()
    sign_in(client, student.user)
    address = f"/classes/{offering.code}/enroll"
    empty = client.post(address, data={"certificate_name": "Maya Okonjo"})
    assert empty.status_code == 422
    found = re.findall('<p><a href="#([a-z_]+)">', empty.text)
    assert found == ["profession", "acknowledge_screening", "accept_policy"]
    bare = client.post(address, data={"certificate_name": "Maya Okonjo", "profession": "PT"})
    found = re.findall('<p><a href="#([a-z_]+)">', bare.text)
    assert found == ["license_state", "license_number", "acknowledge_screening", "accept_policy"]
    assert enrolled_in(session, offering) == []


def test_a_price_that_includes_a_tax_says_so(client: FlaskClient, session: Session, student: Student) -> None:
    address = f"/classes/{soon(session).code}/enroll"
    session.commit()
    sign_in(client, student.user)
    assert "Including" not in text_of(client.get(address))
    school = session.get_one(School, 1)
    school.tax_name, school.tax_rate, school.tax_id = "VAT", 190_000, "DE1"
    session.commit()
    assert "Including 19% VAT." in text_of(client.get(address))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": OfferingState.CANCELLED}, "was cancelled"),
        ({"starts": clock.now() - timedelta(days=9)}, "is over"),
        ({"starts": clock.now() - timedelta(minutes=5)}, "already begun"),
        ({"finalized_at": clock.now() - timedelta(days=1)}, "is over"),
        ({"enrollment_opens_at": clock.now() + timedelta(days=1)}, "not open yet"),
        ({"enrollment_closes_at": clock.now() - timedelta(days=1)}, "Enrollment closed"),
    ],
)
def test_a_class_that_is_not_open_says_so_and_changes_nothing(
    client: FlaskClient, session: Session, student: Student, values: dict[str, Any], words: str
) -> None:
    offering = soon(session, **values)
    session.commit()
    sign_in(client, student.user)
    shown = client.get(f"/classes/{offering.code}/enroll")
    assert shown.status_code == 200
    assert words in text_of(shown)
    assert 'name="accept_policy"' not in shown.get_data(as_text=True)
    assert "What it costs" not in text_of(shown)
    answer = client.post(f"/classes/{offering.code}/enroll", data=fields())
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert enrolled_in(session, offering) == []


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        (False, "This class is full, and its waitlist has closed."),
        (True, "People wait for the seats that are left"),
    ],
)
def test_after_the_waitlist_has_closed_the_page_says_why_there_is_no_seat(
    client: FlaskClient, session: Session, student: Student, waiting: bool, words: str
) -> None:
    offering = soon(session, capacity=1, starts=clock.now() + timedelta(hours=2))
    put_enrollment(
        session, offering, state=EnrollmentState.WAITLISTED if waiting else EnrollmentState.ENROLLED
    )
    session.commit()
    sign_in(client, student.user)
    shown = client.get(f"/classes/{offering.code}/enroll")
    assert words in text_of(shown)
    assert 'name="accept_policy"' not in shown.get_data(as_text=True)
    answer = client.post(f"/classes/{offering.code}/enroll", data=fields())
    assert (answer.status_code, words in text_of(answer)) == (422, True)
    assert len(enrolled_in(session, offering)) == 1


def test_sending_the_form_twice_enrolls_once(client: FlaskClient, session: Session, student: Student) -> None:
    offering = soon(session)
    session.commit()
    sign_in(client, student.user)
    client.post(f"/classes/{offering.code}/enroll", data=fields())
    again = client.post(f"/classes/{offering.code}/enroll", data=fields())
    assert again.status_code == 422
    assert "You are enrolled in this class already" in text_of(again)
    assert len(enrolled_in(session, offering)) == 1
    assert "You are enrolled in this class already" in text_of(client.get(f"/classes/{offering.code}/enroll"))


def test_a_full_class_says_how_many_wait_and_puts_on_the_list(
    client: FlaskClient, session: Session, student: Student
) -> None:
    offering = soon(session, capacity=1)
    put_enrollment(session, offering)
    put_enrollment(session, offering, state=S.WAITLISTED)
    session.commit()
    sign_in(client, student.user)
    shown = client.get(f"/classes/{offering.code}/enroll")
    assert "1 person waits" in text_of(shown)
    assert "Join the waitlist" in text_of(shown)
    client.post(f"/classes/{offering.code}/enroll", data=fields())
    assert "Number 2 of 2 in line" in text_of(client.get("/my/"))


def test_a_missing_prerequisite_is_shown_with_the_next_dates(
    client: FlaskClient, session: Session, student: Student
) -> None:
    first, second = make_course(session), make_course(session)
    add(session, Prerequisite(course_id=second.id, needs_id=first.id, kind=PrerequisiteKind.REQUIRED))
    soon(session, first, starts=clock.now() + timedelta(days=10))
    offering = soon(session, second)
    session.commit()
    sign_in(client, student.user)
    shown = text_of(client.get(f"/classes/{offering.code}/enroll"))
    assert f"{first.code} {first.title}" in shown
    assert "Missing" in shown
    assert "Next:" in shown
    answer = client.post(f"/classes/{offering.code}/enroll", data=fields())
    assert answer.status_code == 422
    assert f"This class asks for {first.code}" in text_of(answer)


def test_a_token_is_asked_for(app: Flask, client: FlaskClient, session: Session, student: Student) -> None:
    offering = soon(session)
    session.commit()
    sign_in(client, student.user)
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        answer = client.post(f"/classes/{offering.code}/enroll", data=fields())
    finally:
        app.config["WTF_CSRF_ENABLED"] = False
    assert answer.status_code == 400
    assert enrolled_in(session, offering) == []


@pytest.mark.both_databases(postgresql="full")
@pytest.mark.parametrize("more", MANY)
def test_enrolling_costs_the_same_with_ten_and_with_many(
    app: Flask, client: FlaskClient, session: Session, student: Student, more: int
) -> None:
    offering = soon(session, capacity=3000)
    others = [make_student(session) for _ in range(2)]
    address = f"/classes/{offering.code}/enroll"

    def cost(already: int, user: Any) -> int:
        for _ in range(already):
            put_enrollment(session, offering, student=None)
        session.commit()
        sign_in(client, user)
        with statements(app) as seen:
            assert client.get(address).status_code == 200
            assert client.post(address, data=fields()).status_code == 303
        begin_write(session)
        session.refresh(offering)
        return len(seen)

    cost(0, others[0].user)
    few = cost(10, others[1].user)
    many = cost(more, student.user)
    assert few == many
    assert many == 26
