"""What the office takes along: a class as a ZIP or one PDF, and the hours by body, period and license."""

import csv
import io
import zipfile

import openpyxl
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from certificates import issuing
from certificates.bundles import zip_of
from certificates.models import Certificate
from core import papers
from core.files import store
from core.papers import Paper, PaperState, paper_store
from courses.offering_models import Offering
from tests.certificates.test_issuing import finished_class
from tests.certificates.test_views import lead_of
from tests.factories import NOW, make_user
from tests.helpers import sign_in

pytestmark = pytest.mark.both_databases


@pytest.fixture
def offering(session: Session) -> Offering:
    """A class with two certificates."""
    offering = finished_class(session)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    return offering


@pytest.fixture
def staff(session: Session) -> User:
    user = make_user(session, Role.REGISTRAR)
    session.commit()
    return user


def the_paper(session: Session) -> tuple[Paper, bytes]:
    session.rollback()
    papers.make_waiting()
    session.expire_all()
    row = session.scalars(sa.select(Paper)).one()
    assert row.state is PaperState.READY, row.problem
    return row, paper_store().get(row.sha256 or "")


def test_a_class_comes_as_a_zip(
    session: Session, client: FlaskClient, offering: Offering, staff: User
) -> None:
    sign_in(client, staff)
    answer = client.post(f"/teaching/{offering.code}/certificates/file", data={"kind": "zip"})
    assert "/papers/" in answer.headers["Location"]
    row, content = the_paper(session)
    assert row.file_name == f"{offering.code}.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert len(archive.namelist()) == 3


def test_a_search_comes_as_one_pdf(
    session: Session, client: FlaskClient, offering: Offering, staff: User
) -> None:
    sign_in(client, staff)
    client.post("/office/certificates/file", data={"kind": "print", "q": "TBI-27-0002"})
    _row, content = the_paper(session)
    assert content.startswith(b"%PDF")
    nothing = client.post(
        "/office/certificates/file", data={"kind": "zip", "q": "nobody"}, follow_redirects=True
    )
    assert "There is no certificate to put into it yet" in nothing.text
    assert client.post("/office/certificates/file", data={"kind": "exe"}).status_code == 400


def test_only_staff_take_certificates_along(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    lead = lead_of(session, offering)
    session.commit()
    sign_in(client, lead)
    assert (
        client.post(f"/teaching/{offering.code}/certificates/file", data={"kind": "zip"}).status_code == 403
    )
    assert client.post("/office/certificates/file", data={"kind": "zip"}).status_code == 403
    for address in ("/office/certificates/hours", "/office/certificates/hours.csv"):
        assert client.get(address).status_code == 403


def test_the_report_sums_by_body_and_lists_every_license(
    session: Session, client: FlaskClient, offering: Offering, staff: User
) -> None:
    sign_in(client, staff)
    asked = "?first=2027-01-01&last=2027-12-31"
    page = client.get(f"/office/certificates/hours{asked}")
    assert page.status_code == 200
    assert "Board of Bodywork" in page.text
    assert "7 CE hours" in page.text
    table = client.get(f"/office/certificates/hours.csv{asked}")
    rows = list(csv.DictReader(io.StringIO(table.data.decode("utf-8-sig"))))
    numbers = list(session.scalars(sa.select(Certificate.number).order_by(Certificate.number)))
    assert sorted(row["Certificate"] for row in rows) == numbers
    assert {row["Credit"] for row in rows} == {"3.5"}
    assert all(row["License number"] and row["Jurisdiction"] == "OR" for row in rows)
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/office/certificates/hours.xlsx{asked}").data))
    sheet = book.active
    assert sheet is not None
    assert sheet.max_row == 3


def test_the_period_and_the_body_limit_the_report(
    session: Session, client: FlaskClient, offering: Offering, staff: User
) -> None:
    sign_in(client, staff)
    completed = session.scalars(sa.select(Certificate)).first()
    assert completed is not None
    day = completed.snapshot["facts"]["completed_on"]
    session.rollback()
    assert (
        "Nothing in this period"
        in client.get("/office/certificates/hours?first=2026-01-01&last=2026-12-31").text
    )
    assert "7 CE hours" in client.get(f"/office/certificates/hours?first={day}&last={day}").text
    assert (
        "Nothing in this period"
        in client.get(f"/office/certificates/hours?first={day}&last={day}&body=NO").text
    )
    assert client.get("/office/certificates/hours?first=yesterday&last=9999-99-99").status_code == 200
    assert client.get("/office/certificates/hours.pdf").status_code == 404


def test_two_people_of_one_name_are_two_files_of_their_own_bytes(
    session: Session, offering: Offering
) -> None:
    """Names of other signs and of hundreds of letters, with what no file system takes, too."""
    first, second = session.scalars(sa.select(Certificate).order_by(Certificate.id))
    for name in ("Ana Cruz", "山田", "../" * 90 + "a/b\\c:d*?\x00", "", "CON"):
        for row in (first, second):
            facts = row.snapshot["facts"] | {"participant": name}
            row.snapshot = row.snapshot | {"facts": facts}
        with zipfile.ZipFile(io.BytesIO(zip_of([first, second]))) as archive:
            one, other, listing = archive.namelist()
            assert one != other
            assert listing == "certificates.csv"
            assert archive.read(one) == store().get(first.pdf_sha256 or "")
            assert archive.read(other) == store().get(second.pdf_sha256 or "")
            assert not set("/\\:*?\x00") & set(one + other)
            assert max(len(one), len(other)) < 100
