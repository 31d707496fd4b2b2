"""The waitlist: order, offers, deadlines, promotion by hand, and why this person and not another."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.database import begin_write
from core.errors import RuleError
from courses.offering_models import Offering
from students import approval, capacity, leaving, seats, waitlist
from students.models import Enrollment, EnrollmentEvent, EnrollmentState
from tests.factories import NOW, make_offering, make_policy, make_student, make_user, put_enrollment
from tests.helpers import mails_to
from tests.students.acting import ask, changes_nothing, fill, states_of

pytestmark = pytest.mark.both_databases
S = EnrollmentState


def leave(session: Session, enrollment: Enrollment, now: Any = NOW) -> None:
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=now)


def full_class(session: Session, *, waiting: int = 2, **values: Any) -> tuple[Offering, list[Enrollment]]:
    offering = make_offering(session, capacity=1, **values)
    return offering, fill(session, offering, 1 + waiting)


def test_a_freed_seat_is_offered_to_the_head_until_the_policys_hours(session: Session) -> None:
    offering, (first, second, third) = full_class(session)
    leave(session, first)
    assert [first.state, second.state, third.state] == [S.WITHDRAWN, S.OFFERED, S.WAITLISTED]
    assert second.offer_expires_at == NOW + timedelta(hours=48)
    assert (offering.seats_taken, offering.waiting_count) == (1, 1)
    assert mails_to(second.student.user.email) == ["waiting", "offer", "offer-reminder"]


def test_an_offer_never_runs_past_the_cut_off(session: Session) -> None:
    starts = NOW + timedelta(hours=30)
    _offering, (first, second, _third) = full_class(session, starts=starts)
    leave(session, first)
    assert second.offer_expires_at == starts - timedelta(hours=24)


def test_nothing_is_offered_after_the_cut_off(session: Session) -> None:
    starts = NOW + timedelta(days=30)
    offering, (first, second, _third) = full_class(session, starts=starts)
    leave(session, first, now=starts - timedelta(hours=24))
    assert second.state is S.WAITLISTED
    assert (offering.seats_taken, offering.waiting_count) == (0, 2)


def test_tickets_decide_not_ids(session: Session) -> None:
    offering = make_offering(session, capacity=1, next_ticket=10)
    seated = put_enrollment(session, offering)
    late = put_enrollment(session, offering, state=S.WAITLISTED, ticket=9)
    early = put_enrollment(session, offering, state=S.WAITLISTED, ticket=4)
    leave(session, seated)
    assert (early.state, late.state) == (S.OFFERED, S.WAITLISTED)


def test_accepting_takes_the_seat(session: Session) -> None:
    offering, (first, second, _third) = full_class(session)
    leave(session, first)
    waitlist.accept(session, second, actor=second.student.user, now=NOW + timedelta(hours=47))
    assert (second.state, second.offer_expires_at) == (S.ENROLLED, None)
    assert offering.seats_taken == 1
    assert mails_to(second.student.user.email)[-1] == "confirmation"


def test_declining_offers_the_seat_to_the_next(session: Session) -> None:
    _offering, (first, second, third) = full_class(session)
    leave(session, first)
    waitlist.decline(session, second, actor=second.student.user, now=NOW)
    assert (second.state, third.state) == (S.WITHDRAWN, S.OFFERED)


@pytest.mark.parametrize("act", [waitlist.accept, waitlist.decline])
@pytest.mark.parametrize(
    ("state", "words"),
    [
        (S.ENROLLED, "taken this seat already"),
        (S.WAITLISTED, "No seat is offered to you yet"),
        (S.LAPSED, "has run out"),
        (S.WITHDRAWN, "gave this place up already"),
        (S.CANCELLED, "was cancelled"),
        (S.PENDING, "no seat offer for you"),
        (S.TRANSFERRED, "no seat offer for you"),
    ],
)
def test_answering_without_an_offer_says_why_not(session: Session, act: Any, state: S, words: str) -> None:
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering, state=state)
    with changes_nothing(session, offering), pytest.raises(RuleError, match=words):
        act(session, enrollment, actor=enrollment.student.user, now=NOW)


@pytest.mark.parametrize("act", [waitlist.accept, waitlist.decline])
def test_an_offer_that_is_over_can_not_be_answered_though_the_job_was_late(
    session: Session, act: Any
) -> None:
    offering, (first, second, _third) = full_class(session)
    leave(session, first)
    until = NOW + timedelta(hours=48)
    with changes_nothing(session, offering), pytest.raises(waitlist.OfferLapsedError, match="has run out"):
        act(session, second, actor=second.student.user, now=until)


def test_a_lapsed_offer_goes_to_the_next_in_line(session: Session) -> None:
    offering, (first, second, third) = full_class(session)
    leave(session, first)
    later = NOW + timedelta(hours=48)
    assert waitlist.lapse_in(session, offering.id, now=later) == 1
    assert (second.state, third.state) == (S.LAPSED, S.OFFERED)
    assert third.offer_expires_at == later + timedelta(hours=48)
    assert mails_to(second.student.user.email)[-1] == "lapsed"
    assert waitlist.lapse_in(session, offering.id, now=later) == 0


def test_the_job_ends_offers_in_many_classes(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = [full_class(session) for _ in range(3)]
    for _offering, (first, *_rest) in classes:
        leave(session, first)
    session.commit()
    monkeypatch.setattr("core.clock.now", lambda: NOW + timedelta(hours=49))
    assert waitlist.lapse_offers() == 3
    assert waitlist.lapse_offers() == 0
    begin_write(session)
    for offering, _people in classes:
        assert states_of(session, offering) == [S.WITHDRAWN, S.LAPSED, S.OFFERED]


def test_the_job_offers_a_seat_that_nobody_was_offered(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    offering = make_offering(session, capacity=2)
    put_enrollment(session, offering, state=S.WAITLISTED)
    session.commit()
    monkeypatch.setattr("core.clock.now", lambda: NOW)
    waitlist.lapse_offers()
    begin_write(session)
    assert states_of(session, offering) == [S.OFFERED]


def test_the_list_ends_when_the_class_begins(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    offering, (_first, second, third) = full_class(session)
    session.commit()
    starts = offering.starts_at
    monkeypatch.setattr("core.clock.now", lambda: starts)
    waitlist.lapse_offers()
    begin_write(session)
    assert states_of(session, offering) == [S.ENROLLED, S.WITHDRAWN, S.WITHDRAWN]
    assert offering.waiting_count == 0
    assert mails_to(second.student.user.email)[-1] == mails_to(third.student.user.email)[-1] == "list-closed"


def test_a_request_that_nobody_decided_about_ends_with_the_class(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    offering = make_offering(session, needs_approval=True)
    asked, decided = fill(session, offering, 2)
    approval.approve(session, decided, actor=make_user(session, Role.REGISTRAR), now=NOW)
    session.commit()
    for moment, state in (
        (offering.ends_at - timedelta(seconds=1), S.PENDING),  # the office may still let them in
        (offering.ends_at, S.DECLINED),
    ):
        monkeypatch.setattr("core.clock.now", lambda moment=moment: moment)
        waitlist.lapse_offers()
        waitlist.lapse_offers()
        begin_write(session)
        assert states_of(session, offering) == [state, S.ENROLLED]
        session.rollback()
    assert offering.seats_taken == 1
    assert mails_to(asked.student.user.email) == ["asked", "not-approved"]


def test_one_class_in_disorder_does_not_hold_up_the_others(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bad, bad_people), (good, good_people) = full_class(session), full_class(session)
    leave(session, bad_people[0])
    leave(session, good_people[0])
    session.commit()
    real = seats.lock
    broken = bad.id

    def lock(session: Session, offering_id: int) -> Offering:
        if offering_id == broken:
            raise ValueError("disorder")
        return real(session, offering_id)

    monkeypatch.setattr(seats, "lock", lock)
    monkeypatch.setattr("core.clock.now", lambda: NOW + timedelta(hours=49))
    assert waitlist.lapse_offers() == 1
    begin_write(session)
    assert states_of(session, good)[1] is S.LAPSED


def test_an_offering_may_enroll_the_head_at_once(session: Session) -> None:
    _offering, (first, second, _third) = full_class(session, promotes_at_once=True)
    leave(session, first)
    assert second.state is S.ENROLLED
    assert mails_to(second.student.user.email) == ["waiting", "confirmation"]
    assert [event.to_state for event in second.history] == [S.WAITLISTED, S.OFFERED, S.ENROLLED]


# Promotion by hand.


@pytest.fixture
def rosa(session: Session) -> User:
    return make_user(session, Role.REGISTRAR, name="Rosa Delgado")


def test_staff_promote_out_of_order_only_with_a_reason(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1)
    second = put_enrollment(session, offering, state=S.WAITLISTED)
    third = put_enrollment(session, offering, state=S.WAITLISTED)
    with changes_nothing(session, offering), pytest.raises(RuleError) as caught:
        waitlist.promote_by_hand(session, third, reason=" ", actor=rosa, now=NOW)
    assert caught.value.field == "reason"
    waitlist.promote_by_hand(session, third, reason="Travels from abroad", actor=rosa, now=NOW)
    assert (second.state, third.state) == (S.WAITLISTED, S.OFFERED)
    event = session.scalars(sa.select(EnrollmentEvent).where(EnrollmentEvent.to_state == S.OFFERED)).one()
    assert (event.reason, event.actor_id, event.details["passed"]) == (
        "Travels from abroad",
        rosa.id,
        [second.ticket],
    )


def test_staff_promote_nobody_without_a_free_seat(session: Session, rosa: User) -> None:
    offering, (_first, second, _third) = full_class(session)
    with changes_nothing(session, offering), pytest.raises(seats.NoSeatError, match="No seat is free"):
        waitlist.promote_by_hand(session, second, reason="", actor=rosa, now=NOW)


def test_a_seat_is_added_for_one_person_while_the_list_is_open(session: Session, rosa: User) -> None:
    offering, (_first, second, third) = full_class(session)
    with changes_nothing(session, offering), pytest.raises(RuleError, match="Others asked earlier"):
        capacity.add_seat_for(session, third, reason="", actor=rosa, now=NOW)
    capacity.add_seat_for(session, third, reason="Brings the tables", actor=rosa, now=NOW)
    assert (second.state, third.state) == (S.WAITLISTED, S.OFFERED)
    assert (offering.capacity, offering.seats_taken) == (2, 2)
    event = session.scalars(sa.select(EnrollmentEvent).where(EnrollmentEvent.to_state == S.OFFERED)).one()
    assert (event.reason, event.details["passed"]) == ("Brings the tables", [second.ticket])


def test_no_seat_is_added_that_the_room_has_not(session: Session, rosa: User) -> None:
    offering, (_first, second, _third) = full_class(session)
    offering.venue.seats = 1
    with changes_nothing(session, offering), pytest.raises(RuleError, match="has 1 seat\\.") as caught:
        capacity.add_seat_for(session, second, reason="", actor=rosa, now=NOW)
    assert caught.value.field == "add_seat"


def test_a_free_seat_is_given_before_one_is_added(session: Session, rosa: User) -> None:
    offering = make_offering(session, capacity=1)
    waiting = put_enrollment(session, offering, state=S.WAITLISTED)
    capacity.add_seat_for(session, waiting, reason="", actor=rosa, now=NOW)
    assert (offering.capacity, waiting.state) == (1, S.OFFERED)


def test_staff_seat_people_at_the_door_after_the_cut_off(session: Session, rosa: User) -> None:
    starts = NOW + timedelta(days=30)
    offering, (first, second, _third) = full_class(session, starts=starts)
    leave(session, first, now=starts - timedelta(hours=2))
    waitlist.promote_by_hand(session, second, reason="", actor=rosa, now=starts - timedelta(hours=1))
    assert second.state is S.ENROLLED
    assert offering.seats_taken == 1


def test_someone_who_left_the_list_cannot_be_promoted(session: Session, rosa: User) -> None:
    offering = make_offering(session)
    gone = put_enrollment(session, offering, state=S.WITHDRAWN)
    with changes_nothing(session, offering), pytest.raises(RuleError, match="not on the waitlist any more"):
        waitlist.promote_by_hand(session, gone, reason="x", actor=rosa, now=NOW)


def test_places_are_counted_in_one_statement(session: Session) -> None:
    offering, (_first, second, third) = full_class(session)
    _other, (_a, b, _c) = full_class(session)
    found = waitlist.places(session, [second.id, third.id, b.id])
    assert found == {second.id: 1, third.id: 2, b.id: 1}
    assert offering.waiting_count == 2


def test_a_policy_may_close_the_list_only_at_the_beginning(session: Session) -> None:
    policy = make_policy(session, waitlist_cutoff_hours=0, seat_offer_hours=12)
    starts = NOW + timedelta(hours=2)
    offering = make_offering(session, capacity=1, policy_id=policy.id, starts=starts)
    seated = put_enrollment(session, offering)
    waiter = ask(session, offering, make_student(session))
    leave(session, seated)
    assert waiter.offer_expires_at == starts


@pytest.mark.parametrize(
    ("ahead", "bound"), [(timedelta(hours=40), timedelta(hours=24)), (timedelta(hours=10), timedelta())]
)
def test_an_offer_ends_before_the_class_that_was_moved_forward(
    session: Session, ahead: timedelta, bound: timedelta
) -> None:
    offering, (first, second, _third) = full_class(session)
    leave(session, first)
    offering.starts_at = NOW + ahead
    offering.calendar_sequence += 1
    waitlist.shorten_offers(session, offering, now=NOW)
    assert second.offer_expires_at == offering.starts_at - bound
    assert mails_to(second.student.user.email).count("offer") == 2
    waitlist.shorten_offers(session, offering, now=NOW)
    assert mails_to(second.student.user.email).count("offer") == 2


def test_an_offer_stays_as_it_is_when_the_class_moves_further_away(session: Session) -> None:
    offering, (first, second, _third) = full_class(session)
    leave(session, first)
    offering.starts_at += timedelta(days=7)
    offering.ends_at += timedelta(days=7)
    waitlist.shorten_offers(session, offering, now=NOW)
    assert second.offer_expires_at == NOW + timedelta(hours=48)
    assert mails_to(second.student.user.email).count("offer") == 1
