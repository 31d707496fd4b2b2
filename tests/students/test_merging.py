"""Two records of one person become one, history and all."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.audit import AuditEvent
from core.database import begin_write
from core.errors import RuleError
from students import duplicates, merging, newcomers
from students import enrollment as enrolling
from students.models import Enrollment, EnrollmentState, License, PrerequisiteGrant, Student
from tests.factories import (
    NOW,
    make_course,
    make_offering,
    make_school,
    make_student,
    make_user,
    put_enrollment,
)
from tests.helpers import sign_in
from tests.students.acting import ask, request_of
from tests.students.fees import account_of, pay, registrar, require_sums

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def _school(session: Session) -> None:
    make_school(session)


def twins(session: Session) -> tuple[Student, Student]:
    keep = make_student(session, make_user(session, name="Alice Okafor", email="alice@x.example"))
    gone = make_student(session, make_user(session, name="Alice Okafor", email="alice+school@x.example"))
    gone.licenses[0].number = keep.licenses[0].number
    session.flush()
    return keep, gone


def test_everything_moves_to_the_record_that_stays(session: Session) -> None:
    keep, gone = twins(session)
    staff = registrar(session)
    mine = ask(session, make_offering(session), keep)
    theirs = ask(session, make_offering(session), gone)
    pay(session, account_of(session, theirs), 20000, actor=staff)
    before = put_enrollment(
        session, make_offering(session, starts=NOW - timedelta(days=90)), gone, EnrollmentState.COMPLETED
    )
    session.add(License(student_id=gone.id, profession="PT", jurisdiction="IL", number="7"))
    for student in (keep, gone):
        session.add(
            PrerequisiteGrant(
                student_id=student.id,
                course_id=mine.offering.course_id,
                reason="Known",
                granted_by_id=staff.id,
                granted_at=NOW,
            )
        )
    extra = make_course(session)
    session.add(
        PrerequisiteGrant(
            student_id=gone.id, course_id=extra.id, reason="Abroad", granted_by_id=staff.id, granted_at=NOW
        )
    )
    session.commit()
    begin_write(session)
    keep = merging.merge(session, keep.id, gone.id, actor=staff, now=NOW)
    session.commit()
    begin_write(session)
    owners = session.scalars(sa.select(Enrollment.student_id).distinct()).all()
    assert owners == [keep.id]
    assert {row.id for row in session.scalars(sa.select(Enrollment))} == {mine.id, theirs.id, before.id}
    assert session.get_one(Enrollment, theirs.id).license_id == keep.licenses[0].id
    assert [(row.profession, row.jurisdiction) for row in keep.licenses] == [("LMT", "OR"), ("PT", "IL")]
    granted = session.scalars(
        sa.select(PrerequisiteGrant.course_id).where(PrerequisiteGrant.student_id == keep.id)
    ).all()
    assert set(granted) == {mine.offering.course_id, extra.id}
    assert account_of(session, theirs).paid_cents == 20000
    gone = session.get_one(Student, gone.id)
    assert (gone.merged_into_id, gone.user.is_active, gone.user.session_version) == (keep.id, False, 2)
    event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "students:student:merged")).one()
    assert event.payload is not None
    assert event.payload["gone_email"] == "alice+school@x.example"
    require_sums(session)
    assert duplicates.find(session) == []


def test_whoever_uses_the_old_address_finds_the_merged_record(session: Session) -> None:
    keep, gone = twins(session)
    old = gone.user.email
    merging.merge(session, keep.id, gone.id, actor=registrar(session), now=NOW)
    assert newcomers.find_or_invite(session, email=old, name="Alice", actor=None, now=NOW).id == keep.id


def test_two_that_sit_in_the_same_class_are_not_merged(session: Session) -> None:
    keep, gone = twins(session)
    offering = make_offering(session, code="CST1-A")
    ask(session, offering, keep)
    ask(session, offering, gone)
    with pytest.raises(RuleError, match="Both are in CST1-A"):
        merging.merge(session, keep.id, gone.id, actor=registrar(session), now=NOW)


def test_two_on_one_signed_off_roll_stay_two_and_nobody_is_told_to_withdraw(
    session: Session, client: FlaskClient
) -> None:
    keep, gone = twins(session)
    offering = make_offering(session, code="CST1-A", starts=NOW - timedelta(days=9), finalized_at=NOW)
    for student in (keep, gone):
        put_enrollment(session, offering, student, EnrollmentState.COMPLETED)
    rosa = registrar(session)
    with pytest.raises(RuleError, match="signed-off roll of CST1-A"):
        merging.merge(session, keep.id, gone.id, actor=rosa, now=NOW)
    session.commit()
    sign_in(client, rosa)
    shown = client.get(f"/office/people/merge/{keep.id}/{gone.id}").text
    assert "They stay two records." in shown
    assert "Merge them" not in shown
    assert "This can&#39;t be undone" not in shown


def test_a_record_is_merged_once_and_not_into_itself(session: Session) -> None:
    keep, gone = twins(session)
    staff = registrar(session)
    teacher = make_student(session, make_user(session, Role.INSTRUCTOR))
    other_teacher = make_student(session, make_user(session, Role.INSTRUCTOR))
    for first, second, says in (
        (keep, keep, "the same record"),
        (keep, teacher, "Merge the other way round"),
        (teacher, other_teacher, "Only a student’s account can go"),
    ):
        with pytest.raises(RuleError, match=says):
            merging.merge(session, first.id, second.id, actor=staff, now=NOW)
    merging.merge(session, keep.id, gone.id, actor=staff, now=NOW)
    with pytest.raises(RuleError, match="merged already"):
        merging.merge(session, keep.id, gone.id, actor=staff, now=NOW)


def test_the_office_merges_after_asking(session: Session, client: FlaskClient) -> None:
    keep, gone = twins(session)
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, rosa)
    shown = client.get("/office/people/duplicates").text
    address = f"/office/people/merge/{keep.id}/{gone.id}"
    assert address in shown
    assert "alice+school@x.example" in client.get(address).text
    done = client.post(address, follow_redirects=True)
    assert "The two are one" in done.text
    assert client.post(address).status_code == 422
    assert client.get(f"/office/people/merge/{keep.id}/999").status_code == 404
    session.rollback()
    assert (
        session.scalar(sa.select(User.disabled_at).where(User.email == "alice+school@x.example")) is not None
    )


def test_nobody_else_merges(session: Session, client: FlaskClient, app: Flask) -> None:
    keep, gone = twins(session)
    student = keep.user
    session.commit()
    address = f"/office/people/merge/{keep.id}/{gone.id}"
    assert app.test_client().post(address).status_code == 303
    sign_in(client, student)
    assert client.get(address).status_code == 403
    assert client.post(address).status_code == 403


def test_nobody_enrolls_on_a_record_that_was_merged_away_meanwhile(session: Session) -> None:
    keep, gone = make_student(session), make_student(session)
    offering = make_offering(session)
    request = request_of(offering, gone)
    merged = sa.update(Student).where(Student.id == gone.id).values(merged_into_id=keep.id)
    session.execute(merged.execution_options(synchronize_session=False))  # as another transaction would
    with pytest.raises(RuleError, match="merged"):
        enrolling.enroll(session, offering, gone, request, actor=gone.user, now=NOW)


def test_whoever_was_merged_twice_is_found_at_one_step(session: Session) -> None:
    staff = registrar(session)
    first, second, third = (make_student(session) for _ in range(3))
    old = first.user.email
    merging.merge(session, second.id, first.id, actor=staff, now=NOW)
    merging.merge(session, third.id, second.id, actor=staff, now=NOW)
    assert newcomers.find_or_invite(session, email=old, name="Alice", actor=None, now=NOW).id == third.id
