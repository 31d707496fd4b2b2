"""The office's reports and files for boards."""

import csv
import io
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy.orm import Session

from accounts.models import Role, User
from attendance.marking import save_roll
from attendance.models import AttendanceMark, MarkMethod, MarkStatus
from attendance.writing import Entry
from certificates.models import Certificate, CertificateState
from core.audit import verify
from core.database import begin_write
from core.errors import RuleError
from core.tables import xlsx_file
from courses.bodies import uses_of
from courses.models import Body
from portal import boards
from portal.board_models import BoardReportRow
from portal.boards import Wanted
from portal.report_list import REPORTS
from portal.reports import Span
from students.models import EnrollmentState, License
from tests import factories
from tests.attendance.classes import NOW, START, Class, make_class
from tests.factories import add
from tests.helpers import sign_in, statements

P, L, A = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.ABSENT
SPAN = Span(date(2027, 1, 1), date(2027, 12, 31), "America/Los_Angeles", NOW)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def made(session: Session) -> Class:
    """A running class: one present, one half an hour late, one absent."""
    found = make_class(session)
    begin_write(session)
    first, second, third = found.ids
    roll = [Entry(first, P), Entry(second, L, 60), Entry(third, A)]
    save_roll(session, found.meeting, roll, actor=found.lead, now=NOW)
    session.commit()
    return found


@pytest.fixture
def office(client: FlaskClient, session: Session, made: Class) -> FlaskClient:
    begin_write(session)
    user = factories.make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, user)
    return client


def rows_of(session: Session, key: str, span: Span = SPAN) -> list[tuple[object, ...]]:
    columns, rows = REPORTS[key].table(session, span)
    found = [tuple(row) for row in rows]
    assert all(len(row) == len(columns) for row in found)
    return found


@pytest.mark.both_databases
def test_each_report_says_what_is_true(session: Session, made: Class) -> None:
    code = made.offering.code
    begin_write(session)
    over = factories.make_offering(session, starts=START - timedelta(days=7), lead=made.lead)
    gone = factories.put_enrollment(session, over, state=EnrollmentState.NO_SHOW)
    session.commit()
    running = next(row for row in rows_of(session, "classes") if row[0] == code)
    assert running[4:11] == (3, 180, 3, 3, 0, 0, 0)
    people = {row[0]: row for row in rows_of(session, "students")}
    assert people["Student 001"][-1] == 60
    assert people["Student 002"][-1] == 0
    taught = {row[0]: row for row in rows_of(session, "instructors")}
    assert taught["Ilse Maren"][2:] == (2, 0, 4, 360, 2)
    assert taught["Dov Castellan"][2:] == (0, 1, 2, 180, 0)
    assert [(row[0], row[2]) for row in rows_of(session, "untaken")] == [(over.code, 1), (over.code, 2)]
    assert [row[0] for row in rows_of(session, "at-risk") if row[2] == code] == ["Student 001", "Student 002"]
    assert [row[0] for row in rows_of(session, "no-shows")] == [gone.student.user.name, "Student 002"]
    assert [(row[1], row[5], row[6]) for row in rows_of(session, "attendance")] == [
        ("Student 000", "Present", 90),
        ("Student 001", "Late", 60),
        ("Student 002", "Absent", 0),
    ]


@pytest.mark.parametrize("key", sorted(REPORTS))
def test_a_report_is_a_page_and_two_files(office: FlaskClient, key: str) -> None:
    assert office.get(f"/office/reports/{key}").status_code == 200
    sheet = openpyxl.load_workbook(io.BytesIO(office.get(f"/office/reports/{key}.xlsx").data)).worksheets[0]
    assert sheet.freeze_panes == "A2"
    assert office.get(f"/office/reports/{key}.csv").mimetype == "text/csv"
    empty = office.get(f"/office/reports/{key}?first=2001-01-01&last=2001-01-02")
    assert "Nothing in these days" in empty.text


