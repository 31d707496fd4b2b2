"""Import of people: what each row comes to, one confirm, a job that may die, and files that are no tables."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core.database import begin_write
from courses.models import Prerequisite, PrerequisiteKind
from courses.offering_models import Offering
from portal.importing import reading, running
from portal.importing.fates import preview
from portal.importing.models import Fate, ImportBatch, ImportOutcome
from students import merging
from students.models import Enrollment, EnrollmentState, Source
from tests.factories import NOW, make_course, make_offering, make_school, make_student, make_user
from tests.helpers import mails_to, sign_in
from tests.students.acting import ask

pytestmark = pytest.mark.both_databases

HEAD = "Name,Email,Profession,License state,License number,Class\n"


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def rosa(session: Session, client: FlaskClient) -> User:
    make_school(session)
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    begin_write(session)
    sign_in(client, rosa)
    return rosa


def upload(client: FlaskClient, content: str | bytes, name: str = "people.csv") -> str:
    body = content.encode() if isinstance(content, str) else content
    answer = client.post("/office/import", data={"file": (io.BytesIO(body), name)})
    return answer.headers.get("Location") or answer.text


def fates(session: Session, content: str) -> list[tuple[str, str]]:
    return [
        (item.fate.value, item.words)
        for item in preview(session, reading.read(content.encode()).rows, now=NOW)
    ]


def imported(session: Session) -> list[tuple[str, str]]:
    session.rollback()
    found = sa.select(ImportOutcome.fate, ImportOutcome.words).order_by(ImportOutcome.position)
    return [(fate.value, words) for fate, words in session.execute(found)]


@pytest.fixture
def table(session: Session, rosa: User) -> str:
    """A file with every fate in it."""
    offering = make_offering(session, code="CST1-A", capacity=3)
    ladder = make_course(session, code="CST2")
    session.add(
        Prerequisite(course_id=ladder.id, needs_id=offering.course_id, kind=PrerequisiteKind.REQUIRED)
    )
    make_offering(session, ladder, code="CST2-A")
    make_offering(session, code="OLD-A", starts=NOW - timedelta(days=9))
    alice = make_student(session, make_user(session, name="Alice Okafor", email="alice@x.example"))
    alice.licenses[0].number = "28417"
    there = make_student(session, make_user(session, email="there@x.example"))
    ask(session, offering, there)
    session.commit()
    return HEAD + (
        "Nina New,nina@x.example,LMT,OR,555,CST1-A\n"
        "Alice Okafor,ALICE@x.example,,,,cst1-a\n"
        "Walt Wait,walt@x.example,,,,CST1-A\n"
        "Nina New,nina@x.example,LMT,OR,555,CST1-A\n"
        "Al Okafor,al@x.example,LMT,OR,28417,\n"
        "Tom There,there@x.example,,,,CST1-A\n"
        "Nora Next,nora@x.example,,,,CST2-A\n"
        "Otto Old,otto@x.example,,,,OLD-A\n"
        "Nick Nowhere,nick@x.example,,,,NOPE\n"
        "=1+1,f@x.example,,,,\n"
        "Bad Mail,nowhere,,,,\n"
        "Only Person,only@x.example,,,,\n"
    )


EXPECTED = [
    ("new", "Gets a seat in CST1-A."),
    ("known", "Known as Alice Okafor. Gets a seat in CST1-A."),
    ("waitlist", "CST1-A is full"),
    ("duplicate", "line 2"),
    ("duplicate", "belongs to Alice Okafor"),
    ("duplicate", "This student is enrolled in this class already"),
    ("refused", "has not taken"),
    ("refused", "This class is over"),
    ("refused", "There is no class NOPE."),
    ("refused", "A cell holds a formula"),
    ("refused", "not an email address"),
    ("new", "New; invited by mail."),
]


def test_the_preview_names_every_rows_fate_and_changes_nothing(
    session: Session, client: FlaskClient, table: str
) -> None:
    before = session.scalar(sa.select(sa.func.count(User.id)))
    for (fate, words), (wanted, part) in zip(fates(session, table), EXPECTED, strict=True):
        assert (fate, part in words) == (wanted, True), words
    shown = client.get(upload(client, table)).text
    assert "Rows that would be taken in: 4 of 12." in shown
    session.rollback()
    assert session.scalar(sa.select(sa.func.count(User.id))) == before


def test_a_state_is_read_by_name_and_one_that_is_none_is_told_before(session: Session, table: str) -> None:
    found = fates(session, HEAD + "Al,al@x.example,LMT,Oregon,28417,\nZed,zed@x.example,LMT,ZZ,1,CST1-A\n")
    assert [fate for fate, _words in found] == ["duplicate", "refused"]
    assert "belongs to Alice Okafor" in found[0][1]
    assert "“ZZ” is neither a US state nor a country" in found[1][1]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("lmt", "LMT"),
        ("Massage  Therapist", "LMT"),
        ("Massage therapist (LMT)", "LMT"),
        ("nurse", "RN"),
        ("LAc", "LAC"),
        ("", ""),
    ],
)
def test_a_profession_is_read_by_its_code_or_its_words(
    session: Session, rosa: User, typed: str, code: str
) -> None:
    (row,) = reading.read(f"{HEAD}Al,al@x.example,{typed},,,\n".encode()).rows
    assert row.profession == code


def test_a_license_is_known_however_it_was_written_and_whoever_it_was_merged_into(
    session: Session, rosa: User
) -> None:
    keep = make_student(session, make_user(session, name="Alice Okafor", email="alice@x.example"))
    gone = make_student(session, make_user(session, email="old@x.example"))
    for student, number in ((keep, "lmt-7"), (gone, "LMT-7")):
        student.licenses[0].jurisdiction, student.licenses[0].number = "OREGON", number
    session.flush()
    merging.merge(session, keep.id, gone.id, actor=rosa, now=NOW)
    session.commit()
    begin_write(session)
    rows = (
        "Al,al@x.example,LMT,or,LMT-7,\n"
        "Alice,alice@x.example,LMT,Oregon,LMT-7,\n"
        "Alice,old@x.example,LMT,Ore gon,LMT-7,\n"
        "Pia,pia@x.example,PT,OR,LMT-7,\n"
        "Una,una@x.example,,OR,LMT-7,\n"
    ).replace("Ore gon", "O.R.")
    told = [fate for fate, _words in fates(session, HEAD + rows)]
    assert told == ["duplicate", "known", "known", "new", "duplicate"]
    read = reading.read((HEAD + rows).encode()).rows
    assert [running.take(session, row, actor=rosa, now=NOW)[0].value for row in read] == told


def test_the_import_does_what_the_preview_said_by_the_same_rules(
    session: Session, client: FlaskClient, table: str
) -> None:
    here = upload(client, table)
    assert client.post(f"{here}/confirm").status_code == 303
    waiting = client.get(here)
    assert (waiting.headers["Refresh"], "done: 0 of 12." in waiting.text) == ("2", True)
    assert running.run_imports() == 12
    for (fate, words), (wanted, part) in zip(imported(session), EXPECTED, strict=True):
        if part != "line 2":  # by then the first of the two is enrolled
            assert (fate, part in words) == (wanted, True), words
    assert "All 12 rows are done." in client.get(here).text
    session.rollback()
    offering = session.scalars(sa.select(Offering).where(Offering.code == "CST1-A")).one()
    assert (offering.seats_taken, offering.waiting_count) == (3, 1)
    nina = session.scalars(sa.select(Enrollment).where(Enrollment.source == Source.IMPORT)).first()
    assert nina is not None
    assert nina.license is not None
    assert (nina.state, nina.license.number) == (EnrollmentState.ENROLLED, "555")
    assert mails_to("nina@x.example") == ["account-invitation", "confirmation"]
    assert mails_to("f@x.example") == []


def test_rows_of_one_file_are_held_against_each_other_as_the_import_will(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    make_offering(session, code="CST1-A")
    make_offering(session, code="CST1-B")
    session.commit()
    content = HEAD + (
        "Nina New,nina@x.example,LMT,OR,555,CST1-A\n"
        "Nina New,nina@x.example,LMT,OR,555,CST1-B\n"
        "Nina Again,again@x.example,LMT,OR,555,CST1-B\n"
    )
    assert [fate for fate, _words in fates(session, content)] == ["new", "known", "duplicate"]
    assert "line 2, for another address" in fates(session, content)[2][1]
    client.post(f"{upload(client, content)}/confirm")
    running.run_imports()
    assert [fate for fate, _words in imported(session)] == ["new", "known", "duplicate"]


def test_several_people_are_entered_for_a_class_a_line_each(
    session: Session, client: FlaskClient, rosa: User
) -> None:
    make_offering(session, code="CST1-A", capacity=4)
    make_student(session, make_user(session, name="Alice Okafor", email="alice@x.example"))
    session.commit()
    here = "/office/classes/cst1-a/enroll-several"
    assert here in client.get("/office/classes/CST1-A/roster").text.lower()
    assert client.get(here).status_code == 200
    nobody = client.post(here, data={"people": " \n\n"})
    assert nobody.status_code == 422
    people = (
        "Nina New, NINA@x.example\n\n"
        '"Otto Old" <otto@x.example>;\n'
        "alice@x.example\n"
        "unknown@x.example\n"
        "No Address\n"
        "=cmd(), f@x.example\n"
    )
    answer = client.post(here, data={"people": people})
    assert answer.status_code == 303
    shown = client.get(answer.location).text
    for words in (
        "no email address in this line",
        "Nobody is known by this address",
        "Known as Alice Okafor",
    ):
        assert words in shown
    client.post(f"{answer.location}/confirm")
    running.run_imports()
    assert [fate for fate, _words in imported(session)] == [
        "new",
        "new",
        "known",
        "refused",
        "refused",
        "refused",
    ]
    names = session.scalars(sa.select(Enrollment.certificate_name).order_by(Enrollment.ticket)).all()
    assert names == ["Nina New", "Otto Old", "Alice Okafor"]


def test_a_batch_is_confirmed_once_and_its_file_is_thrown_away(
    session: Session, client: FlaskClient, table: str
) -> None:
    here = upload(client, table)
    client.post(f"{here}/confirm")
    again = client.post(f"{here}/confirm", follow_redirects=True)
    assert "confirmed already" in again.text
    running.run_imports()
    assert running.run_imports() == 0
    assert running.forget_old() == 1
    assert "All 12 rows are done." in client.get(here).text


def test_an_upload_nobody_confirms_is_forgotten(session: Session, client: FlaskClient, table: str) -> None:
    here = upload(client, table)
    assert running.forget_old() == 0
    with time_machine.travel(NOW + timedelta(days=3)):
        assert running.forget_old() == 1
        assert "Upload it again" in client.get(here, follow_redirects=True).text


def test_the_job_goes_on_where_it_died(
    session: Session, client: FlaskClient, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = upload(client, table)
    client.post(f"{here}/confirm")
    for _ in range(3):
        running._next_row(session.scalars(sa.select(ImportBatch.id)).one())
        session.rollback()
    real = running.take

    def die(*_args: object, **_kwargs: object) -> None:
        raise SystemExit

    monkeypatch.setattr(running, "take", die)
    with pytest.raises(SystemExit):
        running.run_imports()
    monkeypatch.setattr(running, "take", real)
    session.rollback()
    assert running.run_imports() == 9
    assert [fate for fate, _words in imported(session)][4:] == [fate for fate, _part in EXPECTED][4:]


@pytest.mark.parametrize("failing", ["row", "database"])
def test_a_row_that_fails_for_any_reason_is_told_and_the_others_are_taken_in(
    session: Session,
    client: FlaskClient,
    table: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failing: str,
) -> None:
    here = upload(client, table)
    client.post(f"{here}/confirm")
    real, calls = running.take, []

    def stumble(session: Session, row: reading.Row, **values: Any) -> Any:
        calls.append(row.line)
        if len(calls) == 2:
            if failing == "database":
                raise sa.exc.OperationalError("SELECT 1", {}, OSError("the database went away"))
            session.execute(sa.text("INSERT INTO users (id) VALUES (NULL)"))  # breaks a constraint
        return real(session, row, **values)

    monkeypatch.setattr(running, "take", stumble)
    done = running.run_imports()
    if failing == "database":  # says nothing of the row: the next run goes on there
        assert done == 1
        assert running.run_imports() == 11
        assert "goes on in the next run" in caplog.text
    else:
        assert done == 12
        assert imported(session)[1] == (
            "refused",
            "An error in the program kept this row out; nothing of it was taken in. The log of the server says more.",
        )
        assert "could not be taken in" in caplog.text
    assert "All 12 rows are done." in client.get(here).text


def test_only_the_office_imports(session: Session, client: FlaskClient, app: Flask, rosa: User) -> None:
    others = [make_user(session, Role.STUDENT), make_user(session, Role.INSTRUCTOR)]
    session.commit()
    pages = ["/office/import", "/office/import/example.csv", "/office/import/1", "/office/people/duplicates"]
    for address in pages:
        assert app.test_client().get(address).status_code == 303
    for other in others:
        sign_in(client, other)
        for address in pages:
            assert client.get(address).status_code == 403
        assert client.post("/office/import/1/confirm").status_code == 403
    sign_in(client, rosa)
    assert client.get("/office/import/1/confirm").status_code == 405
    assert client.get("/office/import/999").status_code == 404
    assert client.post("/office/import/999/confirm").status_code == 404
    assert client.get("/office/import/example.csv").text.startswith("\ufeffName,Email,")
    assert set(Fate) == {Fate.NEW, Fate.KNOWN, Fate.WAITLIST, Fate.DUPLICATE, Fate.REFUSED}
