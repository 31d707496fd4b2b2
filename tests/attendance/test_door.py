"""At the door: walk-ins, and substitutes for a day."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from attendance import door, sheets
from attendance.door import Newcomer
from attendance.door_models import Substitute, WalkIn
from core.audit import verify
from core.database import begin_write
from core.errors import RuleError
from core.outbox import OutgoingMail, kinds
from courses.models import Prerequisite, PrerequisiteKind
from courses.offering_models import Offering
from students.models import Enrollment, EnrollmentState, Source
from tests import factories
from tests.attendance.classes import NOW, START, Class, later, make_class
from tests.helpers import mails_to, sign_in

pytestmark = pytest.mark.usefixtures("at_ten")

NOOR = Newcomer("Noor Haddad", "noor@example.org", "LMT", "OR", "771", has_agreed=True)
TODAY = date(2027, 3, 1)


@pytest.fixture
def made(session: Session) -> Class:
    return make_class(session, capacity=4)


def at_the_door(session: Session, made: Class, person: Newcomer = NOOR) -> Enrollment | WalkIn:
    begin_write(session)
    found = door.walk_in(session, made.meeting, person, actor=made.lead, now=NOW)
    session.commit()
    return found


@pytest.mark.both_databases
def test_someone_at_the_door_is_enrolled_when_a_seat_is_free(session: Session, made: Class) -> None:
    found = at_the_door(session, made)
    assert isinstance(found, Enrollment)
    assert (found.state, found.source) == (EnrollmentState.ENROLLED, Source.DOOR)
    assert found.policy_agreed_at == NOW
    assert found.student.user.role is Role.STUDENT
    assert session.get_one(Offering, made.offering.id).seats_taken == 4
    assert mails_to("noor@example.org") == ["account-invitation", "confirmation"]
    assert list(verify(session)) == []


@pytest.mark.both_databases
@pytest.mark.parametrize("why", ["full", "waiting", "prerequisite", "approval"])
def test_who_cannot_be_enrolled_is_noted_for_the_office(session: Session, made: Class, why: str) -> None:
    begin_write(session)
    if why == "full":
        made.offering.capacity = 3
    elif why == "waiting":
        factories.put_enrollment(session, made.offering, state=EnrollmentState.WAITLISTED)
    elif why == "prerequisite":
        needs = factories.make_course(session).id
        row = Prerequisite(course_id=made.offering.course_id, needs_id=needs, kind=PrerequisiteKind.REQUIRED)
        session.add(row)
    else:
        person = factories.make_user(session, email="noor@example.org")
        person.disabled_at = NOW
    session.commit()
    found = at_the_door(session, made)
    assert isinstance(found, WalkIn)
    assert found.problem
    assert "Write " not in found.problem  # whoever reads it at the door has nowhere to
    assert session.scalars(sa.select(Enrollment).where(Enrollment.source == Source.DOOR)).all() == []
    known = session.scalars(sa.select(User.email).where(User.email == "noor@example.org")).all()
    assert len(known) == (1 if why == "approval" else 0)  # nothing half done
    assert mails_to("noor@example.org") == []


def test_without_agreement_and_twice_nothing_happens(session: Session, made: Class) -> None:
    unasked = Newcomer("Noor Haddad", "noor@example.org")
    with pytest.raises(RuleError, match="agree to the terms"):
        at_the_door(session, made, unasked)
    session.rollback()
    at_the_door(session, made)
    with pytest.raises(RuleError, match="in the class already"):
        at_the_door(session, made)


def form(**values: str) -> dict[str, str]:
    return {
        "name": "Noor Haddad", "email": "noor@example.org", "profession": "LMT", "license_state": "OR",
        "license_number": "771", "has_agreed": "y",
    } | values  # fmt: skip


def test_the_door_page_and_the_offices_list(
    app: Flask, client: FlaskClient, session: Session, made: Class
) -> None:
    address = f"/teaching/{made.offering.code}/meetings/1/walk-in"
    sign_in(client, made.assistant)
    assert client.get(address).status_code == 200
    refused = client.post(address, data=form(email="no", has_agreed=""))
    assert refused.status_code == 422
    answer = client.post(address, data=form(), follow_redirects=True)
    assert "Noor Haddad is enrolled and on the roll." in answer.text
    full = client.post(address, data=form(email="two@example.org", name="Second"), follow_redirects=True)
    assert "Noted for the office, not enrolled: No seat is free" in full.text
    assert client.get("/office/walk-ins").status_code == 403
    begin_write(session)
    registrar, other = (factories.make_user(session, role) for role in (Role.REGISTRAR, Role.INSTRUCTOR))
    session.commit()
    office = app.test_client()
    sign_in(office, registrar)
    assert "two@example.org" in office.get("/office/walk-ins").text
    number = session.scalars(sa.select(WalkIn.id)).one()
    assert office.post(f"/office/walk-ins/{number}/settle").status_code == 303
    assert "settled already" in office.post(f"/office/walk-ins/{number}/settle", follow_redirects=True).text
    assert "Nobody waits for you" in office.get("/office/walk-ins").text
    stranger = app.test_client()
    sign_in(stranger, other)
    assert stranger.get(address).status_code == 404


@pytest.mark.both_databases
def test_an_address_that_is_too_long_is_told(app: Flask, session: Session, made: Class) -> None:
    begin_write(session)
    made.offering.capacity = 3  # nobody can be enrolled: they are noted
    session.commit()
    client = app.test_client()
    sign_in(client, made.lead)
    long = f"noor@{'.'.join(['haddad' * 9] * 4)}.example.org"
    assert 200 < len(long) <= 254
    answer = client.post(f"/teaching/{made.offering.code}/meetings/1/walk-in", data=form(email=long))
    assert answer.status_code == 422
    assert "200 characters" in answer.text


@pytest.fixture
def sub(session: Session, made: Class) -> User:
    begin_write(session)
    user = factories.make_user(session, Role.INSTRUCTOR, name="Sam Ellery")
    session.commit()
    return user


def named(session: Session, made: Class, sub: User, day: date = TODAY) -> Substitute:
    begin_write(session)
    row = door.name_substitute(session, made.offering, sub, day, actor=made.lead, now=NOW)
    session.commit()
    return row


@pytest.mark.both_databases
def test_a_substitute_has_the_class_for_that_day_only(
    app: Flask, session: Session, made: Class, sub: User
) -> None:
    address = f"/teaching/{made.offering.code}/"
    browser = app.test_client()
    sign_in(browser, sub)
    assert browser.get(address).status_code == 404
    named(session, made, sub)
    assert browser.get(address).status_code == 200
    assert made.offering.code in browser.get("/teaching/").text
    roll = {f"status-{made.ids[0]}": "present", "revision": "0"}
    assert browser.post(address + "meetings/1/roll", data=roll).status_code == 303
    assert browser.post(address + "finalize", data={}).status_code == 403
    assert browser.get(address + "substitutes").status_code == 403
    with time_machine.travel(later(60 * 24), tick=False):
        assert browser.get(address).status_code == 404
        assert browser.post(address + "meetings/1/roll", data=roll).status_code == 404


@pytest.fixture
def until_tomorrow(session: Session, made: Class) -> Class:
    """The second meeting is tomorrow."""
    begin_write(session)
    later_one = made.offering.meetings[1]
    later_one.starts_at, later_one.ends_at = START + timedelta(days=1), START + timedelta(days=1, hours=1)
    made.offering.ends_at = later_one.ends_at
    session.commit()
    return made


def test_the_rolls_of_other_days_are_not_a_substitutes(
    app: Flask, session: Session, until_tomorrow: Class, sub: User
) -> None:
    made = until_tomorrow
    address = f"/teaching/{made.offering.code.lower()}"
    named(session, made, sub, TODAY + timedelta(days=1))
    with time_machine.travel(later(24 * 60 - 70), tick=False):  # before the meeting of their day
        browser = app.test_client()
        sign_in(browser, sub)
        assert "Roll opens at" in browser.get("/teaching/").text
        grid = browser.get(f"{address}/").text
        assert f"{address}/meetings/1/" not in grid
        assert f"{address}/meetings/2/roll" in grid
        assert f"{address}/certificates" not in grid
        for page in ("roll", "check-in", "arrivals", "import", "walk-in"):
            assert browser.get(f"{address}/meetings/1/{page}").status_code == 404, page
            assert browser.get(f"{address}/meetings/2/{page}").status_code == 200, page
        assert browser.get(f"{address}/sign-in.pdf?meeting=1").status_code == 404
        assert browser.get(f"{address}/sign-in.pdf").status_code == 303
        assert f"{address}/meetings/1/" not in browser.get(f"{address}/meetings/2/roll").text
        assert f"{address}/meetings/1/" not in browser.get(f"{address}/finalize").text
    with time_machine.travel(later(24 * 60), tick=False):
        sign_in(browser, sub)
        roll = {f"status-{made.ids[0]}": "absent", "revision": "0"}
        assert browser.post(f"{address}/meetings/1/roll", data=roll).status_code == 404
        assert browser.post(f"{address}/meetings/2/roll", data=roll).status_code == 303
        student = f"{address}/students/{made.ids[0]}"
        assert f'<option value="{made.meetings[0].id}"' not in browser.get(student).text
        correction = {"meeting": str(made.meetings[0].id), "status": "present", "minutes": "", "reason": ""}
        assert browser.post(student, data=correction).status_code == 404
        assert (
            browser.post(student, data=correction | {"meeting": str(made.meetings[1].id)}).status_code == 303
        )
    with time_machine.travel(later(1), tick=False):  # the lead goes on as before
        lead = app.test_client()
        sign_in(lead, made.lead)
        assert f"{address}/meetings/1/roll" in lead.get(f"{address}/meetings/2/roll").text
        assert f"{address}/meetings/2/roll" in lead.get(f"{address}/").text


def test_the_sheets_of_other_days_are_not_a_substitutes(
    app: Flask, session: Session, until_tomorrow: Class, sub: User
) -> None:
    made = until_tomorrow
    address = f"/teaching/{made.offering.code.lower()}"
    begin_write(session)
    scan = b"%PDF-1.7 signed by everybody"
    numbers = [
        sheets.attach(session, meeting, scan, actor=made.lead, now=NOW).id
        for meeting in made.offering.meetings
    ]
    session.commit()
    named(session, made, sub)
    browser = app.test_client()
    sign_in(browser, sub)
    papers = browser.get(f"{address}/papers").text
    assert f"{address}/sheets/{numbers[0]}" in papers
    assert f"{address}/sheets/{numbers[1]}" not in papers
    assert browser.get(f"{address}/sheets/{numbers[0]}").status_code == 200
    assert browser.get(f"{address}/sheets/{numbers[1]}").status_code == 404
    reason = {"reason": "Not this one."}
    assert browser.post(f"{address}/sheets/{numbers[1]}/take-off", data=reason).status_code == 404
    assert browser.post(f"{address}/sheets/{numbers[0]}/take-off", data=reason).status_code == 303


def test_what_a_substitute_marked_without_a_network_is_taken_after_their_day(
    app: Flask, session: Session, until_tomorrow: Class, sub: User
) -> None:
    made = until_tomorrow
    browser = app.test_client()
    sign_in(browser, sub)
    row = named(session, made, sub)

    def bring(number: int, key: str) -> dict[str, Any]:
        mark = {"enrollment": made.ids[0], "status": "present", "made_at": NOW.isoformat(), "key": key}
        roll = {"code": made.offering.code, "number": number, "revision": 0, "marks": [mark]}
        answer = browser.post("/teaching/sync", json={"user": sub.id, "rolls": [roll]})
        found: dict[str, Any] = answer.json["rolls"][0] if answer.json else {}
        return found

    with time_machine.travel(later(60 * 24 * 3), tick=False):
        assert browser.get(f"/teaching/{made.offering.code}/").status_code == 404
        assert bring(1, "made-in-the-cellar")["stored"] == ["made-in-the-cellar"]
        assert "not yours" in bring(2, "on-another-day-0001")["problem"]
    with time_machine.travel(later(60 * 24 * 16), tick=False):
        assert "not yours" in bring(1, "two-weeks-too-late-1")["problem"]
    begin_write(session)
    door.end_substitution(session, session.get_one(Substitute, row.id), actor=made.lead, now=NOW)
    session.commit()
    with time_machine.travel(later(60), tick=False):
        sign_in(browser, sub)
        assert "not yours" in bring(1, "the-class-was-taken-back")["problem"]


def test_on_their_day_a_substitutes_phone_brings_marks_of_that_day_alone(
    app: Flask, session: Session, until_tomorrow: Class, sub: User
) -> None:
    named(session, until_tomorrow, sub)
    browser = app.test_client()
    sign_in(browser, sub)
    mark = {"enrollment": until_tomorrow.ids[0], "status": "present", "made_at": NOW.isoformat()}
    rolls = [
        {
            "code": until_tomorrow.offering.code,
            "number": number,
            "revision": 0,
            "marks": [mark | {"key": key}],
        }
        for number, key in ((1, "a-mark-of-that-day"), (2, "of-another-day-000"))
    ]
    answer: Any = browser.post("/teaching/sync", json={"user": sub.id, "rolls": rolls})
    mine, other = answer.json["rolls"]
    assert mine["stored"] == ["a-mark-of-that-day"]
    assert "not yours" in other["problem"]


def test_a_day_lasts_as_long_as_its_meetings(session: Session, sub: User, made: Class) -> None:
    begin_write(session)
    late = factories.make_offering(
        session, starts=NOW + timedelta(hours=13), meetings=1, minutes=120, lead=made.lead
    )
    session.flush()
    row = door.name_substitute(session, late, sub, TODAY, actor=made.lead, now=NOW)
    assert row.ends_at == late.ends_at


@pytest.mark.parametrize(
    ("who", "day", "told"),
    [
        ("sub", TODAY + timedelta(days=1), "no meeting on that day"),
        ("assistant", TODAY, "teaches this class anyway"),
        ("student", TODAY, "Choose an instructor."),
    ],
)
def test_what_cannot_be_is_told(
    session: Session, made: Class, sub: User, who: str, day: date, told: str
) -> None:
    users: dict[str, Any] = {
        "sub": sub, "assistant": made.assistant, "student": made.enrollments[0].student.user,
    }  # fmt: skip
    with pytest.raises(RuleError, match=told):
        named(session, made, users[who], day)


def test_the_lead_names_and_ends_a_substitution(
    app: Flask, client: FlaskClient, session: Session, made: Class, sub: User
) -> None:
    sign_in(client, made.lead)
    address = f"/teaching/{made.offering.code}/substitutes"
    data = {"person": str(sub.id), "day": TODAY.isoformat()}
    assert client.post(address, data=data).status_code == 303
    assert "has the class on that day already" in client.post(address, data=data).text
    html = client.get(address).text
    assert "Take the class back" in html
    assert f'value="{sub.id}"' in html
    assert f'value="{made.assistant.id}"' not in html  # has the class anyway
    number = session.scalars(sa.select(Substitute.id)).one()
    helper = app.test_client()
    sign_in(helper, made.assistant)
    assert helper.get(address).status_code == 403
    assert helper.post(f"{address}/{number}/end").status_code == 403
    assert client.post(f"{address}/{number}/end").status_code == 303
    assert session.scalars(sa.select(Substitute)).all() == []


def told(app: Flask, session: Session, recipient: str) -> str:
    """What the last mail to someone says."""
    query = sa.select(OutgoingMail).where(OutgoingMail.recipient == recipient)
    row = session.scalars(query.order_by(OutgoingMail.id.desc()).limit(1)).one()
    with app.test_request_context():
        said = kinds()[row.kind].render(session, row)
    assert said is not None
    return said.text


def test_who_stands_in_is_told_by_mail_and_told_when_not(
    app: Flask, session: Session, made: Class, sub: User
) -> None:
    begin_write(session)
    row = door.name_substitute(session, made.offering, sub, TODAY, actor=made.lead, now=NOW)
    session.commit()
    mail = told(app, session, sub.email)
    assert f"Ilse Maren gave you {made.offering.code} for Monday, March 1, 2027." in mail
    assert "Monday morning: 9:00" in mail
    assert f"/teaching/{made.offering.code.lower()}/" in mail
    begin_write(session)
    door.end_substitution(session, session.get_one(Substitute, row.id), actor=made.lead, now=later(1))
    session.commit()
    assert "any more" in told(app, session, sub.email)
