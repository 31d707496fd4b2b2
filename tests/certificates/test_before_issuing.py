"""Before a certificate is issued: previews, the office's decisions, the payment, and classes that issue by themselves."""

import subprocess
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from certificates import issuing, overriding, previewing, replacing
from certificates.completion import completion_date
from certificates.eligibility import judge_one
from certificates.models import Certificate, CertificateOverride, CertificateState, RevocationReason
from certificates.revoking import revoke
from core import papers
from core.audit import AuditEvent
from core.database import begin_write
from core.errors import RuleError
from core.formatting import long_date
from core.papers import Paper, PaperState, paper_store
from core.school import current_school
from courses.offering_models import Offering
from students import ledger
from students.ledger import open_account
from students.ledger_models import EntryKind
from students.models import Enrollment, EnrollmentState
from tests.certificates.test_issuing import finished_class, mark_all
from tests.certificates.test_views import lead_of
from tests.factories import NOW, make_user, put_enrollment
from tests.helpers import sign_in

pytestmark = pytest.mark.both_databases


@pytest.fixture
def offering(session: Session) -> Offering:
    return finished_class(session, students=1)


@pytest.fixture
def short(session: Session, offering: Offering) -> Enrollment:
    """Someone who missed half of the class."""
    row = put_enrollment(session, offering, state=EnrollmentState.INCOMPLETE)
    mark_all(session, offering, row, (90, 0))
    return row


@pytest.fixture
def staff(session: Session) -> User:
    return make_user(session, Role.REGISTRAR)


def text_of(content: bytes) -> str:
    asked = ["pdftotext", "-layout", "-", "-"]
    return subprocess.run(asked, input=content, check=True, capture_output=True).stdout.decode()


def test_staff_decide_otherwise_and_the_reason_stays_off_the_page(
    session: Session, client: FlaskClient, offering: Offering, short: Enrollment, staff: User
) -> None:
    session.commit()
    sign_in(client, staff)
    address = f"/teaching/{offering.code}/certificates"
    assert "Decide otherwise" in client.get(address).text
    assert client.post(f"{address}/{short.id}/override", data={"reason": ""}).status_code == 422
    answer = client.post(f"{address}/{short.id}/override", data={"reason": "a bereavement"})
    assert answer.status_code == 303
    page = client.get(address).text
    assert "a bereavement" in page
    assert "2 students are eligible" in page
    begin_write(session)
    issuing.issue_class(session, offering, actor=staff, now=NOW)
    session.commit()
    row = session.scalars(sa.select(Certificate).where(Certificate.enrollment_id == short.id)).one()
    assert "bereavement" not in str(row.snapshot)
    assert row.snapshot["facts"]["credits"] == []  # the body's own rule holds
    assert row.snapshot["facts"]["attended_minutes"] == 90
    actions = list(session.scalars(sa.select(AuditEvent.action)))
    assert "certificates:eligibility:overridden" in actions


def test_a_decision_can_be_taken_back(
    session: Session, client: FlaskClient, offering: Offering, short: Enrollment, staff: User
) -> None:
    overriding.allow(session, short, reason="once", actor=staff, now=NOW)
    with pytest.raises(RuleError, match="already"):
        overriding.allow(session, short, reason="twice", actor=staff, now=NOW)
    session.commit()
    sign_in(client, staff)
    address = f"/teaching/{offering.code}/certificates/{short.id}/override/take-back"
    assert client.post(address).status_code == 303
    assert session.scalar(sa.select(CertificateOverride.id)) is None
    assert not judge_one(session, session.get_one(Enrollment, short.id)).eligible


def test_nothing_is_decided_for_someone_who_was_not_there(
    session: Session, offering: Offering, staff: User
) -> None:
    for state in (EnrollmentState.NO_SHOW, EnrollmentState.ENROLLED):
        offering.capacity += 1
        row = put_enrollment(session, offering, state=state)
        with pytest.raises(RuleError, match="signed off"):
            overriding.allow(session, row, reason="please", actor=staff, now=NOW)


def test_only_staff_decide(
    session: Session, client: FlaskClient, offering: Offering, short: Enrollment, staff: User
) -> None:
    lead = lead_of(session, offering)
    session.commit()
    sign_in(client, lead)
    address = f"/teaching/{offering.code}/certificates/{short.id}/override"
    assert client.get(address).status_code == 403
    assert "Decide otherwise" not in client.get(f"/teaching/{offering.code}/certificates").text
    sign_in(client, staff)
    assert client.get(f"/teaching/NO-SUCH/certificates/{short.id}/override").status_code == 404


