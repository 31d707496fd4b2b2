"""Every table that leaves the program: whatever people call themselves, no cell of it runs as a formula."""

import csv
import io
import re
import zipfile

import openpyxl
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import clock
from core.database import begin_write, db
from courses.models import Course
from courses.offering_models import Venue
from portal.report_list import REPORTS
from students import groups
from students.models import Enrollment, License, Student
from tests.factories import make_offering, make_user
from tests.world import build_world

HOSTILE = '=HYPERLINK("http://evil.example")'
RUNS = ("=", "+", "-", "@", "\t", "\r")
# Each address that gives out a table, asked for so that it holds what people wrote.
TABLES = [
    "/office/fees.csv?view=all",
    "/office/fees.xlsx?view=all",
    "/office/import/example.csv",
    "/office/certificates/hours.csv?first=2020-01-01&last=2039-12-31",
    "/office/certificates/hours.xlsx?first=2020-01-01&last=2039-12-31",
    "/teaching/{running}/roster.csv",
    "/teaching/{running}/roster.xlsx",
    *(
        f"/office/reports/{key}.{form}?first=2020-01-01&last=2039-12-31"
        for key in REPORTS
        for form in ("csv", "xlsx")
    ),
]


@pytest.fixture
def hostile(app: Flask, client: FlaskClient) -> dict[str, object]:
    """The small world of the table of addresses, in which everyone and everything is called like a formula."""
    world = build_world(app)
    with app.app_context():
        session = db.session
        begin_write(session)
        rosa = make_user(session, Role.REGISTRAR)
        groups.book(
            session,
            make_offering(session, starts=clock.now()),
            organization=HOSTILE,
            contact_name=HOSTILE,
            contact_email="kim@x.example",
            seat_count=1,
            actor=rosa,
            now=clock.now(),
        )
        rename(session)
        session.commit()
    with client.session_transaction() as browser:
        browser["_user_id"], browser["_fresh"] = world.people["admin"], True
    return world.values


def rename(session: Session) -> None:
    for column in (
        User.name,
        User.family_name,
        Student.certificate_name,
        Student.phone,
        Enrollment.certificate_name,
        License.number,
        Course.title,
        Venue.name,
        Venue.city,
    ):
        session.execute(sa.update(column.class_).values({column.key: HOSTILE}))


def cells_of(content: bytes, path: str) -> list[str]:
    """Every cell that is a text; fails at once for a formula in a spreadsheet."""
    if ".xlsx" in path:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            sheet = parts.read("xl/worksheets/sheet1.xml")
        assert b"<f>" not in sheet
        assert b"<hyperlink" not in sheet
        (table,) = openpyxl.load_workbook(io.BytesIO(content)).worksheets
        return [str(cell.value) for row in table.iter_rows() for cell in row if cell.value is not None]
    return [cell for line in csv.reader(io.StringIO(content.decode("utf-8-sig"))) for cell in line]


def test_no_cell_of_any_export_runs_as_a_formula(client: FlaskClient, hostile: dict[str, object]) -> None:
    seen = 0
    for address in TABLES:
        path = address.format(**hostile)
        answer = client.get(path)
        assert answer.status_code == 200, path
        cells = cells_of(answer.data, path)
        seen += sum("HYPERLINK" in cell for cell in cells)
        if ".csv" in path:
            dangerous = [
                cell for cell in cells if cell.startswith(RUNS) and not re.fullmatch(r"-?[\d.]+", cell)
            ]
            assert dangerous == [], path
    assert seen > 20, "the tables hold nothing of what people wrote"


def test_every_address_that_gives_out_a_table_is_asked(app: Flask) -> None:
    tables = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if re.search(r"\.(csv|xlsx|xls|<(any\([^)]*(csv|xlsx)[^)]*\):)?(kind|form)>)", rule.rule)
    }
    # The board's roster is an .xls with no names in it, written cell by cell as text (portal.boards).
    assert tables == {
        "/office/fees.<any(csv, xlsx):kind>",
        "/office/import/example.csv",
        "/office/certificates/hours.<kind>",
        "/teaching/<code>/roster.csv",
        "/teaching/<code>/roster.xlsx",
        "/office/reports/<key>.<any(xlsx, csv):form>",
        "/office/reports/boards/<int:report_id>.xls",
    }
