"""Issuing in a class, downloading, and the office's pages of a certificate."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from certificates import issuing
from certificates.models import Certificate, CertificateState
from core.database import begin_write
from core.files import store
from courses.models import Body
from courses.offering_models import InstructorRole, Offering, OfferingInstructor
from students.models import EnrollmentState
from tests.certificates.test_issuing import finished_class, mark_all
from tests.factories import NOW, make_student, make_user, put_enrollment
from tests.helpers import fields_of, sign_in, statements


@pytest.fixture
def offering(session: Session) -> Offering:
    return finished_class(session)


def lead_of(session: Session, offering: Offering) -> User:
    return session.scalars(
        sa.select(User).join(OfferingInstructor).where(OfferingInstructor.offering_id == offering.id)
    ).one()


def issue_all(session: Session, offering: Offering) -> list[Certificate]:
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    return list(session.scalars(sa.select(Certificate).order_by(Certificate.id)))


def test_the_lead_issues_for_all_in_one_act(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    lead = lead_of(session, offering)
    session.commit()
    sign_in(client, lead)
    address = f"/teaching/{offering.code}/certificates"
    before = client.get(address)
    assert "2 students are eligible" in before.text
    answer = client.post(address, follow_redirects=True)
    assert "2 certificates are being made" in answer.text
    assert answer.headers["Refresh"] == "2"
    session.rollback()
    issuing.make_waiting()
    after = client.get(address)
    assert after.text.count("Issued, TBI-") == 2
    assert "Nobody is waiting for a certificate" in after.text
    again = client.post(address)
    assert again.status_code == 422
    assert "Nobody in this class is waiting" in again.text
    one = client.post(address, data={"only": str(session.scalar(sa.select(Certificate.enrollment_id)))})
    assert one.status_code == 422
    assert "whoever you chose has a certificate already" in one.text


def test_an_assistant_sees_who_is_eligible_but_does_not_issue(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    assistant = make_user(session, Role.INSTRUCTOR)
    session.add(
        OfferingInstructor(offering_id=offering.id, user_id=assistant.id, role=InstructorRole.ASSISTANT)
    )
    session.commit()
    sign_in(client, assistant)
    address = f"/teaching/{offering.code}/certificates"
    assert client.get(address).status_code == 200
    assert client.post(address).status_code == 403


def test_another_instructor_does_not_learn_that_the_class_exists(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    stranger = make_user(session, Role.INSTRUCTOR)
    session.commit()
    sign_in(client, stranger)
    assert client.get(f"/teaching/{offering.code}/certificates").status_code == 404
    assert client.get("/teaching/NO-SUCH/certificates").status_code == 404


def test_the_owner_and_staff_download_and_nobody_else(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    row = issue_all(session, offering)[0]
    owner, staff = row.enrollment.student.user, make_user(session, Role.REGISTRAR)
    stranger = make_student(session).user
    lead = lead_of(session, offering)
    session.commit()
    address = f"/certificates/{row.number}.pdf"
    assert client.get(address).status_code == 303
    for user, status in ((owner, 200), (staff, 200), (stranger, 404), (lead, 404)):
        sign_in(client, user)
        answer = client.get(address)
        assert answer.status_code == status
        if status == 200:
            assert answer.data == store().get(row.pdf_sha256 or "")
            assert answer.mimetype == "application/pdf"
            answer.close()


def test_a_lost_file_is_told_plainly(session: Session, client: FlaskClient, offering: Offering) -> None:
    row = issue_all(session, offering)[0]
    store().path(row.pdf_sha256 or "").unlink()
    sign_in(client, row.enrollment.student.user)
    session.commit()
    answer = client.get(f"/certificates/{row.number}.pdf")
    assert answer.status_code == 503
    assert "restores it from the backup" in answer.text


def test_the_office_revokes_with_a_reason(session: Session, client: FlaskClient, offering: Offering) -> None:
    row = issue_all(session, offering)[0]
    staff = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, staff)
    address = f"/office/certificates/{row.number}/revoke"
    assert client.get(address).status_code == 200
    empty = client.post(address, data={"reason": "identity", "note": " "})
    assert empty.status_code == 422
    assert "Say why it is revoked" in empty.text
    done = client.post(address, data={"reason": "identity", "note": "wrong person"}, follow_redirects=True)
    assert "The certificate was revoked" in done.text
    session.expire_all()
    assert session.get_one(Certificate, row.id).state is CertificateState.REVOKED
    twice = client.post(address, data={"reason": "identity", "note": "again"})
    assert twice.status_code == 422
    assert "not valid any more" in twice.text
    for act in ("revoke", "replace"):  # nothing is asked for that cannot be done
        late = client.get(f"/office/certificates/{row.number}/{act}")
        assert late.status_code == 422
        assert "not valid any more" in late.text
        assert "<textarea" not in late.text


def test_the_office_replaces_a_misspelt_name(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    row = issue_all(session, offering)[0]
    staff = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, staff)
    address = f"/office/certificates/{row.number}/replace"
    assert row.snapshot["facts"]["participant"] in client.get(address).text
    bad = client.post(address, data={"certificate_name": "Robin A. Person", "reason": ""})
    assert bad.status_code == 422
    assert "Robin A. Person" in bad.text
    done = client.post(
        address, data={"certificate_name": "Robin A. Person", "reason": "misspelt"}, follow_redirects=True
    )
    assert "The new certificate is being made" in done.text
    assert "Robin A. Person" in done.text


def test_the_register_finds_by_number_name_and_class(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    row = issue_all(session, offering)[0]
    staff = make_user(session, Role.ADMIN)
    session.commit()
    sign_in(client, staff)
    for query in (row.number.lower(), row.snapshot["facts"]["participant"], offering.code):
        assert row.number in client.get("/office/certificates", query_string={"q": query}).text
    assert "No certificate found" in client.get("/office/certificates?q=nobody%25").text


def test_students_do_not_reach_the_office_pages(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    row = issue_all(session, offering)[0]
    sign_in(client, row.enrollment.student.user)
    session.commit()
    for address in ("", f"/{row.number}", f"/{row.number}/revoke", f"/{row.number}/replace"):
        assert client.get(f"/office/certificates{address}").status_code == 403


@pytest.mark.parametrize("students", [3, 30])
def test_the_page_of_a_class_takes_as_many_statements_for_a_full_room(
    session: Session, client: FlaskClient, app: Flask, students: int
) -> None:
    offering = finished_class(session, students=students)
    staff = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, staff)
    with statements(app) as seen:
        assert client.get(f"/teaching/{offering.code}/certificates").status_code == 200
    assert len(seen) <= 18, "\n".join(seen)


def test_reserving_for_a_class_does_not_ask_per_student(session: Session, app: Flask) -> None:
    offering = finished_class(session, students=2)
    late = put_enrollment(session, offering, state=EnrollmentState.COMPLETED)
    mark_all(session, offering, late, (90, 90))
    session.commit()
    begin_write(session)
    with statements(app) as seen:
        issuing.issue_class(session, offering, actor=None, now=NOW)
    selects = [
        statement for statement in seen if statement.startswith("SELECT") and "number_series" not in statement
    ]
    assert len(selects) <= 17, "\n".join(selects)


def test_staff_are_led_to_where_a_reason_is_mended(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    body = session.scalars(sa.select(Body)).one()
    body.provider_number = ""
    body.requires = ["provider_number", "program", "license_number"]
    offering.course.approvals[0].program_number = " "
    rosa, lead = make_user(session, Role.REGISTRAR), lead_of(session, offering)
    session.commit()
    address = f"/teaching/{offering.code}/certificates"
    links = (
        'href="/office/bodies/board"',
        f'href="/office/courses/{offering.course.code.lower()}#approvals"',
    )
    sign_in(client, rosa)
    shown = client.get(address).text
    assert "the provider number (on the body’s page)" in shown
    assert [shown.count(link) for link in links] == [2, 2]
    sign_in(client, lead)
    shown = client.get(address).text
    assert [shown.count(link) for link in links] == [0, 0]
    sign_in(client, rosa)
    form = fields_of(client.get("/office/bodies/board")) | {
        "provider_number": "P-7",
        "requires": "provider_number",
    }
    assert client.post("/office/bodies/board", data=form).status_code == 303
    shown = client.get(address).text
    assert "2 students are eligible." in shown
    assert [shown.count(link) for link in links] == [0, 0]


def test_an_edit_of_a_body_changes_what_is_judged_and_not_what_is_issued(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    (issued, _other) = issue_all(session, offering)
    before = dict(issued.snapshot)
    late = put_enrollment(session, offering, make_student(session), EnrollmentState.COMPLETED)
    mark_all(session, offering, late, (90, 90))
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, rosa)
    address = f"/teaching/{offering.code}/certificates"
    assert client.get(address).text.count("Board of Bodywork: 3.5 CE hours") == 3
    form = fields_of(client.get("/office/bodies/board"))
    form |= {"minutes_per_unit": "60", "step": "0.25", "unit": "contact hours", "requires": "license_number"}
    assert client.post("/office/bodies/board", data=form).status_code == 303
    shown = client.get(address).text
    counts = [shown.count(f"Board of Bodywork: {line}") for line in ("3.5 CE hours", "3 contact hours")]
    assert counts == [2, 1]
    session.expire_all()
    assert session.get_one(Certificate, issued.id).snapshot == before
    refused = client.post("/office/bodies/board/remove", follow_redirects=True).text
    assert "Certificates carry its line, and it says how long they are kept." in refused