def test_a_preview_is_marked_unsigned_and_issues_nothing(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    lead = lead_of(session, offering)
    session.commit()
    sign_in(client, lead)
    answer = client.post(f"/teaching/{offering.code}/certificates/preview")
    assert "/papers/" in answer.headers["Location"]
    papers.make_waiting()
    session.expire_all()
    row = session.scalars(sa.select(Paper)).one()
    assert row.state is PaperState.READY, row.problem
    assert row.file_name.startswith("preview-not-issued-")
    content = paper_store().get(row.sha256 or "")
    text = text_of(content)
    assert "PREVIEW, not issued" in text
    assert "Preview, not a certificate" in text
    assert b"/ByteRange" not in content
    assert session.scalar(sa.select(sa.func.count(Certificate.id))) == 0


def test_a_preview_of_several_is_one_file(session: Session, offering: Offering, staff: User) -> None:
    other = put_enrollment(session, offering, state=EnrollmentState.COMPLETED)
    mark_all(session, offering, other, (90, 90))
    ids = list(session.scalars(sa.select(Enrollment.id)))
    previewing.ask_for_preview(session, offering, ids, actor=staff, now=NOW)
    session.commit()
    papers.make_waiting()
    session.expire_all()
    row = session.scalars(sa.select(Paper)).one()
    assert row.state is PaperState.READY, row.problem
    assert text_of(paper_store().get(row.sha256 or "")).count("PREVIEW, not issued") == 2


def test_a_stranger_previews_nothing(session: Session, client: FlaskClient, offering: Offering) -> None:
    stranger = make_user(session, Role.INSTRUCTOR)
    session.commit()
    sign_in(client, stranger)
    assert client.post(f"/teaching/{offering.code}/certificates/preview").status_code == 404


def test_one_student_alone_is_issued_to(session: Session, client: FlaskClient, offering: Offering) -> None:
    other = put_enrollment(session, offering, state=EnrollmentState.COMPLETED)
    mark_all(session, offering, other, (90, 90))
    lead, wanted = lead_of(session, offering), other.id
    session.commit()
    sign_in(client, lead)
    client.post(f"/teaching/{offering.code}/certificates", data={"only": str(wanted)})
    assert list(session.scalars(sa.select(Certificate.enrollment_id))) == [wanted]


def test_a_certificate_waits_for_the_payment_where_the_school_asks_for_it(
    session: Session, offering: Offering, staff: User
) -> None:
    enrollment = session.scalars(sa.select(Enrollment)).one()
    account = open_account(session, offering, offering.policy, now=NOW, enrollment=enrollment)
    ledger.append(session, account, EntryKind.CHARGE, 5000, actor=None, now=NOW)
    assert judge_one(session, enrollment).eligible  # the default: money is another matter
    school = current_school(session)
    assert school is not None
    school.certificates_need_payment = True
    session.flush()
    verdict = judge_one(session, enrollment)
    assert not verdict.eligible
    assert "$50.00 are still to be paid" in verdict.reasons[0]
    overriding.allow(session, enrollment, reason="pays by the month", actor=staff, now=NOW)
    assert judge_one(session, enrollment).eligible
    ledger.append(session, account, EntryKind.DISCOUNT, -5000, actor=None, now=NOW)
    assert judge_one(session, enrollment).set_aside == ()


def test_a_class_that_issues_by_itself_does_once_it_is_signed_off(
    app: Flask, session: Session, offering: Offering
) -> None:
    offering.issues_on_finalize = True
    offering.finalized_at, signed = None, offering.finalized_at
    session.commit()
    assert issuing.issue_finalized() == 0
    begin_write(session)
    offering.finalized_at = signed
    session.commit()
    with time_machine.travel(NOW):
        assert issuing.issue_finalized() == 1
        assert issuing.issue_finalized() == 0  # killed and run again: nothing twice


def test_other_classes_wait_for_a_person(session: Session, offering: Offering) -> None:
    session.commit()
    with time_machine.travel(NOW):
        assert issuing.issue_finalized() == 0


def test_a_revoked_certificate_is_not_issued_again_by_itself(
    session: Session, offering: Offering, staff: User
) -> None:
    from certificates.models import RevocationReason
    from certificates.revoking import revoke

    offering.issues_on_finalize = True
    session.commit()
    with time_machine.travel(NOW):
        issuing.issue_finalized()
        issuing.make_waiting()
        begin_write(session)
        row = session.scalars(sa.select(Certificate)).one()
        revoke(session, row, reason=RevocationReason.OTHER, note="a mistake", actor=staff, now=NOW)
        session.commit()
        assert issuing.issue_finalized() == 0


def test_what_is_missing_is_mended_from_the_page_that_names_it(session: Session, client: FlaskClient) -> None:
    offering = finished_class(session, students=1)
    row = session.scalars(sa.select(Enrollment)).one()
    row.license_id, row.certificate_name = None, ""
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, rosa)
    address = f"/teaching/{offering.code}/certificates"
    page = client.get(address).text
    assert "the license number (the office adds it)" in page
    assert "There is no name for the certificate" in page
    mend = f"/office/enrollments/{row.id}/printed"
    assert f'href="{mend}?next=' in page
    license_id = row.student.licenses[0].id
    sent = {"certificate_name": "Maya Okonjo", "license": str(license_id), "profession": ""}
    assert client.post(f"{mend}?next={address}", data=sent).location == address
    assert "1 student is eligible." in client.get(address).text


