"""The lock that every rule takes."""

import threading

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from core.database import begin_write, locked, writing
from core.school import School
from tests import factories

pytestmark = pytest.mark.both_databases


def test_what_was_loaded_before_is_read_again_under_the_lock(session: Session) -> None:
    factories.make_school(session)
    session.commit()
    begin_write(session)
    school = session.get_one(School, 1)
    assert school.name == "Tideway Bodywork Institute"
    session.execute(sa.text("UPDATE school SET name = 'Another name'"))
    assert locked(session, School, 1) is school
    assert school.name == "Another name"


def test_a_change_of_ones_own_survives_the_lock(session: Session) -> None:
    school = factories.make_school(session)
    school.phone = "555"
    assert locked(session, School, 1) is school
    assert school.phone == "555"


def test_the_second_waits_and_sees_what_the_first_wrote(app: Flask, session: Session) -> None:
    factories.make_school(session, number_prefix="0")
    session.commit()
    session.rollback()
    barrier = threading.Barrier(4)

    def count_up() -> None:
        with app.app_context():
            barrier.wait()
            with writing() as own:
                own.get_one(School, 1)  # loaded before the lock, as views do
                school = locked(own, School, 1)
                assert school is not None
                school.number_prefix = str(int(school.number_prefix) + 1)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.get_one(School, 1).number_prefix == "4"
