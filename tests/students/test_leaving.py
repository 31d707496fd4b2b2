"""Leaving: states, refunds by the frozen policy, the office's override, and every refusal."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from accounts.models import Role
from core.errors import RuleError
from students import leaving, ledger
from students.models import EnrollmentState
from tests.factories import NOW, make_offering, make_policy, make_school, make_user, put_enrollment
from tests.helpers import mails_to
from tests.students.acting import changes_nothing, fill
from tests.students.fees import account_of, pay, require_sums

pytestmark = pytest.mark.both_databases
S = EnrollmentState


@pytest.mark.parametrize(
    ("days", "percent", "refund"),
    [(40, 100, 74500), (30, 100, 74500), (29, 50, 34750), (14, 50, 34750), (13, 0, 0), (0, 0, 0)],
)
def test_the_refund_follows_the_tier_of_the_day(
    session: Session, days: int, percent: int, refund: int
) -> None:
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering)
    when = offering.starts_at - timedelta(days=days)
    if days == 0:
        when -= timedelta(minutes=1)
    terms = leaving.terms_of(enrollment, offering, enrollment.policy, now=when)
    assert (terms.days_before, terms.percent, terms.refund_cents) == (days, percent, refund)
    assert terms.kept_cents == 79500 - refund
    assert terms.refund_of(20000) == max(0, 20000 - terms.kept_cents)


def test_days_are_counted_on_the_calendar_of_the_class(session: Session) -> None:
    # 23:30 the evening before in Astoria is one day before, though it is the same day in UTC.
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering)
    evening = offering.starts_at - timedelta(hours=9, minutes=30)
    assert leaving.terms_of(enrollment, offering, enrollment.policy, now=evening).days_before == 1


def test_the_frozen_policy_counts_not_the_classs_new_one(session: Session) -> None:
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering)
    harsher = make_policy(session, refunds=[{"days_before": 0, "percent": 0, "fee": 0}])
    offering.policy_id = harsher.id
    terms = leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    assert terms.refund_cents == 74500


def test_a_fee_never_makes_a_refund_negative(session: Session) -> None:
    offering = make_offering(session, price_cents=3000)
    enrollment = put_enrollment(session, offering)
    assert leaving.terms_of(enrollment, offering, enrollment.policy, now=NOW).refund_cents == 0


def test_withdrawing_frees_the_seat_and_notes_what_is_kept(session: Session) -> None:
    offering = make_offering(session)
    (enrollment,) = fill(session, offering, 1)
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    assert (enrollment.state, enrollment.holds_seat, offering.seats_taken) == (S.WITHDRAWN, False, 0)
    assert enrollment.history[-1].details["kept_cents"] == 5000
    assert mails_to(enrollment.student.user.email) == ["confirmation", "withdrawn"]


@pytest.mark.parametrize("state", [S.PENDING, S.WAITLISTED, S.OFFERED])
def test_leaving_before_a_seat_was_taken_up_costs_nothing(session: Session, state: S) -> None:
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering, state=state, holds_seat=state is not S.WAITLISTED)
    terms = leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    assert terms.refund_cents == enrollment.price_cents
    assert enrollment.history[-1].details["kept_cents"] == 0
    assert (offering.seats_taken, offering.waiting_count) == (0, 0)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (S.WITHDRAWN, "withdrew from this class already"),
        (S.TRANSFERRED, "moved to another class already"),
        (S.CANCELLED, "was cancelled"),
        (S.LAPSED, "has run out"),
        (S.DECLINED, "was not approved"),
        (S.COMPLETED, "finished and completed"),
    ],
)
def test_there_is_nothing_to_leave(session: Session, state: S, words: str) -> None:
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering, state=state)
    with changes_nothing(session, offering), pytest.raises(RuleError, match=words):
        leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)


def test_withdrawing_twice_says_so(session: Session) -> None:
    offering = make_offering(session)
    (enrollment,) = fill(session, offering, 1)
    leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)
    with changes_nothing(session, offering), pytest.raises(RuleError, match="already"):
        leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=NOW)


def test_after_the_beginning_only_the_office_withdraws_and_with_a_reason(session: Session) -> None:
    offering = make_offering(session)
    (enrollment,) = fill(session, offering, 1)
    registrar = make_user(session, Role.REGISTRAR)
    during = offering.starts_at + timedelta(minutes=1)
    with changes_nothing(session, offering), pytest.raises(RuleError, match="has begun"):
        leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=during)
    with changes_nothing(session, offering), pytest.raises(RuleError) as caught:
        leaving.withdraw(session, enrollment, actor=registrar, now=during)
    assert caught.value.field == "reason"
    leaving.withdraw(session, enrollment, actor=registrar, now=during, reason="Fell ill")
    assert enrollment.state is S.WITHDRAWN


@pytest.mark.parametrize(
    ("refund", "reason", "field"), [(100, "", "reason"), (-1, "Kind", "refund"), (79501, "Kind", "refund")]
)
def test_the_offices_own_refund_needs_a_reason_and_bounds(
    session: Session, refund: int, reason: str, field: str
) -> None:
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering)
    registrar = make_user(session, Role.REGISTRAR)
    with changes_nothing(session, offering), pytest.raises(RuleError) as caught:
        leaving.withdraw(session, enrollment, actor=registrar, now=NOW, reason=reason, refund_cents=refund)
    assert caught.value.field == field


def test_the_office_gives_back_more_with_a_reason(session: Session) -> None:
    offering = make_offering(session)
    enrollment = put_enrollment(session, offering)
    registrar: Any = make_user(session, Role.REGISTRAR)
    leaving.withdraw(session, enrollment, actor=registrar, now=NOW, reason="Bereavement", refund_cents=79500)
    event = enrollment.history[-1]
    assert (event.reason, event.details["kept_cents"], event.details["overridden"]) == (
        "Bereavement",
        0,
        True,
    )


@pytest.mark.parametrize(
    ("paid", "refund", "back"), [(20000, 10000, 10000), (20000, 79500, 20000), (79500, 100, 100)]
)
def test_the_offices_refund_is_what_comes_back_of_what_was_paid(
    session: Session, paid: int, refund: int, back: int
) -> None:
    make_school(session)
    offering = make_offering(session)
    (enrollment,) = fill(session, offering, 1)
    rosa = make_user(session, Role.REGISTRAR)
    pay(session, account_of(session, enrollment), paid, actor=rosa)
    leaving.withdraw(session, enrollment, actor=rosa, now=NOW, reason="Illness", refund_cents=refund)
    assert ledger.due_back(session, enrollment) == back
    require_sums(session)
