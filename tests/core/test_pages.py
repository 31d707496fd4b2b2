"""Error pages and the health addresses, also when the database is in trouble: plain words, never a traceback."""

import logging
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, abort, request
from flask.testing import FlaskClient
from sqlalchemy import event

from app import create_app
from core.database import db
from core.errors import ThrottledError
from core.settings import Settings
from tests.conftest import Databases
from tests.factories import make_school

NOT_READY = "We are not ready just now"
LOGIN = {"email": "ada@example.org", "password": "slow tide at dawn"}


@pytest.fixture
def folder(tmp_path: Path, databases: Databases) -> Path:
    """An instance folder with a migrated database."""
    databases.app("sqlite")
    shutil.copy(databases.root / "template.db", tmp_path / "stillpoint.db")
    return tmp_path


made: list[Flask] = []


@pytest.fixture(autouse=True)
def _let_go() -> Iterator[None]:
    """Close the databases of the applications that a test made."""
    yield
    while made:
        with made.pop().app_context():
            db.engine.dispose()


def application(folder: Path, **values: Any) -> Flask:
    settings = Settings(
        instance_path=folder, secret_key="for tests", public_url="https://school.test", **values
    )
    app = create_app(settings.completed(), {"WTF_CSRF_ENABLED": False})
    made.append(app)

    @app.get("/break")
    def _break() -> str:
        raise RuntimeError("secret detail of the inside")

    @app.get("/disk")
    def _disk() -> str:
        raise OSError(28, "No space left on device")

    @app.get("/tired")
    def _tired() -> str:
        raise ThrottledError("Too many attempts. Try again in 3 minutes.", retry_after=180)

    @app.get("/own-words")
    def _own_words() -> str:
        abort(404, "This class was cancelled.")

    @app.post("/upload")
    def _upload() -> str:
        return str(len(request.files))

    return app


@pytest.fixture
def app(folder: Path) -> Iterator[Flask]:
    made = application(folder)
    yield made
    with made.app_context():
        db.engine.dispose()


def calm(text: str) -> None:
    for word in ("Traceback", "sqlite3", "sqlalchemy", "OperationalError", "SELECT", "secret detail", "/tmp"):
        assert word not in text


@pytest.mark.parametrize(
    ("method", "path", "code", "words"),
    [
        ("GET", "/nowhere", 404, "There is no such page"),
        ("GET", "/own-words", 404, "This class was cancelled."),
        ("GET", "/office/people/99999999999999999999", 404, "There is no such page"),
        ("GET", "/accounts/confirm/%00", 404, "This link leads nowhere"),
        ("GET", "/accounts/login?next=%00", 400, ""),
        ("DELETE", "/accounts/login", 405, "That does not work from here"),
        ("GET", "/tired", 429, "Try again in 3 minutes."),
        ("GET", "/break", 500, "Something broke on our side"),
        ("GET", "/disk", 503, NOT_READY),
    ],
)
def test_an_error_has_a_page_in_plain_words(
    client: FlaskClient, method: str, path: str, code: int, words: str
) -> None:
    answer = client.open(path, method=method)
    text = answer.get_data(as_text=True)
    assert answer.status_code == code
    assert words in text
    assert "<h1" in text
    calm(text)


def test_the_headers_that_belong_to_an_error_stay(client: FlaskClient) -> None:
    assert set(client.put("/accounts/login").headers["Allow"].split(", ")) >= {"GET", "POST"}
    assert client.get("/tired").headers["Retry-After"] == "180"