def test_a_replacement_never_loses_a_line_for_something_that_is_missing(session: Session) -> None:
    finished_class(session, students=1)
    row = session.scalars(sa.select(Enrollment)).one()
    issuing.issue_class(session, row.offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    old = session.scalars(sa.select(Certificate)).one()
    old.enrollment.license_id = None
    session.commit()
    begin_write(session)
    with pytest.raises(RuleError, match="asks for what is missing: the license number"):
        replacing.replace(session, old, certificate_name="Maya O.", actor=None, now=NOW, reason="name")
    session.rollback()
    assert session.get_one(Certificate, old.id).state is CertificateState.ISSUED


def test_whose_certificate_was_revoked_gets_another_only_on_purpose(
    session: Session, client: FlaskClient
) -> None:
    offering = finished_class(session, students=2)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    begin_write(session)
    row = session.scalars(sa.select(Certificate).order_by(Certificate.id)).first()
    assert row is not None
    revoke(session, row, reason=RevocationReason.IDENTITY, note="wrong person", actor=rosa, now=NOW)
    session.commit()
    sign_in(client, rosa)
    address = f"/teaching/{offering.code}/certificates"
    page = client.get(address).text
    assert f"{row.number} was revoked. Another is issued on its own" in page
    assert "Nobody is waiting for a certificate" in page
    assert "no certificate yet" not in client.get("/office/").text
    assert client.post(address).status_code == 422
    assert client.post(address, data={"only": str(row.enrollment_id)}).status_code == 303
    session.rollback()
    states = session.scalars(sa.select(Certificate.state).order_by(Certificate.id)).all()
    assert [state.value for state in states] == ["revoked", "issued", "preparing"]


@pytest.mark.parametrize(
    ("first", "last", "granted"), [(0, 0, True), (-300, -1, False), (1, 300, False), (-1, 1, True)]
)
def test_an_approval_counts_on_its_first_and_last_day_and_else_its_days_are_told(
    session: Session, first: int, last: int, granted: bool
) -> None:
    """Days are counted from the completion date, on the clock of the class."""
    offering = finished_class(session, students=1)
    day = completion_date(offering)
    (approval,) = offering.course.approvals
    approval.valid_from, approval.valid_until = day + timedelta(days=first), day + timedelta(days=last)
    session.flush()
    (line,) = judge_one(session, session.scalars(sa.select(Enrollment)).one()).lines
    assert line.granted is granted
    assert ("the approval was valid from" in line.reason) is not granted
    assert (f"not on {long_date(day)}" in line.reason) is not granted


@pytest.mark.parametrize("sent", ["²", "9" * 30, "9" * 5000, "-1", "x", ""])
def test_a_choice_that_names_nobody_issues_to_nobody(
    session: Session, client: FlaskClient, offering: Offering, sent: str
) -> None:
    lead = lead_of(session, offering)
    session.commit()
    sign_in(client, lead)
    address = f"/teaching/{offering.code}/certificates"
    answer = client.post(address, data={"only": sent})
    assert answer.status_code == 422
    assert "Nothing was issued" in answer.text
    client.post(f"{address}/preview", data={"only": sent})
    assert "Choose whose certificate" in client.get(address).text
    assert session.scalar(sa.select(sa.func.count(Certificate.id))) == 0


def test_who_waits_for_a_payment_is_looked_at_again_without_a_word_in_the_log(
    session: Session, offering: Offering, caplog: pytest.LogCaptureFixture
) -> None:
    school = current_school(session)
    assert school is not None
    school.certificates_need_payment = True
    offering.issues_on_finalize = True
    row = session.scalars(sa.select(Enrollment)).one()
    account = open_account(session, offering, offering.policy, now=NOW, enrollment=row)
    ledger.append(session, account, EntryKind.CHARGE, 5000, actor=None, now=NOW)
    session.commit()
    with time_machine.travel(NOW):
        assert issuing.issue_finalized() == 0
    assert caplog.text == ""
