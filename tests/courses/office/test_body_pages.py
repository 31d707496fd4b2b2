"""The office's pages for bodies."""

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import User
from courses.models import Approval, Body
from tests.courses.test_bodies import approve
from tests.factories import make_body, make_course
from tests.helpers import MANY, fields_of, statements

BODY: dict[str, Any] = {
    "code": "ncb",
    "title": "Board of Bodywork",
    "unit": "CE hours",
    "minutes_per_unit": "50",
    "step": "0.25",
    "credit": "part",
    "requires": ["license_number", "place"],
    "statement": "Keep this\r\nfor four years.",
    "provider_number": "451-23",
    "retention_years": "6",
    "renewal_months": "24",
    "renewal_units": "24,5",
    "renewal_ends_on": "2027-08-31",
}


def test_a_body_is_made_and_changed(session: Session, client: FlaskClient, rosa: User) -> None:
    answer = client.post("/office/bodies/new", data=BODY, follow_redirects=True)
    assert "Board of Bodywork is added." in answer.text
    body = session.scalars(sa.select(Body)).one()
    assert (body.code, body.step_thousandths, body.partial_credit) == ("NCB", 250, True)
    assert (body.requires, body.statement) == (["license_number", "place"], "Keep this for four years.")
    assert (body.renewal_units_thousandths, body.renewal_ends_on) == (24500, date(2027, 8, 31))
    form: dict[str, Any] = fields_of(client.get("/office/bodies/ncb"))
    assert (form["step"], form["renewal_units"], form["credit"]) == ("0.25", "24.5", "part")
    form |= {"step": "0.125", "credit": "whole", "requires": [], "renewal_units": "", "code": "OTHER"}
    assert client.post("/office/bodies/ncb", data=form).status_code == 303
    session.refresh(body)
    assert (body.code, body.step_thousandths, body.partial_credit, body.requires) == ("NCB", 125, False, [])
    assert body.renewal_units_thousandths is None
    assert "451-23" in client.get("/office/bodies").text


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"title": ""}, ["Name: Fill this in."]),
        ({"code": "new"}, ["Code: This word stands in an address already."]),
        ({"code": "two words"}, ["Code: A code has only letters"]),
        ({"step": "0"}, ["a multiple of: Use a number above 0."]),
        ({"step": "0.1234"}, ["a multiple of: Use a number like 28.5, with at most three decimals."]),
        ({"renewal_units": "1,200"}, ["This could mean two numbers. Write 1200 or 1.200."]),
        ({"credit": ""}, ["Credit: Choose one."]),
        ({"requires": ["shoe_size"]}, ["What a certificate has to carry: "]),
        ({"renewal_months": ""}, ["Length of a period, months: Say how long a period is."]),
        (
            {"minutes_per_unit": "0", "retention_years": "101", "step": "", "renewal_months": ""},
            [
                "Length of a period, months: Say how long a period is.",
                "Minutes in one unit: Use a number from 1 to",
                "Records are kept, years: Use a number from 1 to 100.",
                "a multiple of: Fill this in.",
            ],
        ),
    ],
)
def test_bad_input_is_told_at_its_field_and_kept(
    client: FlaskClient, rosa: User, wrong: dict[str, Any], told: list[str]
) -> None:
    answer = client.post("/office/bodies/new", data=BODY | {"statement": "Kept as typed"} | wrong)
    assert answer.status_code == 422
    for words in told:
        assert words in answer.text
    assert "Kept as typed" in answer.text
    assert f'value="{wrong.get("step", "0.25")}"' in answer.text


def test_two_people_edit_one_body(session: Session, client: FlaskClient, rosa: User) -> None:
    make_body(session, code="NCB", step_thousandths=500)
    session.commit()
    mine, other = (fields_of(client.get("/office/bodies/ncb")) for _ in range(2))
    client.post("/office/bodies/ncb", data=other | {"minutes_per_unit": "60"})
    answer = client.post("/office/bodies/ncb", data=mine | {"step": "0.25"})
    assert answer.status_code == 422
    assert "Rosa Delgado saved this" in answer.text
    assert "<dt>Minutes in one unit</dt><dd>60</dd>" in answer.text
    again = client.post("/office/bodies/ncb", data=fields_of(answer))
    assert again.status_code == 303
    session.expire_all()
    body = session.scalars(sa.select(Body)).one()
    assert (body.minutes_per_unit, body.step_thousandths) == (50, 250)


