"""Issuing: each eligible student once, numbers without a gap, the PDF made by the worker."""

import resource
import threading
from datetime import timedelta

import pikepdf
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from attendance.models import AttendanceMark, MarkStatus
from certificates import issuing, replacing
from certificates.models import Certificate, CertificateState
from certificates.retrying import try_again
from core.database import begin_write, writing
from core.errors import RuleError
from core.files import store
from courses.models import Approval, Body
from courses.offering_models import Offering
from students.models import Enrollment, EnrollmentState
from tests.factories import NOW, add, make_offering, make_school, make_student, make_user, put_enrollment
from tests.helpers import mails_to, sign_in

pytestmark = pytest.mark.both_databases


def finished_class(session: Session, students: int = 2, minutes: tuple[int, ...] = (90, 90)) -> Offering:
    """A class of two sittings of 90 minutes that is over and signed off; everybody has ``minutes``."""
    make_school(session)
    lead = make_user(session, Role.INSTRUCTOR)
    offering = make_offering(session, starts=NOW - timedelta(days=10), lead=lead, capacity=students + 1)
    body = add(
        session,
        Body(
            code="BOARD",
            title="Board of Bodywork",
            unit="CE hours",
            minutes_per_unit=50,
            step_thousandths=500,
            partial_credit=False,
            requires=["license_number", "provider_number"],
            provider_number="P-1",
            statement="Keep it.",
        ),
    )
    day = (NOW - timedelta(days=300)).date()
    add(
        session,
        Approval(
            course_id=offering.course_id,
            body_id=body.id,
            program_number="PR-1",
            units_thousandths=3500,
            valid_from=day,
            valid_until=day + timedelta(days=600),
        ),
    )
    for _ in range(students):
        enrollment = put_enrollment(session, offering, state=EnrollmentState.COMPLETED)
        mark_all(session, offering, enrollment, minutes)
    offering.finalized_at = NOW - timedelta(days=9)
    session.commit()
    begin_write(session)
    return offering


def mark_all(session: Session, offering: Offering, enrollment: Enrollment, minutes: tuple[int, ...]) -> None:
    for meeting, credited in zip(offering.meetings, minutes, strict=True):
        add(
            session,
            AttendanceMark(
                meeting_id=meeting.id,
                enrollment_id=enrollment.id,
                status=MarkStatus.PRESENT if credited == meeting.credit_minutes else MarkStatus.LATE,
                minutes=credited,
                made_at=meeting.ends_at,
                recorded_at=meeting.ends_at,
            ),
        )


def rows(session: Session) -> list[Certificate]:
    session.expire_all()
    return list(session.scalars(sa.select(Certificate).order_by(Certificate.id)))


def test_everyone_eligible_gets_a_number_and_the_worker_makes_the_pdf(session: Session) -> None:
    offering = finished_class(session)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    assert [row.number for row in rows(session)] == ["TBI-27-0001", "TBI-27-0002"]
    assert {row.state for row in rows(session)} == {CertificateState.PREPARING}
    session.rollback()
    assert issuing.make_waiting() == 2
    first = rows(session)[0]
    assert first.state is CertificateState.ISSUED
    content = store().get(first.pdf_sha256 or "")
    assert first.pdf_size == len(content)
    with pikepdf.open(store().path(first.pdf_sha256 or "")) as pdf:
        assert len(pdf.pages) == 1
        assert first.number in str(pdf.docinfo.get("/Subject", "")) + str(pdf.docinfo.get("/Title", ""))
    assert mails_to(first.enrollment.student.user.email) == ["certificate"]


def test_the_snapshot_keeps_what_was_printed(session: Session) -> None:
    offering = finished_class(session, students=1)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    row = rows(session)[0]
    row.enrollment.certificate_name = "Somebody Else"
    offering.course.title = "Another title"
    session.commit()
    facts = rows(session)[0].snapshot["facts"]
    assert facts["participant"] != "Somebody Else"
    assert facts["course_title"] != "Another title"
    assert facts["credits"] == [
        {
            "body": "BOARD",
            "title": "Board of Bodywork",
            "provider_number": "P-1",
            "program_number": "PR-1",
            "units": "3.5",
            "unit": "CE hours",
            "statement": "Keep it.",
        }
    ]


