"""Random sequences of every act on seats, by many students in several classes; the invariants hold after every step."""

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from core.audit import verify
from core.database import begin_write, db
from tests.students.invariants import check_fees, check_invariants
from tests.students.moves import Moves, make_cast

picks = st.integers(min_value=0, max_value=10_000)


class Seats(RuleBasedStateMachine):
    """Students and staff do whatever comes to their mind; a rule may refuse, and then nothing has changed."""

    app: Flask

    @initialize()
    def begin(self) -> None:
        self.context = self.app.app_context()
        self.context.push()
        self.session: Session = db.session
        _empty(self.session)
        begin_write(self.session)
        cast = make_cast(self.session)
        self.session.commit()
        self.moves = Moves(self.session, cast)

    def teardown(self) -> None:
        if hasattr(self, "context"):
            begin_write(self.session)
            check_fees(self.session)
            assert list(verify(self.session)) == []
            assert all(text.endswith(".") for text in self.moves.refused), self.moves.refused
            self.session.rollback()
            self.context.pop()

    @rule(who=picks, where=picks, by_staff=st.booleans(), code=st.sampled_from(["", "ONCE", "TWICE"]))
    def enroll(self, who: int, where: int, by_staff: bool, code: str) -> None:
        self.moves.enroll(who, where, by_staff, code)

    @rule(pick=picks, by_staff=st.booleans())
    def withdraw(self, pick: int, by_staff: bool) -> None:
        self.moves.withdraw(pick, by_staff)

    @rule(pick=picks, takes=st.booleans())
    def answer(self, pick: int, takes: bool) -> None:
        self.moves.answer(pick, takes)

    @rule(pick=picks, says_yes=st.booleans())
    def decide(self, pick: int, says_yes: bool) -> None:
        self.moves.decide(pick, says_yes)

    @rule(pick=picks, reason=st.sampled_from(["", "Travels far"]), adds_seat=st.booleans())
    def promote(self, pick: int, reason: str, adds_seat: bool) -> None:
        self.moves.promote(pick, reason, adds_seat)

    @rule(pick=picks, where=picks, by_staff=st.booleans(), reason=st.sampled_from(["", "Ill"]))
    def transfer(self, pick: int, where: int, by_staff: bool, reason: str) -> None:
        self.moves.transfer(pick, where, by_staff, reason)

    @rule(pick=picks)
    def reinstate(self, pick: int) -> None:
        self.moves.reinstate(pick)

    @rule(where=picks, size=st.integers(min_value=0, max_value=5))
    def resize(self, where: int, size: int) -> None:
        self.moves.resize(where, size)

    @rule(where=picks, dice=st.integers(min_value=0, max_value=9))
    def cancel(self, where: int, dice: int) -> None:
        if not dice:  # a cancelled class is the end of the game: seldom
            self.moves.cancel(where)

    @rule(where=picks, count=st.integers(min_value=0, max_value=3))
    def book(self, where: int, count: int) -> None:
        self.moves.book(where, count)

    @rule(pick=picks, who=picks)
    def name(self, pick: int, who: int) -> None:
        self.moves.name(pick, who)

    @rule(pick=picks)
    def give_back(self, pick: int) -> None:
        self.moves.give_back(pick)

    @rule(pick=picks, cents=st.sampled_from([100, 20_000, 79_500]))
    def pay(self, pick: int, cents: int) -> None:
        self.moves.pay(pick, cents)

    @rule(pick=picks)
    def pay_back(self, pick: int) -> None:
        self.moves.pay_back(pick)

    @rule(pick=picks, cents=st.sampled_from([500, 79_500]))
    def take_off(self, pick: int, cents: int) -> None:
        self.moves.take_off(pick, cents)

    @rule(pick=picks)
    def correct(self, pick: int) -> None:
        self.moves.correct(pick)

    @rule(pick=picks)
    def invoice(self, pick: int) -> None:
        self.moves.invoice(pick)

    @rule(hours=st.sampled_from([1, 12, 47, 49, 24 * 7]))
    def time_passes(self, hours: int) -> None:
        self.moves.time_passes(hours)

    @rule(where=picks)
    def nothing_is_left_undone(self, where: int) -> None:
        self.moves.require_nothing_undone(where)

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
