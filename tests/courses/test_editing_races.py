"""Two registrars at once: one form saved by both, one room booked by both, one circle closed from both ends."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.database import writing
from core.errors import RuleError
from courses.bodies import BodyData, create_body
from courses.course_editing import create_course, edit_course
from courses.models import Course, Prerequisite, PrerequisiteKind
from courses.offering_models import Offering
from courses.offerings import create_offering
from courses.policies import PolicyData, add_policy
from courses.safety_lists import SafetyListData, add_safety_list
from courses.scheduling import following_days, parse_pattern, plan
from courses.venues import VenueData, create_venue
from tests.courses.test_course_editing import same
from tests.courses.test_offerings import new
from tests.factories import NOW, make_course, make_offering, make_school, make_user, make_venue
from tests.helpers import fields_of, sign_in

pytestmark = pytest.mark.both_databases


def at_once(app: Flask, *acts: Callable[[], None]) -> list[Exception]:
    """Do these at the same time, each in a context of its own; returns what they raised."""
    barrier, raised = threading.Barrier(len(acts)), list[Exception]()

    def run(act: Callable[[], None]) -> None:
        with app.app_context():
            barrier.wait()
            try:
                act()
            except Exception as error:
                raised.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_of_six_who_save_one_class_one_does_and_the_others_are_told(app: Flask, session: Session) -> None:
    make_school(session)
    make_offering(session, code="CST1-A", price_cents=79500)
    people = [make_user(session, Role.REGISTRAR) for _ in range(6)]
    session.commit()
    address, answers = "/office/classes/cst1-a/edit", list[tuple[int, str, int]]()

    def saver(number: int, person: User) -> Callable[[], None]:
        client = app.test_client()
        sign_in(client, person)
        form = fields_of(client.get(address)) | {"price": str(100 + number), "notes": f"Note {number}"}

        def save() -> None:
            answer = client.post(address, data=form)
            answers.append((answer.status_code, answer.text, number))

        return save

    acts = [saver(number, person) for number, person in enumerate(people)]
    session.rollback()
    assert at_once(app, *acts) == []
    assert sorted(status for status, _text, _number in answers) == [303, 422, 422, 422, 422, 422]
    (winner,) = (number for status, _text, number in answers if status == 303)
    stored = session.scalars(sa.select(Offering)).one()
    assert (stored.price_cents, stored.notes) == (10000 + 100 * winner, f"Note {winner}")
    for status, text, number in answers:
        if status == 422:
            assert "saved this on" in text
            assert f"Note {number}" in text
            assert f"<dt>Notes for students</dt><dd>Note {winner}</dd>" in text


def test_one_room_is_not_booked_twice_unknowingly(app: Flask, session: Session) -> None:
    course, hall = make_course(session), make_venue(session, time_zone="America/Chicago")
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    data = new(
        course,
        hall,
        meetings=plan(following_days(date(2027, 5, 3), 2), parse_pattern("09:00-12:00"), "America/Chicago"),
    )
    key = rosa.id
    session.rollback()

    def book() -> None:
        with writing() as own:
            create_offering(own, data, actor=own.get_one(User, key), now=NOW)

    raised = at_once(app, *[book] * 4)
    assert [type(error).__name__ for error in raised] == ["ConflictError"] * 3
    assert session.scalar(sa.select(sa.func.count(Offering.id))) == 1


def test_a_circle_is_not_closed_from_both_ends(app: Flask, session: Session) -> None:
    one, two = make_course(session), make_course(session)
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    keys, actor = (one.id, two.id), rosa.id
    session.rollback()

    def needs(course_id: int, needs_id: int) -> Callable[[], None]:
        def act() -> None:
            with writing() as own:
                course = own.get_one(Course, course_id)
                data = same(course, prerequisites={needs_id: PrerequisiteKind.REQUIRED})
                edit_course(own, course, data, actor=own.get_one(User, actor), now=NOW)

        return act

    raised = at_once(app, needs(*keys), needs(*reversed(keys)))
    assert [type(error) for error in raised] == [RuleError]
    assert "form a circle" in str(raised[0])
    assert session.scalar(sa.select(sa.func.count()).select_from(Prerequisite)) == 1


@pytest.mark.parametrize("what", ["body", "policy", "safety list", "venue", "course"])
def test_of_two_who_add_the_same_code_one_does_and_the_other_is_told(
    app: Flask, session: Session, what: str
) -> None:
    who, course = make_user(session, Role.REGISTRAR).id, make_course(session)
    data = replace(same(course), code="TWICE")
    session.commit()
    board = BodyData(
        title="Board", unit="h", minutes_per_unit=50, step_thousandths=500, partial_credit=True, requires=[]
    )
    terms = PolicyData(minimum_percent=90, refunds=[], seat_offer_hours=48)
    lists = SafetyListData(do_not_receive=[], ask_first=[])
    place = VenueData(code="TWICE", name="Hall", time_zone="America/Chicago", seats=10)
    rules: dict[str, Callable[..., object]] = {
        "body": lambda own, **by: create_body(own, "TWICE", board, **by),
        "policy": lambda own, **by: add_policy(own, "TWICE", terms, **by),
        "safety list": lambda own, **by: add_safety_list(own, "TWICE", lists, **by),
        "venue": lambda own, **by: create_venue(own, place, **by),
        "course": lambda own, **by: create_course(own, data, **by),
    }

    def add_it() -> None:
        with writing() as own:
            rules[what](own, actor=own.get_one(User, who), now=NOW)
            time.sleep(0.05)  # so that the other looks before this one is there

    raised = at_once(app, add_it, add_it)
    assert [type(error) for error in raised] == [RuleError]
    assert getattr(raised[0], "field", "") == "code"
