"""Editing bodies: what they are, what they refuse, what rests on them."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role, User
from attendance.minutes import BodyRule
from certificates.eligibility import has_fact
from core import audit
from core.database import writing
from core.errors import RuleError
from courses.bodies import (
    ALWAYS,
    FACTS,
    BodyData,
    create_body,
    edit_body,
    remove_body,
    resting_on,
    units_of,
    uses_of,
)
from courses.course_editing import PlannedApproval, edit_course
from courses.models import Approval, Body, Course
from students.people import student_of
from tests.courses.test_course_editing import same
from tests.courses.test_editing_races import at_once
from tests.factories import (
    NOW,
    add,
    make_body,
    make_course,
    make_offering,
    make_student,
    make_user,
    put_enrollment,
)

pytestmark = pytest.mark.both_databases

BOARD = BodyData(
    title="Board of Bodywork",
    unit="CE hours",
    minutes_per_unit=50,
    step_thousandths=250,
    partial_credit=True,
    requires=["place"],
)


@pytest.fixture
def rosa(session: Session) -> User:
    return make_user(session, Role.REGISTRAR)


def approve(session: Session, course: Course, body: Body, thousandths: int = 28500) -> Approval:
    approval: Approval = add(
        session,
        Approval(
            course_id=course.id,
            body_id=body.id,
            program_number="P-1",
            units_thousandths=thousandths,
            valid_from=date(2027, 1, 1),
            valid_until=date(2028, 1, 1),
        ),
    )
    return approval


def test_a_body_has_a_code_of_its_own_however_it_is_written(session: Session, rosa: User) -> None:
    body = create_body(session, "NCB", BOARD, actor=rosa, now=NOW)
    assert (body.step, body.partial_credit, body.retention_years) == (Fraction(1, 4), True, 7)
    for code in ("NCB", "ncb", "NEW"):
        with pytest.raises(RuleError) as error:
            create_body(session, code, BOARD, actor=rosa, now=NOW)
        assert error.value.field == "code"


def test_a_period_needs_its_length(session: Session, rosa: User) -> None:
    body = create_body(session, "NCB", BOARD, actor=rosa, now=NOW)
    for values in ({"renewal_units_thousandths": 24000}, {"renewal_ends_on": date(2027, 8, 31)}):
        with pytest.raises(RuleError) as error:
            edit_body(session, body, replace(BOARD, **values), actor=rosa, now=NOW)
        assert error.value.field == "renewal_months"
        edit_body(session, body, replace(BOARD, renewal_months=24, **values), actor=rosa, now=NOW)


def test_the_log_keeps_what_a_rule_was(session: Session, rosa: User) -> None:
    body = create_body(session, "NCB", BOARD, actor=rosa, now=NOW)
    later = replace(
        BOARD, minutes_per_unit=60, step_thousandths=500, renewal_months=12, renewal_ends_on=date(2027, 8, 31)
    )
    changed = edit_body(session, body, later, actor=rosa, now=NOW)
    assert changed == ["minutes_per_unit", "step_thousandths", "renewal_months", "renewal_ends_on"]
    assert edit_body(session, body, later, actor=rosa, now=NOW) == []
    session.commit()
    event = session.scalars(sa.select(audit.AuditEvent).order_by(audit.AuditEvent.id.desc())).first()
    assert event is not None
    assert event.action == "courses:body:changed"
    assert (event.payload or {})["before"] == {
        "minutes_per_unit": 50,
        "step": "0.25",
        "renewal_months": None,
        "renewal_ends_on": None,
    }


def test_an_unused_body_goes_and_one_with_an_approval_stays(session: Session, rosa: User) -> None:
    used, unused = make_body(session), make_body(session)
    approve(session, make_course(session, code="CST1"), used)
    with pytest.raises(RuleError, match="1 course has an approval by it: CST1"):
        remove_body(session, used, actor=rosa, now=NOW)
    assert uses_of(session, unused) == []
    remove_body(session, unused, actor=rosa, now=NOW)
    assert session.scalars(sa.select(Body.id)).all() == [used.id]


def test_an_approval_by_a_body_that_was_removed_meanwhile_is_refused(session: Session, rosa: User) -> None:
    course, body = make_course(session), make_body(session)
    plan = PlannedApproval(
        body_id=body.id,
        program_number="P-1",
        units_thousandths=1000,
        valid_from=date(2027, 1, 1),
        valid_until=date(2028, 1, 1),
    )
    remove_body(session, body, actor=rosa, now=NOW)
    with pytest.raises(RuleError, match="has been removed"):
        edit_course(session, course, same(course, approvals=[plan]), actor=rosa, now=NOW)


def test_what_rests_on_a_body_says_where_full_attendance_falls_short(session: Session) -> None:
    body = make_body(session, minutes_per_unit=60, step_thousandths=500)
    short = make_course(session, code="CST1", contact_minutes=1440)
    enough = make_course(session, code="CST2", contact_minutes=1710)
    for course in (short, enough):
        approve(session, course, body)
    make_offering(session, short)
    make_offering(session, short, finalized_at=NOW)
    found = [
        (row.course.code, row.full, row.falls_short, row.open_classes) for row in resting_on(session, body)
    ]
    assert found == [("CST1", 24, True, 1), ("CST2", Fraction(57, 2), False, 0)]


@pytest.mark.parametrize(
    ("minutes", "per_unit", "step", "units"),
    [
        (1440, 50, Fraction(1, 2), Fraction(57, 2)),
        (89, 50, Fraction(1, 4), Fraction(7, 4)),
        (100, 60, Fraction(1, 1000), Fraction(1666, 1000)),
        (599, 600, Fraction(1, 10), Fraction(9, 10)),
        (29, 50, Fraction(3, 10), Fraction(3, 10)),
        (0, 50, Fraction(1, 2), 0),
    ],
)
def test_units_are_exact_and_rounded_down_to_the_step(
    minutes: int, per_unit: int, step: Fraction, units: Fraction
) -> None:
    assert units_of(minutes, per_unit, step) == units
    assert BodyRule("B", "Board", "h", per_unit, step, Fraction(1000), True).units(minutes) == units


def test_eligibility_knows_every_fact_that_the_form_offers(session: Session) -> None:
    body = make_body(session, provider_number="P-1", statement="Keep it.")
    student = make_student(session)
    offering = make_offering(session, lead=make_user(session, Role.INSTRUCTOR))
    approval = approve(session, offering.course, body)
    enrollment = put_enrollment(session, offering, student_of(session, student.user))
    enrollment.license = student.licenses[0]
    session.refresh(offering)
    missing = [what for what in (*FACTS, *ALWAYS) if not has_fact(what, offering, enrollment, approval)]
    assert missing == []
    assert not has_fact("shoe_size", offering, enrollment, approval)


def test_a_body_is_removed_or_approves_a_course_but_not_both(
    app: Flask, session: Session, rosa: User
) -> None:
    course, body = make_course(session), make_body(session)
    ids = course.id, body.id, rosa.id
    session.commit()
    plan = PlannedApproval(
        body_id=body.id,
        program_number="P-1",
        units_thousandths=1000,
        valid_from=date(2027, 1, 1),
        valid_until=date(2028, 1, 1),
    )
    wanted = same(course, approvals=[plan])
    session.rollback()

    def remove() -> None:
        with writing() as own:
            remove_body(own, own.get_one(Body, ids[1]), actor=own.get_one(User, ids[2]), now=NOW)

    def approve_it() -> None:
        with writing() as own:
            found = own.get_one(Course, ids[0])
            edit_course(own, found, wanted, actor=own.get_one(User, ids[2]), now=NOW)

    raised = at_once(app, remove, approve_it)
    assert [type(error) for error in raised] == [RuleError]
    bodies = session.scalar(sa.select(sa.func.count()).select_from(Body))
    approvals = session.scalar(sa.select(sa.func.count()).select_from(Approval))
    assert bodies == approvals
