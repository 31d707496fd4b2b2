"""What must hold for a make-up whatever is marked here and there, corrected, taken back or signed off (Hypothesis)."""

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from attendance import makeups
from attendance.finalize import finalize
from attendance.makeup_models import MakeUp, MakeUpState
from attendance.marking import save_roll
from attendance.minutes import summaries
from attendance.models import AttendanceMark, MarkMethod, MarkStatus
from attendance.writing import Entry
from core.database import begin_write
from core.errors import RuleError
from courses.offering_models import Meeting
from students.models import Enrollment
from tests.attendance.classes import NOW, later
from tests.attendance.test_makeups import Two, make_two

pytestmark = pytest.mark.usefixtures("at_ten")

WEEK = later(60 * 24 * 7)
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MARK = (st.sampled_from(list(MarkStatus)), st.integers(1, 90))
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("here"), *MARK),
        st.tuples(st.just("there"), *MARK),
        st.tuples(st.just("plan")),
        st.tuples(st.just("take back")),
        st.tuples(st.just("sign off")),
    ),
    max_size=12,
)


def do(session: Session, two: Two, act: tuple[Any, ...]) -> bool:
    """Do one thing; RuleError when it may not be. Whether a mark is new by it."""
    student = two.enrollment
    if act[0] == "plan":
        makeups.plan(session, student, two.lost.id, two.there.id, actor=two.office, now=NOW)
    elif act[0] == "take back":
        found = session.scalars(sa.select(MakeUp).order_by(MakeUp.id.desc()).limit(1)).one_or_none()
        if found is not None:
            makeups.withdraw(session, found, actor=two.office, now=NOW)
    elif act[0] == "sign off":
        finalize(session, two.home.offering, actor=two.home.lead, now=WEEK, accept_gaps=True)
    else:
        meeting, by = (two.lost, two.home.lead) if act[0] == "here" else (two.there, two.host_lead)
        entry = Entry(student.id, act[1], act[2])
        saved = save_roll(session, meeting, [entry], actor=by, now=WEEK, reason="A reason.")
        return bool(saved.changed)
    return False


def current(session: Session, meeting: Meeting, enrollment_id: int) -> Any:
    query = sa.select(AttendanceMark).where(
        AttendanceMark.meeting_id == meeting.id,
        AttendanceMark.enrollment_id == enrollment_id,
        AttendanceMark.is_current,
    )
    return session.scalars(query).one_or_none()


def check(session: Session, two: Two, act: tuple[Any, ...], stood: int, is_new: bool) -> None:
    student = two.enrollment
    here, there = current(session, two.lost, student.id), current(session, two.there, student.id)
    live = session.scalars(sa.select(MakeUp).where(MakeUp.state.in_(makeups.LIVE))).all()
    assert len(live) <= 1  # once
    assert here.minutes <= two.lost.credit_minutes
    assert student.id not in summaries(session, two.host)  # a guest is nobody of that class
    found = summaries(session, two.home.offering)[student.id]
    assert found.attended <= found.total
    if live and act[0] == "there":
        assert (live[0].state is MakeUpState.CREDITED) == (there.minutes > 0)
        # Credited, and what was more here stays; a correction here stands until there is news from there.
        assert here.minutes >= there.minutes if is_new else here.minutes == stood
    if act[0] == "there" and not live:
        assert here.minutes == stood  # nobody's guest: nothing is credited
    if here.method is MarkMethod.MAKE_UP:
        assert "Made up in" in here.reason
    state = session.get_one(Enrollment, student.id).state
    if two.home.offering.finalized_at is not None:
        assert state is found.outcome
    seats = 1 if live and two.there.ends_at > NOW and live[0].state is not MakeUpState.ASKED else 0
    if act[0] in ("plan", "take back"):
        assert two.host.guest_places == seats


@QUICK
@given(ACTS)
def test_a_make_up_is_credited_once_and_follows_what_is_marked(
    session: Session, acts: list[tuple[Any, ...]]
) -> None:
    session.rollback()
    begin_write(session)
    two = make_two(session, commit=False)
    for act in acts:
        stood = current(session, two.lost, two.enrollment.id).minutes
        try:
            with session.begin_nested():
                is_new = do(session, two, act)
        except RuleError:
            session.expire_all()
            assert current(session, two.lost, two.enrollment.id).minutes == stood  # a no changes nothing
            continue
        session.flush()
        session.expire_all()
        check(session, two, act, stood, is_new)
    session.rollback()
