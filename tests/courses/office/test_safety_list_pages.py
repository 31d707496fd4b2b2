"""The office's pages for safety lists."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import User
from courses.models import CourseState, ScreeningSet
from students.models import Enrollment
from tests.factories import make_course, make_offering, make_screening, put_enrollment
from tests.helpers import MANY, fields_of, statements

NEW = "/office/safety-lists/new"
LIST: dict[str, Any] = {
    "code": "general",
    "do_not_receive": "Recent skull fracture\r\n\r\n  Severe   infection ",
    "ask_first": "Fever",
    "source": "Dr. Ada, by letter",
}


def stored(session: Session) -> list[ScreeningSet]:
    session.rollback()
    return list(session.scalars(sa.select(ScreeningSet).order_by(ScreeningSet.code, ScreeningSet.version)))


def test_a_list_is_shown_as_students_see_it_and_then_stored(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    assert 'id="do_not_receive"' in client.get(NEW).text
    shown = client.post(NEW, data=LIST | {"act": "preview"})
    assert shown.status_code == 200
    assert "Do not receive the techniques with:" in shown.text
    assert "<li>Severe infection</li>" in shown.text
    assert stored(session) == []
    saved = client.post(NEW, data=fields_of(shown) | {"act": "save"}, follow_redirects=True)
    assert "general is stored." in saved.text
    assert "From: Dr. Ada, by letter" in saved.text
    assert "A course takes it on its own page." in saved.text
    assert "one of their classes" not in saved.text
    (row,) = stored(session)
    assert (row.version, row.do_not_receive, row.ask_first) == (
        1,
        ["Recent skull fracture", "Severe infection"],
        ["Fever"],
    )


def test_a_list_without_a_line_is_one_too(session: Session, client: FlaskClient, rosa: User) -> None:
    empty = LIST | {"code": "none", "do_not_receive": "", "ask_first": " \r\n ", "source": ""}
    shown = client.post(NEW, data=empty | {"act": "preview"})
    assert "nothing to acknowledge" in shown.text
    assert client.post(NEW, data=empty).status_code == 303
    assert stored(session)[0].is_empty
    assert "nothing to acknowledge" in client.get("/office/safety-lists").text


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"code": "general"}, ["Name: There is one with this name already."]),
        ({"code": ""}, ["Name: Fill this in."]),
        (
            {"do_not_receive": "Fever\nfever", "ask_first": "x" * 201},
            [
                "Do not receive the techniques with: “fever” stands here twice.",
                "Talk to the instructor first with: “xxx",
            ],
        ),
        ({"source": "x" * 201}, ["Where this list is from: "]),
    ],
)
def test_bad_input_is_told_at_its_field_and_kept(
    session: Session, client: FlaskClient, rosa: User, wrong: dict[str, Any], told: list[str]
) -> None:
    make_screening(session, code="general")
    session.commit()
    answer = client.post(NEW, data=LIST | {"code": "other", "ask_first": "Kept as typed"} | wrong)
    assert answer.status_code == 422
    for words in told:
        assert words in answer.text
    assert wrong.get("ask_first", "Kept as typed") in answer.text
    assert len(stored(session)) == 1


def test_who_enrolls_reads_the_new_version_and_who_has_read_keeps_theirs(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    row = make_screening(session, code="general", do_not_receive=["Fever"])
    course = make_course(session, code="CST1", screening_set_id=row.id, state=CourseState.PUBLISHED)
    other = make_course(session, code="CST2", screening_set_id=row.id)
    before = put_enrollment(session, make_offering(session, course), screening_set_id=row.id)
    session.commit()
    assert "<li>Fever</li>" in client.get("/courses/cst1").text
    address = "/office/safety-lists/general/1/new-version"
    form: dict[str, Any] = fields_of(client.get(address))
    form |= {"ask_first": "Recent surgery", "courses": [str(course.id)]}
    answer = client.post(address, data=form, follow_redirects=True)
    assert "general, version 2 is stored. 1 course takes it." in answer.text
    assert "<li>Recent surgery</li>" in client.get("/courses/cst1").text
    assert "Recent surgery" not in client.get("/office/safety-lists/general/1").text
    session.expire_all()
    assert (course.screening_set.version, other.screening_set.version) == (2, 1)
    assert session.get_one(Enrollment, before.id).screening_set_id == row.id
    assert [item.do_not_receive for item in stored(session)] == [["Fever"], ["Fever"]]


def test_who_comes_second_with_a_version_is_told(session: Session, client: FlaskClient, rosa: User) -> None:
    make_screening(session, code="general", do_not_receive=["Fever"])
    session.commit()
    address = "/office/safety-lists/general/1/new-version"
    mine, other = (fields_of(client.get(address)) for _ in range(2))
    assert client.post(address, data=other | {"source": "A book"}).status_code == 303
    answer = client.post(address, data=mine | {"ask_first": "Recent surgery"})
    assert answer.status_code == 422
    assert "Rosa Delgado added version 2" in answer.text
    assert "<dd>A book</dd>" in answer.text
    assert client.post(address, data=fields_of(answer)).status_code == 303
    assert [(row.version, row.source, row.ask_first) for row in stored(session)][1:] == [
        (2, "A book", []),
        (3, "", ["Recent surgery"]),
    ]


@pytest.mark.parametrize("many", MANY)
def test_the_pages_take_as_many_statements_however_much_there_is(
    session: Session, client: FlaskClient, app: Flask, rosa: User, many: int
) -> None:
    row = make_screening(session, code="general")
    subject = make_course(session, screening_set_id=row.id).subject
    counts = []
    for number, more in enumerate((5, many)):
        for n in range(more):
            make_screening(session, code=f"s{number}-{n}")
        for _ in range(more // 5):
            make_course(session, screening_set_id=row.id, subject=subject)
        session.commit()
        with statements(app) as seen:
            for address in ("/office/safety-lists", "/office/safety-lists/general/1"):
                assert client.get(address).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 13