def test_a_file_that_is_too_large_is_refused(client: FlaskClient) -> None:
    body = b"x" * (12 * 1024 * 1024 + 1)
    answer = client.post("/upload", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 413
    assert "That file is too large" in answer.get_data(as_text=True)


def test_a_program_gets_json(client: FlaskClient) -> None:
    for path, code in (("/nowhere", 404), ("/break", 500), ("/tired", 429), ("/disk", 503)):
        answer = client.get(path, headers={"Accept": "application/json"})
        assert answer.status_code == code
        assert answer.json
        assert "error" in answer.json
        calm(answer.get_data(as_text=True))


def test_the_log_says_what_the_page_does_not(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/break")
    assert "secret detail of the inside" in caplog.text


# ── the database in trouble ──


def told(app: Flask, caplog: pytest.LogCaptureFixture, advice: str) -> None:
    """Pages that need the database answer 503 in plain words, and the log says what to do."""
    client = app.test_client()
    for answer in (
        client.get("/accounts/login"),
        client.post("/accounts/login", data=LOGIN),
        client.get("/nowhere"),
    ):
        assert answer.status_code == 503
        text = answer.get_data(as_text=True)
        assert NOT_READY in text
        calm(text)
    assert advice in caplog.text
    assert client.get("/healthz").json == {"status": "ok"}


def test_a_missing_database_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = application(tmp_path, database_url=f"sqlite:///{tmp_path}/gone/stillpoint.db")
    told(app, caplog, "See DATABASE_URL in docs/operating.md")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json
    assert answer.json["checks"]["database"].startswith("cannot be reached")
    calm(answer.get_data(as_text=True))


def test_a_database_behind_its_migrations_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = application(tmp_path)  # an empty file
    told(app, caplog, "Run: flask db upgrade")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json
    assert answer.json["checks"]["migrations"] == "the database is behind the program; run: flask db upgrade"


def test_a_file_that_is_no_database_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "stillpoint.db").write_bytes(b"this is not a database at all, " * 100)
    app = application(tmp_path)
    told(app, caplog, "See DATABASE_URL in docs/operating.md")
    assert app.test_client().get("/readyz").status_code == 503


def test_a_locked_database_is_told_and_reading_goes_on(
    app: Flask, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        # The wait of 20 seconds is made short.
        event.listen(
            db.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 50")
        )
        db.engine.dispose()
    holder = sqlite3.connect(folder / "stillpoint.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    client = app.test_client()
    answer = client.post("/accounts/login", data=LOGIN)
    assert answer.status_code == 503
    calm(answer.get_data(as_text=True))
    assert "another program holds it" in caplog.text
    assert client.get("/accounts/login").status_code == 200
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz").json
    assert ready
    assert ready["checks"]["database"] == "ok"
    holder.execute("ROLLBACK")
    holder.close()
    assert client.post("/accounts/login", data=LOGIN).status_code == 422


def test_a_full_disk_is_told_and_nothing_is_half_saved(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with app.app_context():

        def no_more(connection: sqlite3.Connection, _record: object) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

        event.listen(db.engine, "connect", no_more)
        db.engine.dispose()
    client = app.test_client()
    many = {"email": "ada@example.org", "password": "slow tide at dawn"}
    codes = set()
    for number in range(400):  # until the room that the file still has is used up
        name = f"{number} " + "Ada " * 25
        answer = client.post(
            "/accounts/register", data=many | {"email": f"ada{number}@example.org", "name": name}
        )
        codes.add(answer.status_code)
        if answer.status_code == 503:
            break
        with app.app_context():
            counters = sa.text("DELETE FROM attempt_counters")
            db.session.connection(execution_options={"writes": True}).execute(counters)
            db.session.commit()
    assert codes <= {303, 503}
    assert 503 in codes
    assert NOT_READY in answer.get_data(as_text=True)
    calm(answer.get_data(as_text=True))
    assert "The disk is full" in caplog.text
    with app.app_context():
        users = db.session.scalar(sa.text("SELECT count(*) FROM users"))
        mails = db.session.scalar(sa.text("SELECT count(*) FROM outgoing_mails"))
        events = db.session.scalar(sa.text("SELECT count(*) FROM audit_events"))
    assert users == mails == events
    assert client.get("/healthz").status_code == 200


def test_ready_says_when_the_disk_is_nearly_full(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=5 * 1024 * 1024)
    monkeypatch.setattr("core.health.shutil.disk_usage", lambda path: usage)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json
    assert answer.json["checks"]["disk"].startswith("only 5 MB are free")


def test_a_database_that_cannot_be_written_is_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = application(folder)
    with app.app_context():
        event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
        db.engine.dispose()
    client = app.test_client()
    assert client.get("/accounts/login").status_code == 200
    assert client.post("/accounts/login", data=LOGIN).status_code == 503
    assert "who owns the folder" in caplog.text


@pytest.mark.postgresql
def test_a_server_that_is_gone_is_told(
    databases: Databases, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(tmp_path, database_url="postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2")
    told(app, caplog, "The database cannot be reached")
    assert app.test_client().get("/readyz").status_code == 503


@pytest.mark.postgresql
def test_a_postgresql_database_behind_its_migrations_is_told(
    databases: Databases, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    databases.app("postgresql")
    databases._admin('DROP DATABASE IF EXISTS "test" WITH (FORCE)', 'CREATE DATABASE "test"')
    app = application(tmp_path, database_url=databases._url("test"))
    told(app, caplog, "Run: flask db upgrade")
    answer = app.test_client().get("/readyz")
    assert answer.json
    assert "run: flask db upgrade" in answer.json["checks"]["migrations"]
    with app.app_context():
        db.engine.dispose()


@pytest.mark.postgresql
def test_a_connection_that_broke_is_told_and_the_next_request_works(databases: Databases) -> None:
    app = databases.app("postgresql")
    client = app.test_client()
    with app.app_context():
        make_school(db.session)
        db.session.commit()
    assert client.get("/accounts/login").status_code == 200
    databases._admin(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\"test\"'".replace('"', "")
    )
    assert client.get("/accounts/login").status_code in (200, 503)
    assert client.get("/accounts/login").status_code == 200


def test_a_signed_in_person_meets_the_same_calm_page(folder: Path) -> None:
    app = application(folder)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = "1.1"
    with app.app_context():
        db.session.connection(execution_options={"writes": True}).execute(sa.text("DROP TABLE users"))
        db.session.commit()
    for path in ("/accounts/account", "/nowhere", "/break"):
        answer = client.get(path)
        assert answer.status_code in (500, 503)
        calm(answer.get_data(as_text=True))


def test_ready_when_all_is_in_order(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    from core.worker import beat

    caplog.set_level(logging.ERROR)
    client = app.test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json
    assert "flask worker" in answer.json["checks"]["worker"]
    with app.app_context():
        beat()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json and answer.json["status"]) == (200, "ready")
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("address", "told", "leads"),
    [
        ("/accounts/confirm/abc", "register once more", "/accounts/register"),
        ("/accounts/confirm", "register once more", "/accounts/register"),
        ("/accounts/reset/abc", "ask for a new one", "/accounts/reset"),
        ("/accounts/invitation/abc", "The office can send you a new invitation", "/accounts/login"),
        ("/accounts/new-address/abc", "enter the new address once more", "/accounts/account"),
        ("/my/calendar/abc.ics", "Your details show the address that works now", "/my/details"),
        ("/my/calendar/abc", "Your details show the address that works now", "/my/details"),
        ("/my/detail", "belongs to another account", "/my/"),
        ("/groups/abc", "The office can send it to you once more", "/courses/"),
        ("/certificates/TBI-2027-0", "All of yours stand on one page", "/my/certificates"),
    ],
)
def test_a_link_of_a_mail_that_arrived_damaged_says_what_to_do(
    folder: Path, address: str, told: str, leads: str
) -> None:
    answer = application(folder).test_client().get(address)
    assert answer.status_code == 404
    assert "This link leads nowhere" in answer.text
    assert told in answer.text
    assert f'href="{leads}"' in answer.text
    assert "like CST1" not in answer.text


def test_an_address_that_no_mail_has_is_only_unknown(folder: Path) -> None:
    answer = application(folder).test_client().get("/classes/NONE-1")
    assert (answer.status_code, "like CST1" in answer.text) == (404, True)