def test_the_order_in_which_a_file_has_the_facts_is_no_change(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    body = make_body(session, code="NCB", requires=["place", "license_number"])
    session.commit()
    form: dict[str, Any] = fields_of(client.get("/office/bodies/ncb"))
    form |= {"requires": ["license_number", "place"], "unit": "h"}
    assert client.post("/office/bodies/ncb", data=form).status_code == 303
    session.refresh(body)
    assert (body.unit, body.requires) == ("h", ["place", "license_number"])
    assert "before unit: CE hours, changed unit" in client.get("/office/audit?q=NCB").text


def test_a_fact_that_nothing_can_show_stays_on_the_page_until_it_is_taken_away(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    body = make_body(session, code="NCB", requires=["shoe_size", "title", "statement"])
    session.commit()
    page = client.get("/office/bodies/ncb")
    assert "shoe_size: nothing here can show this" in page.text
    assert "title: on every certificate anyway" in page.text
    assert "A certificate has to carry the statement, and there is none here." in page.text
    form: dict[str, Any] = fields_of(page) | {"requires": ["shoe_size", "title"]}
    assert client.post("/office/bodies/ncb", data=form).status_code == 303
    client.post("/office/bodies/ncb", data=fields_of(client.get("/office/bodies/ncb")) | {"requires": []})
    session.refresh(body)
    assert body.requires == []
    assert "shoe_size" not in client.get("/office/bodies/ncb").text


def test_a_body_in_use_stays_and_an_unused_one_is_removed(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    used = make_body(session, code="USED")
    make_body(session, code="UNUSED", title="Spare")
    approve(session, make_course(session, code="CST1"), used)
    session.commit()
    page = client.get("/office/bodies/used/remove")
    assert "1 course has an approval by it: CST1." in page.text
    assert "Remove the body" not in page.text
    refused = client.post("/office/bodies/used/remove", follow_redirects=True)
    assert "1 course has an approval by it: CST1." in refused.text
    assert "Remove Spare?" in client.get("/office/bodies/unused/remove").text
    gone = client.post("/office/bodies/unused/remove", follow_redirects=True)
    assert "Spare is removed." in gone.text
    assert client.get("/office/bodies/unused").status_code == 404
    assert client.post("/office/bodies/unused/remove").status_code == 404
    assert session.scalars(sa.select(Body.code)).all() == ["USED"]


@pytest.mark.parametrize("many", MANY)
def test_a_page_takes_as_many_statements_however_much_rests_on_a_body(
    session: Session, client: FlaskClient, app: Flask, rosa: User, many: int
) -> None:
    body = make_body(session, code="NCB")
    course = make_course(session)
    counts = []
    for number, more in enumerate((10, many)):
        for n in range(more):
            approval = Approval(
                course_id=course.id,
                body_id=body.id,
                program_number=f"P-{number}-{n}",
                units_thousandths=1000,
                valid_from=date.fromordinal(730000 + number * 20000 + n),
                valid_until=date.fromordinal(730000 + number * 20000 + n),
            )
            session.add(approval)
        session.commit()
        with statements(app) as seen:
            for address in ("/office/bodies", "/office/bodies/ncb"):
                assert client.get(address).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 11


def test_the_course_form_leads_to_the_bodies_that_approved_it(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    course = make_course(session, code="CST1")
    session.commit()
    assert 'href="/office/bodies/new"' in client.get("/office/courses/cst1").text
    approve(session, course, make_body(session, code="NCB"))
    make_body(session, code="OTHER")
    session.commit()
    page = client.get("/office/courses/cst1").text
    found = [f'href="/office/bodies{end}"' in page for end in ("", "/ncb", "/other", "/new")]
    assert found == [True, True, False, False]
    assert 'href="/office/bodies"' in client.get("/office/courses").text
