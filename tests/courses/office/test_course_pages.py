"""The office's pages for courses."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import audit
from courses.models import Course, CourseState, Subject
from tests.factories import add, make_course, make_policy, make_school, make_screening, make_user
from tests.helpers import fields_of, sign_in, statements


def typed(session: Session, **values: Any) -> dict[str, Any]:
    """What someone types into the form of a new course."""
    defaults: dict[str, Any] = {
        "code": "cst9",
        "title": "Craniosacral Therapy 9",
        "subject": "Craniosacral",
        "level": "Level 9",
        "delivery": "in-person",
        "summary": "Two days of practice.",
        "outcomes": "Palpate a rhythm.\n\nKeep records.",
        "days": "2",
        "contact_minutes": "720",
        "default_capacity": "12",
        "price": "420.50",
        "open_to": "lmt, pt",
        "policy_id": make_policy(session).id,
        "screening_set_id": make_screening(session).id,
    }
    session.commit()
    return defaults | values


def test_a_registrar_writes_a_course(session: Session, client: FlaskClient, rosa: User) -> None:
    make_course(session, code="CST8")
    form = typed(session) | {"prerequisites-0-needs": "cst8", "prerequisites-0-kind": "required"}
    answer = client.post("/office/courses/new", data=form)
    assert (answer.status_code, answer.location) == (303, "/office/courses/cst9")
    course = session.scalars(sa.select(Course).where(Course.code == "CST9")).one()
    assert (course.price_cents, course.open_to) == (42050, ["LMT", "PT"])
    assert course.outcomes == ["Palpate a rhythm.", "Keep records."]
    assert [row.needs.code for row in course.prerequisites] == ["CST8"]
    assert "saved as a draft" in client.get("/office/courses/CST9").text


def test_saving_an_opened_form_changes_nothing(session: Session, client: FlaskClient, rosa: User) -> None:
    course = make_course(session, code="CST1", preparation="Ten sessions\nsigned for")
    session.commit()
    form = fields_of(client.get("/office/courses/cst1"))
    assert client.post("/office/courses/cst1", data=form).status_code == 303
    assert audit.last_change(session, course) is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"title": ""}, "Title: Fill this in."),
        ({"code": "C S T"}, "Code: "),
        ({"contact_minutes": "many"}, "Contact minutes: "),
        ({"price": ""}, "Price: Write the price, 0 for a free course."),
        ({"price": "-5"}, "Price: Use an amount from 0.00 to 1000000.00.</a></p>\n"),
        (
            {"prerequisites-0-needs": "NONE1", "prerequisites-0-kind": "required"},
            "There is no course with this code.",
        ),
        ({"outcomes": " \n "}, "What is taught: "),
    ],
)
def test_bad_input_is_told_at_its_field_and_what_was_typed_is_kept(
    session: Session, client: FlaskClient, rosa: User, wrong: dict[str, str], told: str
) -> None:
    answer = client.post("/office/courses/new", data=typed(session, summary="Kept as typed") | wrong)
    assert answer.status_code == 422
    assert told in answer.text
    assert "One thing to fix" in answer.text
    assert "Kept as typed" in answer.text
    assert session.scalar(sa.select(sa.func.count(Course.id))) == 0


def test_a_half_written_approval_is_told(session: Session, client: FlaskClient, rosa: User) -> None:
    from courses.models import Body

    board = add(
        session, Body(), code="B", title="Board", unit="h", minutes_per_unit=50, step_thousandths=500,
        partial_credit=False, requires=[],
    )  # fmt: skip
    form = typed(session) | {"approvals-0-body_id": str(board.id), "approvals-0-units": "28,5x"}
    answer = client.post("/office/courses/new", data=form)
    assert answer.status_code == 422
    assert "Use a number like 28.5, with at most three decimals." in answer.text
    good = {
        "approvals-0-units": "28.5",
        "approvals-0-program_number": "P1",
        "approvals-0-valid_from": "2026-01-01",
        "approvals-0-valid_until": "2027-12-31",
    }
    assert client.post("/office/courses/new", data=form | good).status_code == 303
    (approval,) = session.scalars(sa.select(Course)).one().approvals
    assert approval.units_thousandths == 28500


def test_a_health_claim_is_saved_only_knowingly(session: Session, client: FlaskClient, rosa: User) -> None:
    form = typed(session, summary="Two days. This work relieves pain.")
    answer = client.post("/office/courses/new", data=form)
    assert answer.status_code == 422
    assert "“This work relieves pain”" in answer.text
    shown = fields_of(answer)["wording_seen"]
    ticked = form | {"keep_wording": "y", "wording_seen": shown}
    # A tick counts for the sentences that were shown, not for one that was written since.
    other = client.post("/office/courses/new", data=ticked | {"outcomes": "It cures colic."})
    assert other.status_code == 422
    assert client.post("/office/courses/new", data=ticked).status_code == 303
    event = session.scalars(sa.select(audit.AuditEvent)).one()
    assert (event.payload or {})["kept_wording"] == ["This work relieves pain"]
    page = client.get("/office/courses/cst9")
    assert "One stored sentence reads like a health claim" in page.text
    # It is not asked again for a sentence that stands there already.
    assert client.post("/office/courses/cst9", data=fields_of(page) | {"days": "3"}).status_code == 303


def test_the_warning_comes_while_writing_too(session: Session, client: FlaskClient, rosa: User) -> None:
    answer = client.post("/office/courses/wording", data={"summary": "It heals trauma."})
    assert "“It heals trauma”" in answer.text
    assert client.post("/office/courses/wording", data={"summary": "It is gentle."}).text.strip() == ""


def test_two_registrars_edit_one_course_and_nothing_is_lost(
    session: Session, client: FlaskClient, app: Flask, rosa: User
) -> None:
    make_course(session, code="CST1", level="Level 1")
    other = make_user(session, Role.ADMIN, name="Ada Lindqvist")
    session.commit()
    ada = app.test_client()
    sign_in(ada, other)
    hers, his = fields_of(client.get("/office/courses/cst1")), fields_of(ada.get("/office/courses/cst1"))
    assert ada.post("/office/courses/cst1", data=his | {"level": "Level 2"}).status_code == 303
    mine = hers | {"title": "My own title"}
    answer = client.post("/office/courses/cst1", data=mine)
    assert answer.status_code == 422
    assert "Ada Lindqvist saved this on" in answer.text
    assert "My own title" in answer.text
    assert "<dt>Level</dt><dd>Level 2</dd>" in answer.text
    session.rollback()
    assert session.scalars(sa.select(Course.title)).one() != "My own title"
    again = fields_of(answer) | {"level": "Level 2"}
    assert client.post("/office/courses/cst1", data=again).status_code == 303
    session.rollback()
    course = session.scalars(sa.select(Course)).one()
    assert (course.title, course.level) == ("My own title", "Level 2")


def test_a_course_is_published_and_retired(session: Session, client: FlaskClient, rosa: User) -> None:
    make_course(session, code="CST1", state=CourseState.DRAFT)
    session.commit()
    assert client.post("/office/courses/cst1/publish").status_code == 303
    assert "Retire CST1?" in client.get("/office/courses/cst1/retire").text
    assert client.post("/office/courses/cst1/retire").status_code == 303
    session.rollback()
    assert session.scalars(sa.select(Course.state)).one() is CourseState.RETIRED
    assert "Only a published course" in client.post("/office/courses/cst1/retire", follow_redirects=True).text


def test_the_list_finds_filters_and_takes_as_many_statements_with_1000_courses(
    session: Session, client: FlaskClient, app: Flask, rosa: User
) -> None:
    for number in range(10):
        make_course(session, code=f"CST{number}", title=f"Therapy {number}")
    session.commit()
    with statements(app) as few:
        assert client.get("/office/courses").status_code == 200
    subject, policy, screening = make_subject(session), make_policy(session), make_screening(session)
    for number in range(990):
        session.add(
            Course(
                code=f"X{number}", title=f"Other {number}", subject_id=subject, level="1", delivery="in-person",
                summary="", outcomes=[], days=1, contact_minutes=60, default_capacity=1, price_cents=0, open_to=[],
                policy_id=policy.id, screening_set_id=screening.id, state=CourseState.DRAFT,
            )
        )  # fmt: skip
    session.commit()
    with statements(app) as many:
        answer = client.get("/office/courses")
    assert len(many) == len(few) <= 5
    assert "1 to 50 of 1,000 courses" in answer.text
    found = client.get("/office/courses?q=therapy+3&state=published").text
    assert ("CST3" in found, "CST4" in found) == (True, False)
    assert "No course like this" in client.get("/office/courses?q=nothing").text
    assert "951 to 1000 of 1,000" in client.get("/office/courses?page=99999&endpoint=x").text.replace(
        "1,000 of", "1000 of"
    )


def make_subject(session: Session) -> int:
    subject: Subject = add(session, Subject(title="All"))
    return subject.id


GET = (
    "/office/courses",
    "/office/courses/new",
    "/office/courses/cst1",
    "/office/courses/cst1/retire",
    "/office/claims",
)
POST = (
    "/office/courses/new",
    "/office/courses/cst1",
    "/office/courses/cst1/publish",
    "/office/courses/wording",
)


@pytest.mark.parametrize(("method", "address"), [*(("GET", a) for a in GET), *(("POST", a) for a in POST)])
def test_strangers_are_refused(session: Session, client: FlaskClient, method: str, address: str) -> None:
    make_school(session)
    make_course(session, code="CST1", state=CourseState.DRAFT)
    people = [make_user(session, role) for role in (Role.STUDENT, Role.INSTRUCTOR)]
    session.commit()
    if "accounts.login" in client.application.view_functions:
        assert client.open(address, method=method).status_code == 303
    for person in people:
        sign_in(client, person)
        assert client.open(address, method=method).status_code == 403


def test_wrong_methods_and_unknown_courses(session: Session, client: FlaskClient, rosa: User) -> None:
    assert client.get("/office/courses/cst1/publish").status_code == 405
    assert client.put("/office/courses/new").status_code == 405
    assert client.get("/office/courses/nothing").status_code == 404
    assert client.post("/office/courses/nothing/publish").status_code == 404


def test_a_school_without_policies_and_safety_lists_is_led_to_them(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    links = ('href="/office/policies/new"', 'href="/office/safety-lists/new"')
    page = client.get("/office/courses/new").text
    assert [link in page for link in links] == [True, True]
    make_policy(session)
    session.commit()
    page = client.get("/office/courses/new").text
    assert [link in page for link in links] == [False, True]
    make_screening(session)
    session.commit()
    page = client.get("/office/courses/new").text
    assert [link in page for link in links] == [False, False]
