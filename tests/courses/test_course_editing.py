"""Editing courses: codes, prerequisites, approvals, publishing."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import audit
from core.errors import RuleError
from courses.course_editing import (
    CourseData,
    PlannedApproval,
    circle,
    create_course,
    edit_course,
    publish_course,
    retire_course,
)
from courses.models import Body, Course, CourseState, Delivery, PrerequisiteKind, Subject
from tests.factories import NOW, add, make_body, make_course, make_policy, make_screening, make_user

pytestmark = pytest.mark.both_databases
REQUIRED = PrerequisiteKind.REQUIRED


@pytest.fixture
def rosa(session: Session) -> User:
    return make_user(session, Role.REGISTRAR, name="Rosa Delgado")


def data(session: Session, **values: Any) -> CourseData:
    defaults: dict[str, Any] = {
        "code": "CST9",
        "title": "Nine",
        "subject": "Craniosacral",
        "level": "Level 9",
        "delivery": Delivery.IN_PERSON,
        "summary": "What is taught.",
        "outcomes": ["Do one thing."],
        "days": 2,
        "contact_minutes": 720,
        "default_capacity": 12,
        "assistant_ratio": 6,
        "price_cents": 42000,
        "preparation": "",
        "open_to": ["LMT"],
        "validity_months": None,
    }
    if "policy_id" not in values:
        defaults |= {"policy_id": make_policy(session).id, "screening_set_id": make_screening(session).id}
    return CourseData(**(defaults | values))


def same(course: Course, **values: Any) -> CourseData:
    names = set(CourseData.__dataclass_fields__) - {"subject", "prerequisites", "approvals"}
    stored = {name: getattr(course, name) for name in names}
    prerequisites = {row.needs_id: row.kind for row in course.prerequisites}
    return CourseData(
        **({**stored, "subject": course.subject.title, "prerequisites": prerequisites} | values)
    )


def body(session: Session) -> Body:
    return make_body(session, title="The Board")


def test_a_new_course_is_a_draft_in_its_subject(session: Session, rosa: User) -> None:
    subject = add(session, Subject(title="Craniosacral"))
    course = create_course(session, data(session, subject="craniosacral"), actor=rosa, now=NOW)
    assert (course.state, course.subject_id) == (CourseState.DRAFT, subject.id)
    session.commit()
    assert audit.last_change(session, course) == ("Rosa Delgado", NOW)


def test_a_code_is_taken_once(session: Session, rosa: User) -> None:
    make_course(session, code="CST9")
    with pytest.raises(RuleError, match="already") as error:
        create_course(session, data(session), actor=rosa, now=NOW)
    assert error.value.field == "code"


def test_a_published_code_stays(session: Session, rosa: User) -> None:
    course = make_course(session, code="CST8")
    with pytest.raises(RuleError, match="only while the course is a draft"):
        edit_course(session, course, same(course, code="CST7"), actor=rosa, now=NOW)
    course.state = CourseState.DRAFT
    assert edit_course(session, course, same(course, code="CST7"), actor=rosa, now=NOW) == ["code"]


def test_saving_what_is_stored_changes_and_records_nothing(session: Session, rosa: User) -> None:
    course = make_course(session)
    assert edit_course(session, course, same(course), actor=rosa, now=NOW) == []
    session.commit()
    assert audit.last_change(session, course) is None


def test_a_course_cannot_come_before_itself(session: Session, rosa: User) -> None:
    one, two, three = (make_course(session, code=f"CST{n}") for n in (1, 2, 3))
    edit_course(session, two, same(two, prerequisites={one.id: REQUIRED}), actor=rosa, now=NOW)
    edit_course(session, three, same(three, prerequisites={two.id: REQUIRED}), actor=rosa, now=NOW)
    with pytest.raises(RuleError, match="CST1 → CST3 → CST2 → CST1"):
        edit_course(session, one, same(one, prerequisites={three.id: REQUIRED}), actor=rosa, now=NOW)
    with pytest.raises(RuleError, match="CST1 → CST1"):
        edit_course(session, one, same(one, prerequisites={one.id: REQUIRED}), actor=rosa, now=NOW)


def test_two_ways_to_one_course_are_no_circle() -> None:
    assert circle({1: [2, 3], 2: [4], 3: [4], 4: []}, 1) == []
    assert circle({1: [2], 2: [3], 3: [2]}, 1) == []


def test_prerequisites_are_added_changed_and_taken_away(session: Session, rosa: User) -> None:
    one, two, three = (make_course(session) for _ in range(3))
    edit_course(session, three, same(three, prerequisites={one.id: REQUIRED}), actor=rosa, now=NOW)
    wanted = {one.id: PrerequisiteKind.RECOMMENDED, two.id: REQUIRED}
    assert edit_course(session, three, same(three, prerequisites=wanted), actor=rosa, now=NOW) == [
        "prerequisites"
    ]
    session.refresh(three)
    assert {row.needs_id: row.kind for row in three.prerequisites} == wanted
    edit_course(session, three, same(three, prerequisites={}), actor=rosa, now=NOW)
    session.refresh(three)
    assert three.prerequisites == []


def test_approvals_of_one_body_do_not_overlap(session: Session, rosa: User) -> None:
    course, board = make_course(session), body(session)

    def approval(first: int, last: int, **values: Any) -> PlannedApproval:
        return PlannedApproval(
            body_id=board.id,
            program_number="P1",
            units_thousandths=28500,
            valid_from=date(first, 1, 1),
            valid_until=date(last, 12, 31),
            **values,
        )

    edit_course(session, course, same(course, approvals=[approval(2026, 2027)]), actor=rosa, now=NOW)
    (stored,) = course.approvals
    with pytest.raises(RuleError, match="Two approvals of The Board hold on the same day"):
        edit_course(
            session,
            course,
            same(course, approvals=[approval(2026, 2027), approval(2027, 2028)]),
            actor=rosa,
            now=NOW,
        )
    with pytest.raises(RuleError, match="ends before it begins"):
        edit_course(session, course, same(course, approvals=[approval(2027, 2026)]), actor=rosa, now=NOW)
    wanted = [approval(2025, 2026, id=stored.id), approval(2027, 2028)]
    edit_course(session, course, same(course, approvals=wanted), actor=rosa, now=NOW)
    session.refresh(course)
    assert {(row.id == stored.id, row.valid_from.year) for row in course.approvals} == {
        (True, 2025),
        (False, 2027),
    }


def test_a_course_is_published_retired_and_published_again(session: Session, rosa: User) -> None:
    course = make_course(session, state=CourseState.DRAFT)
    with pytest.raises(RuleError, match="Only a published course"):
        retire_course(session, course, actor=rosa, now=NOW)
    publish_course(session, course, actor=rosa, now=NOW)
    with pytest.raises(RuleError, match="published already"):
        publish_course(session, course, actor=rosa, now=NOW)
    retire_course(session, course, actor=rosa, now=NOW)
    publish_course(session, course, actor=rosa, now=NOW)
    assert course.state is CourseState.PUBLISHED


def test_a_course_without_outcomes_is_not_published(session: Session, rosa: User) -> None:
    course = make_course(session, state=CourseState.DRAFT, outcomes=[])
    with pytest.raises(RuleError, match="at least one outcome"):
        publish_course(session, course, actor=rosa, now=NOW)


def test_wording_that_was_kept_knowingly_is_in_the_log(session: Session, rosa: User) -> None:
    course = create_course(session, data(session), actor=rosa, now=NOW, kept_wording=["It relieves pain"])
    session.commit()
    event = session.query(audit.AuditEvent).filter_by(subject_id=course.id).one()
    assert (event.payload or {})["kept_wording"] == ["It relieves pain"]
