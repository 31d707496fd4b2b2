"""Papers and files of a class: made by the worker, read back; rosters as tables; scanned sheets."""

import io
from typing import Any

import openpyxl
import pikepdf
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from accounts.models import Role
from attendance import sheets
from attendance.marking import save_roll
from attendance.models import MarkStatus, MeetingSheet
from attendance.papers import shortened
from attendance.writing import Entry
from core import papers
from core.audit import verify
from core.database import begin_write, db
from core.errors import RuleError
from core.files import store
from students.models import License
from tests import factories
from tests.attendance.classes import NOW, Class, make_class
from tests.helpers import sign_in, statements

pytestmark = pytest.mark.usefixtures("at_ten")


@pytest.fixture
def address(made: Class) -> str:
    return f"/teaching/{made.offering.code.lower()}"


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 60)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, "white").save(target, kind)
    return target.getvalue()


def fetched(client: FlaskClient, address: str) -> bytes:
    """Ask for a paper, let the worker make it, fetch it."""
    asked = client.get(address)
    assert asked.status_code == 303
    assert client.get(asked.location).headers["Refresh"] == "1"
    assert papers.make_waiting() == 1
    answer = client.get(asked.location, follow_redirects=True)
    assert answer.mimetype == "application/pdf", answer.text
    return bytes(answer.data)


