"""The office's pages for venues and claims."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import clock
from courses.models import Claim
from courses.offering_models import Venue
from tests.factories import add, make_offering, make_school, make_user, make_venue
from tests.helpers import fields_of, sign_in, statements

VENUE = {
    "code": "chi",
    "name": "Lakeside Studio",
    "time_zone": "America/Chicago",
    "seats": "30",
    "city": "Chicago",
}


def test_a_venue_is_made_and_changed(session: Session, client: FlaskClient, rosa: User) -> None:
    assert client.post("/office/venues/new", data=VENUE).status_code == 303
    assert "Lakeside Studio" in client.get("/office/venues?q=chicago").text
    form = fields_of(client.get("/office/venues/chi"))
    assert client.post("/office/venues/chi", data=form | {"seats": "24"}).status_code == 303
    venue = session.scalars(sa.select(Venue)).one()
    assert (venue.code, venue.seats, venue.is_online) == ("CHI", 24, False)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": ""}, "Name: Fill this in."),
        ({"time_zone": "Chicago time"}, "Time zone: This is not a time zone."),
        ({"seats": "0"}, "Seats in the room: Use a number from 1"),
        ({"code": "new"}, "Code: This word stands in an address already."),
    ],
)
def test_bad_input_is_told_at_its_field(
    client: FlaskClient, rosa: User, wrong: dict[str, str], told: str
) -> None:
    answer = client.post("/office/venues/new", data=VENUE | {"directions": "Kept as typed"} | wrong)
    assert answer.status_code == 422
    assert told in answer.text
    assert "Kept as typed" in answer.text


def test_a_room_that_is_too_small_for_a_coming_class_is_told(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    venue = make_venue(session, code="CHI", seats=30)
    make_offering(session, venue=venue, code="BIG-A", capacity=20, starts=clock.now() + timedelta(days=3))
    session.commit()
    form = fields_of(client.get("/office/venues/chi"))
    answer = client.post("/office/venues/chi", data=form | {"seats": "10"})
    assert answer.status_code == 422
    assert "BIG-A" in answer.text


def test_two_people_edit_one_venue(session: Session, client: FlaskClient, rosa: User) -> None:
    make_venue(session, code="CHI", city="Chicago")
    session.commit()
    mine, other = (fields_of(client.get("/office/venues/chi")) for _ in range(2))
    client.post("/office/venues/chi", data=other | {"city": "Evanston"})
    answer = client.post("/office/venues/chi", data=mine | {"street": "1 Lake Road"})
    assert answer.status_code == 422
    assert "<dt>City</dt><dd>Evanston</dd>" in answer.text
    assert "1 Lake Road" in answer.text


def test_a_claim_needs_a_source_before_it_is_approved(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    claim: Claim = add(session, Claim(text="Tension release", origin="source-page.txt, line 9"))
    key = claim.id
    session.commit()
    assert "Needs a source and approval" in client.get("/office/claims").text
    refused = client.post(f"/office/claims/{key}/publish", follow_redirects=True)
    assert "A claim needs a source" in refused.text
    page = client.get(f"/office/claims/{key}")
    assert "One sentence reads like a health claim" in page.text
    form = fields_of(page) | {"text": "Overall relaxation", "evidence": "A trial, 2020"}
    assert client.post(f"/office/claims/{key}", data=form).status_code == 303
    assert "Needs approval" in client.get("/office/claims").text
    assert client.post(f"/office/claims/{key}/publish").status_code == 303
    assert "Approved by Rosa Delgado" in client.get("/office/claims").text
    assert client.post(f"/office/claims/{key}/withdraw").status_code == 303
    assert session.scalars(sa.select(Claim.published_at)).one() is None
    empty = client.post(f"/office/claims/{key}", data=fields_of(page) | {"text": ""})
    assert empty.status_code == 422
    assert "What is claimed: Fill this in." in empty.text


def test_the_claims_page_takes_as_many_statements_with_1000_claims(
    session: Session, client: FlaskClient, app: Flask, rosa: User
) -> None:
    counts = []
    for count in (10, 990):
        session.add_all([Claim(text=f"Claim {n}", origin="page") for n in range(count)])
        session.commit()
        with statements(app) as seen:
            assert client.get("/office/claims").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 5


@pytest.mark.parametrize(
    "address", ["/office/venues", "/office/venues/new", "/office/venues/chi", "/office/claims/1"]
)
def test_strangers_are_refused(session: Session, client: FlaskClient, address: str) -> None:
    make_school(session)
    make_venue(session, code="CHI")
    people = [make_user(session), make_user(session, Role.INSTRUCTOR)]
    session.commit()
    assert client.get(address).status_code == 303
    for person in people:
        sign_in(client, person)
        assert client.get(address).status_code == 403


def test_wrong_methods_and_unknown_things(client: FlaskClient, rosa: User) -> None:
    assert client.get("/office/claims/1/publish").status_code == 405
    assert client.get("/office/claims/1").status_code == 404
    assert client.post("/office/claims/1/withdraw").status_code == 404
    assert client.get("/office/venues/nothing").status_code == 404
