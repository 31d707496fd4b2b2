"""The office's pages for policies."""

import threading
import time
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import User
from core.database import writing
from courses.models import Policy
from courses.policies import PolicyData, add_policy_version
from tests.courses.test_editing_races import at_once
from tests.factories import NOW, make_course, make_offering, make_policy
from tests.helpers import MANY, fields_of, statements

POLICY: dict[str, Any] = {
    "code": "evening",
    "minimum_percent": "95",
    "grace_minutes_per_meeting": "10",
    "deposit": "120.50",
    "balance_due_days": "14",
    "refunds-0-days_before": "7",
    "refunds-0-percent": "50",
    "refunds-0-fee": "",
    "refunds-1-days_before": "21",
    "refunds-1-percent": "100",
    "refunds-1-fee": "25",
    "refunds-2-days_before": "",
    "refunds-2-percent": "",
    "refunds-2-fee": "",
    "free_transfers": "1",
    "repeat_price_percent": "50",
    "seat_offer_hours": "48",
    "waitlist_cutoff_hours": "24",
}
NEW = "/office/policies/new"


def stored(session: Session) -> list[Policy]:
    session.rollback()
    return list(session.scalars(sa.select(Policy).order_by(Policy.code, Policy.version)))


def test_a_policy_is_shown_in_words_and_then_stored(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    shown = client.post(NEW, data=POLICY | {"act": "preview"})
    assert shown.status_code == 200
    for told in (
        "Beyond that, a student may miss 60 minutes of a class of 20 hours.",
        "$120.50 holds your seat. The rest is due 14 days before the class",
        "Until 21 days before the class: the whole price, less $25.00.",
        "Until 7 days before the class: 50 percent of the price.",
    ):
        assert told in shown.text
    assert stored(session) == []
    saved = client.post(NEW, data=fields_of(shown) | {"act": "save"}, follow_redirects=True)
    assert "evening is stored." in saved.text
    (policy,) = stored(session)
    assert (policy.version, policy.deposit_cents, policy.excused_counts) == (1, 12050, False)
    assert policy.refunds == [
        {"days_before": 21, "percent": 100, "fee": 2500},
        {"days_before": 7, "percent": 50, "fee": 0},
    ]
    page = client.get("/office/policies/Evening/1").text
    assert "Until 21 days before the class" in page
    assert "A course takes it on its own page." in page
    assert "New classes take it" not in page


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"code": ""}, ["Name: Fill this in."]),
        ({"code": "two words"}, ["Name: A name here has only letters A to Z"]),
        ({"code": "new"}, ["Name: This word stands in an address already."]),
        ({"refunds-0-percent": ""}, ["Percent of the price back: Fill this in."]),
        ({"refunds-2-fee": "5"}, ["Days before the class, or more: Fill this in."]),
        ({"refunds-0-days_before": "21"}, ["Two steps begin on the same day."]),
        ({"refunds-0-percent": "100", "refunds-1-percent": "50"}, ["gives back more than one before it"]),
        (
            {"minimum_percent": "101", "seat_offer_hours": "0", "deposit": "lots"},
            [
                "percent: Use a number from 0 to 100.",
                "A freed seat is held, hours: Use a number from 1 to",
                "Deposit: Use an amount like 12.50.",
            ],
        ),
    ],
)
@pytest.mark.parametrize("act", ["preview", "save"])
def test_bad_input_is_told_at_its_field_and_kept(
    session: Session, client: FlaskClient, rosa: User, wrong: dict[str, Any], told: list[str], act: str
) -> None:
    typed = POLICY | {"balance_due_days": "13", "act": act} | wrong
    if act == "preview" and wrong.get("code") == "new":
        return  # only storing looks at names that are taken
    answer = client.post(NEW, data=typed)
    assert answer.status_code == 422
    for words in told:
        assert words in answer.text
    assert {key: fields_of(answer)[key] for key in typed if key != "act"} == {
        key: value for key, value in typed.items() if key != "act"
    }
    assert stored(session) == []


