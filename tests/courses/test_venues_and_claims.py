"""Editing venues; reviewing claims."""

import pytest
from sqlalchemy.orm import Session

from accounts.models import Role
from core.errors import RuleError
from courses.claim_review import publish_claim, review_claim, withdraw_claim
from courses.models import Claim
from courses.offering_models import OfferingState
from courses.venues import VenueData, create_venue, edit_venue
from tests.factories import NOW, add, make_offering, make_user, make_venue

pytestmark = pytest.mark.both_databases


def test_a_venue_has_a_code_of_its_own_and_a_real_zone(session: Session) -> None:
    rosa = make_user(session, Role.REGISTRAR)
    lake = VenueData(code="CHI", name="Lake", time_zone="America/Chicago", seats=30)
    create_venue(session, lake, actor=rosa, now=NOW)
    with pytest.raises(RuleError, match="already"):
        create_venue(session, lake, actor=rosa, now=NOW)
    with pytest.raises(RuleError, match="not a time zone"):
        create_venue(
            session,
            VenueData(code="MAR", name="Mars", time_zone="Mars/Olympus", seats=3),
            actor=rosa,
            now=NOW,
        )


def test_a_room_shrinks_only_as_far_as_coming_classes_let_it(session: Session) -> None:
    rosa, venue = make_user(session, Role.REGISTRAR), make_venue(session, seats=30)
    coming = make_offering(session, venue=venue, capacity=20)
    make_offering(session, venue=venue, capacity=28, state=OfferingState.CANCELLED)

    def seats(number: int) -> VenueData:
        return VenueData(code=venue.code, name=venue.name, time_zone=venue.time_zone, seats=number)

    with pytest.raises(RuleError, match=coming.code) as error:
        edit_venue(session, venue, seats(19), actor=rosa, now=NOW)
    assert error.value.field == "seats"
    assert "seats" in edit_venue(session, venue, seats(20), actor=rosa, now=NOW)
    edit_venue(session, venue, seats(5), actor=rosa, now=coming.ends_at)


def test_a_claim_is_shown_with_a_source_and_an_approver_until_it_changes(session: Session) -> None:
    rosa = make_user(session, Role.REGISTRAR)
    claim: Claim = add(session, Claim(text="Overall relaxation", origin="page, line 12"))
    with pytest.raises(RuleError, match="needs a source"):
        publish_claim(session, claim, actor=rosa, now=NOW)
    review_claim(session, claim, text=claim.text, evidence="A study, 2020", actor=rosa, now=NOW)
    publish_claim(session, claim, actor=rosa, now=NOW)
    assert (claim.approved_by_id, claim.published_at) == (rosa.id, NOW)
    review_claim(session, claim, text="Other words", evidence="A study, 2020", actor=rosa, now=NOW)
    assert claim.published_at is None
    with pytest.raises(RuleError, match="not published"):
        withdraw_claim(session, claim, actor=rosa, now=NOW)
    publish_claim(session, claim, actor=rosa, now=NOW)
    withdraw_claim(session, claim, actor=rosa, now=NOW)
    session.flush()
    assert (claim.approved_by_id, claim.published_at) == (None, None)
