"""The holder's certificates: all in one place, shared, listed in a transcript, taken along as a ZIP."""

import io
import re
import subprocess
import zipfile
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pikepdf
import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from certificates import bundles, holding, issuing, replacing, revoking
from certificates.models import Certificate, RevocationReason
from certificates.renewals import deadlines_of, next_classes
from certificates.transcript import sums_by_year
from core import outbox, papers
from core.audit import AuditEvent
from core.database import begin_write
from core.errors import RuleError
from core.files import store
from core.outbox import OutgoingMail
from core.papers import Paper, PaperState, paper_store
from courses.offering_models import Offering
from students.models import License
from tests.certificates.test_issuing import finished_class
from tests.factories import NOW, make_course, make_offering, make_student, make_user
from tests.helpers import sign_in, statements

pytestmark = pytest.mark.both_databases(postgresql="full")


@pytest.fixture
def issued(session: Session) -> list[Certificate]:
    """Two certificates of one class, made by the worker."""
    offering = finished_class(session)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    return list(session.scalars(sa.select(Certificate).order_by(Certificate.id)))


def owner(row: Certificate) -> User:
    return row.enrollment.student.user


def made_paper(session: Session) -> tuple[Paper, bytes]:
    """The newest paper, after the worker has made it."""
    session.rollback()
    papers.make_waiting()
    session.expire_all()
    row = session.scalars(sa.select(Paper).order_by(Paper.id.desc())).first()
    assert row is not None
    assert row.state is PaperState.READY, row.problem
    return row, paper_store().get(row.sha256 or "")


def test_the_page_shows_ones_own_certificates_only(
    app: Flask, session: Session, client: FlaskClient, issued: list[Certificate]
) -> None:
    mine, other = issued
    session.commit()
    sign_in(client, owner(mine))
    with statements(app) as seen:
        page = client.get("/my/certificates")
    assert page.status_code == 200
    assert mine.number in page.text
    assert other.number not in page.text
    assert f"https://school.test/verify/{mine.token}" in page.text
    assert len(seen) <= 8


def test_a_visitor_signs_in_first_and_someone_without_certificates_reads_why(
    session: Session, client: FlaskClient, issued: list[Certificate]
) -> None:
    stranger = make_user(session)
    session.commit()
    assert client.get("/my/certificates").status_code == 303
    sign_in(client, stranger)
    page = client.get("/my/certificates")
    assert "No certificate yet" in page.text
    answer = client.post("/my/certificates/transcript", follow_redirects=True)
    assert "There is no certificate to list yet" in answer.text
    answer = client.post("/my/certificates/zip", follow_redirects=True)
    assert "There is no certificate to put into it yet" in answer.text


def test_the_students_desk_lists_the_newest_certificates(
    session: Session, client: FlaskClient, issued: list[Certificate]
) -> None:
    session.commit()
    sign_in(client, owner(issued[0]))
    page = client.get("/my/")
    assert issued[0].number in page.text
    assert "/my/certificates" in page.text


def test_linkedin_gets_the_facts_as_its_own_form_names_them(
    session: Session, client: FlaskClient, issued: list[Certificate]
) -> None:
    from certificates.holding import linkedin_url

    row = issued[0]
    address = urlsplit(linkedin_url(row, "https://school.test/verify/abc"))
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    facts = row.snapshot["facts"]
    assert address.hostname == "www.linkedin.com"
    assert asked == {
        "startTask": "CERTIFICATION_NAME",
        "name": facts["course_title"],
        "organizationName": "Tideway Bodywork Institute",
        "issueYear": "2027",
        "issueMonth": "3",
        "certUrl": "https://school.test/verify/abc",
        "certId": row.number,
    }


def test_confirm_only_keeps_the_facts_off_the_page_until_the_family_name_is_typed(
    session: Session, client: FlaskClient, issued: list[Certificate]
) -> None:
    row = issued[0]
    name, family_name, title = (
        row.snapshot["facts"][key] for key in ("participant", "family_name", "course_title")
    )
    session.commit()
    sign_in(client, owner(row))
    answer = client.post(f"/my/certificates/{row.number.lower()}/page", data={"show": "confirm"})
    assert answer.status_code == 303
    page = client.get(f"/verify/{row.token}")
    assert "This certificate is valid" in page.text
    assert row.number in page.text
    assert name not in page.text
    assert title not in page.text
    told = client.get(f"/verify/{row.token}", headers={"Accept": "application/json"}).json
    assert told == {"status": "valid", "number": row.number, "confirm_only": True}
    assert client.get(f"/badges/credentials/{row.token}").status_code == 404
    typed = client.post("/verify/", data={"number": row.number, "family_name": family_name})
    assert name in typed.text
    assert title in typed.text
    client.post(f"/my/certificates/{row.number}/page", data={"show": "facts"})
    assert name in client.get(f"/verify/{row.token}").text
    actions = list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.id)))
    assert actions.count("certificates:certificate:page-changed") == 2


