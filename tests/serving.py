"""The real thing in processes of its own: gunicorn and the worker on a test's database, and clients over HTTP."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Flask

ROOT = Path(__file__).resolve().parent.parent


def environment(app: Flask, port: int, **more: str) -> dict[str, str]:
    """What a process needs to work on the database of a test's application."""
    settings = app.extensions["settings"]
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    return kept | {
        "INSTANCE_PATH": str(settings.instance_path),
        "DATABASE_URL": sa.make_url(settings.database_url).render_as_string(hide_password=False),
        "SECRET_KEY": settings.secret_key,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PYTHONPATH": str(ROOT),
        "LOG_LEVEL": "WARNING",
        **more,
    }


@dataclass
class Process:
    """A process that was started here, with everything it said."""

    popen: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL to the whole group, as when the machine loses it."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(120)

    def stop(self) -> None:
        """SIGTERM, and wait until it has ended."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGTERM)
            try:
                self.popen.wait(120)
            except subprocess.TimeoutExpired:
                self.kill()

    def said(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(errors="replace")


def start(command: list[str], env: dict[str, str], log: Path) -> Process:
    """Start a process in a group of its own; what it says is appended to ``log``."""
    with log.open("ab") as out:
        popen = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    return Process(popen, log)


def start_web(
    app: Flask, port: int, log: Path, *, workers: int = 2, settings: dict[str, str] | None = None
) -> Process:
    """gunicorn; returns when it answers."""
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "gunicorn.conf.py",
        "-b",
        f"127.0.0.1:{port}",
        "app:create_app()",
    ]
    env = environment(app, port, WEB_CONCURRENCY=str(workers), WEB_THREADS="16", **(settings or {}))
    process = start(command, env, log)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return process
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
        if process.popen.poll() is not None:
            break
    process.kill()
    raise AssertionError(f"the web server does not answer: {process.said()}")


def start_worker(app: Flask, port: int, log: Path, **more: str) -> Process:
    """The job worker."""
    command = [sys.executable, "-m", "flask", "worker"]
    return start(command, environment(app, port, **more), log)


def session_cookie(app: Flask, user_key: str) -> str:
    """The cookie of someone who is signed in (``User.get_id()``)."""
    interface = app.session_interface
    serializer = interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return str(serializer.dumps({"_user_id": user_key, "_fresh": True}))


@dataclass
class Client:
    """A browser without JavaScript that talks to a real server; each request is a connection of its own."""

    port: int
    cookie: str
    token: str = ""
    answers: list[int] = field(default_factory=list)

    def send(self, method: str, path: str, data: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and body. Raises OSError or HTTPException when the server went away."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            headers = {
                "Cookie": f"stillpoint={self.cookie}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
            body = urlencode(data | {"csrf_token": self.token}) if data is not None else None
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            changed = re.search(r"stillpoint=([^;]+);", answer.getheader("Set-Cookie") or "")
            if changed:
                self.cookie = changed[1]
            self.answers.append(answer.status)
            return answer.status, text
        finally:
            connection.close()

    def open(self, path: str) -> int:
        """GET a page and keep the token of its form."""
        status, text = self.send("GET", path)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)
        self.token = found[1] if found else self.token
        return status
