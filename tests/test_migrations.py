"""One history of migrations, on both databases, up and down, on a filled database too."""

from datetime import date

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts.models import Role
from core.database import Base, db
from core.migrations import alembic, ddl_of
from students import billing
from students.ledger_models import FeeDocument
from students.models import Enrollment, License, Student
from tests import factories
from tests.students.acting import ask
from tests.students.fees import account_of
from tests.students.grouping import book, name

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


def test_states_are_spelled_in_two_letters_and_nothing_is_lost(session: Session, app: Flask) -> None:
    """0028: one license written twice becomes one; two numbers of one state both stay."""
    students = [factories.make_student(session) for _ in range(3)]
    ids = [student.id for student in students]
    first = [student.licenses[0].id for student in students]
    for student, number in zip(students, ("A-1", "a-2", "A-3"), strict=True):
        student.licenses[0].jurisdiction, student.licenses[0].number = "OREGON", number
    extra = [
        License(student_id=ids[1], profession="LMT", jurisdiction="OR", number="A-2"),
        License(student_id=ids[2], profession="LMT", jurisdiction="OR", number="B-3"),
        License(student_id=ids[0], profession="PT", jurisdiction="Île de Ré", number="9"),
        License(student_id=ids[1], profession="LMT", jurisdiction="State of Oregon", number="A-2"),
    ]
    spellings = (students[1].licenses[0], extra[0], extra[3])
    for license_, year in zip(spellings, (2029, 2026, 2027), strict=True):
        license_.expires_on = date(year, 6, 30)
    session.add_all(extra)
    factories.make_school(session)
    seat = factories.put_enrollment(session, factories.make_offering(session), students[1])
    seat.license_id = first[1]
    seat_id = seat.id
    students[0].merged_into_id, students[1].merged_into_id = ids[1], ids[2]
    session.commit()
    kept = extra[0].id
    session.close()
    with app.app_context():
        alembic.downgrade("0027")
    with app.app_context():
        alembic.upgrade()
        with db.engine.connect() as connection:
            rows = connection.execute(
                sa.select(License.student_id, License.jurisdiction, License.number).order_by(License.id)
            ).all()
            ends = connection.scalar(sa.select(License.expires_on).where(License.id == kept))
            held = connection.scalar(sa.select(Enrollment.license_id).where(Enrollment.id == seat_id))
            into = connection.scalars(sa.select(Student.merged_into_id).order_by(Student.id)).all()
    assert [tuple(row) for row in rows] == [
        (ids[0], "OR", "A-1"),
        (ids[2], "OREGON", "A-3"),
        (ids[1], "OR", "A-2"),
        (ids[2], "OR", "B-3"),
        (ids[0], "Île de Ré", "9"),
    ]
    assert (held, ends) == (kept, date(2029, 6, 30))
    assert into == [ids[2], ids[2], None]


def test_documents_know_the_rate_that_they_print(session: Session, app: Flask) -> None:
    """0030: the rate is read from the line of each document that was issued before."""
    school = factories.make_school(session, tax_name="sales tax", tax_id="NY 1")
    staff = factories.make_user(session, Role.REGISTRAR)
    rates = [0, 70_000, 88_750, 1_000_000]
    for rate in rates:
        school.tax_rate = rate
        session.flush()
        account = account_of(session, ask(session, factories.make_offering(session)))
        billing.issue_invoice(session, account, actor=staff, now=factories.NOW)
    session.commit()
    session.close()
    with app.app_context():
        alembic.downgrade("0029")
    with app.app_context():
        alembic.upgrade()
        with db.engine.connect() as connection:
            found = connection.scalars(sa.select(FeeDocument.tax_rate).order_by(FeeDocument.id)).all()
    assert found == rates


def test_a_contact_keeps_seeing_what_they_saw(session: Session, app: Flask) -> None:
    """0027: what was typed for seats of groups was not kept before; the account's name and address were shown."""
    factories.make_school(session)
    offering = factories.make_offering(session)
    made = name(session, book(session, offering))
    other = factories.put_enrollment(session, offering)
    ids = (made.id, other.id)
    session.commit()
    session.close()
    with app.app_context():
        alembic.downgrade("0026")
    with app.app_context():
        alembic.upgrade()
        with db.engine.connect() as connection:
            rows = connection.execute(
                sa.select(Enrollment.named_as, Enrollment.named_email)
                .where(Enrollment.id.in_(ids))
                .order_by(Enrollment.id)
            ).all()
    assert [tuple(row) for row in rows] == [("Noa Quill1", "noa1@clinic.example"), ("", "")]
