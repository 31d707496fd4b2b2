"""Make-ups: asked, planned, marked there, credited here, once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role, User
from attendance import mail, makeups
from attendance.door import Newcomer, walk_in
from attendance.door_models import WalkIn
from attendance.finalize import finalize
from attendance.makeup_models import MakeUp, MakeUpState
from attendance.makeup_upkeep import keep_up
from attendance.marking import save_roll
from attendance.minutes import summaries
from attendance.models import MarkMethod, MarkStatus
from attendance.writing import Entry
from core.audit import verify
from core.database import begin_write, writing
from core.errors import RuleError
from core.outbox import OutgoingMail
from courses.offering_models import Meeting, Offering, OfferingState
from courses.venues import VenueData, edit_venue
from students import seats
from students.capacity import set_capacity
from students.models import Enrollment, EnrollmentState
from tests import factories
from tests.attendance.classes import NOW, START, Class, later, make_class, stored
from tests.helpers import mails_to

pytestmark = pytest.mark.usefixtures("at_ten")

P, L, E, A = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.LEFT_EARLY, MarkStatus.ABSENT
NEXT_WEEK = timedelta(days=7)


@dataclass
class Two:
    """A class where the first student missed the first meeting, and another class of the course a week later."""

    home: Class
    host: Offering
    host_lead: User
    office: User

    @property
    def enrollment(self) -> Enrollment:
        return self.home.enrollments[0]

    @property
    def lost(self) -> Meeting:
        return self.home.meeting

    @property
    def there(self) -> Meeting:
        return self.host.meetings[0]


@pytest.fixture
def two(session: Session) -> Two:
    return make_two(session)


def make_two(session: Session, *, commit: bool = True, **values: Any) -> Two:
    """Both classes; committed unless told, like the class that they begin with."""
    home = make_class(session, commit=commit)
    if commit:
        begin_write(session)
    first, second, third = home.ids
    roll = [Entry(first, A), Entry(second, P), Entry(third, L, 60)]
    save_roll(session, home.meeting, roll, actor=home.lead, now=NOW)
    lead = factories.make_user(session, Role.INSTRUCTOR)
    venue = factories.make_venue(session, seats=4)
    defaults: dict[str, Any] = {"starts": START + NEXT_WEEK, "lead": lead, "capacity": 3, "venue": venue}
    host = factories.make_offering(session, home.offering.course, **(defaults | values))
    office = factories.make_user(session, Role.REGISTRAR)
    session.flush()
    if commit:
        session.commit()
    return Two(home, host, lead, office)


def planned(session: Session, two: Two, number: int = 0) -> MakeUp:
    begin_write(session)
    enrollment = two.home.enrollments[number]
    found = makeups.plan(session, enrollment, two.lost.id, two.there.id, actor=two.office, now=NOW)
    session.commit()
    return found


def marked_there(session: Session, two: Two, status: MarkStatus, minutes: int | None = None) -> None:
    begin_write(session)
    at = later(60 * 24 * 7)
    entry = Entry(two.enrollment.id, status, minutes)
    save_roll(session, two.there, [entry], actor=two.host_lead, now=at)
    session.commit()


def at_home(app: Flask, two: Two) -> list[tuple[MarkStatus, int, MarkMethod]]:
    return [
        (mark.status, mark.minutes, mark.method)
        for mark in stored(app, two.enrollment.id)
        if mark.meeting_id == two.lost.id
    ]


def signed_off(session: Session, two: Two) -> None:
    begin_write(session)
    ids = two.home.ids
    roll = [Entry(number, P) for number in ids]
    save_roll(session, two.home.meetings[1], roll, actor=two.home.lead, now=later(150))
    finalize(session, two.home.offering, actor=two.home.lead, now=later(200))
    session.commit()


@pytest.mark.both_databases
def test_a_guest_is_marked_there_and_credited_here(app: Flask, session: Session, two: Two) -> None:
    signed_off(session, two)
    assert session.get_one(Enrollment, two.enrollment.id).state is EnrollmentState.INCOMPLETE
    planned(session, two)
    assert mails_to(two.enrollment.student.user.email)[-1] == "make-up"
    marked_there(session, two, P)
    assert at_home(app, two) == [(A, 0, MarkMethod.ROLL), (P, 90, MarkMethod.MAKE_UP)]
    begin_write(session)
    enrollment = session.get_one(Enrollment, two.enrollment.id)
    assert enrollment.state is EnrollmentState.COMPLETED
    assert enrollment.attendance_revision == 1
    found = summaries(session, two.home.offering)[enrollment.id]
    assert (found.attended, found.met) == (180, True)
    assert enrollment.id not in summaries(session, two.host)
    assert session.scalars(sa.select(MakeUp.state)).one() is MakeUpState.CREDITED
    assert list(verify(session)) == []


@pytest.mark.both_databases
def test_a_correction_there_is_a_correction_here(app: Flask, session: Session, two: Two) -> None:
    planned(session, two)
    marked_there(session, two, P)
    marked_there(session, two, L, 40)
    marked_there(session, two, A)
    assert [mark[:2] for mark in at_home(app, two)] == [(A, 0), (P, 90), (L, 40), (A, 0)]
    assert session.scalars(sa.select(MakeUp.state)).one() is MakeUpState.PLANNED


def test_what_stood_here_comes_back_when_there_is_less(app: Flask, session: Session, two: Two) -> None:
    begin_write(session)
    save_roll(session, two.lost, [Entry(two.enrollment.id, E, 50)], actor=two.home.lead, now=NOW)
    session.commit()
    planned(session, two)
    marked_there(session, two, L, 30)  # less than what was attended here
    assert [mark[:2] for mark in at_home(app, two)] == [(A, 0), (E, 50)]
    marked_there(session, two, P)
    marked_there(session, two, A)
    assert [mark[:2] for mark in at_home(app, two)] == [(A, 0), (E, 50), (P, 90), (E, 50)]


def test_who_does_not_come_there_either_is_marked_there_only(app: Flask, session: Session, two: Two) -> None:
    begin_write(session)
    noon, there = two.home.meetings[1], two.host.meetings[1]  # no roll was taken at home
    makeups.plan(session, two.enrollment, noon.id, there.id, actor=two.office, now=later(200))
    absent = [Entry(two.enrollment.id, A)]
    save_roll(session, there, absent, actor=two.host_lead, now=later(60 * 24 * 7 + 120))
    session.commit()
    assert [mark.meeting_id for mark in stored(app, two.enrollment.id)] == [two.lost.id, there.id]
    assert session.scalars(sa.select(MakeUp.state)).one() is MakeUpState.PLANNED


def test_a_missed_meeting_is_made_up_once(session: Session, two: Two) -> None:
    planned(session, two)
    begin_write(session)
    again = factories.make_offering(session, two.home.offering.course, starts=START + 2 * NEXT_WEEK)
    session.commit()
    begin_write(session)
    with pytest.raises(RuleError, match="credited once"):
        makeups.plan(session, two.enrollment, two.lost.id, again.meetings[0].id, actor=two.office, now=NOW)


def test_the_room_is_the_limit(session: Session, two: Two) -> None:
    planned(session, two)  # 4 seats in the room, 3 of the class, 1 guest
    begin_write(session)
    with pytest.raises(RuleError, match="The room is full"):
        makeups.plan(session, two.home.enrollments[2], two.lost.id, two.there.id, actor=two.office, now=NOW)


def test_guests_keep_their_chairs_whatever_changes_about_the_class(session: Session, two: Two) -> None:
    makeup = planned(session, two)  # 4 seats in the room, 3 of the class, 1 guest
    assert two.host.guest_places == 1
    begin_write(session)
    with pytest.raises(RuleError, match="has 4 seats, and 1 guest makes up a meeting there"):
        set_capacity(session, two.host, 4, actor=two.office, now=NOW)
    session.rollback()
    begin_write(session)
    venue = two.host.venue
    smaller = VenueData(
        **{field.name: getattr(venue, field.name) for field in fields(VenueData)} | {"seats": 3}
    )
    with pytest.raises(RuleError, match="more places than that"):
        edit_venue(session, venue, smaller, actor=two.office, now=NOW)
    session.rollback()
    begin_write(session)
    makeups.withdraw(session, makeup, actor=two.office, now=NOW)
    assert two.host.guest_places == 0
    set_capacity(session, two.host, 4, actor=two.office, now=NOW)
    session.commit()
    assert two.host.capacity == 4


def test_a_chair_is_given_back_when_the_guests_meeting_is_over(session: Session, two: Two) -> None:
    planned(session, two)
    host = two.host
    assert keep_up() == 0
    over = two.there.ends_at
    with time_machine.travel(over - timedelta(minutes=1), tick=False):
        assert keep_up() == 0
    with time_machine.travel(over, tick=False):
        assert keep_up() == 1
        assert keep_up() == 0
    begin_write(session)
    assert session.get_one(Offering, host.id).guest_places == 0
    set_capacity(session, host, 4, actor=two.office, now=over)


def test_a_chair_is_given_back_when_the_guest_leaves_their_own_class(session: Session, two: Two) -> None:
    planned(session, two)
    begin_write(session)
    seats.lock(session, two.home.offering.id)
    seats.move(session, two.enrollment, EnrollmentState.WITHDRAWN, actor=two.office, now=NOW)
    session.commit()
    assert keep_up() == 1  # its chair with it
    begin_write(session)
    assert session.scalars(sa.select(MakeUp.state)).one() is MakeUpState.WITHDRAWN
    assert session.get_one(Offering, two.host.id).guest_places == 0
    assert mails_to(two.enrollment.student.user.email).count("make-up") == 1


@pytest.mark.both_databases
def test_a_guest_of_a_cancelled_class_is_told_once_and_can_choose_again(session: Session, two: Two) -> None:
    planned(session, two)
    begin_write(session)
    two.host.state, two.host.cancelled_at = OfferingState.CANCELLED, NOW
    session.commit()
    assert keep_up() == 1
    session.rollback()  # what a job reads begins anew
    assert keep_up() == 0
    begin_write(session)
    makeup = session.scalars(sa.select(MakeUp)).one()
    assert makeup.state is MakeUpState.DECLINED
    assert makeup.message == "The class was cancelled. Choose another meeting."
    row = session.scalars(sa.select(OutgoingMail).where(OutgoingMail.kind == "make-up")).all()[-1]
    message = mail.make_up(session, row)
    assert message is not None
    assert "does not take place" in message.text
    assert list(verify(session)) == []


def test_a_walk_in_does_not_take_a_guests_chair(session: Session, two: Two) -> None:
    planned(session, two)
    begin_write(session)
    two.host.venue.seats = 1  # as if an older school had let it shrink
    session.commit()
    begin_write(session)
    newcomer = Newcomer("Nia Obi", "nia@example.org", has_agreed=True)
    noted = walk_in(session, two.there, newcomer, actor=two.host_lead, now=later(60 * 24 * 7))
    assert isinstance(noted, WalkIn)
    assert "guests who make up a meeting" in noted.problem


@pytest.mark.both_databases
def test_two_guests_do_not_take_the_last_place_at_once(app: Flask, session: Session) -> None:
    two = make_two(session)
    ids = [two.home.ids[0], two.home.ids[2]]
    lost, there, office = two.lost.id, two.there.id, two.office.id

    def plan(enrollment_id: int) -> bool:
        try:
            with app.app_context(), writing() as own:
                enrollment = own.get_one(Enrollment, enrollment_id)
                makeups.plan(own, enrollment, lost, there, actor=own.get_one(User, office), now=NOW)
        except RuleError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(plan, ids)) == [False, True]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"minutes": 60}, "do not match"),
        ({"starts": START - NEXT_WEEK}, "has begun or does not take place"),
        ({"state": OfferingState.CANCELLED}, "has begun or does not take place"),
    ],
)
def test_what_does_not_match_is_refused(session: Session, change: dict[str, Any], told: str) -> None:
    two = make_two(session, **change)
    begin_write(session)
    with pytest.raises(RuleError, match=told):
        makeups.plan(session, two.enrollment, two.lost.id, two.there.id, actor=two.office, now=NOW)


def test_another_meeting_another_course_and_nothing_missed_are_refused(session: Session, two: Two) -> None:
    begin_write(session)
    other = factories.make_offering(session, starts=START + NEXT_WEEK)
    session.flush()
    tries: list[tuple[int, Meeting, Meeting, str]] = [
        (0, two.lost, two.host.meetings[1], "do not match"),
        (0, two.lost, other.meetings[0], "do not match"),
        (1, two.lost, two.there, "counts in full already"),
        (0, two.home.meetings[1], two.host.meetings[1], "not over yet"),
    ]
    for number, lost, there, told in tries:
        with pytest.raises(RuleError, match=told):
            makeups.plan(session, two.home.enrollments[number], lost.id, there.id, actor=two.office, now=NOW)