@pytest.mark.parametrize("path", ["", "/classes", "/classes.csv", "/boards", "/boards/1.xls"])
def test_reports_are_the_offices(app: Flask, made: Class, path: str) -> None:
    for user, status in ((None, 303), (made.lead, 403), (made.enrollments[0].student.user, 403)):
        client = app.test_client()
        if user is not None:
            sign_in(client, user)
        assert client.get("/office/reports" + path).status_code == status


def test_unknown_reports_and_odd_days_do_no_harm(office: FlaskClient) -> None:
    assert office.get("/office/reports/secrets").status_code == 404
    assert office.get("/office/reports/classes.pdf").status_code == 404
    assert office.get("/office/reports/classes?first=soon&last=9999-99-99").status_code == 200
    for key in REPORTS:
        for ending in ("", ".csv"):
            address = f"/office/reports/{key}{ending}?first=0001-01-01&last=9999-12-31"
            assert office.get(address).status_code == 200


@pytest.mark.parametrize("key", sorted(REPORTS))
def test_the_number_of_statements_does_not_grow(
    app: Flask, office: FlaskClient, session: Session, key: str
) -> None:
    with statements(app) as few:
        office.get(f"/office/reports/{key}")
    begin_write(session)
    for _ in range(5):
        offering = factories.make_offering(session, starts=START, capacity=5)
        for _ in range(5):
            factories.put_enrollment(session, offering)
    session.commit()
    with statements(app) as many:
        office.get(f"/office/reports/{key}")
    assert len(many) <= len(few)
    assert len(many) <= 6


@pytest.mark.full
def test_a_thousand_students_and_twenty_meetings_fit_into_little_memory(session: Session) -> None:
    made = make_class(session, students=1, meetings=20)
    begin_write(session)
    made.offering.capacity = 1001
    ids = [factories.put_enrollment(session, made.offering).id for _ in range(1000)]
    session.execute(
        sa.insert(AttendanceMark),
        [
            {
                "meeting_id": meeting.id, "enrollment_id": number, "status": P, "minutes": 90,
                "method": MarkMethod.ROLL, "made_at": NOW, "recorded_at": NOW, "reason": "", "is_current": True,
                "roll_revision": 1,
            }
            for meeting in made.meetings
            for number in ids
        ],
    )  # fmt: skip
    session.commit()
    tracemalloc.start()
    columns, rows = REPORTS["attendance"].table(session, SPAN)
    content = xlsx_file(columns, rows, title="Attendance", zone=SPAN.zone, made_at=NOW)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25_000_000, peak
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    assert book.worksheets[0].max_row == 20_001


def test_times_are_on_the_clock_of_each_class(session: Session, made: Class, office: FlaskClient) -> None:
    begin_write(session)
    course = made.offering.course
    factories.make_offering(
        session,
        course,
        starts=datetime(2027, 3, 2, 9, 0, tzinfo=UTC),
        code="LISBON-1",
        time_zone="Europe/Lisbon",
    )
    session.commit()
    text = office.get("/office/reports/classes.csv?first=2027-01-01&last=2027-12-31").text
    lines = {line["Class"]: line for line in csv.DictReader(io.StringIO(text.lstrip("\ufeff")))}
    assert (lines["LISBON-1"]["Begins"], lines["LISBON-1"]["Time zone"]) == (
        "2027-03-02 09:00",
        "Europe/Lisbon",
    )
    home = lines[made.offering.code]
    assert (home["Begins"], home["Time zone"]) == ("2027-03-01 09:00", "America/Los_Angeles")
    shown = office.get("/office/reports/classes?first=2027-01-01&last=2027-12-31").text
    assert "Mar 2, 2027, 9:00" in shown.replace("\u202f", " ")
    book = openpyxl.load_workbook(
        io.BytesIO(office.get("/office/reports/classes.xlsx?first=2027-01-01&last=2027-12-31").data)
    )
    begins = {row[0].value: row[2].value for row in book.worksheets[0].iter_rows(min_row=2)}
    assert str(begins["LISBON-1"]) == "2027-03-02 09:00:00"


