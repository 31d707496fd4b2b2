"""Numbers without a gap and without a duplicate."""

import threading

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from core.database import begin_write, writing
from core.numbering import take

pytestmark = pytest.mark.both_databases


def test_numbers_count_from_one_per_series(session: Session) -> None:
    assert [take(session, "a"), take(session, "a"), take(session, "b")] == [1, 2, 1]


def test_a_failed_transaction_leaves_no_gap(session: Session) -> None:
    take(session, "a")
    session.rollback()
    begin_write(session)
    assert take(session, "a") == 1


def test_many_at_once_get_each_number_once(app: Flask) -> None:
    taken: list[int] = []

    def work() -> None:
        with app.app_context():
            for _ in range(5):
                with writing() as session:
                    taken.append(take(session, "a"))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 31))
