"""What script/_setup.sh installs on a bare machine and says of it, and what the lock files hold."""

import re
import shutil
from pathlib import Path

import pytest

from tests.test_scripts import ROOT, Environment, environment, run

__all__ = ["environment"]  # the fixture

SET_UP = '. script/_setup.sh && setup "$1"'


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with the few tools of a minimal Debian, to put others beside."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("bash", "cat", "dirname", "env", "flock", "grep", "mktemp", "rm", "tail", "uname"):
        if path := shutil.which(tool):
            (folder / tool).symlink_to(path)
    (folder / "python3").symlink_to(ROOT / ".venv" / "bin" / "python3")
    return folder


def put(folder: Path, name: str, script: str) -> None:
    """Put a command that says little into the folder."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def installed(folder: Path, *, but: str) -> None:
    """Let dpkg-query say that every package is installed but one."""
    put(
        folder,
        "dpkg-query",
        f'for p in "$@"; do case $p in {but}|-*) ;; *) printf "installed:%s " "$p" ;; esac; done',
    )


def test_set_up_does_nothing_the_second_time(tools: Path, environment: Environment) -> None:
    installed(tools, but="none")
    put(tools, "apt-get", "echo apt-get was called")
    put(tools, "chromium", "")
    env = {**environment, "PATH": str(tools)}

    for what in ("server", "test"):
        run("bash", "-c", SET_UP, "bash", what, env=env)  # the first time it may have to
        answer = run("bash", "-c", SET_UP, "bash", what, env=env)
        assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_without_root_and_sudo_the_exact_command_is_told(tools: Path, environment: Environment) -> None:
    installed(tools, but="fonts-noto-cjk")
    put(tools, "apt-get", "echo apt-get was called")
    put(tools, "id", "echo 1000")

    answer = run("bash", "-c", SET_UP, "bash", "server", env={**environment, "PATH": str(tools)})

    assert answer.returncode == 1
    assert "names in every script" in answer.stdout
    assert "no sudo" in answer.stderr
    assert "apt-get install --yes --no-install-recommends fonts-noto-cjk" in answer.stderr
    assert "was called" not in answer.stdout


def test_root_gets_what_is_missing_and_is_told_why(tools: Path, environment: Environment) -> None:
    installed(tools, but="qpdf")
    put(tools, "apt-get", 'echo "$@" >>"$INSTANCE_PATH"')
    put(tools, "chromium", "")
    put(tools, "id", "echo 0")

    answer = run("bash", "-c", SET_UP, "bash", "test", env={**environment, "PATH": str(tools)})

    assert answer.returncode == 0, answer.stderr
    assert "qpdf let the tests look at the papers" in answer.stdout
    called = Path(environment["INSTANCE_PATH"]).read_text(encoding="utf-8").splitlines()
    assert [line.split()[-1] for line in called] == ["update", "qpdf"]


def test_an_installation_that_fails_says_why_and_ends(tools: Path, environment: Environment) -> None:
    installed(tools, but="libpango-1.0-0")
    put(tools, "apt-get", 'echo "E: Unable to locate package"; exit 100')
    put(tools, "id", "echo 0")

    answer = run("bash", "-c", SET_UP, "bash", "server", env={**environment, "PATH": str(tools)})

    assert answer.returncode == 1
    assert "Unable to locate package" in answer.stderr


def test_on_a_mac_the_packages_are_named_and_nothing_is_installed(
    tools: Path, environment: Environment
) -> None:
    (tools / "uname").unlink()
    put(tools, "uname", "echo Darwin")

    answer = run("bash", "-c", SET_UP, "bash", "test", env={**environment, "PATH": str(tools)})

    assert answer.returncode == 1
    assert "brew install poppler qpdf" in answer.stderr


# --- The lock ---------------------------------------------------------------------------------------------------------


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


def test_the_tests_run_on_the_versions_that_the_server_runs_on() -> None:
    server, tests = pins("requirements.txt"), pins("requirements-dev.txt")

    assert len(server) > 50
    assert {name: tests.get(name) for name in server} == server


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_locked_with_a_hash_and_no_index_is_named(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert "://" not in text
    entries = re.split(r"^(?=[a-z0-9._-]+==)", text, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_without_python_help_says_what_to_do(tools: Path, environment: Environment) -> None:
    (tools / "python3").unlink()
    env = {**environment, "PATH": str(tools), "PYTHON": ""}
    answer = run("bash", "script/server", "--help", env=env)
    assert answer.returncode == 1
    assert "Start script/server without --help" in answer.stderr
    assert "not found" not in answer.stderr