@pytest.fixture
def board(session: Session, made: Class) -> Body:
    return make_board(session)


def make_board(session: Session) -> Body:
    begin_write(session)
    body: Body = add(
        session,
        Body(
            code="FLA", title="Board of Massage", unit="hours", minutes_per_unit=50, step_thousandths=500,
            partial_credit=False, requires=[], provider_number="50-1234",
        ),
    )  # fmt: skip
    session.commit()
    return body


def completed(session: Session, made: Class, who: int, *, body: str = "FLA", **license_: object) -> None:
    """Make one completion, with a license of Florida and a certificate with the board's line."""
    begin_write(session)
    enrollment = made.enrollments[who]
    enrollment.state = EnrollmentState.COMPLETED
    values: dict[str, object] = {"jurisdiction": "FL", "number": f"MA{who}", "profession": "RN"} | license_
    add(session, License(student_id=enrollment.student_id, **values))
    facts = {
        "completed_on": "2027-03-01",
        "credits": [
            {
                "body": body,
                "provider_number": "50-1234",
                "program_number": "20-77",
                "units": "3",
                "title": "x",
            }
        ],
    }
    add(
        session,
        Certificate(
            enrollment_id=enrollment.id, year=2027, sequence=who + 1, number=f"TBI-27-{who}",
            token=f"token{who}", state=CertificateState.ISSUED, template="certificate-quiet",
            snapshot={"facts": facts}, reserved_at=NOW, issued_at=NOW, pdf_sha256="0" * 64, pdf_size=1,
        ),
    )  # fmt: skip
    session.commit()


def wanted(body: Body) -> Wanted:
    return Wanted(body.id, "FL", "RN", date(2027, 1, 1), date(2027, 12, 31))


@pytest.mark.both_databases
def test_a_board_is_told_once(session: Session, made: Class, board: Body) -> None:
    completed(session, made, 0)
    user = actor(session)
    begin_write(session)
    row = boards.report(session, wanted(board), actor=user, now=NOW)
    session.commit()
    assert row.row_count == 1
    assert "The ledger of files for boards names it." in uses_of(session, board)
    told = session.scalars(sa.select(BoardReportRow)).one()
    assert (told.license_number, told.completed_on) == ("MA0", date(2027, 3, 1))
    begin_write(session)
    with pytest.raises(RuleError, match="Nothing is ready"):
        boards.report(session, wanted(board), actor=user, now=NOW)
    session.rollback()
    completed(session, made, 1)
    begin_write(session)
    assert boards.report(session, wanted(board), actor=user, now=NOW).row_count == 1
    assert boards.dry_run(session, wanted(board)).told_before == 2
    session.commit()
    assert list(verify(session)) == []


def test_a_part_stands_in_the_dry_run_of_a_board_that_credits_parts(
    session: Session, made: Class, board: Body
) -> None:
    for who in range(3):
        completed(session, made, who)
    begin_write(session)
    made.enrollments[
        0
    ].state = EnrollmentState.INCOMPLETE  # the office decided: a certificate with what was earned
    made.enrollments[1].state = EnrollmentState.INCOMPLETE
    session.execute(sa.delete(Certificate).where(Certificate.enrollment_id == made.ids[1]))
    session.commit()
    found = boards.dry_run(session, wanted(board))
    assert [line.enrollment_id for line in found.ready] == [made.ids[0], made.ids[2]]
    assert found.refused == []  # this board credits nobody for a part
    begin_write(session)
    board.partial_credit = True
    session.commit()
    found = boards.dry_run(session, wanted(board))
    assert [line.hours for line in found.ready] == ["3", "3"]
    (part,) = found.refused
    assert (part.enrollment_id, part.problems) == (
        made.ids[1],
        ("Attended a part, and no certificate is in force: let it be made up, or decide for this student.",),
    )


