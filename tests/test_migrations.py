"""One history of migrations, on both databases, up and down, on a filled database too."""

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from core.database import Base, db
from core.migrations import alembic, ddl_of
from tests import factories

pytestmark = pytest.mark.both_databases


def test_the_models_and_the_migrations_agree(app: Flask) -> None:
    with app.app_context():
        assert alembic.compare_metadata() == []


def test_the_job_queue_may_live_in_the_same_database(app: Flask) -> None:
    with app.app_context():
        with db.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE huey_task (id INTEGER PRIMARY KEY, queue TEXT NOT NULL)")
            connection.exec_driver_sql("CREATE INDEX huey_task_queue ON huey_task (queue)")
        assert alembic.compare_metadata() == []


def test_checks_and_partial_indexes_are_those_of_the_models(
    app: Flask, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with app.app_context():
        migrated = ddl_of(db.engine)
        alembic.downgrade("base")
    with app.app_context():
        Base.metadata.create_all(db.engine)
        created = ddl_of(db.engine)
        Base.metadata.drop_all(db.engine)
    assert migrated == created
    assert any("capacity" in text for text in migrated.values())


def test_down_and_up_again_leaves_the_same_tables(app: Flask) -> None:
    with app.app_context():
        before = sorted(sa.inspect(db.engine).get_table_names())
        alembic.downgrade("base")
        assert sa.inspect(db.engine).get_table_names() == ["alembic_version"]
        alembic.upgrade()
        assert sorted(sa.inspect(db.engine).get_table_names()) == before


def test_going_down_one_step_and_up_again_keeps_the_rows(session: Session, app: Flask) -> None:
    factories.make_school(session)
    offering = factories.make_offering(session)
    factories.put_enrollment(session, offering)
    session.commit()
    counted = ("users", "students", "licenses", "enrollments", "meetings", "offerings", "courses")

    def rows() -> list[int]:
        with db.engine.connect() as connection:
            return [
                connection.scalar(sa.select(sa.func.count()).select_from(sa.table(t))) or 0 for t in counted
            ]

    before = rows()
    session.close()
    with app.app_context():
        alembic.downgrade(-1)
    with app.app_context():
        alembic.upgrade()
        assert rows() == before
