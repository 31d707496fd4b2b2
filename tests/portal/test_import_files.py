"""The files that people are imported from: spreadsheets, encodings, what is no table, what is too large."""

import io
import re
import zipfile
from collections.abc import Callable

import openpyxl
import pytest
import xlsxwriter
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import User
from core.errors import RuleError
from portal.importing import reading
from tests.factories import make_offering, make_student
from tests.helpers import statements
from tests.portal.test_import import HEAD, _today, rosa, upload
from tests.students.acting import fill

__all__ = ["_today", "rosa"]  # the fixtures

pytestmark = pytest.mark.both_databases


def test_an_xlsx_is_read_like_a_csv(session: Session, client: FlaskClient, rosa: User) -> None:
    make_offering(session, code="CST1-A")
    session.commit()
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    sheet = book.add_worksheet()
    sheet.write_row(
        0, 0, ["First name", "Last name", "E-mail", "License", "State", "Profession", "Class", "Shoe size"]
    )
    sheet.write_row(1, 0, ["Zoë", "Nguyễn", "zoe@x.example", 28417, "or", "lmt", "cst1-a", 38])
    sheet.write_row(2, 0, ["Eve", "Il", "eve@x.example"])
    sheet.write_formula(2, 1, '=HYPERLINK("http://evil.example")')
    book.close()
    found = reading.read(target.getvalue())
    assert found.ignored == ["Shoe size"]
    assert found.rows[0].name == "Zoë Nguyễn"
    assert (found.rows[0].license_number, found.rows[0].license_state) == ("28417", "OR")
    assert "formula" in found.rows[1].problem
    assert "/office/import/" in upload(client, target.getvalue(), "people.xlsx")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Choose a file|The file is empty"),
        (HEAD.encode() + "José,j@x.example,,,,\n".encode("latin-1"), "Line 2 is not written in UTF-8"),
        (HEAD.encode() + b'"Ann,a@x.example,,,,\n', "quotation mark"),
        (b"Nothing,here\n1,2\n", "must name the columns"),
        (HEAD.encode(), "nobody in this file"),
        (b"PK\x03\x04 not a zip", "can&#39;t be read"),
        (b"\xd0\xcf\x11\xe0old", "old XLS"),
        (b"Name,Email\nA\x00,b@x.example\n", "not a CSV"),
    ],
)
def test_a_file_that_is_no_table_is_told(
    client: FlaskClient, rosa: User, session: Session, content: bytes, says: str
) -> None:
    session.commit()
    answer = client.post("/office/import", data={"file": (io.BytesIO(content), "x.csv")})
    assert answer.status_code == 422
    assert any(part in answer.text for part in says.split("|")), answer.text


def test_utf16_and_semicolons_are_read() -> None:
    text = "Name;Email\r\nZoë Nguyễn;zoe@x.example\r\n"
    (row,) = reading.read(text.encode("utf-16")).rows
    assert (row.name, row.email) == ("Zoë Nguyễn", "zoe@x.example")


def test_too_many_rows_and_too_large_a_file_are_refused(
    client: FlaskClient, rosa: User, session: Session
) -> None:
    session.commit()
    many = HEAD + "".join(f"P {n},p{n}@x.example,,,,\n" for n in range(reading.MOST_ROWS + 1))
    with pytest.raises(RuleError, match="at most 2000"):
        reading.read(many.encode())
    answer = client.post(
        "/office/import",
        data=b"--x",
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(100 * 1024 * 1024)},
    )
    assert answer.status_code == 413


def test_a_spreadsheet_that_unpacks_to_a_flood_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/worksheets/sheet1.xml", b"0" * (61 * 1024 * 1024))
    with pytest.raises(RuleError, match="too large"):
        reading.read(target.getvalue())


def sheet_with(change: Callable[[str], str]) -> bytes:
    """A spreadsheet with one person, whose XML was changed by hand."""
    book, plain, changed = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for cells in (("Name", "Email"), ("Ann Lee", "ann@x.example")):
        sheet.append(cells)
    book.save(plain)
    with zipfile.ZipFile(plain) as before, zipfile.ZipFile(changed, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = change(content.decode()).encode()
            after.writestr(name, content)
    return changed.getvalue()


def test_people_below_the_size_that_a_spreadsheet_claims_are_read() -> None:
    """Some programs write a wrong size; what lies outside it was lost without a word."""
    content = sheet_with(lambda text: re.sub(r'<dimension ref="[^"]*"', '<dimension ref="A1:B1"', text))
    assert [row.email for row in reading.read(content).rows] == ["ann@x.example"]


def test_a_small_file_can_not_claim_a_size_that_takes_minutes() -> None:
    def far(text: str) -> str:
        text = re.sub(r'<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"', text)
        return (
            text.replace('<row r="2"', '<row r="1048576"')
            .replace('"A2"', '"A1048576"')
            .replace('"B2"', '"B1048576"')
        )

    (row,) = reading.read(sheet_with(far)).rows
    assert (row.line, row.email) == (1_048_576, "ann@x.example")
    lines = "".join(f'<row r="{number}"/>' for number in range(3, 51_000))
    with pytest.raises(RuleError, match="too large"):
        reading.read(sheet_with(lambda text: text.replace("</sheetData>", f"{lines}</sheetData>")))


def test_five_hundred_rows_are_previewed_in_few_statements(
    session: Session, client: FlaskClient, app: Flask, rosa: User
) -> None:
    offering = make_offering(session, code="CST1-A", capacity=600)
    known = [make_student(session).user.email for _ in range(50)]
    fill(session, offering, 2)
    session.commit()
    rows = [f"Person {n},p{n}@x.example,LMT,OR,{90000 + n},CST1-A\n" for n in range(450)]
    rows += [f"Known {n},{email},,,,CST1-A\n" for n, email in enumerate(known)]
    here = upload(client, HEAD + "".join(rows))
    with statements(app) as seen:
        shown = client.get(here)
    assert "Rows that would be taken in: 500 of 500." in shown.text
    assert len(seen) <= 20