def text_of(pdf: bytes) -> str:
    """The words of a PDF by way of its structure: titles and alternative texts are enough to know which paper it is."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return str(opened.docinfo.get("/Title", "")) + f" pages {len(opened.pages)}"


def post_sheet(client: FlaskClient, address: str, content: bytes, name: str = "scan.png") -> TestResponse:
    return client.post(f"{address}/meetings/1/sheets", data={"sheet": (io.BytesIO(content), name)})


def test_the_sign_in_sheet_is_made_for_the_meeting_that_matters_now(
    teacher: FlaskClient, address: str, made: Class
) -> None:
    found = text_of(fetched(teacher, f"{address}/sign-in.pdf"))
    assert f"Sign-in sheet: {made.offering.code}, Monday, March 1, 2027" in found
    assert "pages 1" in found
    assert teacher.get(f"{address}/sign-in.pdf?meeting=2").status_code == 303
    for wrong in ("9", "x", "99999999999"):
        assert teacher.get(f"{address}/sign-in.pdf?meeting={wrong}").status_code == 404


def test_schedule_and_roster_are_made(teacher: FlaskClient, address: str, made: Class) -> None:
    assert "Schedule: " in text_of(fetched(teacher, f"{address}/schedule.pdf"))
    assert "oster" in text_of(fetched(teacher, f"{address}/roster.pdf"))


def test_everyone_who_signs_sees_only_the_end_of_a_license() -> None:
    license_ = License(profession="LMT", jurisdiction="OR", number="28417")
    assert shortened(license_) == "LMT, OR …417"
    assert shortened(License(profession="RN", jurisdiction="IL", number="0417")) == "RN, IL …"
    assert shortened(None) == ""


@pytest.mark.parametrize(
    "path", ["/sign-in.pdf", "/schedule.pdf", "/roster.pdf", "/roster.xlsx", "/roster.csv", "/papers"]
)
def test_strangers_are_refused(app: Flask, address: str, made: Class, session: Session, path: str) -> None:
    begin_write(session)
    other = factories.make_user(session, Role.INSTRUCTOR)
    session.commit()
    wanted = {None: 303, made.enrollments[0].student.user: 403, other: 404}
    for user, status in wanted.items():
        client = app.test_client()
        if user is not None:
            sign_in(client, user)
        answer = client.get(address + path)
        assert answer.status_code == status
        assert "/papers/" not in (answer.location or "")


@pytest.mark.both_databases
def test_the_roster_has_real_dates_and_minutes(
    teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    begin_write(session)
    first, second, _third = made.ids
    roll = [Entry(first, MarkStatus.PRESENT), Entry(second, MarkStatus.LATE, 60)]
    save_roll(session, made.meeting, roll, actor=made.lead, now=NOW)
    made.enrollments[0].student.user.name = "=cmd|' /C calc'!A0"
    session.commit()
    answer = teacher.get(f"{address}/roster.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).worksheets[0]
    rows: list[list[Any]] = [list(row) for row in sheet.iter_rows(values_only=True)]
    head, body = rows[0], {row[0]: row for row in rows[1:]}
    assert sheet.freeze_panes == "A2"
    minutes = head.index("1. 2027-03-01 09:00")
    late = body["Student 001"]
    assert late[minutes : minutes + 5] == [60, None, 60, 60, 180]
    assert late[head.index("Enrolled on")].isoformat() == "2027-02-09T00:00:00"
    csv = teacher.get(f"{address}/roster.csv")
    assert csv.mimetype == "text/csv"
    assert "'=cmd" in csv.text
    assert "attachment" in csv.headers["Content-Disposition"]


@pytest.mark.both_databases
def test_the_number_of_statements_does_not_grow_with_the_class(app: Flask, session: Session) -> None:
    counts = []
    for students in (2, 12):
        begin_write(session)
        made = make_class(session, students=students) if students == 2 else bigger(session, students)
        client, address = app.test_client(), f"/teaching/{made.offering.code}/roster.csv"
        sign_in(client, made.lead)
        with statements(app) as seen:
            assert client.get(address).status_code == 200
        counts.append(len(seen))
    assert counts == [5, 5]


def bigger(session: Session, students: int) -> Class:
    """A second class beside the first (the school is there already)."""
    lead = factories.make_user(session, Role.INSTRUCTOR)
    offering = factories.make_offering(session, lead=lead, capacity=students)
    enrollments = [factories.put_enrollment(session, offering) for _ in range(students)]
    session.commit()
    return Class(offering, lead, lead, enrollments)


@pytest.mark.both_databases
def test_a_scanned_sheet_is_kept_and_handed_out(
    app: Flask, teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    content = picture()
    assert post_sheet(teacher, address, content, "../../etc/passwd").status_code == 303
    assert post_sheet(teacher, address, content).status_code == 303  # the same file is the same sheet
    html = teacher.get(f"{address}/papers").text
    assert html.count(f"{made.offering.code}-1-sheet-1.png</a>") == 1
    assert "Ilse Maren" in html
    sheet = session.scalars(sa.select(MeetingSheet)).one()
    answer = teacher.get(f"{address}/sheets/{sheet.id}")
    assert answer.data == content
    assert answer.headers["Content-Disposition"].startswith("attachment")
    student = app.test_client()
    sign_in(student, made.enrollments[0].student.user)
    assert student.get(f"{address}/sheets/{sheet.id}").status_code == 403
    assert list(verify(session)) == []


def test_a_sheet_of_another_class_does_not_exist(
    app: Flask, teacher: FlaskClient, address: str, made: Class, session: Session
) -> None:
    begin_write(session)
    other = factories.make_offering(session, lead=made.lead)
    session.commit()
    post_sheet(teacher, address, picture())
    sheet = session.scalars(sa.select(MeetingSheet)).one()
    assert teacher.get(f"/teaching/{other.code}/sheets/{sheet.id}").status_code == 404
    stranger = app.test_client()
    begin_write(session)
    other_teacher = factories.make_user(session, Role.INSTRUCTOR)
    session.commit()
    sign_in(stranger, other_teacher)
    assert post_sheet(stranger, address, picture()).status_code == 404


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"MZ\x90 a program", "Attach a PDF, a PNG or a JPEG."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Attach a PDF, a PNG or a JPEG."),
        (picture("GIF"), "Attach a PDF, a PNG or a JPEG."),
        (b"%PDF-1.7 " + b"x" * 3000, "larger than 8 MB"),
        (b"", "empty"),
    ],
)
def test_other_files_are_refused(
    teacher: FlaskClient,
    address: str,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    told: str,
) -> None:
    monkeypatch.setattr(sheets, "MOST_BYTES", 3000)  # the real limit would go through a temporary file
    answer = post_sheet(teacher, address, content)
    assert answer.status_code == 422
    assert told in answer.text
    assert session.scalars(sa.select(MeetingSheet)).all() == []


@pytest.mark.both_databases
def test_a_sheet_is_taken_off_with_a_reason_and_its_file_stays(
    teacher: FlaskClient, address: str, session: Session
) -> None:
    post_sheet(teacher, address, picture("JPEG"))
    sheet = session.scalars(sa.select(MeetingSheet)).one()
    target = f"{address}/sheets/{sheet.id}/take-off"
    assert teacher.get(target).status_code == 200
    assert teacher.post(target, data={"reason": " "}).status_code == 422
    assert teacher.post(target, data={"reason": "Another class's sheet."}).status_code == 303
    assert teacher.get(f"{address}/sheets/{sheet.id}").status_code == 404
    assert "sheet-1.jpg" not in teacher.get(f"{address}/papers").text
    assert store().exists(sheet.sha256)
    assert post_sheet(teacher, address, picture("JPEG")).status_code == 303  # it may be attached again


def test_a_sheet_after_one_that_was_taken_off_has_a_name_of_its_own(session: Session, made: Class) -> None:
    begin_write(session)
    first, second = (
        sheets.attach(session, made.meeting, picture() + extra, actor=made.lead, now=NOW)
        for extra in (b"", b"2")
    )
    sheets.take_off(session, first, reason="Wrong day.", actor=made.lead, now=NOW)
    third = sheets.attach(session, made.meeting, picture() + b"3", actor=made.lead, now=NOW)
    assert [sheet.file_name[-5] for sheet in (first, second, third)] == ["1", "2", "3"]


def test_a_sheet_is_taken_off_once(session: Session, made: Class) -> None:
    begin_write(session)
    sheet = sheets.attach(session, made.meeting, picture(), actor=made.lead, now=NOW)
    sheets.take_off(session, sheet, reason="Wrong day.", actor=made.lead, now=NOW)
    with pytest.raises(RuleError, match="taken off already"):
        sheets.take_off(session, sheet, reason="Again.", actor=made.lead, now=NOW)
    db.session.rollback()
