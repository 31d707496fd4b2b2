"""Importing a file again after the office has written in the browser: what stays, and what is told."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role
from core.database import begin_write
from courses.bodies import BodyData, edit_body
from courses.marked_yaml import CatalogError
from courses.models import Body, Course, Prerequisite
from courses.offering_models import Venue
from courses.policies import PolicyData, add_policy_version
from tests.courses.catalogs import count, edit, load, make_cast
from tests.factories import NOW, make_school, make_user

BODIES = """
bodies:
  NCB: {title: The Board, unit: CE hours, minutes_per_unit: 50, round_down_to: 0.5, partial_credit: true}
"""


def test_what_the_file_does_not_say_stays_as_the_office_has_it(session: Session, catalog: Path) -> None:
    make_cast(session)
    load(session, catalog)
    edit(catalog, "             renewal: {months: 12, units: 2, ends_on: 2026-12-31},\n", "")
    statement = '             statement: "Demonstration approval for continuing education units."}'
    edit(catalog, statement, "             retention_years: 9}")
    text = catalog.read_text(encoding="utf-8")
    prerequisite = "  prerequisites: [{course: CST1, kind: required}]\n"
    assert prerequisite in text
    catalog.write_text(text.replace(prerequisite, ""), encoding="utf-8")
    body = session.scalars(sa.select(Body).where(Body.code == "DEMO-CEU")).one()
    venue = session.scalars(sa.select(Venue).where(Venue.code == "AST")).one()
    course = session.scalars(sa.select(Course).where(Course.code == "ANA1")).one()
    body.statement, venue.directions, course.validity_months = "By the office.", "By the side door.", 36
    needed = count(session, Prerequisite)
    session.commit()
    begin_write(session)
    again = load(session, catalog)
    assert again.changed == {"bodies": ["DEMO-CEU"]}
    assert again.details == {"bodies": {"DEMO-CEU": ["retention_years was 7, is 9"]}}
    assert (body.statement, body.renewal_months, venue.directions, course.validity_months) == (
        "By the office.", 12, "By the side door.", 36,
    )  # fmt: skip
    assert count(session, Prerequisite) == needed
    edit(catalog, "retention_years: 9}", 'retention_years: 9, renewal: null, statement: ""}')
    load(session, catalog)
    assert (body.statement, body.renewal_months, body.renewal_ends_on) == ("", None, None)


def test_a_circle_with_prerequisites_that_the_office_wrote_is_told(session: Session, catalog: Path) -> None:
    make_cast(session)
    load(session, catalog)
    session.commit()
    text = catalog.read_text(encoding="utf-8")
    text = text.replace("  prerequisites: [{course: CST1, kind: required}]\n", "")
    first = "  prerequisites: [{course: ANA1, kind: recommended}]\n"
    assert first in text
    text = text.replace(first, "  prerequisites: [{course: CST2, kind: required}]\n", 1)
    catalog.write_text(text, encoding="utf-8")
    begin_write(session)
    with pytest.raises(CatalogError, match="go round in a circle: CST1 → CST2 → CST1"):
        load(session, catalog)


def test_an_import_says_what_it_takes_back_of_the_office(
    app: Flask, session: Session, tmp_path: Path
) -> None:
    file = tmp_path / "bodies.yaml"
    file.write_text(BODIES, encoding="utf-8")
    make_school(session)
    rosa = make_user(session, Role.REGISTRAR, name="Rosa Delgado")
    session.commit()
    runner = app.test_cli_runner()
    assert "bodies: 1 new: NCB" in runner.invoke(args=["catalog", "import", str(file)]).output
    begin_write(session)
    body = session.scalars(sa.select(Body)).one()
    stored = BodyData(**{f.name: getattr(body, f.name) for f in fields(BodyData)})
    data = replace(stored, minutes_per_unit=60, step_thousandths=250, partial_credit=False)
    edit_body(session, body, data, actor=rosa, now=NOW)
    session.commit()
    checked = runner.invoke(args=["catalog", "check", str(file)]).output
    assert "bodies: 1 changed: NCB" in checked
    for told in (
        "minutes_per_unit was 60, is 50",
        "round_down_to was 0.25, is 0.5",
        "partial_credit was false, is true",
        "Rosa Delgado changed it in the office on 2027-03-01",
    ):
        assert f"  bodies, NCB: {told}\n" in checked
    session.refresh(body)
    assert body.minutes_per_unit == 60
    session.rollback()
    runner.invoke(args=["catalog", "import", str(file)])
    session.refresh(body)
    assert body.minutes_per_unit == 50


def test_a_course_keeps_the_version_that_the_office_chose_until_the_file_has_a_newer_one(
    session: Session, catalog: Path
) -> None:
    make_cast(session)
    load(session, catalog)
    rosa = make_user(session, Role.REGISTRAR)
    courses = {course.code: course for course in session.scalars(sa.select(Course))}
    first = courses["CST1"].policy
    data = PolicyData(**{f.name: getattr(first, f.name) for f in fields(PolicyData)})
    data = replace(data, minimum_percent=90)
    add_policy_version(session, "standard", data, actor=rosa, now=NOW, course_ids=[courses["FAS1"].id])
    session.commit()
    begin_write(session)
    assert load(session, catalog).changed == {}
    session.expire_all()
    assert [courses[code].policy.version for code in ("CST1", "FAS1")] == [1, 2]
    text = catalog.read_text(encoding="utf-8")
    here = text.index("  standard:\n    version: 1\n")
    text = text[:here] + text[here:].replace("version: 1", "version: 3", 1)
    catalog.write_text(text, encoding="utf-8")
    again = load(session, catalog)
    told = again.details["courses"]
    assert told["CST1"][0] == "policy was “standard, version 1”, is “standard, version 3”"
    assert told["FAS1"][0] == "policy was “standard, version 2”, is “standard, version 3”"


def test_what_the_file_leaves_out_of_the_school_stays(session: Session, catalog: Path) -> None:
    make_cast(session)
    school = load(session, catalog).school
    school.signatory, school.phone = "Ada Lindqvist", "555 0100"
    session.commit()
    begin_write(session)
    assert load(session, catalog).changed == {}
    assert (school.signatory, school.phone, school.is_demo) == ("Ada Lindqvist", "555 0100", True)
