"""What must hold whatever anybody marks, corrects or signs off, and in whatever order (Hypothesis)."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from attendance.finalize import finalize, reopen
from attendance.marking import save_roll
from attendance.minutes import (
    BodyRule,
    Marked,
    Sitting,
    Summary,
    Terms,
    minutes_between,
    summaries,
    summarize,
)
from attendance.models import AttendanceMark, MarkStatus, Roll
from attendance.writing import Entry
from core.database import begin_write
from core.errors import RuleError
from courses.offering_models import MeetingKind
from students.models import Enrollment, EnrollmentState
from tests.attendance.classes import Class, later, make_class

OVER = later(300)
STATUSES = st.sampled_from(list(MarkStatus))
NOON = datetime(2027, 3, 14, 12, 0, tzinfo=UTC)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


# ---- arithmetic, over plain data


@st.composite
def classes(draw: Any) -> tuple[list[Sitting], dict[int, Marked], Terms, list[BodyRule]]:
    credits = draw(st.lists(st.integers(0, 480), min_size=1, max_size=12))
    meetings = [
        Sitting(
            n + 1, n + 1, NOON + timedelta(hours=n), NOON + timedelta(hours=n + 1), MeetingKind.TEACHING, c
        )
        for n, c in enumerate(credits)
    ]
    marks = {}
    for meeting in meetings:
        status = draw(st.none() | STATUSES)
        if status is None:
            continue
        most = {MarkStatus.PRESENT: meeting.credit, MarkStatus.ABSENT: 0, MarkStatus.EXCUSED: 0}.get(status)
        minutes = draw(st.integers(0, meeting.credit)) if most is None else most
        marks[meeting.id] = Marked(meeting.id, 1, status, minutes)
    terms = Terms(draw(st.integers(0, 100)), draw(st.integers(0, 60)), draw(st.booleans()))
    rules = [
        BodyRule("A", "A", "h", 50, Fraction(1, 2), Fraction(draw(st.integers(1, 60)), 2), partial=True),
        BodyRule("B", "B", "h", 60, Fraction(1, 10), Fraction(draw(st.integers(1, 300)), 10), partial=False),
    ]
    return meetings, marks, terms, rules


def summed(meetings: list[Sitting], marks: dict[int, Marked], terms: Terms, rules: list[BodyRule]) -> Summary:
    joined = NOON - timedelta(days=1)
    return summarize(1, "Alex", EnrollmentState.ENROLLED, terms, joined, meetings, marks, rules)


@given(classes())
def test_what_was_attended_counts_at_most_what_can_be_reached(
    made: tuple[list[Sitting], dict[int, Marked], Terms, list[BodyRule]],
) -> None:
    found = summed(*made)
    assert 0 <= found.attended <= found.counted <= found.reachable <= found.total
    assert found.attended <= found.reachable_attended <= found.reachable
    assert 0 <= found.needed <= found.total
    assert found.on_track or not found.met
    assert 0 <= found.may_miss <= found.open_minutes
    # Whoever misses exactly that much still meets the policy; a minute more, and not (unless it is met already).
    assert not found.on_track or found.reachable - found.may_miss >= found.needed
    for credit in found.credits:
        assert 0 <= credit.earned <= credit.so_far <= credit.approved
        assert credit.earned <= credit.reachable <= credit.approved
        assert credit.so_far % credit.body.step == 0 or credit.so_far == credit.approved


@given(classes(), st.integers(0, 11))
def test_being_there_never_lowers_anything(
    made: tuple[list[Sitting], dict[int, Marked], Terms, list[BodyRule]], position: int
) -> None:
    meetings, marks, terms, rules = made
    meeting = meetings[position % len(meetings)]
    better = marks | {meeting.id: Marked(meeting.id, 1, MarkStatus.PRESENT, meeting.credit)}
    before, after = summed(*made), summed(meetings, better, terms, rules)
    assert after.attended >= before.attended
    assert after.counted >= before.counted
    assert after.reachable >= before.reachable
    for old, new in zip(before.credits, after.credits, strict=True):
        assert new.earned >= old.earned
        assert new.reachable >= old.reachable


@given(classes())
def test_once_every_meeting_is_marked_nothing_more_can_be_reached(
    made: tuple[list[Sitting], dict[int, Marked], Terms, list[BodyRule]],
) -> None:
    meetings, marks, terms, rules = made
    absent = {meeting.id: Marked(meeting.id, 1, MarkStatus.ABSENT, 0) for meeting in meetings}
    found = summed(meetings, absent | marks, terms, rules)
    assert found.reachable == found.counted
    assert found.missing == ()
    assert found.met == found.on_track
    assert [credit.reachable for credit in found.credits] == [credit.earned for credit in found.credits]


@given(st.integers(-600, 600), st.integers(-600, 600), st.integers(1, 480), st.integers(0, 480))
def test_minutes_between_stay_within_the_meeting(arrived: int, left: int, length: int, credit: int) -> None:
    meeting = Sitting(1, 1, NOON, NOON + timedelta(minutes=length), MeetingKind.TEACHING, credit)
    came, went = NOON + timedelta(minutes=arrived), NOON + timedelta(minutes=left)
    minutes = minutes_between(meeting, arrived=came, left=went)
    assert 0 <= minutes <= credit
    assert minutes <= minutes_between(meeting, arrived=came)
    assert minutes <= minutes_between(meeting, left=went)


# ---- marks, clashes, corrections and sign-offs, on the real tables

ACTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("mark"),
            st.integers(0, 1),  # who marks
            st.integers(0, 1),  # which meeting
            st.integers(0, 2),  # whom
            STATUSES,
            st.integers(-5, 100),
            st.none() | st.integers(0, 4),  # how many saves the page is behind; None: no page
            st.none() | st.integers(0, 5),  # which key, when it comes from a phone
            st.booleans(),  # with a reason
            st.none() | st.sampled_from(["", "Leaves at 3.", "Sits by the door."]),  # the remark
        ),
        st.tuples(st.just("sign off"), st.booleans()),
        st.tuples(st.just("open again")),
    ),
    max_size=14,
)


def snapshot(session: Session) -> dict[int, tuple[Any, ...]]:
    """Everything about every mark that must never change."""
    fixed = AttendanceMark.__table__.c
    query = sa.select(*(column for column in fixed if column.name != "is_current"))
    return {row.id: tuple(row) for row in session.execute(query)}


def check(session: Session, made: Class, before: dict[int, tuple[Any, ...]]) -> dict[int, tuple[Any, ...]]:
    after = snapshot(session)
    assert before.items() <= after.items()  # nothing was overwritten or deleted
    marks = session.execute(sa.select(AttendanceMark.__table__).order_by(AttendanceMark.id)).all()
    by_place: dict[tuple[int, int], list[Any]] = {}
    for row in marks:
        by_place.setdefault((row.meeting_id, row.enrollment_id), []).append(row)
        assert 0 <= row.minutes <= 90
        assert row.minutes == 0 or row.status not in ("absent", "excused")
    for rows in by_place.values():
        assert sum(row.is_current for row in rows) == 1
        chain = [row for row in rows if row.conflicts_with_id is None]
        assert chain[-1].is_current
        assert [row.supersedes_id for row in chain] == [None, *(row.id for row in chain[:-1])]
        assert not any(row.is_current for row in rows if row.conflicts_with_id is not None)
    saves = Counter(
        row.meeting_id for row in {(row.meeting_id, row.roll_revision): row for row in marks}.values()
    )
    for roll in session.execute(sa.select(Roll.meeting_id, Roll.revision)):
        assert roll.revision == saves[roll.meeting_id]
    if made.offering.finalized_at is not None:
        found = summaries(session, made.offering)
        assert {number: summary.outcome for number, summary in found.items()} == enrollment_states(session)
    return after


@QUICK
@given(ACTS)
def test_marks_are_history_and_states_follow_them(session: Session, acts: list[tuple[Any, ...]]) -> None:
    session.rollback()
    begin_write(session)
    made = make_class(session, commit=False)
    before = check(session, made, {})
    for act in acts:
        revisions = attendance_revisions(session)
        states, stood = enrollment_states(session), standing_marks(session)
        try:
            with session.begin_nested():
                changed = do(session, made, act)
        except RuleError:
            session.expire_all()
            assert snapshot(session) == before  # a no changes nothing
            continue
        session.flush()
        session.expire_all()
        before = check(session, made, before)
        stands = standing_marks(session)
        moved = {place[1] for place, mark in stands.items() if stood.get(place) != mark}
        assert moved <= set(changed)  # a remark alone is a new mark, and moves nothing
        for number, revision in attendance_revisions(session).items():
            raised = number in moved and states[number] is not EnrollmentState.ENROLLED
            assert revision == revisions[number] + raised
    session.rollback()


def attendance_revisions(session: Session) -> dict[int, int]:
    return {
        row[0]: row[1] for row in session.execute(sa.select(Enrollment.id, Enrollment.attendance_revision))
    }


def standing_marks(session: Session) -> dict[tuple[int, int], tuple[Any, ...]]:
    query = sa.select(AttendanceMark.__table__).where(AttendanceMark.is_current)
    return {(row.meeting_id, row.enrollment_id): (row.status, row.minutes) for row in session.execute(query)}


def enrollment_states(session: Session) -> dict[int, EnrollmentState]:
    return {row[0]: row[1] for row in session.execute(sa.select(Enrollment.id, Enrollment.state))}


def do(session: Session, made: Class, act: tuple[Any, ...]) -> tuple[int, ...]:
    """Do one thing; returns whose mark is new."""
    if act[0] == "sign off":
        finalize(session, made.offering, actor=made.lead, now=OVER, accept_gaps=act[1])
        return ()
    if act[0] == "open again":
        reopen(session, made.offering, reason="Something was wrong.", actor=made.lead, now=OVER)
        return ()
    _mark, who, meeting_number, whom, status, minutes, behind, key, with_reason, remark = act
    meeting = made.meetings[meeting_number]
    current = session.scalar(sa.select(Roll.revision).where(Roll.meeting_id == meeting.id)) or 0
    entry = Entry(
        made.ids[whom], status, minutes, client_key=None if key is None else f"key {key}", remark=remark
    )
    actor, page = (made.lead, made.assistant)[who], None if behind is None else max(0, current - behind)
    place = (meeting.id, made.ids[whom])
    before = rows_at(session, place)
    saved = save_roll(
        session,
        meeting,
        [entry],
        actor=actor,
        now=OVER,
        revision=page,
        reason="A reason." if with_reason else "",
    )
    if page is not None:
        nobody_is_overruled_unseen(before, rows_at(session, place), entry, actor.id, page)
    return saved.changed


def rows_at(session: Session, place: tuple[int, int]) -> list[Any]:
    query = sa.select(AttendanceMark.__table__).where(
        AttendanceMark.meeting_id == place[0], AttendanceMark.enrollment_id == place[1]
    )
    return list(session.execute(query.order_by(AttendanceMark.id)))


def nobody_is_overruled_unseen(
    before: list[Any], after: list[Any], entry: Entry, actor_id: int, page: int
) -> None:
    """What another person said since the page was opened stands, and what is said against it is kept beside it."""
    stood = next((row for row in before if row.is_current), None)
    if stood is None or stood.roll_revision <= page or stood.recorded_by_id == actor_id:
        return
    stands = next(row for row in after if row.is_current)
    assert (stands.status, stands.minutes) == (stood.status, stood.minutes)
    whole = {MarkStatus.PRESENT: 90, MarkStatus.ABSENT: 0, MarkStatus.EXCUSED: 0}
    said = (entry.status, whole.get(entry.status, entry.minutes))
    shown = [row for row in before if row.conflicts_with_id is None and row.roll_revision <= page]
    untouched = entry.client_key is None and shown and (shown[-1].status, shown[-1].minutes) == said
    sent_before = entry.client_key is not None and any(row.client_key == entry.client_key for row in before)
    elsewhere = entry.client_key is not None and len(after) == len(
        before
    )  # a key is used once, whoever it marked
    if said != (stood.status, stood.minutes) and not (untouched or sent_before or elsewhere):
        assert said in [(row.status, row.minutes) for row in after if row.conflicts_with_id == stood.id]
