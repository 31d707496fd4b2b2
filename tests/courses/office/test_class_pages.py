"""The office's pages for classes: list, one class, new, details, instructors."""

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import clock
from courses.offering_models import Offering, OfferingState
from tests.factories import make_course, make_offering, make_school, make_user, make_venue
from tests.helpers import MANY, fields_of, sign_in, statements

CHICAGO = "America/Chicago"


def stored(session: Session, code: str = "CST1-CHI-A") -> Offering:
    session.rollback()
    return session.scalars(sa.select(Offering).where(Offering.code == code)).one()


def typed(session: Session, **values: Any) -> dict[str, Any]:
    """What someone types for a class in Chicago that crosses the clock change of March 14, 2027."""
    course = make_course(session, code="CST1", contact_minutes=1440, default_capacity=12)
    venue = make_venue(session, code="CHI", name="Lakeside Studio", time_zone=CHICAGO, seats=20)
    ines = make_user(session, Role.INSTRUCTOR, name="Ines Batista")
    defaults: dict[str, Any] = {
        "course_id": course.id,
        "venue_id": venue.id,
        "first_day": "2027-03-12",
        "days": "4",
        "pattern": "full-day",
        "lead_id": ines.id,
        "policy_id": "0",
    }
    session.commit()
    return defaults | values


def test_a_class_is_saved_only_after_its_meetings_were_shown(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    form = typed(session)
    shown = client.post("/office/classes/new", data=form | {"act": "save"})
    assert shown.status_code == 200
    assert session.scalar(sa.select(sa.func.count(Offering.id))) == 0
    text = " ".join(shown.text.split())
    assert "16 meetings" in text
    assert text.count("9:00 AM – 10:30 AM") == 4
    assert "Between Sat, Mar 13 and Sun, Mar 14 clocks go forward by 60 minutes" in text
    assert "24 contact hours, as the course promises" in text
    key = fields_of(shown)["shown"]
    # Other days than those that were shown are shown first as well.
    other = client.post("/office/classes/new", data=form | {"act": "save", "shown": key, "days": "3"})
    assert other.status_code == 200
    assert "12 meetings" in " ".join(other.text.split())
    saved = client.post("/office/classes/new", data=form | {"act": "save", "shown": key})
    assert (saved.status_code, saved.location) == (303, "/office/classes/cst1-chi-a")
    offering = stored(session)
    assert (offering.state, offering.capacity, len(offering.meetings)) == (OfferingState.DRAFT, 12, 16)
    assert {clock.local(m.starts_at, CHICAGO).hour for m in offering.meetings} == {9, 10, 13, 15}


def test_picked_days_and_sittings_of_one_s_own(session: Session, client: FlaskClient, rosa: User) -> None:
    form = typed(
        session,
        first_day="",
        days="",
        picked_days="2027-04-10\n2027-04-24",
        pattern="own",
        sittings="9:00-11:00",
    )
    text = " ".join(client.post("/office/classes/new", data=form).text.split())
    assert "2 meetings" in text
    assert "Sat, Apr 24" in text
    assert "The course promises 24 contact hours; these meetings give 4." in text


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"course_id": "0"}, "Course: Choose one."),
        ({"venue_id": "999"}, "Venue: "),
        ({"first_day": "soon"}, "First day: This is not a date."),
        ({"first_day": ""}, "First day: Fill this in, or pick days below."),
        ({"picked_days": "2027-02-30"}, "Or days that you pick: “2027-02-30” is not a date."),
        ({"pattern": "own", "sittings": "nine"}, "Sittings of your own: “nine” is not a sitting."),
        ({"days": "400"}, "Days in a row: Use a number from 1 to 60."),
    ],
)
def test_bad_input_is_told_at_its_field(
    session: Session, client: FlaskClient, rosa: User, wrong: dict[str, str], told: str
) -> None:
    answer = client.post("/office/classes/new", data=typed(session, notes="Kept as typed") | wrong)
    assert answer.status_code == 422
    assert told in answer.text
    assert "Kept as typed" in answer.text


