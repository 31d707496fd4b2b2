"""Policies: a change is the next version; who takes it; what it says in words."""

from dataclasses import asdict, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role, User
from attendance.minutes import Terms, counted_minutes
from attendance.models import MarkStatus
from core.database import writing
from core.errors import RuleError
from courses.models import Course, Policy
from courses.policies import PolicyData, add_policy, add_policy_version, checked, transient, uses_of
from courses.terms import office_words
from tests.courses.test_editing_races import at_once
from tests.factories import NOW, make_course, make_offering, make_policy, make_user

STEPS = [
    {"days_before": 14, "percent": 50, "fee": 2500},
    {"days_before": 30, "percent": 100, "fee": 0},
]
DATA = PolicyData(minimum_percent=95, grace_minutes_per_meeting=10, refunds=STEPS, seat_offer_hours=48)
both = pytest.mark.both_databases


@pytest.fixture
def rosa(session: Session) -> User:
    return make_user(session, Role.REGISTRAR, name="Rosa Delgado")


def words(data: PolicyData) -> str:
    policy = transient("p", 1, checked(data))
    return " ".join(sentence for _heading, lines in office_words(policy, "USD") for sentence in lines)


@both
def test_a_version_stays_as_it_is_and_a_change_is_the_next(session: Session, rosa: User) -> None:
    first = add_policy(session, "evening", DATA, actor=rosa, now=NOW)
    assert (first.version, first.created_at) == (1, NOW)
    assert [step["days_before"] for step in first.refunds] == [30, 14]
    course, other = (make_course(session, policy_id=first.id) for _ in range(2))
    offering = make_offering(session, course, policy_id=first.id)
    later = replace(DATA, minimum_percent=90)
    second = add_policy_version(session, "evening", later, actor=rosa, now=NOW, course_ids=[course.id])
    session.flush()
    session.expire_all()
    assert (second.version, second.minimum_percent, first.minimum_percent) == (2, 90, 95)
    assert (course.policy_id, other.policy_id, offering.policy_id) == (second.id, first.id, first.id)
    uses = uses_of(session, [first.id, second.id], NOW)
    assert [asdict(uses[key]) for key in (first.id, second.id)] == [
        {"courses": 1, "open_classes": 1, "classes": 1},
        {"courses": 1, "open_classes": 0, "classes": 0},
    ]
    over = uses_of(session, [first.id], offering.ends_at + timedelta(minutes=1))
    assert (over[first.id].open_classes, over[first.id].classes) == (0, 1)


@both
def test_a_version_that_says_the_same_and_a_name_that_is_taken_are_refused(
    session: Session, rosa: User
) -> None:
    add_policy(session, "evening", DATA, actor=rosa, now=NOW)
    with pytest.raises(RuleError, match="says what version 1 says already"):
        add_policy_version(session, "evening", DATA, actor=rosa, now=NOW)
    for name in ("evening", "Evening", "new"):
        with pytest.raises(RuleError) as error:
            add_policy(session, name, DATA, actor=rosa, now=NOW)
        assert error.value.field == "code"


@pytest.mark.parametrize(
    ("steps", "told"),
    [([(14, 50), (14, 20)], "same day"), ([(30, 50), (14, 100)], "gives back more")],
)
def test_refunds_that_cannot_be_are_refused(
    session: Session, rosa: User, steps: list[tuple[int, int]], told: str
) -> None:
    refunds = [{"days_before": days, "percent": percent, "fee": 0} for days, percent in steps]
    with pytest.raises(RuleError, match=told) as error:
        add_policy(session, "evening", replace(DATA, refunds=refunds), actor=rosa, now=NOW)
    assert error.value.field == "refunds"


@both
def test_two_versions_at_once_get_two_numbers(app: Flask, session: Session, rosa: User) -> None:
    policy = make_policy(session, code="evening")
    key = rosa.id
    session.commit()

    def add(percent: int) -> None:
        with writing() as own:
            actor = own.get_one(User, key)
            add_policy_version(own, "evening", replace(DATA, minimum_percent=percent), actor=actor, now=NOW)

    raised = at_once(app, *(lambda percent=percent: add(percent) for percent in (80, 81, 82, 83)))
    assert raised == []
    found = session.scalars(sa.select(Policy.version).where(Policy.code == policy.code)).all()
    assert sorted(found) == [1, 2, 3, 4, 5]


def test_a_policy_says_in_words_what_a_student_may_miss() -> None:
    told = words(DATA)
    assert "Up to 10 minutes missed in a meeting count as attended." in told
    assert "Beyond that, a student may miss 60 minutes of a class of 20 hours." in told
    assert "A meeting that was excused counts as missed, until a make-up." in told
    assert "Until 30 days before the class: the whole price." in told
    assert "Until 14 days before the class: 50 percent of the price, less $25.00." in told
    assert "A freed seat is held for the first on the list for 48 hours." in told
    assert "The list closes when the class begins." in told
    other = words(
        replace(
            DATA,
            minimum_percent=100,
            grace_minutes_per_meeting=0,
            excused_counts=True,
            refunds=[],
            free_transfers=2,
            waitlist_cutoff_hours=24,
        )
    )
    assert "A student may miss nothing." in other
    assert "A meeting that was excused counts as attended." in other
    assert "Nothing is refunded when you withdraw." in other
    assert "You may move to another date of the course 2 times without a fee." in other
    assert "The list closes 24 hours before the class." in other


def test_the_words_about_excused_meetings_say_what_attendance_counts() -> None:
    for excused_counts in (False, True):
        counted = counted_minutes(MarkStatus.EXCUSED, 0, 90, Terms(100, 0, excused_counts))
        told = words(replace(DATA, excused_counts=excused_counts))
        assert ("excused counts as attended" in told) == (counted == 90)


def test_courses_are_unchanged_by_a_version_that_none_takes(session: Session, rosa: User) -> None:
    policy = make_policy(session, code="evening")
    course = make_course(session, policy_id=policy.id)
    add_policy_version(session, "evening", DATA, actor=rosa, now=NOW)
    assert session.scalars(sa.select(Course.policy_id)).all() == [policy.id] == [course.policy_id]
