"""The commands in script/: the server as a newcomer starts it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app import create_app
from core.database import db
from core.settings import Settings
from script import _prepare, _serve
from tests import factories
from tests.conftest import Databases

ROOT = Path(__file__).resolve().parent.parent
Environment = dict[str, str]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """The environment of this test run, with an instance folder of the test's own and no settings."""
    settings = {name.upper() for name in Settings.__dataclass_fields__}
    kept = {name: value for name, value in os.environ.items() if name not in settings}
    return {**kept, "INSTANCE_PATH": str(tmp_path / "instance"), "PIP_NO_INDEX": "1"}


def run(*command: str, env: Environment) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False
    )


class Server:
    """A started script/server; its output up to the last line read is in ``said``."""

    def __init__(self, env: Environment, *arguments: str) -> None:
        self.process = subprocess.Popen(
            ["script/server", *arguments],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        self.address = ""

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if match := re.search(r"is ready: (\S+)", line):
                self.address = match[1]
                return
        raise AssertionError(f"the server ended: {self.said}")

    def is_there(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=10) as answer:
                return bool(answer.status == 200)
        except urllib.error.URLError:
            return False

    def children(self) -> dict[str, int]:
        """The process ids of the web server and the worker."""
        found = psutil.Process(self.process.pid).children()
        return {"worker" if child.cmdline()[-1] == "worker" else "web": child.pid for child in found}

    def finish(self) -> int:
        """Wait for its end; gives the exit status."""
        output, _ = self.process.communicate(timeout=120)
        self.said += output
        return self.process.returncode


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def start(environment: Environment) -> Iterator[Callable[..., Server]]:
    """Starts script/server on a free port; what still runs at the test's end is ended."""
    started: list[Server] = []

    def begin(*arguments: str) -> Server:
        server = Server(environment, "--port", "0", *arguments)
        started.append(server)
        server.wait_until_ready()
        return server

    yield begin
    for server in started:
        if server.process.poll() is None:
            server.process.terminate()
        server.process.communicate(timeout=120)


def test_the_server_answers_and_a_request_to_stop_ends_all_of_it(start: Callable[..., Server]) -> None:
    server = start("--empty")
    assert server.is_there()
    children = server.children()
    assert children.keys() == {"web", "worker"}

    server.process.send_signal(signal.SIGTERM)

    assert server.finish() == 0
    assert "Stillpoint has stopped." in server.said
    assert not server.is_there()
    assert not any(is_running(pid) for pid in children.values())


def test_ctrl_c_ends_all_of_it_and_a_second_start_finds_everything_in_place(
    start: Callable[..., Server], environment: Environment
) -> None:
    first = start("--empty")
    children = first.children()
    first.process.send_signal(signal.SIGINT)
    assert first.finish() == 0
    assert not any(is_running(pid) for pid in children.values())
    assert "database up to date" in first.said
    secret = Path(environment["INSTANCE_PATH"]) / "secret_key"
    assert secret.stat().st_mode & 0o777 == 0o600

    kept = secret.read_bytes()
    second = start("--empty")

    assert second.is_there()
    assert "database up to date" not in second.said
    assert secret.read_bytes() == kept


@pytest.mark.parametrize("victim", ["worker", pytest.param("web", marks=pytest.mark.full)])
def test_when_one_half_is_killed_the_whole_ends_and_fails(start: Callable[..., Server], victim: str) -> None:
    server = start("--empty")
    children = server.children()

    os.kill(children[victim], signal.SIGKILL)

    assert server.finish() == 1
    assert "was killed by SIGKILL, so everything was stopped" in server.said
    assert not any(is_running(pid) for pid in children.values())
    deadline = time.monotonic() + 60
    while server.is_there():  # the killed web server's processes finish what they are at
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.full
def test_when_the_server_itself_is_killed_nothing_stays_behind(start: Callable[..., Server]) -> None:
    server = start("--empty")
    children = server.children()

    server.process.kill()

    assert server.finish() == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while any(is_running(pid) for pid in children.values()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_port_in_use_is_named_with_a_way_out(environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run("script/server", "--empty", "--port", str(port), env=environment)

    assert answer.returncode == 1
    assert f"Port {port} is in use" in answer.stderr
    assert "--port" in answer.stderr
    assert not Path(environment["INSTANCE_PATH"]).exists(), "nothing was begun"


def migrated(environment: Environment, databases: Databases) -> Settings:
    """The settings of a school whose database is empty and up to date."""
    settings = Settings.from_environment(environment)
    settings.instance_path.mkdir(exist_ok=True)
    shutil.copy(databases.migrated_file(), settings.instance_path / "stillpoint.db")
    return settings


@pytest.fixture
def demo(environment: Environment, databases: Databases) -> Settings:
    """A database that holds the demo school, as far as the server looks at it."""
    settings = migrated(environment, databases)
    with create_app(settings).app_context():
        factories.make_school(db.session).is_demo = True
        factories.make_user(db.session, email="admin@tideway.example")
        factories.make_user(db.session, email="student0001@tideway.example")
        db.session.commit()
        db.engine.dispose()
    return settings


def test_the_server_knows_the_demo_school_and_tells_its_logins(demo: Settings) -> None:
    school = _prepare.look(demo)

    assert school is not None
    assert (school["demo"], school["users"]) == (True, 2)
    told = _serve.welcome("http://127.0.0.1:8000", school)
    assert "admin@tideway.example" in told
    assert "tideway-demo" in told
    assert "student0001" not in told


@pytest.mark.usefixtures("demo")
def test_the_demo_is_served_on_this_machine_only(environment: Environment) -> None:
    answer = run("script/server", "--port", "0", "--host", "0.0.0.0", env=environment)

    assert answer.returncode == 1
    assert "only on this machine" in answer.stderr
    assert "0.0.0.0" in answer.stderr


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_gunicorn_by_itself_refuses_the_demo_on_other_addresses(
    environment: Environment, address: str
) -> None:
    gunicorn = [".venv/bin/gunicorn", "-c", "gunicorn.conf.py", "--bind", address, "app:create_app()"]
    answer = run(*gunicorn, env=environment)

    assert answer.returncode == 1
    assert "only on this machine" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.7", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(host: str, loopback: bool) -> None:
    assert _serve.is_loopback(host) is loopback


def test_a_setting_that_cannot_be_used_is_named_without_a_traceback(environment: Environment) -> None:
    answer = run("script/server", "--empty", "--port", "0", env={**environment, "SMTP_PORT": "many"})

    assert answer.returncode == 1
    assert "SMTP_PORT" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_database_of_a_later_version_is_told_apart(environment: Environment, databases: Databases) -> None:
    with create_app(migrated(environment, databases)).app_context():
        with db.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        db.engine.dispose()

    answer = run("script/server", "--empty", "--port", "0", env=environment)

    assert answer.returncode == 1
    assert "made by a later version" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_damaged_database_is_told_apart(environment: Environment) -> None:
    instance = Path(environment["INSTANCE_PATH"])
    instance.mkdir()
    (instance / "stillpoint.db").write_bytes(b"no database at all" * 100)

    answer = run("script/server", "--empty", "--port", "0", env=environment)

    assert answer.returncode == 1
    assert "damaged" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("trouble", "advice"),
    [
        ("database is locked", "write lock"),
        ("database or disk is full", "make room"),
        ("attempt to write a readonly database", "INSTANCE_PATH"),
        ("unable to open database file", "INSTANCE_PATH"),
        ('connection to server at "127.0.0.1", port 5432 failed: Connection refused', "DATABASE_URL"),
        ("something else", "RuntimeError: something else"),
    ],
)
def test_what_is_wrong_with_a_database_comes_with_what_to_do(trouble: str, advice: str) -> None:
    assert advice in _prepare.explain(RuntimeError(trouble))


def test_help_and_a_wrong_command_line_start_nothing(environment: Environment) -> None:
    told = run("script/server", "--help", env=environment)
    wrong = run("script/server", "--prot", "1", env=environment)

    assert told.returncode == 0
    assert "--empty" in told.stdout
    assert wrong.returncode == 2
    assert not Path(environment["INSTANCE_PATH"]).exists()