def test_the_preview_tells_everything_that_saving_would_refuse(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    make_offering(session, code="CST1-TAKEN")
    form = typed(
        session,
        code="cst1-taken",
        capacity="21",
        opens_at="2027-03-12T10:00",
        closes_at="2027-03-13T10:00",
        minimum_to_run="4",
    )
    form["assistant_ids"] = form["lead_id"]
    answer = client.post("/office/classes/new", data=form)
    assert answer.status_code == 422
    for words in (
        "16 meetings",
        "Code: There is a class with this code already.",
        "Places: Lakeside Studio has 20 seats",
        "Enrollment opens: This has to be before the class begins.",
        "Enrollment closes: Enrollment closes when the class begins at the latest.",
        "The office decides by: Say by which day the office decides.",
        "Assistants: The lead instructor is not an assistant as well.",
    ):
        assert words in answer.text
    summary = re.findall(r'<p><a href="#([a-z_]+)">', answer.text)  # in the order of the page
    assert summary == ["code", "capacity", "assistant_ids", "opens_at", "closes_at", "decide_by"]


def test_more_places_than_the_room_has_seats_are_refused(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    form = typed(session, capacity="21")
    key = fields_of(client.post("/office/classes/new", data=form))["shown"]
    answer = client.post("/office/classes/new", data=form | {"act": "save", "shown": key})
    assert answer.status_code == 422
    assert "Places: Lakeside Studio has 20 seats" in answer.text


def test_a_day_that_is_over_is_told_before_saving(session: Session, client: FlaskClient, rosa: User) -> None:
    form = typed(session, days="2")
    coming = client.post("/office/classes/new", data=form | {"first_day": "2199-03-12"}).text
    assert "<p>Mar 12 – 13, 2199</p>" in coming
    assert "in the past" not in coming
    over = client.post("/office/classes/new", data=form | {"first_day": "2020-03-12"}).text
    assert "<p>Mar 12 – 13, 2020</p>" in over
    assert "These meetings begin in the past. Is the year right?" in over


def test_a_double_booking_is_named_before_saving(session: Session, client: FlaskClient, rosa: User) -> None:
    form = typed(session)
    key = fields_of(client.post("/office/classes/new", data=form))["shown"]
    client.post("/office/classes/new", data=form | {"act": "save", "shown": key})
    again = client.post("/office/classes/new", data=form)
    assert "Ines Batista teaches CST1-CHI-A, Fri, Mar 12, 9:00 AM – 10:30 AM" in again.text
    assert "Lakeside Studio is taken by CST1-CHI-A" in again.text
    refused = client.post("/office/classes/new", data=form | {"act": "save", "shown": key})
    assert refused.status_code == 422
    assert ">Lakeside Studio is taken" in refused.text
    known = form | {"act": "save", "shown": key, "despite_conflicts": "y"}
    assert client.post("/office/classes/new", data=known).location == "/office/classes/cst1-chi-b"


def test_a_course_in_the_address_fills_the_form(session: Session, client: FlaskClient, rosa: User) -> None:
    course = make_course(session, code="CST1", days=4)
    session.commit()
    form = fields_of(client.get("/office/classes/new?course=cst1"))
    assert (form["course_id"], form["days"]) == (str(course.id), "4")


def test_a_draft_says_what_is_missing_and_is_published(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    make_offering(
        session,
        code="CST1-CHI-A",
        state=OfferingState.DRAFT,
        published_at=None,
        starts=clock.now() + timedelta(days=30),
    )
    ines = make_user(session, Role.INSTRUCTOR, name="Ines Batista")
    session.commit()
    assert "No lead instructor yet" in client.get("/office/classes/cst1-chi-a").text
    refused = client.post("/office/classes/cst1-chi-a/publish", follow_redirects=True)
    assert "needs a lead instructor before it is published" in refused.text
    form = fields_of(client.get("/office/classes/cst1-chi-a/instructors")) | {"lead_id": str(ines.id)}
    assert client.post("/office/classes/cst1-chi-a/instructors", data=form).status_code == 303
    assert client.post("/office/classes/cst1-chi-a/publish").status_code == 303
    assert stored(session).state is OfferingState.PUBLISHED


def test_details_are_on_the_class_s_own_clock(session: Session, client: FlaskClient, rosa: User) -> None:
    venue = make_venue(session, time_zone=CHICAGO)
    make_offering(session, code="CST1-CHI-A", venue=venue)
    session.commit()
    form = fields_of(client.get("/office/classes/cst1-chi-a/edit"))
    form |= {"opens_at": "2027-03-02T09:00", "closes_at": "2027-04-01T17:00", "price": "99"}
    assert client.post("/office/classes/cst1-chi-a/edit", data=form).status_code == 303
    offering = stored(session)
    assert offering.price_cents == 9900
    assert offering.enrollment_opens_at is not None
    assert offering.enrollment_opens_at.hour == 15
    form = fields_of(client.get("/office/classes/cst1-chi-a/edit"))
    assert form["opens_at"] == "2027-03-02T09:00"
    wrong = client.post("/office/classes/cst1-chi-a/edit", data=form | {"closes_at": "2027-03-01T09:00"})
    assert wrong.status_code == 422
    assert "Enrollment closes: This has to be after enrollment opens." in wrong.text


def test_two_registrars_edit_one_class_and_nothing_is_lost(
    session: Session, client: FlaskClient, app: Flask, rosa: User
) -> None:
    make_offering(session, code="CST1-CHI-A", price_cents=79500)
    other = make_user(session, Role.ADMIN, name="Ada Lindqvist")
    session.commit()
    ada = app.test_client()
    sign_in(ada, other)
    address = "/office/classes/cst1-chi-a/edit"
    hers, his = fields_of(client.get(address)), fields_of(ada.get(address))
    assert ada.post(address, data=his | {"price": "500"}).status_code == 303
    answer = client.post(address, data=hers | {"notes": "Bring a blanket"})
    assert answer.status_code == 422
    assert "Ada Lindqvist saved this on" in answer.text
    assert "<dt>Price</dt><dd>500.00</dd>" in answer.text
    assert "Bring a blanket" in answer.text
    assert stored(session).notes == ""
    again = fields_of(answer) | {"price": "500"}
    assert client.post(address, data=again).status_code == 303
    offering = stored(session)
    assert (offering.price_cents, offering.notes) == (50000, "Bring a blanket")


def test_someone_who_teaches_elsewhere_is_named_before_saving(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    ines = make_user(session, Role.INSTRUCTOR, name="Ines Batista")
    make_offering(session, code="OTHER-A", lead=ines)
    make_offering(session, code="CST1-CHI-A")
    session.commit()
    address = "/office/classes/cst1-chi-a/instructors"
    form = fields_of(client.get(address)) | {"lead_id": str(ines.id)}
    answer = client.post(address, data=form)
    assert answer.status_code == 422
    assert "Ines Batista teaches OTHER-A" in answer.text
    assert client.post(address, data=fields_of(answer) | {"despite_conflicts": "y"}).status_code == 303


def test_the_list_filters_and_finds(session: Session, client: FlaskClient, rosa: User) -> None:
    now, day = clock.now(), timedelta(days=1)
    ines = make_user(session, Role.INSTRUCTOR, name="Ines Batista")
    make_offering(session, code="SOON-A", starts=now + 5 * day, lead=ines)
    make_offering(session, code="NOWW-A", starts=now - timedelta(minutes=30))
    make_offering(session, code="PAST-A", starts=now - 5 * day)
    make_offering(session, code="DRAFT-A", starts=now + day, state=OfferingState.DRAFT)
    make_offering(session, code="GONE-A", starts=now + day, state=OfferingState.CANCELLED)
    session.commit()
    codes = {
        "coming": "SOON-A",
        "running": "NOWW-A",
        "past": "PAST-A",
        "drafts": "DRAFT-A",
        "cancelled": "GONE-A",
    }
    for view, code in codes.items():
        text = client.get(f"/office/classes?when={view}").text
        assert [c for c in codes.values() if f">{c}</a>" in text] == [code]
    assert ">SOON-A</a>" in client.get("/office/classes?q=batista&when=anything").text
    assert "No class like this" in client.get("/office/classes?q=nothing").text


@pytest.mark.parametrize("more", MANY)
def test_list_and_class_take_as_many_statements_with_many_classes(
    session: Session, client: FlaskClient, app: Flask, rosa: User, more: int
) -> None:
    ines, course, venue = make_user(session, Role.INSTRUCTOR), make_course(session), make_venue(session)
    start = clock.now() + timedelta(days=10)

    def add(count: int) -> None:
        for _ in range(count):
            make_offering(session, course, venue=venue, lead=ines, starts=start, meetings=1)
        session.commit()

    def asked(address: str) -> int:
        with statements(app) as seen:
            assert client.get(address).status_code == 200
        return len(seen)

    add(10)
    code = session.scalars(sa.select(Offering.code)).first()
    addresses = ("/office/classes", f"/office/classes/{code}", "/office/classes/new", "/office/venues")
    before = [asked(address) for address in addresses]
    add(more)
    assert [asked(address) for address in addresses] == before
    assert max(before) <= 9
    assert f"1 to 40 of {10 + more:,} classes" in client.get("/office/classes").text


PAGES = ("", "/new", "/cst1-chi-a", "/cst1-chi-a/edit", "/cst1-chi-a/instructors")
POSTS = ("/new", "/cst1-chi-a/publish", "/cst1-chi-a/edit", "/cst1-chi-a/instructors")


@pytest.mark.parametrize(("method", "path"), [*(("GET", p) for p in PAGES), *(("POST", p) for p in POSTS)])
def test_strangers_are_refused(session: Session, client: FlaskClient, method: str, path: str) -> None:
    make_school(session)
    ines = make_user(session, Role.INSTRUCTOR)
    make_offering(session, code="CST1-CHI-A", lead=ines)
    student = make_user(session)
    session.commit()
    assert client.open("/office/classes" + path, method=method).status_code == 303
    for person in (student, ines):
        sign_in(client, person)
        assert client.open("/office/classes" + path, method=method).status_code == 403


def test_wrong_methods_and_unknown_classes(session: Session, client: FlaskClient, rosa: User) -> None:
    assert client.get("/office/classes/cst1-chi-a/publish").status_code == 405
    for path in ("", "/edit", "/instructors"):
        assert client.get(f"/office/classes/nothing{path}").status_code == 404
    assert client.post("/office/classes/nothing/publish").status_code == 404
