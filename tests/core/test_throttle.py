"""Limits on attempts, also from many threads at once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from core import throttle
from core.database import db, writing
from core.errors import ThrottledError
from core.throttle import AttemptCounter, Limit, network_of

pytestmark = pytest.mark.both_databases
NOW = datetime(2027, 3, 12, 9, 0, tzinfo=UTC)  # a window of 900 seconds begins here


@pytest.fixture(autouse=True)
def context(session: Session) -> None:
    session.rollback()  # an application context that holds no lock


def hit(who: str = "ada", now: datetime = NOW, limit: int = 3) -> None:
    throttle.hit("sign-in", who, limit=limit, seconds=900, now=now)


def counted(limit: Limit) -> int | None:
    db.session.rollback()
    row = db.session.get(AttemptCounter, limit.key)
    return row.count if row else None


LIMIT = Limit("sign-in", "ada", 3, 900)


def test_attempts_up_to_the_limit_pass_and_the_next_is_refused() -> None:
    for _ in range(3):
        hit()
    with pytest.raises(ThrottledError) as caught:
        hit(now=NOW + timedelta(seconds=100))
    assert caught.value.retry_after == 800
    assert str(caught.value) == "Too many attempts. Try again in 14 minutes."


def test_the_sentence_has_one_minute_at_the_end() -> None:
    for _ in range(3):
        hit()
    with pytest.raises(ThrottledError) as caught:
        hit(now=NOW + timedelta(seconds=899, milliseconds=500))
    assert caught.value.retry_after == 1
    assert str(caught.value) == "Too many attempts. Try again in 1 minute."


def test_the_next_window_begins_with_nothing_counted() -> None:
    for _ in range(3):
        hit()
    hit(now=NOW + timedelta(seconds=900))
    assert counted(LIMIT) == 1


def test_each_name_and_each_subject_is_counted_by_itself() -> None:
    for _ in range(3):
        hit()
    hit("bob")
    throttle.hit("reset", "ada", limit=1, seconds=900, now=NOW)


def test_checking_does_not_count() -> None:
    for _ in range(2):
        hit()
    for _ in range(5):
        throttle.check("sign-in", "ada", limit=3, seconds=900, now=NOW)
    hit()
    with pytest.raises(ThrottledError):
        throttle.check("sign-in", "ada", limit=3, seconds=900, now=NOW)
    throttle.check("sign-in", "ada", limit=3, seconds=900, now=NOW + timedelta(seconds=900))


def test_of_several_limits_the_one_that_ends_last_says_when_to_come_back() -> None:
    limits = [Limit("a", "x", 1, 60), Limit("b", "x", 1, 3600)]
    throttle.hit_all(limits, now=NOW)
    with pytest.raises(ThrottledError) as caught:
        throttle.hit_all(limits, now=NOW)
    assert caught.value.retry_after == 3600


def test_the_right_answer_forgets_all_or_gives_back_one() -> None:
    shared = Limit("network", "10.0.0.1", 10, 900)
    for _ in range(3):
        throttle.hit_all([LIMIT, shared], now=NOW)
    throttle.settle(forget=[LIMIT], give_back=[shared], now=NOW)
    assert counted(LIMIT) is None
    assert counted(shared) == 2
    throttle.settle(
        give_back=[shared], now=NOW + timedelta(seconds=900)
    )  # another window: nothing to give back
    assert counted(shared) == 2
    throttle.clear("network", "10.0.0.1")
    assert counted(shared) is None


def test_giving_back_never_goes_below_nothing() -> None:
    hit()
    for _ in range(3):
        throttle.settle(give_back=[LIMIT], now=NOW)
    assert counted(LIMIT) == 0


def test_no_address_is_kept_readable() -> None:
    throttle.hit("sign-in", "ada@example.org", limit=3, seconds=900, now=NOW)
    row = db.session.scalars(sa.select(AttemptCounter)).one()
    assert "ada" not in row.key


def test_an_attempt_counts_even_when_what_follows_is_rolled_back() -> None:
    hit()
    with pytest.raises(ZeroDivisionError), writing():
        raise ZeroDivisionError
    assert counted(LIMIT) == 1


def test_counters_whose_window_has_ended_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    hit()
    throttle.hit("day", "ada", limit=3, seconds=86400, now=NOW)
    monkeypatch.setattr("core.clock.now", lambda: NOW + timedelta(seconds=901))
    assert throttle.forget_expired() == 1
    assert counted(LIMIT) is None
    assert throttle.forget_expired() == 0


@pytest.mark.parametrize("known_before", [False, True])
def test_forty_attempts_at_once_on_five_places_let_exactly_five_through(
    app: Flask, known_before: bool
) -> None:
    passed, refused, broken = [], [], []
    if known_before:
        hit("crowd", limit=5)
    gate = threading.Barrier(40)

    def attempt(number: int) -> None:
        with app.app_context():
            gate.wait()
            try:
                shared = Limit("network", "10.0.0.1", 1000, 900)
                throttle.hit_all([Limit("sign-in", "crowd", 5, 900), shared], now=NOW)
                passed.append(number)
            except ThrottledError:
                refused.append(number)
            except Exception as error:
                broken.append(error)

    threads = [threading.Thread(target=attempt, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert broken == []
    assert len(passed) == (4 if known_before else 5)
    assert len(passed) + len(refused) == 40
    assert counted(Limit("network", "10.0.0.1", 1000, 900)) == 40


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("somewhere", "somewhere"),
    ],
)
def test_a_network_is_an_address_or_the_64_that_one_person_has(address: str | None, network: str) -> None:
    assert network_of(address) == network