def test_the_next_version_is_taken_by_the_courses_that_are_ticked(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    policy = make_policy(session, code="standard")
    first, second = (make_course(session, code=code, policy_id=policy.id) for code in ("CST1", "CST2"))
    offering = make_offering(session, first, policy_id=policy.id, code="CST1-A")
    make_course(session, code="OTHER")
    session.commit()
    page = client.get("/office/policies/standard/1")
    assert "CST1-A" in page.text
    assert "2 courses" in page.text
    address = "/office/policies/standard/1/new-version"
    page = client.get(address)
    assert "OTHER" not in page.text
    assert page.text.count(" checked") == 2  # all take it unless told otherwise
    form: dict[str, Any] = fields_of(page) | {"minimum_percent": "90", "courses": [str(first.id)]}
    answer = client.post(address, data=form, follow_redirects=True)
    assert "standard, version 2 is stored. 1 course takes it." in answer.text
    for row in (first, second, offering):
        session.refresh(row)
    assert (first.policy.version, second.policy.version, offering.policy.version) == (2, 1, 1)
    assert "An older version" in client.get("/office/policies/standard/1").text
    chosen = client.get("/office/classes/new?course=cst1").text
    assert "standard, version 2" in chosen
    assert 'href="/office/policies"' in chosen
    assert 'href="/office/policies/standard/1"' in client.get("/office/classes/cst1-a").text


def test_who_comes_second_with_a_version_is_told_and_may_add_theirs(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    make_policy(session, code="standard")
    session.commit()
    address = "/office/policies/standard/1/new-version"
    mine, other = (fields_of(client.get(address)) for _ in range(2))
    client.post(address, data=other | {"minimum_percent": "90"})
    answer = client.post(address, data=mine | {"free_transfers": "7"})
    assert answer.status_code == 422
    assert "Rosa Delgado added version 2" in answer.text
    assert "<dt>Attendance for the certificate, percent</dt><dd>90</dd>" in answer.text
    assert client.post(address, data=fields_of(answer)).status_code == 303
    assert [(row.version, row.minimum_percent, row.free_transfers) for row in stored(session)] == [
        (1, 100, 1),
        (2, 90, 1),
        (3, 100, 7),
    ]


@pytest.mark.both_databases
def test_a_version_that_is_being_stored_is_waited_for_and_told(
    app: Flask, session: Session, client: FlaskClient, rosa: User
) -> None:
    make_policy(session, code="standard")
    session.commit()
    address, who = "/office/policies/standard/1/new-version", rosa.id
    form = fields_of(client.get(address))
    session.rollback()
    begun, answers = threading.Event(), list[int]()

    def first() -> None:
        with writing() as own:
            data = PolicyData(minimum_percent=90, refunds=[], seat_offer_hours=48)
            add_policy_version(own, "standard", data, actor=own.get_one(User, who), now=NOW)
            begun.set()
            time.sleep(0.3)  # so that the other looks before this one is there

    def second() -> None:
        begun.wait(10)
        answers.append(client.post(address, data=form | {"free_transfers": "7"}).status_code)

    assert at_once(app, first, second) == []
    assert answers == [422]
    assert [row.version for row in stored(session)] == [1, 2]


def test_a_version_without_a_change_is_not_stored(session: Session, client: FlaskClient, rosa: User) -> None:
    make_policy(session, code="standard")
    session.commit()
    address = "/office/policies/standard/1/new-version"
    answer = client.post(address, data=fields_of(client.get(address)))
    assert answer.status_code == 422
    assert "This says what version 1 says already. Nothing was stored." in answer.text
    assert len(stored(session)) == 1


def test_what_is_not_there_is_not_found(session: Session, client: FlaskClient, rosa: User) -> None:
    make_policy(session, code="standard")
    session.commit()
    for address in (
        "/office/policies/standard/2",
        "/office/policies/other/1",
        "/office/policies/standard/2/new-version",
        "/office/policies/standard/99999999999999999999",
    ):
        assert client.get(address).status_code == 404


@pytest.mark.parametrize("many", MANY)
def test_the_pages_take_as_many_statements_however_much_there_is(
    session: Session, client: FlaskClient, app: Flask, rosa: User, many: int
) -> None:
    policy = make_policy(session, code="standard")
    course = make_course(session, policy_id=policy.id)
    counts = []
    for number, more in enumerate((5, many)):
        for n in range(more):
            make_policy(session, code=f"p{number}-{n}")
        for _ in range(more // 5):
            make_offering(session, course, policy_id=policy.id)
        session.commit()
        with statements(app) as seen:
            for address in ("/office/policies", "/office/policies/standard/1"):
                assert client.get(address).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 16