def test_a_corrected_certificate_keeps_the_holders_wish(session: Session, issued: list[Certificate]) -> None:
    begin_write(session)
    old = session.get_one(Certificate, issued[0].id)
    holding.set_confirm_only(session, old, True, actor=owner(old), now=NOW)
    fresh = replacing.replace(
        session, old, certificate_name="Robin A. Person", actor=None, now=NOW, reason="misspelt"
    )
    assert fresh.confirm_only is True


def test_only_the_holder_decides_what_the_page_shows(
    session: Session, client: FlaskClient, issued: list[Certificate]
) -> None:
    staff = make_user(session, Role.ADMIN)
    session.commit()
    for user in (owner(issued[1]), staff):
        sign_in(client, user)
        answer = client.post(f"/my/certificates/{issued[0].number}/page", data={"show": "confirm"})
        assert answer.status_code == 404
    session.expire_all()
    assert issued[0].confirm_only is False


def test_everything_comes_as_one_zip_with_the_stored_bytes(
    session: Session, client: FlaskClient, issued: list[Certificate]
) -> None:
    row = issued[0]
    session.commit()
    sign_in(client, owner(row))
    answer = client.post("/my/certificates/zip")
    assert "/papers/" in answer.headers["Location"]
    paper, content = made_paper(session)
    assert paper.mime_type == "application/zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == 2
        assert archive.read(bundles.entry_name(row)) == store().get(row.pdf_sha256 or "")
        assert row.number in archive.read("certificates.csv").decode("utf-8-sig")


def test_names_in_a_zip_never_collide_and_suit_every_system(issued: list[Certificate]) -> None:
    hostile = '../..\\ con:*?"<>| Nguyễn Thị\u202e'
    for row in issued:
        row.snapshot = {**row.snapshot, "facts": {**row.snapshot["facts"], "participant": hostile}}
    with zipfile.ZipFile(io.BytesIO(bundles.zip_of(issued))) as archive:
        names = archive.namelist()
    assert len(set(names)) == len(names) == 3
    assert all(not set(name) & set('/\\:*?"<>|\u202e') and ".." not in name for name in names)


def test_a_lost_file_is_named_in_the_zip_and_stops_the_print(issued: list[Certificate]) -> None:
    lost = issued[0]
    store().path(lost.pdf_sha256 or "").unlink()
    with zipfile.ZipFile(io.BytesIO(bundles.zip_of(issued))) as archive:
        assert len(archive.namelist()) == 2
        listing = archive.read("certificates.csv").decode("utf-8-sig").splitlines()
    assert lost.number in listing[1]
    assert "lost or damaged" in listing[1]
    with pytest.raises(RuleError, match=lost.number):
        bundles.print_file(issued)