def test_issuing_again_issues_nothing_new(session: Session) -> None:
    offering = finished_class(session)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    begin_write(session)
    with pytest.raises(RuleError, match="Nobody in this class"):
        issuing.issue_class(session, offering, actor=None, now=NOW)


def test_two_clicks_at_once_issue_one_each(session: Session, app: Flask) -> None:
    offering_id = finished_class(session, students=3).id
    session.rollback()
    refused: list[str] = []
    start = threading.Barrier(4)

    def click() -> None:
        with app.app_context():
            start.wait()
            try:
                with writing() as mine:
                    issuing.issue_class(mine, mine.get_one(Offering, offering_id), actor=None, now=NOW)
            except RuleError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert [row.sequence for row in rows(session)] == [1, 2, 3]
    assert len({row.enrollment_id for row in rows(session)}) == 3


def test_a_missing_license_leaves_the_student_out_until_staff_accept_it(session: Session) -> None:
    offering = finished_class(session, students=1)
    unlicensed = put_enrollment(
        session, offering, make_student(session, licensed=False), EnrollmentState.COMPLETED
    )
    mark_all(session, offering, unlicensed, (90, 90))
    reserved, left_out = issuing.issue_class(session, offering, actor=None, now=NOW)
    assert len(reserved) == 1
    assert [verdict.enrollment.id for verdict in left_out] == [unlicensed.id]
    assert "license number" in left_out[0].problems[0]
    reserved, left_out = issuing.issue_class(session, offering, actor=None, now=NOW, accept_missing=True)
    assert [row.enrollment_id for row in reserved] == [unlicensed.id]
    assert reserved[0].snapshot["facts"]["credits"] == []


def test_an_approval_not_valid_on_the_day_is_never_printed(session: Session) -> None:
    offering = finished_class(session, students=1)
    approval = session.scalars(sa.select(Approval)).one()
    approval.valid_until = (NOW - timedelta(days=11)).date()
    session.flush()
    (row,), _ = issuing.issue_class(session, offering, actor=None, now=NOW)
    assert row.snapshot["facts"]["credits"] == []


def test_a_name_that_no_font_can_print_is_named_before_issuing(session: Session) -> None:
    offering = finished_class(session, students=1)
    enrollment = session.scalars(sa.select(Enrollment)).one()
    enrollment.certificate_name = "Ada \U00030010"  # a character of CJK extension G
    session.flush()
    reserved, left_out = issuing.issue_class(session, offering, actor=None, now=NOW)
    assert reserved == []
    assert len(left_out) == 1


def test_a_worker_that_dies_leaves_a_certificate_that_is_made_later(session: Session) -> None:
    offering = finished_class(session, students=1)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    assert issuing.claim_next(NOW) is not None  # claimed, and then the worker dies
    assert issuing.claim_next(NOW + timedelta(minutes=1)) is None
    assert issuing.claim_next(NOW + timedelta(minutes=6)) is not None


def test_the_second_of_two_workers_changes_nothing(session: Session) -> None:
    offering = finished_class(session, students=1)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    number = rows(session)[0].id
    session.rollback()
    issuing.make_waiting()
    before = rows(session)[0].pdf_sha256
    session.rollback()
    assert issuing.finish(number, rows(session)[0].snapshot, "0" * 64, 1) == 0
    assert rows(session)[0].pdf_sha256 == before


def test_a_corrected_name_supersedes_and_keeps_the_old(session: Session) -> None:
    offering = finished_class(session, students=1)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    begin_write(session)
    old = rows(session)[0]
    fresh = replacing.replace(
        session, old, certificate_name="Robin A. Person", actor=None, now=NOW, reason="misspelt"
    )
    session.commit()
    assert old.state is CertificateState.SUPERSEDED
    assert fresh.supersedes_id == old.id
    assert fresh.number != old.number
    assert fresh.snapshot["facts"]["participant"] == "Robin A. Person"
    session.rollback()
    assert issuing.make_waiting() == 1


