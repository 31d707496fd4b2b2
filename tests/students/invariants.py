"""DESIGN's invariants 1 to 3, asked of the rows themselves."""

from collections import Counter, defaultdict

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.offering_models import Offering, OfferingState
from students import states
from students.group_models import GroupBooking
from students.models import LIVE_STATES, SEATED_STATES, Enrollment, EnrollmentEvent, EnrollmentState

S = EnrollmentState


def check_invariants(session: Session) -> None:
    """Seats, one place each, and a fair queue; also that the history leads to the state."""
    session.flush()
    offerings = {
        row.id: row
        for row in session.execute(
            sa.select(
                Offering.id, Offering.state, Offering.capacity, Offering.seats_taken, Offering.waiting_count
            )
        )
    }
    rows = session.execute(
        sa.select(
            Enrollment.id,
            Enrollment.offering_id,
            Enrollment.student_id,
            Enrollment.state,
            Enrollment.ticket,
            Enrollment.holds_seat,
        ).order_by(Enrollment.offering_id, Enrollment.ticket)
    ).all()
    reserved = Counter[int]()
    for booking in session.execute(sa.select(GroupBooking.offering_id, GroupBooking.seats_open)):
        reserved[booking.offering_id] += booking.seats_open
    of_offering = defaultdict(list)
    for row in rows:
        of_offering[row.offering_id].append(row)
        if row.state is not S.PENDING:
            assert row.holds_seat == (row.state in SEATED_STATES), row
    for offering_id, offering in offerings.items():
        mine = of_offering[offering_id]
        held = sum(row.holds_seat for row in mine) + reserved[offering_id]
        waiting = sum(row.state is S.WAITLISTED for row in mine)
        assert (offering.seats_taken, offering.waiting_count) == (held, waiting), offering
        assert held <= offering.capacity, offering
        live = Counter(row.student_id for row in mine if row.state in LIVE_STATES)
        assert all(count == 1 for count in live.values()), live
        if offering.state is OfferingState.CANCELLED:
            assert not any(row.state in LIVE_STATES - states.FINALIZED_STATES for row in mine), offering
        assert len({row.ticket for row in mine}) == len(mine)
    _check_history(session, {row.id: row.state for row in rows})
    _check_queue(session)


def _check_history(session: Session, state_of: dict[int, EnrollmentState]) -> None:
    last: dict[int, EnrollmentState | None] = {}
    for event in session.execute(
        sa.select(
            EnrollmentEvent.enrollment_id, EnrollmentEvent.from_state, EnrollmentEvent.to_state
        ).order_by(EnrollmentEvent.id)
    ):
        assert event.from_state == last.get(event.enrollment_id), event
        states.check(event.from_state, event.to_state)
        last[event.enrollment_id] = event.to_state
    for enrollment_id, reached in last.items():
        assert state_of[enrollment_id] is reached


def _check_queue(session: Session) -> None:
    """Each seat that went to the list went to its lowest ticket, or says who passed whom and why."""
    events = session.execute(
        sa.select(
            EnrollmentEvent.from_state,
            EnrollmentEvent.to_state,
            EnrollmentEvent.reason,
            EnrollmentEvent.details,
            Enrollment.ticket,
            Enrollment.offering_id,
        )
        .join(Enrollment, Enrollment.id == EnrollmentEvent.enrollment_id)
        .order_by(EnrollmentEvent.id)
    )
    lines: dict[int, set[int]] = defaultdict(set)
    for event in events:
        line = lines[event.offering_id]
        if event.to_state is S.OFFERED:
            earlier = sorted(ticket for ticket in line if ticket < event.ticket)
            if earlier:
                assert event.details["rule"] == "out_of_order", event
                assert event.details["passed"] == earlier, event
                assert event.reason, event
        if event.from_state is None and event.to_state is S.ENROLLED and line:
            # The office seats someone past the list: at the door, or from another class, with a reason that stays.
            assert event.reason or event.details["source"] == "group", event
        if event.from_state is S.WAITLISTED:
            line.discard(event.ticket)
        if event.to_state is S.WAITLISTED:
            line.add(event.ticket)