def test_the_print_file_has_every_page_and_is_a_sound_pdf(
    issued: list[Certificate], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("print") / "all.pdf"
    path.write_bytes(bundles.print_file(issued))
    with pikepdf.open(path) as pdf:
        assert len(pdf.pages) == 2
        assert "/AcroForm" not in pdf.Root
    subprocess.run(["qpdf", "--check", path], check=True, capture_output=True)
    text = subprocess.run(["pdftotext", path, "-"], check=True, capture_output=True, text=True).stdout
    assert all(row.number in text for row in issued)


def test_more_than_a_file_holds_is_refused_with_the_number(
    session: Session, issued: list[Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "MOST", 1)
    actor = owner(issued[0])
    with pytest.raises(RuleError, match="at most 1"):
        bundles.ask_for_bundle(
            session, bundles.ZIP_PAPER, issued, name="all", lang="en", actor=actor, now=NOW
        )


def test_the_transcript_counts_what_is_in_force(
    session: Session, client: FlaskClient, issued: list[Certificate]
) -> None:
    row = issued[0]
    session.commit()
    sign_in(client, owner(row))
    assert "/papers/" in client.post("/my/certificates/transcript").headers["Location"]
    paper, content = made_paper(session)
    assert paper.file_name.startswith("transcript-")
    text = _text(content)
    assert row.number in text
    assert "BOARD" in text
    assert "3.5" in text
    assert sums_by_year(issued)[2027].minutes == 360
    begin_write(session)
    row = session.get_one(Certificate, row.id)
    staff = make_user(session, Role.REGISTRAR)
    revoking.revoke(session, row, reason=RevocationReason.OTHER, note="a mistake", actor=staff, now=NOW)
    session.commit()
    client.post("/my/certificates/transcript")
    _, content = made_paper(session)
    assert "revoked" in _text(content)
    assert sums_by_year([row]) == {}


def test_an_expired_certificate_is_nowhere_called_valid_and_its_hours_still_count(
    session: Session, client: FlaskClient, issued: list[Certificate]
) -> None:
    row = session.get_one(Certificate, issued[0].id)
    row.snapshot = row.snapshot | {"facts": row.snapshot["facts"] | {"valid_until": "2027-03-31"}}
    session.commit()
    with time_machine.travel(datetime(2027, 4, 1, 6, 30, tzinfo=UTC)):  # still March 31 at the school
        sign_in(client, owner(row))
        assert "Was valid until" not in client.get("/my/certificates").text
        assert "Was valid until" not in client.get("/my/").text
    with time_machine.travel(datetime(2027, 4, 1, 7, 30, tzinfo=UTC)):
        sign_in(client, owner(row))
        assert "Was valid until March 31, 2027" in client.get("/my/certificates").text
        assert "Was valid until March 31, 2027" in client.get("/my/").text
        client.post("/my/certificates/transcript")
        _, content = made_paper(session)
    text = " ".join(_text(content).split())
    assert "expired" in text
    assert re.search(r"Certificates in force.{0,40} 0\b", text), text
    assert "3.5" in text


def test_the_mail_of_a_replacement_says_what_it_replaces_and_what_its_page_shows(
    session: Session, issued: list[Certificate]
) -> None:
    begin_write(session)
    row = session.get_one(Certificate, issued[0].id)
    row.confirm_only = True
    fresh = replacing.replace(
        session, row, certificate_name="New Name", actor=None, now=NOW, reason="married"
    )
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    told = {}
    for mail in session.scalars(sa.select(OutgoingMail).where(OutgoingMail.kind == "certificate")):
        message = outbox.kinds()["certificate"].render(session, mail)
        if message is not None:
            told[mail.about_id] = (" ".join(message.text.split()), message.html)
    assert set(told) == {fresh.id, issued[1].id}, "nobody is sent what was replaced before it left"
    for text in told[fresh.id]:
        assert f"It replaces {row.number}." in text
        assert "confirms status and number only" in text
        assert "shows your name" not in text
    for text in told[issued[1].id]:
        assert "It replaces" not in text
        assert "shows your name" in text


def _text(content: bytes) -> str:
    asked = ["pdftotext", "-layout", "-", "-"]
    return subprocess.run(asked, input=content, check=True, capture_output=True).stdout.decode()


@pytest.fixture
def licensed(session: Session, issued: list[Certificate]) -> Certificate:
    begin_write(session)
    row = session.get_one(Certificate, issued[0].id)
    license_ = session.scalars(
        sa.select(License).where(License.student_id == row.enrollment.student_id)
    ).one()
    license_.expires_on = date(2027, 5, 31)
    session.flush()
    return row


def test_what_runs_out_is_named_with_the_days_left(session: Session, licensed: Certificate) -> None:
    student = licensed.enrollment.student
    (found,) = deadlines_of(student, [licensed], date(2027, 3, 1))
    assert (found.day, found.days_left, found.is_soon) == (date(2027, 5, 31), 91, True)
    assert deadlines_of(student, [licensed], date(2028, 5, 31)) == []
    until = {**licensed.snapshot["facts"], "valid_until": "2029-02-19"}
    licensed.snapshot = {**licensed.snapshot, "facts": until}
    found_too = deadlines_of(student, [licensed], date(2027, 3, 1))[1]
    assert found_too.days_left == 721
    assert not found_too.is_soon


def test_the_next_classes_give_credit_with_the_same_bodies(session: Session, licensed: Certificate) -> None:
    from courses.models import Approval, Body

    body = session.scalars(sa.select(Body)).one()
    with_credit, without = make_course(session), make_course(session)
    session.add(
        Approval(
            course_id=with_credit.id,
            body_id=body.id,
            program_number="PR-2",
            units_thousandths=1000,
            valid_from=date(2027, 1, 1),
            valid_until=date(2027, 12, 31),
        )
    )
    wanted = make_offering(session, with_credit)
    make_offering(session, without)
    make_offering(session, session.get_one(Offering, licensed.enrollment.offering_id).course)
    make_offering(session, with_credit, starts=datetime(2028, 2, 1, 17, 0, tzinfo=UTC))
    student = licensed.enrollment.student
    found = next_classes(session, student, [licensed], [], NOW)
    assert [offering.code for offering in found] == [wanted.code]
    assert next_classes(session, make_student(session), [], [], NOW + timedelta(days=41)) == []
