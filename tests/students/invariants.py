"""DESIGN's invariants 1 to 3, asked of the rows themselves."""

from collections import Counter, defaultdict

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from courses.offering_models import Offering, OfferingState
from students import states
from students.group_models import GroupBooking
from students.ledger_models import (
    DiscountCode,
    DiscountUse,
    DocumentKind,
    EntryKind,
    FeeAccount,
    FeeDocument,
    FeeEntry,
)
from students.models import LIVE_STATES, SEATED_STATES, Enrollment, EnrollmentEvent, EnrollmentState
from tests.students.fees import require_sums

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


def check_fees(session: Session) -> None:
    """Every account adds up; codes are used as often as they say and by whom they are in force; numbers have no gap."""
    require_sums(session)
    using = set()
    for code in session.scalars(sa.select(DiscountCode).execution_options(populate_existing=True)):
        in_force = session.scalars(
            sa.select(DiscountUse.enrollment_id).where(
                DiscountUse.code_id == code.id, DiscountUse.given_back_at.is_(None)
            )
        ).all()
        assert code.uses == len(in_force)
        assert code.most_uses is None or code.uses <= code.most_uses
        using |= {(code.id, enrollment_id) for enrollment_id in in_force}
    live = set(session.scalars(sa.select(Enrollment.id).where(Enrollment.state.in_(LIVE_STATES))))
    assert {enrollment_id for _code, enrollment_id in using} <= live
    counter = aliased(FeeEntry)
    discounted = session.execute(
        sa.select(FeeEntry.discount_code_id, FeeAccount.enrollment_id)
        .join(FeeAccount, FeeAccount.id == FeeEntry.account_id)
        .outerjoin(counter, counter.corrects_id == FeeEntry.id)
        .where(FeeEntry.discount_code_id.is_not(None), FeeEntry.corrects_id.is_(None), counter.id.is_(None))
    )
    assert {tuple(row) for row in discounted if row.enrollment_id in live} <= using
    for kind in DocumentKind:
        taken = session.scalars(
            sa.select(FeeDocument.sequence).where(FeeDocument.kind == kind).order_by(FeeDocument.sequence)
        ).all()
        assert taken == list(range(1, len(taken) + 1))
    payments = session.scalars(
        sa.select(FeeEntry.id).where(FeeEntry.kind == EntryKind.PAYMENT, FeeEntry.corrects_id.is_(None))
    ).all()
    receipts = session.scalars(
        sa.select(FeeDocument.entry_id).where(FeeDocument.kind == DocumentKind.RECEIPT)
    ).all()
    assert sorted(payments) == sorted(entry for entry in receipts if entry is not None)


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