@pytest.mark.parametrize("partial", [False, True])
def test_somebody_elses_program_reads_the_boards_file(
    session: Session, made: Class, board: Body, partial: bool
) -> None:
    completed(session, made, 0, number="0012345")
    begin_write(session)
    board.partial_credit = partial
    made.offering.course.title = "Fäscia, naïve & deep"
    session.commit()
    found = boards.dry_run(session, wanted(board))
    content = boards.roster_file(found.ready, wanted(board), partial=partial)
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert book.sheet_names == ["Roster"]
    heads, row = book.get_sheet_by_index(0).to_python()
    assert heads[:5] == [
        "Provider Number", "Course Number", "Publishing Number", "License Number", "Completion Date",
    ]  # fmt: skip
    # Texts stay texts, with the zeros in front; the day is a date of the sheet, not a text.
    assert row[:7] == ["50-1234", "20-77", "", "0012345", date(2027, 3, 1), "FL", "RN"]
    assert row[7:] == (["Fäscia, naïve & deep", "3"] if partial else [])
    assert not any("Student" in str(cell) for cell in row)  # no names


def actor(session: Session) -> User:
    begin_write(session)
    user = factories.make_user(session, Role.REGISTRAR)
    session.commit()
    return user


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"jurisdiction": "TX"}, "No license of FL is on file."),
        ({"number": " "}, "The license has no number."),
        ({"expires_on": date(2027, 2, 28)}, "had expired on the day of completion"),
        ({"body": "OTHER"}, "The certificate has no line of Board of Massage."),
    ],
)
def test_the_dry_run_names_what_a_board_would_refuse(
    session: Session, made: Class, board: Body, change: dict[str, object], told: str
) -> None:
    completed(session, made, 0, **change)  # type: ignore[arg-type]
    found = boards.dry_run(session, wanted(board))
    assert [line.name for line in found.refused] == ["Student 000"]
    assert told in " ".join(found.refused[0].problems)
    assert found.ready == []


def test_a_missing_or_outdated_certificate_is_named(session: Session, made: Class, board: Body) -> None:
    completed(session, made, 0)
    completed(session, made, 1)
    begin_write(session)
    made.enrollments[0].attendance_revision = 1
    session.execute(sa.delete(Certificate).where(Certificate.enrollment_id == made.ids[1]))
    session.commit()
    problems = {line.name: " ".join(line.problems) for line in boards.dry_run(session, wanted(board)).refused}
    assert "The attendance was changed after the certificate" in problems["Student 000"]
    assert "No certificate is in force" in problems["Student 001"]


def test_one_license_of_two_people_is_refused_for_both(session: Session, made: Class, board: Body) -> None:
    completed(session, made, 0, number="MA7")
    completed(session, made, 1, number="MA7")
    found = boards.dry_run(session, wanted(board))
    assert [line.problems for line in found.refused] == [
        ("Another row has the same license, course and day.",)
    ] * 2


def test_the_office_runs_dry_makes_the_file_and_fetches_it(
    office: FlaskClient, session: Session, made: Class, board: Body
) -> None:
    completed(session, made, 0)
    form = {
        "body": str(board.id), "jurisdiction": "fl", "profession": "RN", "first": "2027-01-01", "last": "2027-12-31",
    }  # fmt: skip
    shown = office.post("/office/reports/boards", data=form)
    assert "1 row is ready" in shown.text
    assert session.scalars(sa.select(BoardReportRow)).all() == []
    assert office.post("/office/reports/boards", data=form | {"make": "1"}).status_code == 303
    html = office.get("/office/reports/boards").text
    number = session.scalars(sa.select(BoardReportRow.report_id)).one()
    assert f"/office/reports/boards/{number}.xls" in html
    answer = office.get(f"/office/reports/boards/{number}.xls")
    assert answer.data.startswith(bytes.fromhex("d0cf11e0a1b11ae1"))
    assert b"MA0" in answer.data
    assert b"Student 000" not in answer.data
    assert "Nothing is ready" in office.post("/office/reports/boards", data=form | {"make": "1"}).text
    assert office.post("/office/reports/boards", data=form | {"body": "x"}).status_code == 422
    assert office.get("/office/reports/boards/99.xls").status_code == 404
