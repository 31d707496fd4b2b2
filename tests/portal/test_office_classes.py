"""Moving a class."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from attendance.models import AttendanceMark, MarkStatus
from core import clock, outbox
from core.outbox import OutgoingMail
from courses.offering_models import Offering, OfferingState
from students.models import EnrollmentState
from tests import calendars
from tests.factories import (
    NOW,
    add,
    make_offering,
    make_student,
    make_user,
    make_venue,
    put_enrollment,
)
from tests.helpers import fields_of, mails_to, sign_in, statements

CHICAGO = "America/Chicago"


@pytest.fixture
def offering(session: Session) -> Offering:
    venue = make_venue(session, code="CHI", time_zone=CHICAGO, seats=20)
    start = (clock.now() + timedelta(days=40)).replace(hour=15, minute=0, second=0, microsecond=0)
    made = make_offering(session, code="CST1-A", venue=venue, starts=start, capacity=2)
    session.commit()
    return made


ADDRESS = "/office/classes/cst1-a"


def send(client: FlaskClient, form: dict[str, str]) -> str:
    """Show what changes, then save it; returns the page that follows."""
    shown = client.post(f"{ADDRESS}/schedule", data=form)
    assert shown.status_code == 200, shown.text
    again = fields_of(shown) | {"act": "save"}
    return client.post(f"{ADDRESS}/schedule", data=again, follow_redirects=True).text


def test_a_class_moves_by_a_week_and_its_students_are_told(
    session: Session, client: FlaskClient, rosa: User, offering: Offering
) -> None:
    start, sequence = offering.starts_at, offering.calendar_sequence
    enrolled, waiting = make_student(session), make_student(session)
    put_enrollment(session, offering, enrolled)
    put_enrollment(session, offering, waiting, EnrollmentState.WAITLISTED)
    addresses = [enrolled.user.email, waiting.user.email]
    session.commit()
    form = fields_of(client.get(f"{ADDRESS}/schedule")) | {"shift": "7"}
    unseen = client.post(f"{ADDRESS}/schedule", data=form | {"act": "save"})
    assert unseen.status_code == 200
    assert "What changes" in unseen.text
    session.refresh(offering)
    assert offering.starts_at == start
    assert "2 students are told by email" in send(client, form)
    session.refresh(offering)
    assert (offering.starts_at, offering.calendar_sequence) == (start + timedelta(days=7), sequence + 1)
    assert [mails_to(address) for address in addresses] == [["moved"], ["moved"]]


def test_the_mail_moves_calendar_entries_and_takes_out_what_is_gone(
    session: Session, client: FlaskClient, rosa: User, offering: Offering
) -> None:
    enrolled = make_student(session)
    put_enrollment(session, offering, enrolled)
    session.commit()
    send(client, fields_of(client.get(f"{ADDRESS}/schedule")) | {"meetings-1-day": ""})
    row = session.scalars(sa.select(OutgoingMail)).one()
    message = outbox.kinds()["moved"].render(session, row)
    assert message is not None
    assert "has a new schedule" in message.text
    (file,) = message.attachments
    method, entries = calendars.message(file.content)
    session.refresh(offering)
    (meeting,) = offering.meetings
    assert (method, calendars.instances(entries)) == ("REQUEST", [(meeting.starts_at, meeting.ends_at)])
    assert int(entries[0]["SEQUENCE"]) == 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"shift": "-200"}, "By this schedule the class would have begun already"),
        ({"meetings-0-starts": "12:00", "meetings-0-ends": "11:00"}, "ends before it begins"),
        ({"meetings-0-day": "", "meetings-1-day": ""}, "A class has at least one meeting"),
    ],
)
def test_what_cannot_be_is_said_instead_of_shown(
    session: Session,
    client: FlaskClient,
    rosa: User,
    offering: Offering,
    wrong: dict[str, str],
    told: str,
) -> None:
    start = offering.starts_at
    answer = client.post(f"{ADDRESS}/schedule", data=fields_of(client.get(f"{ADDRESS}/schedule")) | wrong)
    assert answer.status_code == 422
    assert told in answer.text
    assert "What changes" not in answer.text
    assert "Save the new schedule" not in answer.text
    session.refresh(offering)
    assert offering.starts_at == start


def test_a_draft_moves_silently(
    session: Session, client: FlaskClient, rosa: User, offering: Offering
) -> None:
    offering.state = OfferingState.DRAFT
    session.commit()
    text = send(client, fields_of(client.get(f"{ADDRESS}/schedule")) | {"shift": "-1"})
    assert "has its new schedule." in text
    assert session.scalar(sa.select(sa.func.count(OutgoingMail.id))) == 0


def test_a_marked_meeting_stays(
    session: Session, client: FlaskClient, rosa: User, offering: Offering
) -> None:
    enrollment = put_enrollment(session, offering)
    first = offering.meetings[0]
    add(
        session,
        AttendanceMark(
            meeting_id=first.id, enrollment_id=enrollment.id, status=MarkStatus.PRESENT, minutes=90,
            made_at=NOW, recorded_at=NOW,
        ),
    )  # fmt: skip
    starts = [meeting.starts_at for meeting in offering.meetings]
    session.commit()
    page = client.get(f"{ADDRESS}/schedule")
    assert "The roll has been taken: it stays where it is" in page.text
    form = fields_of(page)
    send(client, form | {"shift": "1"})
    session.refresh(offering)
    assert [m.starts_at - s for m, s in zip(offering.meetings, starts, strict=True)] == [
        timedelta(),
        timedelta(days=1),
    ]
    form = fields_of(client.get(f"{ADDRESS}/schedule")) | {"meetings-0-starts": "08:00"}
    shown = fields_of(client.post(f"{ADDRESS}/schedule", data=form)) | {"act": "save"}
    refused = client.post(f"{ADDRESS}/schedule", data=shown)
    assert refused.status_code == 422
    assert "Meeting 1 on" in refused.text
    assert "has been marked. It stays where it was." in refused.text


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"meetings-0-starts": ""}, "Fill this in."),
        ({"meetings-0-credit": "200"}, "It cannot credit more."),
        ({"meetings-0-ends": "08:00"}, "ends before it begins"),
        ({"meetings-0-day": "", "meetings-1-day": ""}, "A class has at least one meeting."),
        ({}, "Nothing here is different from what is stored."),
        ({"venue_id": "99"}, "Venue: "),
    ],
)
def test_bad_input_is_told(
    session: Session, client: FlaskClient, rosa: User, offering: Offering, wrong: dict[str, str], told: str
) -> None:
    form = fields_of(client.get(f"{ADDRESS}/schedule")) | wrong
    answer = client.post(f"{ADDRESS}/schedule", data=form)
    if answer.status_code == 200:
        answer = client.post(f"{ADDRESS}/schedule", data=fields_of(answer) | {"act": "save"})
    assert answer.status_code == 422
    assert told in answer.text


def test_two_registrars_move_one_class(
    session: Session, client: FlaskClient, rosa: User, offering: Offering
) -> None:
    mine, other = (fields_of(client.get(f"{ADDRESS}/schedule")) for _ in range(2))
    shown = fields_of(client.post(f"{ADDRESS}/schedule", data=mine | {"shift": "3"})) | {"act": "save"}
    send(client, other | {"meetings-0-starts": "08:30"})
    answer = client.post(f"{ADDRESS}/schedule", data=shown)
    assert answer.status_code == 422
    assert "Rosa Delgado saved this on" in answer.text
    assert "8:30" in answer.text or "08:30" in answer.text


def test_a_class_has_no_more_places_than_the_room_has_seats(
    session: Session, client: FlaskClient, rosa: User, offering: Offering
) -> None:
    refused = client.post(f"{ADDRESS}/capacity", data={"capacity": "21"})
    assert refused.status_code == 422
    assert "has 20 seats. A class there has no more places." in refused.text
    assert client.post(f"{ADDRESS}/capacity", data={"capacity": "20"}).status_code == 303


def test_the_page_takes_as_many_statements_for_a_large_class(
    session: Session, client: FlaskClient, app: Flask, rosa: User
) -> None:
    counts = []
    for number in (2, 60):
        large = make_offering(session, code=f"BIG-{number}", meetings=number, minutes=60, capacity=99)
        for _ in range(number):
            put_enrollment(session, large)
        session.commit()
        with statements(app) as seen:
            assert client.get(f"/office/classes/big-{number}/schedule").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 8


@pytest.mark.parametrize("path", ["schedule"])
def test_strangers_and_unknown_classes_are_refused(
    session: Session, client: FlaskClient, rosa: User, offering: Offering, path: str
) -> None:
    assert client.get(f"/office/classes/nothing/{path}").status_code == 404
    assert client.delete(f"{ADDRESS}/{path}").status_code == 405
    people = [make_user(session), make_user(session, Role.INSTRUCTOR)]
    session.commit()
    for person in people:
        sign_in(client, person)
        assert client.get(f"{ADDRESS}/{path}").status_code == 403
        assert client.post(f"{ADDRESS}/{path}").status_code == 403
    assert client.application.test_client().get(f"{ADDRESS}/{path}").status_code == 303