def test_without_a_public_address_nothing_is_issued(session: Session, app: Flask) -> None:
    from dataclasses import replace

    offering = finished_class(session, students=1)
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(before, public_url="")
    try:
        with pytest.raises(RuleError, match="PUBLIC_URL"):
            issuing.issue_class(session, offering, actor=None, now=NOW)
    finally:
        app.extensions["settings"] = before


def test_a_full_disk_leaves_nothing_half_issued(session: Session, app: Flask) -> None:
    """The system refuses to write a file as long as a certificate, as a full disk would."""
    offering = finished_class(session, students=1)
    staff = make_user(session, Role.REGISTRAR)
    issuing.issue_class(session, offering, actor=staff, now=NOW)
    session.commit()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if session.get_bind().dialect.name == "sqlite":
        session.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
    session.rollback()
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        assert issuing.make_waiting() == 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    session.expire_all()
    row = session.scalars(sa.select(Certificate)).one()
    assert row.state is CertificateState.PREPARING
    assert row.problem == "The disk for stored files is full: File too large."
    assert row.pdf_sha256 is None
    assert [path for path in app.extensions["settings"].files_path.rglob("*") if path.is_file()] == []
    email = row.enrollment.student.user.email
    assert mails_to(email) == []
    session.commit()
    begin_write(session)
    try_again(session, session.get_one(Certificate, row.id), actor=staff, now=NOW)
    session.commit()
    assert issuing.make_waiting() == 1
    assert mails_to(email) == ["certificate"]


def test_what_could_not_be_made_is_tried_again_with_what_was_put_right_and_keeps_its_number(
    session: Session, client: FlaskClient
) -> None:
    offering = finished_class(session, students=1)
    staff = make_user(session, Role.REGISTRAR)
    (body,) = session.scalars(sa.select(Body)).all()
    body.statement = "This statement goes on and on. " * 100
    issuing.issue_class(session, offering, actor=staff, now=NOW)
    session.commit()
    assert issuing.make_waiting() == 0
    (row,) = rows(session)
    number, token, student = row.number, row.token, row.enrollment.student.user
    assert "do not fit on one page" in row.problem
    sign_in(client, student)
    waits = client.get(f"/certificates/{number}.pdf")
    assert (waits.status_code, "Refresh" in waits.headers) == (409, False)
    assert "could not be made yet" in waits.text
    body = session.get_one(Body, body.id)
    body.statement = "Short."
    session.commit()
    begin_write(session)
    try_again(session, session.get_one(Certificate, row.id), actor=staff, now=NOW)
    session.commit()
    assert issuing.make_waiting() == 1
    (row,) = rows(session)
    assert (row.number, row.token, row.state) == (number, token, CertificateState.ISSUED)
    assert row.snapshot["facts"]["credits"][0]["statement"] == "Short."
    assert row.snapshot["facts"]["number"] == number


def test_trying_again_keeps_the_facts_of_who_would_not_be_given_it_today(session: Session) -> None:
    offering = finished_class(session, students=1)
    staff = make_user(session, Role.REGISTRAR)
    issuing.issue_class(session, offering, actor=staff, now=NOW)
    (row,) = rows(session)
    before = row.snapshot
    row.problem = "the disk was full"
    row.enrollment.license_id = None  # the body's line would be lost
    row.enrollment.certificate_name = "Somebody Else"
    try_again(session, row, actor=staff, now=NOW)
    assert rows(session)[0].snapshot == before


def test_a_file_that_was_made_of_older_facts_is_not_issued(session: Session) -> None:
    offering = finished_class(session, students=1)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    (row,) = rows(session)
    older = row.snapshot | {"facts": row.snapshot["facts"] | {"participant": "Somebody Else"}}
    number = row.id
    session.rollback()
    assert issuing.finish(number, older, "0" * 64, 1) == 0
    assert rows(session)[0].state is CertificateState.PREPARING
