"""Every act on seats, chosen by numbers: for the state machine, and for processes that act side by side."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.database import begin_write
from core.errors import RuleError
from courses.offering_models import Offering
from students import (
    approval,
    billing,
    cancelling,
    capacity,
    discounts,
    fees,
    groups,
    leaving,
    reinstating,
    seats,
    transferring,
    waitlist,
)
from students import enrollment as enrolling
from students.group_models import GroupBooking
from students.ledger_models import FeeAccount, FeeEntry, Method
from students.models import Enrollment, EnrollmentState, Source, Student
from tests.factories import NOW, make_course, make_offering, make_school, make_student, make_user
from tests.students.acting import request_of

STUDENTS = 7
CLASSES = 3
S = EnrollmentState


@dataclass(frozen=True)
class Cast:
    """Who acts, and where: ids, so that another process can take them over."""

    offerings: list[int]
    students: list[int]
    staff: int

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def make_cast(session: Session) -> Cast:
    """Three classes of one course: a plain one, one with approval, one that enrolls the head at once; scarce codes."""
    make_school(session)
    course = make_course(session)
    kinds: list[dict[str, Any]] = [{}, {"needs_approval": True}, {"promotes_at_once": True}]
    offerings = [
        make_offering(session, course, capacity=2, starts=NOW + timedelta(days=20 + 3 * n), **kinds[n])
        for n in range(CLASSES)
    ]
    staff = make_user(session, Role.REGISTRAR)
    for code, percent, cents, most in (("ONCE", None, 5000, 1), ("TWICE", 10, None, 2)):
        discounts.make_code(
            session,
            code=code,
            percent=percent,
            amount_cents=cents,
            course=None,
            valid_until=None,
            most_uses=most,
            note="",
            actor=staff,
            now=NOW,
        )
    return Cast(
        offerings=[offering.id for offering in offerings],
        students=[make_student(session).id for _ in range(STUDENTS)],
        staff=staff.id,
    )


class Moves:
    """What students and staff do. A rule may refuse, and then nothing has changed; any other error is a failure.

    ``now`` is this actor's clock. The numbers choose among what is there, so the same numbers do the same again.
    """

    def __init__(self, session: Session, cast: Cast, now: datetime = NOW) -> None:
        self.session, self.cast, self.now = session, cast, now
        self.refused: list[str] = []
        self.done = 0

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """As a view does it: a refusal rolls everything back."""
        begin_write(self.session)
        try:
            yield self.session
            self.session.commit()
            self.done += 1
        except RuleError as error:
            self.session.rollback()
            self.refused.append(str(error))

    def offering(self, pick: int) -> Offering:
        return self.session.get_one(Offering, self.cast.offerings[pick % len(self.cast.offerings)])

    def student(self, pick: int) -> Student:
        return self.session.get_one(Student, self.cast.students[pick % len(self.cast.students)])

    def registrar(self) -> User:
        return self.session.get_one(User, self.cast.staff)

    def _on(self, pick: int, states: tuple[EnrollmentState, ...], act: Callable[[Enrollment], Any]) -> None:
        """Act on one enrollment, mostly in one of these states, sometimes in any."""
        with self.transaction() as session:
            query = sa.select(Enrollment.id).order_by(Enrollment.id)
            fitting = list(session.scalars(query.where(Enrollment.state.in_(states))))
            ids = fitting if fitting and pick % 5 else list(session.scalars(query))
            if ids:
                act(session.get_one(Enrollment, ids[pick % len(ids)]))

    def enroll(self, who: int, where: int, by_staff: bool, code: str = "") -> None:
        with self.transaction() as session:
            student, offering = self.student(who), self.offering(where)
            actor = self.registrar() if by_staff else student.user
            source = Source.STAFF if by_staff else Source.SELF
            reason = "At the door" if by_staff and who % 2 else ""
            request = request_of(offering, student, source=source, ahead_reason=reason, discount_code=code)
            enrolling.enroll(session, offering, student, request, actor=actor, now=self.now)

    def withdraw(self, pick: int, by_staff: bool) -> None:
        def act(enrollment: Enrollment) -> None:
            actor = self.registrar() if by_staff else enrollment.student.user
            leaving.withdraw(self.session, enrollment, actor=actor, now=self.now, reason="They asked to")

        self._on(pick, (S.ENROLLED, S.WAITLISTED, S.PENDING, S.OFFERED), act)

    def answer(self, pick: int, takes: bool) -> None:
        def act(enrollment: Enrollment) -> None:
            answer = waitlist.accept if takes else waitlist.decline
            answer(self.session, enrollment, actor=enrollment.student.user, now=self.now)

        self._on(pick, (S.OFFERED,), act)

    def decide(self, pick: int, says_yes: bool) -> None:
        def act(enrollment: Enrollment) -> None:
            actor = self.registrar()
            if says_yes:
                approval.approve(self.session, enrollment, actor=actor, now=self.now)
            else:
                approval.decline(
                    self.session, enrollment, actor=actor, now=self.now, message="Not this time."
                )

        self._on(pick, (S.PENDING,), act)

    def promote(self, pick: int, reason: str, adds_seat: bool) -> None:
        def act(enrollment: Enrollment) -> None:
            actor = self.registrar()
            give = capacity.add_seat_for if adds_seat else waitlist.promote_by_hand
            give(self.session, enrollment, reason=reason, actor=actor, now=self.now)

        self._on(pick, (S.WAITLISTED,), act)

    def transfer(self, pick: int, where: int, by_staff: bool, reason: str) -> None:
        def act(enrollment: Enrollment) -> None:
            actor = self.registrar() if by_staff else enrollment.student.user
            there = self.offering(where)
            transferring.transfer(self.session, enrollment, there, actor=actor, now=self.now, reason=reason)

        self._on(pick, (S.ENROLLED,), act)

    def reinstate(self, pick: int) -> None:
        def act(enrollment: Enrollment) -> None:
            actor = self.registrar()
            reinstating.reinstate(self.session, enrollment, reason="By mistake", actor=actor, now=self.now)

        self._on(pick, (S.WITHDRAWN, S.LAPSED), act)

    def resize(self, where: int, size: int) -> None:
        with self.transaction() as session:
            capacity.set_capacity(session, self.offering(where), size, actor=self.registrar(), now=self.now)

    def cancel(self, where: int) -> None:
        with self.transaction() as session:
            offering, actor = self.offering(where), self.registrar()
            cancelling.cancel(session, offering, reason="Flood", actor=actor, now=self.now)

    def book(self, where: int, count: int) -> None:
        """An organization reserves seats."""
        with self.transaction() as session:
            groups.book(
                session,
                self.offering(where),
                organization="Harbor Clinic",
                contact_name="Kim Park",
                contact_email="kim@clinic.example",
                seat_count=count,
                actor=self.registrar(),
                now=self.now,
            )

    def _booking(self, pick: int) -> GroupBooking | None:
        ids = list(self.session.scalars(sa.select(GroupBooking.id).order_by(GroupBooking.id)))
        return self.session.get_one(GroupBooking, ids[pick % len(ids)]) if ids else None

    def name(self, pick: int, who: int) -> None:
        """Its contact names somebody."""
        with self.transaction() as session:
            booking, user = self._booking(pick), self.student(who).user
            if booking is not None:
                person = groups.Person(user.name, user.email)
                groups.name_person(session, booking, person, actor=None, now=self.now)

    def give_back(self, pick: int) -> None:
        """It gives a seat back."""
        with self.transaction() as session:
            booking = self._booking(pick)
            if booking is not None:
                groups.give_back_seats(session, booking, 1, actor=self.registrar(), now=self.now)

    def _account(self, pick: int) -> FeeAccount | None:
        ids = list(self.session.scalars(sa.select(FeeAccount.id).order_by(FeeAccount.id)))
        return self.session.get_one(FeeAccount, ids[pick % len(ids)]) if ids else None

    def pay(self, pick: int, cents: int) -> None:
        """Money comes in, and a receipt goes out."""
        with self.transaction() as session:
            account = self._account(pick)
            if account is not None:
                fees.record_payment(
                    session,
                    account,
                    amount_cents=cents,
                    made_on=NOW.date(),
                    method=Method.CARD,
                    accept_more=bool(pick % 2),
                    actor=self.registrar(),
                    now=self.now,
                )

    def pay_back(self, pick: int) -> None:
        """What is due back goes out."""
        with self.transaction() as session:
            account = self._account(pick)
            if account is not None:
                fees.record_refund(
                    session,
                    account,
                    amount_cents=max(0, -account.balance_cents),
                    made_on=NOW.date(),
                    method=Method.CARD,
                    actor=self.registrar(),
                    now=self.now,
                )

    def take_off(self, pick: int, cents: int) -> None:
        """The office gives a discount."""
        with self.transaction() as session:
            account = self._account(pick)
            if account is not None:
                actor = self.registrar()
                fees.give_discount(
                    session, account, amount_cents=cents, reason="Late start", actor=actor, now=self.now
                )

    def correct(self, pick: int) -> None:
        """An entry is taken back."""
        with self.transaction() as session:
            account = self._account(pick)
            query = sa.select(FeeEntry.id).order_by(FeeEntry.id)
            entries = list(session.scalars(query.where(FeeEntry.account_id == account.id))) if account else []
            if account is not None and entries:
                entry = entries[pick % len(entries)]
                fees.correct(session, account, entry, reason="Wrong", actor=self.registrar(), now=self.now)

    def invoice(self, pick: int) -> None:
        """An invoice is issued."""
        with self.transaction() as session:
            account = self._account(pick)
            if account is not None:
                billing.issue_invoice(session, account, actor=self.registrar(), now=self.now)

    def time_passes(self, hours: int) -> None:
        """The job runs in every class, as it does each minute."""
        self.now += timedelta(hours=hours)
        for offering_id in self.cast.offerings:
            with self.transaction() as session:
                waitlist.lapse_in(session, offering_id, now=self.now)

    def require_nothing_undone(self, where: int) -> None:
        """After every act: no free seat while someone waits, unless the list is closed."""
        with self.transaction() as session:
            offering = seats.lock(session, self.offering(where).id)
            if waitlist.is_open(offering, offering.policy, self.now):
                assert offering.seats_left == 0 or offering.waiting_count == 0
