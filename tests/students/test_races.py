"""Many at once, with real commits from threads and from processes: never oversold, nobody lost, no error page."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import clock
from core.audit import verify
from core.database import begin_write, db, writing
from core.errors import RuleError
from core.outbox import OutgoingMail
from courses.offering_models import Offering
from students import approval, capacity, leaving, seats, transferring, waitlist
from students import enrollment as enrolling
from students.models import Enrollment, EnrollmentState, Student
from tests import serving
from tests.factories import make_course, make_school, make_student, make_user
from tests.helpers import sign_in
from tests.ports import free_port
from tests.students.acting import fill, request_of, soon
from tests.students.invariants import check_invariants

pytestmark = pytest.mark.both_databases
S = EnrollmentState
FIELDS = {
    "certificate_name": "Maya Okonjo",
    "profession": "LMT",
    "license_state": "OR",
    "license_number": "28417",
    "acknowledge_screening": "y",
    "accept_policy": "y",
}


def at_once(app: Flask, acts: list[Callable[[], Any]], workers: int = 16) -> list[Any]:
    """Run all acts at the same time, each with an application context of its own; their results or RuleErrors."""
    line = threading.Barrier(min(workers, len(acts)))

    def run(act: Callable[[], Any]) -> Any:
        with app.app_context():
            line.wait(120)
            try:
                return act()
            except RuleError as error:
                return error

    with ThreadPoolExecutor(min(workers, len(acts))) as pool:
        return list(pool.map(run, acts))


def tally(session: Session, offering: Offering) -> Counter[EnrollmentState]:
    session.rollback()
    begin_write(session)
    return Counter(session.scalars(sa.select(Enrollment.state).where(Enrollment.offering_id == offering.id)))


def hold(session: Session) -> None:
    """Every invariant, and an audit chain without a gap."""
    session.rollback()
    begin_write(session)
    check_invariants(session)
    assert list(verify(session)) == []


def test_two_hundred_posts_for_thirty_places_from_threads(app: Flask, session: Session) -> None:
    make_school(session)
    offering = soon(session, capacity=30)
    students = [make_student(session) for _ in range(200)]
    keys = [student.user for student in students]
    address = f"/classes/{offering.code}/enroll"
    session.commit()
    clients = []
    for user in keys:
        client = app.test_client()
        sign_in(client, user)
        clients.append(client)
    session.commit()
    line = threading.Barrier(40)

    def post(client: Any) -> int:
        line.wait(120)
        return int(client.post(address, data=FIELDS).status_code)

    with ThreadPoolExecutor(40) as pool:
        answers = Counter(pool.map(post, clients))
    assert answers == {303: 200}
    assert tally(session, offering) == {S.ENROLLED: 30, S.WAITLISTED: 170}
    hold(session)
    tickets = session.scalars(sa.select(Enrollment.ticket).order_by(Enrollment.ticket)).all()
    assert tickets == list(range(1, 201))
    seated = session.scalars(sa.select(Enrollment.ticket).where(Enrollment.state == S.ENROLLED)).all()
    assert max(seated) == 30
    assert session.scalar(sa.select(sa.func.count(OutgoingMail.id))) == 200


def test_two_hundred_clients_of_a_real_server_with_several_processes(
    app: Flask, session: Session, tmp_path: Path
) -> None:
    make_school(session)
    offering = soon(session, capacity=30)
    keys = [make_student(session).user.get_id() for _ in range(200)]
    address = f"/classes/{offering.code}/enroll"
    session.commit()
    port = free_port()
    web = serving.start_web(app, port, tmp_path / "web.log", workers=3)
    try:
        clients = [serving.Client(port, serving.session_cookie(app, key)) for key in keys]
        with ThreadPoolExecutor(50) as pool:
            assert Counter(pool.map(lambda client: client.open(address), clients)) == {200: 200}
            sent = list(pool.map(lambda client: client.send("POST", address, FIELDS)[0], clients))
        assert Counter(sent) == {303: 200}
    finally:
        web.stop()
    assert tally(session, offering) == {S.ENROLLED: 30, S.WAITLISTED: 170}
    hold(session)


def test_the_offering_may_have_been_loaded_before(app: Flask, session: Session) -> None:
    offering = soon(session, capacity=5)
    ids = [make_student(session).id for _ in range(30)]
    offering_id = offering.id
    session.commit()

    def act(student_id: int) -> Callable[[], EnrollmentState]:
        def run() -> EnrollmentState:
            loaded = db.session.get_one(Offering, offering_id)
            assert loaded.capacity == 5
            if db.session.get_bind().dialect.name == "sqlite":
                begin_write(db.session)
                loaded = db.session.get_one(Offering, offering_id)
            student = db.session.get_one(Student, student_id)
            request = request_of(loaded, student)
            made = enrolling.enroll(db.session, loaded, student, request, actor=student.user, now=clock.now())
            state = made.state
            db.session.commit()
            return state

        return run

    results = Counter(at_once(app, [act(student_id) for student_id in ids], workers=30))
    assert results == {S.ENROLLED: 5, S.WAITLISTED: 25}
    hold(session)


def test_one_student_pressing_many_times_gets_one_place(app: Flask, session: Session) -> None:
    make_school(session)
    offering = soon(session, capacity=30)
    user = make_user(session)  # not even a student record yet
    session.commit()
    address = f"/classes/{offering.code}/enroll"

    def press() -> int:
        client = app.test_client()
        sign_in(client, user)
        return int(client.post(address, data=FIELDS).status_code)

    key = user.get_id()
    user = type("Key", (), {"get_id": lambda self: key})()
    answers = Counter(at_once(app, [press] * 12))
    assert answers == {303: 1, 422: 11}
    assert tally(session, offering) == {S.ENROLLED: 1}
    assert session.scalar(sa.select(sa.func.count(Student.id))) == 1
    hold(session)


def act_on(enrollment_id: int, actor_id: int, rule: Callable[..., Any], **values: Any) -> Callable[[], Any]:
    """An act in a transaction of its own, as a view does it."""

    def run() -> Any:
        with writing() as session:
            enrollment = session.get_one(Enrollment, enrollment_id)
            assert enrollment.state
            actor = session.get_one(User, actor_id)
            rule(session, enrollment, actor=actor, now=clock.now(), **values)
            return enrollment.state

    return run


def test_two_staff_promoting_give_one_seat(app: Flask, session: Session) -> None:
    staff = [make_user(session, Role.REGISTRAR).id for _ in range(2)]
    now = clock.now()
    offering = soon(session, capacity=1, starts=now + timedelta(hours=10))
    seated, *line = fill(session, offering, 3, now=now - timedelta(days=3))
    leaving.withdraw(
        session, seated, actor=seated.student.user, now=now
    )  # past the cut-off: offered to nobody
    waiters = [waiter.id for waiter in line]
    session.commit()
    results = at_once(
        app,
        [
            act_on(waiter, actor, waitlist.promote_by_hand, reason="Asked first by phone")
            for waiter, actor in zip(waiters, staff, strict=True)
        ],
    )
    assert sorted(type(result).__name__ for result in results) == ["EnrollmentState", "NoSeatError"]
    assert tally(session, offering) == {S.WITHDRAWN: 1, S.ENROLLED: 1, S.WAITLISTED: 1}
    hold(session)


def test_accepting_and_lapsing_at_once_never_hold_two_seats(app: Flask, session: Session) -> None:
    offering = soon(session, capacity=1)
    seated, offered, _after = fill(session, offering, 3, now=clock.now())
    leaving.withdraw(session, seated, actor=seated.student.user, now=clock.now())
    until = offered.offer_expires_at
    assert until is not None
    offering_id, offered_id, user_id = offering.id, offered.id, offered.student.user_id
    session.commit()

    def lapse() -> int:
        with writing() as session:
            return waitlist.lapse_in(session, offering_id, now=until)

    results = at_once(app, [act_on(offered_id, user_id, waitlist.accept), lapse, lapse])
    counted = tally(session, offering)
    assert counted in (
        Counter({S.WITHDRAWN: 1, S.ENROLLED: 1, S.WAITLISTED: 1}),
        Counter({S.WITHDRAWN: 1, S.LAPSED: 1, S.OFFERED: 1}),
    )
    assert isinstance(results[0], RuleError) == (counted[S.LAPSED] == 1)
    hold(session)


def test_withdrawing_twice_at_once_frees_one_seat(app: Flask, session: Session) -> None:
    offering = soon(session, capacity=1)
    seated, _head, _second = fill(session, offering, 3, now=clock.now())
    act = act_on(seated.id, seated.student.user_id, leaving.withdraw)
    session.commit()
    results = at_once(app, [act] * 4)
    assert [isinstance(result, RuleError) for result in results].count(False) == 1
    assert tally(session, offering) == {S.WITHDRAWN: 1, S.OFFERED: 1, S.WAITLISTED: 1}
    hold(session)


def test_capacity_lowered_while_people_enroll(app: Flask, session: Session) -> None:
    offering = soon(session, capacity=12)
    staff_id = make_user(session, Role.REGISTRAR).id
    ids = [make_student(session).id for _ in range(12)]
    offering_id = offering.id
    session.commit()

    def lower() -> str:
        with writing() as session:
            loaded = session.get_one(Offering, offering_id)
            capacity.set_capacity(session, loaded, 6, actor=session.get_one(User, staff_id), now=clock.now())
        return "lowered"

    def enroll(student_id: int) -> Callable[[], EnrollmentState]:
        def run() -> EnrollmentState:
            with writing() as session:
                student, loaded = session.get_one(Student, student_id), session.get_one(Offering, offering_id)
                request = request_of(loaded, student)
                return enrolling.enroll(
                    session, loaded, student, request, actor=student.user, now=clock.now()
                ).state

        return run

    results = at_once(app, [*(enroll(student_id) for student_id in ids[:6]), lower, *map(enroll, ids[6:])])
    counted = tally(session, offering)
    if results[6] == "lowered":
        assert counted == {S.ENROLLED: 6, S.WAITLISTED: 6}
    else:
        assert "seats are held" in str(results[6])
        assert counted == {S.ENROLLED: 12}
    hold(session)


def test_transfers_crossing_both_ways_never_wait_for_each_other(app: Flask, session: Session) -> None:
    course = make_course(session)
    here, there = soon(session, course, capacity=9), soon(session, course, capacity=9)
    from_here, from_there = fill(session, here, 6, now=clock.now()), fill(session, there, 6, now=clock.now())
    acts: list[Callable[[], Any]] = []
    for enrollments, target in ((from_here, there.id), (from_there, here.id)):
        acts += [_transfer(item.id, item.student.user_id, target) for item in enrollments]
    session.commit()
    mixed = [act for pair in zip(acts[:6], acts[6:], strict=True) for act in pair]
    results = at_once(app, mixed, workers=12)
    moved = [result for result in results if not isinstance(result, RuleError)]
    assert all("No seat is free" in str(result) for result in results if isinstance(result, RuleError))
    assert len(moved) >= 6
    both = tally(session, here) + tally(session, there)
    assert both == {S.ENROLLED: 12, S.TRANSFERRED: len(moved)}
    hold(session)


def _transfer(enrollment_id: int, user_id: int, target_id: int) -> Callable[[], Any]:
    def run() -> str:
        with writing() as session:
            enrollment = session.get_one(Enrollment, enrollment_id)
            target, actor = session.get_one(Offering, target_id), session.get_one(User, user_id)
            transferring.transfer(session, enrollment, target, actor=actor, now=clock.now())
        return "moved"

    return run


def test_approving_twice_at_once_decides_once(app: Flask, session: Session) -> None:
    offering = soon(session, capacity=1, needs_approval=True, approval_holds_seat=False)
    requests = fill(session, offering, 2, now=clock.now())
    staff = make_user(session, Role.REGISTRAR).id
    acts = [act_on(item.id, staff, approval.approve) for item in requests for _ in range(2)]
    session.commit()
    results = at_once(app, acts)
    assert [isinstance(result, RuleError) for result in results].count(True) == 2
    assert tally(session, offering) == {S.ENROLLED: 1, S.WAITLISTED: 1}
    hold(session)


def test_a_stale_enrollment_is_read_again_under_the_lock(app: Flask, session: Session) -> None:
    offering = soon(session, capacity=1)
    (seated,) = fill(session, offering, 1, now=clock.now())
    enrollment_id, user_id = seated.id, seated.student.user_id
    session.commit()
    assert seated.state is S.ENROLLED  # loaded, in a reading transaction that stays open
    with app.app_context():
        act_on(enrollment_id, user_id, leaving.withdraw)()
    if session.get_bind().dialect.name == "sqlite":
        begin_write(session)
    seats.lock_of(session, seated)
    assert (seated.state.value, seated.holds_seat) == ("withdrawn", False)
