"""Editing classes: create, change, move, publish, dates, instructors."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import audit
from core.errors import RuleError
from courses.models import Course, CourseState
from courses.offering_checks import ConflictError
from courses.offering_models import InstructorRole, Offering, OfferingState, Venue
from courses.offerings import (
    NewOffering,
    OfferingDetails,
    assign_instructors,
    create_offering,
    edit_offering,
    publish,
    set_enrollment_dates,
)
from courses.rescheduling import reschedule
from courses.scheduling import PlannedMeeting, following_days, parse_pattern, plan
from tests.factories import NOW, make_course, make_offering, make_user, make_venue

pytestmark = pytest.mark.both_databases
CHICAGO = "America/Chicago"


@pytest.fixture
def rosa(session: Session) -> User:
    return make_user(session, Role.REGISTRAR, name="Rosa Delgado")


@pytest.fixture
def ines(session: Session) -> User:
    return make_user(session, Role.INSTRUCTOR, name="Ines Batista")


@pytest.fixture
def hall(session: Session) -> Venue:
    return make_venue(session, code="CHI", name="Lakeside Studio", time_zone=CHICAGO, seats=20)


def days(
    first: date = date(2027, 5, 3), count: int = 2, sittings: str = "09:00-10:30,10:45-12:15"
) -> list[PlannedMeeting]:
    return plan(following_days(first, count), parse_pattern(sittings), CHICAGO)


def new(course: Course, venue: Venue, **values: Any) -> NewOffering:
    defaults: dict[str, Any] = {
        "course_id": course.id,
        "venue_id": venue.id,
        "capacity": 12,
        "price_cents": course.price_cents,
        "policy_id": course.policy_id,
        "meetings": days(),
    }
    return NewOffering(**(defaults | values))


def as_planned(offering: Offering) -> list[PlannedMeeting]:
    return [
        PlannedMeeting(
            id=m.id, starts_at=m.starts_at, ends_at=m.ends_at, credit_minutes=m.credit_minutes, kind=m.kind
        )
        for m in offering.meetings
    ]


def shifted(meeting: PlannedMeeting, **by: int) -> PlannedMeeting:
    shift = timedelta(**by)
    return PlannedMeeting(
        id=meeting.id,
        starts_at=meeting.starts_at + shift,
        ends_at=meeting.ends_at + shift,
        credit_minutes=meeting.credit_minutes,
        kind=meeting.kind,
    )


def test_a_new_class_is_a_draft_with_its_meetings_zone_and_people(
    session: Session, rosa: User, ines: User, hall: Venue
) -> None:
    theo = make_user(session, Role.INSTRUCTOR)
    course = make_course(session, code="CST1")
    data = new(course, hall, lead_id=ines.id, assistant_ids=[theo.id])
    offering = create_offering(session, data, actor=rosa, now=NOW)
    session.commit()
    assert (offering.code, offering.state, offering.time_zone) == ("CST1-CHI-A", OfferingState.DRAFT, CHICAGO)
    assert [m.number for m in offering.meetings] == [1, 2, 3, 4]
    assert offering.starts_at == offering.meetings[0].starts_at
    assert offering.ends_at == offering.meetings[-1].ends_at
    assert {row.user_id: row.role for row in offering.instructors} == {
        ines.id: InstructorRole.LEAD,
        theo.id: InstructorRole.ASSISTANT,
    }
    assert audit.last_change(session, offering) == ("Rosa Delgado", NOW)


def test_a_code_is_made_from_what_is_free_or_taken_as_written(
    session: Session, rosa: User, hall: Venue
) -> None:
    course = make_course(session, code="CST1")
    make_offering(session, course, code="CST1-CHI-A")
    assert create_offering(session, new(course, hall), actor=rosa, now=NOW).code == "CST1-CHI-B"
    later = days(date(2027, 6, 1))
    mine = new(course, hall, code="SUMMER-27", meetings=later)
    assert create_offering(session, mine, actor=rosa, now=NOW).code == "SUMMER-27"
    for code in ("SUMMER-27", "NEW"):
        with pytest.raises(RuleError) as error:
            create_offering(session, new(course, hall, code=code, meetings=later), actor=rosa, now=NOW)
        assert error.value.field == "code"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"capacity": 21}, "capacity"),
        ({"opens_at": NOW + timedelta(days=200)}, "opens_at"),
        ({"opens_at": NOW, "closes_at": NOW}, "closes_at"),
        ({"lead_id": 10**6}, "lead_id"),
        ({"policy_id": 10**6}, "policy_id"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    session: Session, rosa: User, hall: Venue, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(RuleError) as error:
        create_offering(session, new(make_course(session), hall, **values), actor=rosa, now=NOW)
    assert error.value.field == field


def test_each_wrong_date_is_told(session: Session, rosa: User, hall: Venue) -> None:
    late = NOW + timedelta(days=300)
    data = new(
        make_course(session),
        hall,
        opens_at=late,
        closes_at=late,
        minimum_to_run=hall.seats,
        decide_by=late.date(),
        capacity=hall.seats - 1,
    )
    with pytest.raises(RuleError) as error:
        create_offering(session, data, actor=rosa, now=NOW)
    told = [wrong.field for wrong in (error.value, *error.value.also)]
    assert told == ["opens_at", "closes_at", "minimum_to_run", "decide_by"]
    with pytest.raises(RuleError) as error:
        set_enrollment_dates(session, make_offering(session), late, late, actor=rosa, now=NOW)
    assert [wrong.field for wrong in (error.value, *error.value.also)] == ["opens_at", "closes_at"]


def test_students_and_closed_accounts_do_not_teach(session: Session, rosa: User, hall: Venue) -> None:
    course = make_course(session)
    for person in (make_user(session), make_user(session, Role.INSTRUCTOR, disabled_at=NOW)):
        with pytest.raises(RuleError, match="account is open"):
            create_offering(session, new(course, hall, assistant_ids=[person.id]), actor=rosa, now=NOW)


def test_the_lead_is_not_an_assistant_as_well(session: Session, rosa: User, ines: User, hall: Venue) -> None:
    data = new(make_course(session), hall, lead_id=ines.id, assistant_ids=[ines.id])
    with pytest.raises(RuleError, match="not an assistant as well"):
        create_offering(session, data, actor=rosa, now=NOW)


def test_a_double_booking_is_refused_until_it_is_known(
    session: Session, rosa: User, ines: User, hall: Venue
) -> None:
    course = make_course(session)
    first = create_offering(session, new(course, hall, lead_id=ines.id), actor=rosa, now=NOW)
    again = new(course, hall, lead_id=ines.id)
    with pytest.raises(ConflictError) as error:
        create_offering(session, again, actor=rosa, now=NOW)
    assert {conflict.code for conflict in error.value.conflicts} == {first.code}
    assert f"Lakeside Studio is taken by {first.code} on Mon, May 3" in str(error.value)
    assert f"Ines Batista teaches {first.code}" in str(error.value)
    second = create_offering(session, again, actor=rosa, now=NOW, despite_conflicts=True)
    session.commit()
    event = session.query(audit.AuditEvent).filter_by(subject_id=second.id, subject_type="offerings").one()
    assert len((event.payload or {})["despite"]) == 2


def test_a_retired_course_gets_no_class(session: Session, rosa: User, hall: Venue) -> None:
    course = make_course(session, state=CourseState.RETIRED)
    with pytest.raises(RuleError, match="not retired"):
        create_offering(session, new(course, hall), actor=rosa, now=NOW)


def test_details_and_dates_change_and_say_what_changed(session: Session, rosa: User) -> None:
    offering = make_offering(session)
    details = OfferingDetails(price_cents=100, policy_id=offering.policy_id, needs_approval=True)
    assert edit_offering(session, offering, details, actor=rosa, now=NOW) == ["price_cents", "needs_approval"]
    assert edit_offering(session, offering, details, actor=rosa, now=NOW) == []
    opens, closes = NOW + timedelta(days=1), NOW + timedelta(days=9)
    assert set_enrollment_dates(session, offering, opens, closes, actor=rosa, now=NOW)
    assert not set_enrollment_dates(session, offering, opens, closes, actor=rosa, now=NOW)
    with pytest.raises(RuleError, match="has to be after enrollment opens"):
        set_enrollment_dates(session, offering, closes, opens, actor=rosa, now=NOW)


def test_the_lead_changes_hands(session: Session, rosa: User, ines: User) -> None:
    ivan = make_user(session, Role.INSTRUCTOR)
    offering = make_offering(session, lead=ines)
    assert assign_instructors(session, offering, ivan.id, [ines.id], actor=rosa, now=NOW)
    session.refresh(offering)
    assert {row.user_id: row.role.value for row in offering.instructors} == {
        ivan.id: "lead",
        ines.id: "assistant",
    }
    assert not assign_instructors(session, offering, ivan.id, [ines.id], actor=rosa, now=NOW)


def test_a_published_class_keeps_a_lead_and_a_signed_off_one_its_people(
    session: Session, rosa: User, ines: User
) -> None:
    offering = make_offering(session, lead=ines)
    with pytest.raises(RuleError, match="needs a lead instructor"):
        assign_instructors(session, offering, None, [], actor=rosa, now=NOW)
    offering.finalized_at = NOW
    session.flush()
    with pytest.raises(RuleError, match="signed off"):
        assign_instructors(session, offering, ines.id, [rosa.id], actor=rosa, now=NOW)


def test_assigning_someone_who_teaches_elsewhere_is_told(session: Session, rosa: User, ines: User) -> None:
    other = make_offering(session, lead=ines)
    offering = make_offering(session)
    with pytest.raises(ConflictError, match=f"Ines Batista teaches {other.code}"):
        assign_instructors(session, offering, ines.id, [], actor=rosa, now=NOW)
    assert assign_instructors(session, offering, ines.id, [], actor=rosa, now=NOW, despite_conflicts=True)


def test_publishing_says_what_is_missing(session: Session, rosa: User, ines: User) -> None:
    draft = make_offering(session, state=OfferingState.DRAFT, published_at=None)
    with pytest.raises(RuleError, match="lead instructor"):
        publish(session, draft, actor=rosa, now=NOW)
    assign_instructors(session, draft, ines.id, [], actor=rosa, now=NOW)
    draft.course.state = CourseState.DRAFT
    session.flush()
    with pytest.raises(RuleError, match="not in the catalog"):
        publish(session, draft, actor=rosa, now=NOW)
    draft.course.state = CourseState.PUBLISHED
    session.flush()
    with pytest.raises(RuleError, match="over"):
        publish(session, draft, actor=rosa, now=draft.ends_at)
    publish(session, draft, actor=rosa, now=NOW)
    assert (draft.state, draft.published_at) == (OfferingState.PUBLISHED, NOW)


def test_a_cancelled_class_stays_as_it_is(session: Session, rosa: User) -> None:
    offering = make_offering(session, state=OfferingState.CANCELLED)
    details = OfferingDetails(price_cents=1, policy_id=offering.policy_id)
    with pytest.raises(RuleError, match="cancelled"):
        edit_offering(session, offering, details, actor=rosa, now=NOW)


def test_moving_keeps_the_meetings_and_raises_the_sequence(session: Session, rosa: User, hall: Venue) -> None:
    offering = create_offering(session, new(make_course(session), hall), actor=rosa, now=NOW)
    plans = as_planned(offering)
    ids = [meeting.id for meeting in plans]
    # The first meeting moves behind all others, the second goes, one is added.
    later = [shifted(plans[0], days=4), plans[2], plans[3], *days(date(2027, 5, 12), 1, "09:00-10:00")]
    assert reschedule(session, offering, hall.id, later, marked=[], actor=rosa, now=NOW)
    session.commit()
    assert [m.id for m in offering.meetings][:3] == [ids[2], ids[3], ids[0]]
    assert [m.number for m in offering.meetings] == [1, 2, 3, 4]
    assert (offering.starts_at, offering.ends_at) == (plans[2].starts_at, later[-1].ends_at)
    assert offering.calendar_sequence == 1
    assert not reschedule(session, offering, hall.id, as_planned(offering), marked=[], actor=rosa, now=NOW)
    assert offering.calendar_sequence == 1


def test_a_marked_meeting_may_not_move_nor_go(session: Session, rosa: User, hall: Venue) -> None:
    offering = create_offering(session, new(make_course(session), hall), actor=rosa, now=NOW)
    plans = as_planned(offering)
    marked = [plans[0].id or 0]
    for wanted in ([shifted(plans[0], minutes=-15), *plans[1:]], plans[1:]):
        with pytest.raises(RuleError, match="Meeting 1 on Mon, May 3 has been marked"):
            reschedule(session, offering, hall.id, wanted, marked=marked, actor=rosa, now=NOW)
    elsewhere = make_venue(session, time_zone=CHICAGO)
    with pytest.raises(RuleError, match="stays there"):
        reschedule(session, offering, elsewhere.id, plans, marked=marked, actor=rosa, now=NOW)
    moved = [*plans[:3], shifted(plans[3], days=1)]
    assert reschedule(session, offering, hall.id, moved, marked=marked, actor=rosa, now=NOW)


def test_a_signed_off_class_may_not_move(session: Session, rosa: User, hall: Venue) -> None:
    offering = make_offering(session, venue=hall, finalized_at=NOW)
    plans = [shifted(plan_, days=1) for plan_ in as_planned(offering)]
    with pytest.raises(RuleError, match="signed off"):
        reschedule(session, offering, hall.id, plans, marked=[], actor=rosa, now=NOW)


def test_a_class_moves_to_a_room_that_is_large_enough_and_takes_its_zone(
    session: Session, rosa: User, hall: Venue
) -> None:
    offering = make_offering(session, venue=hall, capacity=12)
    plans = as_planned(offering)
    with pytest.raises(RuleError, match="has 8 seats"):
        reschedule(session, offering, make_venue(session, seats=8).id, plans, marked=[], actor=rosa, now=NOW)
    lisbon = make_venue(session, time_zone="Europe/Lisbon", seats=12)
    assert reschedule(session, offering, lisbon.id, plans, marked=[], actor=rosa, now=NOW)
    assert (offering.venue, offering.time_zone, offering.calendar_sequence) == (lisbon, "Europe/Lisbon", 1)


def test_another_class_s_meeting_is_not_moved(session: Session, rosa: User, hall: Venue) -> None:
    mine, other = make_offering(session, venue=hall), make_offering(session)
    with pytest.raises(RuleError, match="changed in the meantime"):
        reschedule(session, mine, hall.id, as_planned(other), marked=[], actor=rosa, now=NOW)
