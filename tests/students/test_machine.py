"""Random sequences of every act on seats, by many students in several classes; the invariants hold after every step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.audit import verify
from core.database import begin_write, db
from core.errors import RuleError
from courses.offering_models import Offering
from students import (
    approval,
    cancelling,
    capacity,
    leaving,
    reinstating,
    seats,
    transferring,
    waitlist,
)
from students import enrollment as enrolling
from students.models import Enrollment, EnrollmentState, Source, Student
from tests.factories import NOW, make_course, make_offering, make_student, make_user
from tests.students.acting import request_of
from tests.students.invariants import check_invariants

STUDENTS = 7
CLASSES = 3
picks = st.integers(min_value=0, max_value=10_000)


class Seats(RuleBasedStateMachine):
    """Students and staff do whatever comes to their mind; a rule may refuse, and then nothing has changed."""

    app: Flask

    @initialize()
    def begin(self) -> None:
        """Three classes of one course: a plain one, one with approval, one that enrolls the head at once."""
        self.context = self.app.app_context()
        self.context.push()
        self.session: Session = db.session
        _empty(self.session)
        self.now: datetime = NOW
        self.refused: set[str] = set()
        begin_write(self.session)
        course = make_course(self.session)
        kinds: list[dict[str, Any]] = [{}, {"needs_approval": True}, {"promotes_at_once": True}]
        offerings = [
            make_offering(
                self.session, course, capacity=2, starts=NOW + timedelta(days=20 + 3 * n), **kinds[n]
            )
            for n in range(CLASSES)
        ]
        self.offerings = [offering.id for offering in offerings]
        self.students = [make_student(self.session).id for _ in range(STUDENTS)]
        self.staff = make_user(self.session, Role.REGISTRAR).id
        self.session.commit()

    def teardown(self) -> None:
        if hasattr(self, "context"):
            begin_write(self.session)
            assert list(verify(self.session)) == []
            assert all(text.endswith(".") for text in self.refused), self.refused
            self.session.rollback()
            self.context.pop()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """As a view does it: a refusal rolls everything back."""
        begin_write(self.session)
        try:
            yield self.session
            self.session.commit()
        except RuleError as error:
            self.session.rollback()
            self.refused.add(str(error))

    def offering(self, pick: int) -> Offering:
        return self.session.get_one(Offering, self.offerings[pick % CLASSES])

    def registrar(self) -> User:
        return self.session.get_one(User, self.staff)

    def some(self, pick: int, *states: EnrollmentState) -> Enrollment | None:
        """One enrollment, mostly in one of these states, sometimes in any."""
        query = sa.select(Enrollment.id).order_by(Enrollment.id)
        fitting = list(self.session.scalars(query.where(Enrollment.state.in_(states))))
        ids = fitting if fitting and pick % 5 else list(self.session.scalars(query))
        return self.session.get_one(Enrollment, ids[pick % len(ids)]) if ids else None

    def _on(self, pick: int, states: tuple[EnrollmentState, ...], act: Callable[[Enrollment], Any]) -> None:
        with self.transaction():
            enrollment = self.some(pick, *states)
            if enrollment is not None:
                act(enrollment)

    @rule(who=picks, where=picks, by_staff=st.booleans())
    def enroll(self, who: int, where: int, by_staff: bool) -> None:
        with self.transaction() as session:
            student = session.get_one(Student, self.students[who % STUDENTS])
            offering = self.offering(where)
            source = Source.STAFF if by_staff else Source.SELF
            actor = self.registrar() if by_staff else student.user
            request = request_of(offering, student, source=source)
            enrolling.enroll(session, offering, student, request, actor=actor, now=self.now)

    @rule(pick=picks, by_staff=st.booleans())
    def withdraw(self, pick: int, by_staff: bool) -> None:
        def act(enrollment: Enrollment) -> None:
            actor = self.registrar() if by_staff else enrollment.student.user
            leaving.withdraw(self.session, enrollment, actor=actor, now=self.now, reason="They asked to")

        live = (
            EnrollmentState.ENROLLED,
            EnrollmentState.WAITLISTED,
            EnrollmentState.PENDING,
            EnrollmentState.OFFERED,
        )
        self._on(pick, live, act)

    @rule(pick=picks, takes=st.booleans())
    def answer(self, pick: int, takes: bool) -> None:
        def act(enrollment: Enrollment) -> None:
            answer = waitlist.accept if takes else waitlist.decline
            answer(self.session, enrollment, actor=enrollment.student.user, now=self.now)

        self._on(pick, (EnrollmentState.OFFERED,), act)

    @rule(pick=picks, says_yes=st.booleans())
    def decide(self, pick: int, says_yes: bool) -> None:
        def act(enrollment: Enrollment) -> None:
            if says_yes:
                approval.approve(self.session, enrollment, actor=self.registrar(), now=self.now)
            else:
                approval.decline(
                    self.session, enrollment, actor=self.registrar(), now=self.now, message="Not this time."
                )

        self._on(pick, (EnrollmentState.PENDING,), act)

    @rule(pick=picks, reason=st.sampled_from(["", "Travels far"]))
    def promote(self, pick: int, reason: str) -> None:
        def act(enrollment: Enrollment) -> None:
            waitlist.promote_by_hand(
                self.session, enrollment, reason=reason, actor=self.registrar(), now=self.now
            )

        self._on(pick, (EnrollmentState.WAITLISTED,), act)

    @rule(pick=picks, where=picks, by_staff=st.booleans(), reason=st.sampled_from(["", "Ill"]))
    def transfer(self, pick: int, where: int, by_staff: bool, reason: str) -> None:
        def act(enrollment: Enrollment) -> None:
            actor = self.registrar() if by_staff else enrollment.student.user
            transferring.transfer(
                self.session, enrollment, self.offering(where), actor=actor, now=self.now, reason=reason
            )

        self._on(pick, (EnrollmentState.ENROLLED,), act)

    @rule(pick=picks)
    def reinstate(self, pick: int) -> None:
        def act(enrollment: Enrollment) -> None:
            reinstating.reinstate(
                self.session, enrollment, reason="By mistake", actor=self.registrar(), now=self.now
            )

        self._on(pick, (EnrollmentState.WITHDRAWN, EnrollmentState.LAPSED), act)

    @rule(where=picks, size=st.integers(min_value=0, max_value=5))
    def resize(self, where: int, size: int) -> None:
        with self.transaction() as session:
            capacity.set_capacity(session, self.offering(where), size, actor=self.registrar(), now=self.now)

    @rule(where=picks, dice=st.integers(min_value=0, max_value=9))
    def cancel(self, where: int, dice: int) -> None:
        if dice:
            return  # a cancelled class is the end of the game: seldom
        with self.transaction() as session:
            cancelling.cancel(
                session, self.offering(where), reason="Flood", actor=self.registrar(), now=self.now
            )

    @rule(hours=st.sampled_from([1, 12, 47, 49, 24 * 7]))
    def time_passes(self, hours: int) -> None:
        """The job runs in every class, as it does each minute."""
        self.now += timedelta(hours=hours)
        for offering_id in self.offerings:
            with self.transaction() as session:
                waitlist.lapse_in(session, offering_id, now=self.now)

    @rule(where=picks)
    def nothing_is_left_undone(self, where: int) -> None:
        """After every act: no free seat while someone waits, unless the list is closed."""
        with self.transaction() as session:
            offering = seats.lock(session, self.offering(where).id)
            if waitlist.is_open(offering, offering.policy, self.now):
                assert offering.seats_left == 0 or offering.waiting_count == 0

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "session"):
            self.session.rollback()
            check_invariants(self.session)
            self.session.rollback()


def _empty(session: Session) -> None:
    """Remove everything that examples before this one made; the audit chain begins anew."""
    from core.audit import GENESIS
    from core.database import Base

    begin_write(session)
    keep = {"audit_head", "alembic_version"}
    for table in reversed(Base.metadata.sorted_tables):
        if table.name not in keep:
            session.execute(table.delete())
    session.execute(sa.text("UPDATE audit_head SET last_id = 0, hash = :start"), {"start": GENESIS})
    session.commit()


def play(app: Flask, *, examples: int, steps: int) -> None:
    machine = type("SeatsHere", (Seats,), {"app": app})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=examples < 100,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.both_databases
def test_random_acts_keep_the_invariants(app: Flask) -> None:
    play(app, examples=12, steps=25)


@pytest.mark.full
@pytest.mark.both_databases
def test_many_random_acts_keep_the_invariants(app: Flask) -> None:
    play(app, examples=100, steps=40)
