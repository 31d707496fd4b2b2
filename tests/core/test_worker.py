"""The worker as a real process: it starts anew when its memory has grown, and being killed costs nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from certificates import issuing
from certificates.models import Certificate, CertificateState
from core.audit import AuditEvent
from core.files import store
from core.outbox import OutgoingMail
from core.settings import Settings
from core.worker import resident_mb
from tests.certificates.test_issuing import finished_class
from tests.factories import NOW

ROOT = Path(__file__).resolve().parent.parent.parent

# A worker whose limit is far below what it needs, the first time; the second time there is none.
IMPATIENT = """
import os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
starts = Path({starts!r})
with starts.open("a") as file:
    file.write(f"{{os.getpid()}}\\n")
again = len(starts.read_text().splitlines()) > 1
os.environ["WORKER_MEMORY_MB"] = "0" if again else "1"
import core.worker
from flask.cli import ScriptInfo
core.worker.YOUNG_SECONDS = core.worker.WATCH_SECONDS = 0.2
from app import create_app
app = create_app()
scripts = ScriptInfo(create_app=lambda: app)
app.cli.main(args=["worker"], prog_name="flask", obj=scripts)
"""


def eventually(happened: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def surroundings(app: Flask) -> dict[str, str]:
    settings: Settings = app.extensions["settings"]
    names = {name.upper() for name in Settings.__dataclass_fields__}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return kept | {
        "INSTANCE_PATH": str(settings.instance_path),
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key,
        "PUBLIC_URL": settings.public_url,
    }


def catches(pid: int, number: int) -> bool:
    """Whether a process has set itself up to handle a signal (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) & 1 << (number - 1))


@contextmanager
def worker(app: Flask, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, env=surroundings(app), start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_a_worker_that_has_grown_starts_itself_anew_and_ends_gracefully(app: Flask, tmp_path: Path) -> None:
    script, starts = tmp_path / "impatient.py", tmp_path / "starts"
    script.write_text(IMPATIENT.format(root=str(ROOT), starts=str(starts)))
    with worker(app, sys.executable, str(script)) as process:
        eventually(lambda: starts.exists() and len(starts.read_text().split()) == 2)
        assert starts.read_text().split() == [str(process.pid)] * 2
        eventually(lambda: catches(process.pid, signal.SIGTERM))
        time.sleep(1)  # no limit now: it stays
        assert len(starts.read_text().split()) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


def test_the_memory_of_this_process_is_known_on_linux() -> None:
    assert resident_mb() == pytest.approx(psutil.Process().memory_info().rss / 1_000_000, abs=5)


@pytest.mark.full
def test_a_worker_killed_while_issuing_issues_each_exactly_once(app: Flask, session: Session) -> None:
    offering = finished_class(session, students=12)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    flask = str(Path(sys.executable).with_name("flask"))

    def issued() -> int:
        session.rollback()
        query = sa.select(sa.func.count()).where(Certificate.state == CertificateState.ISSUED)
        return session.scalar(query) or 0

    def reached(wanted: int) -> bool:
        return issued() >= wanted

    for so_far in (1, 4, 7):
        with worker(app, flask, "worker") as process:
            eventually(partial(reached, so_far))
            process.send_signal(signal.SIGKILL)
            process.wait()
    # what the killed ones held comes free as soon as another one starts, not after the five minutes of a claim
    with worker(app, flask, "worker") as process:
        eventually(lambda: issued() == 12)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    session.rollback()
    rows = session.scalars(sa.select(Certificate).order_by(Certificate.id)).all()
    assert [row.sequence for row in rows] == list(range(1, 13))
    assert all(store().get(row.pdf_sha256 or "") for row in rows)
    told = sa.select(sa.func.count()).where(OutgoingMail.kind == "certificate")
    assert session.scalar(told) == 12
    noted = sa.select(sa.func.count()).where(AuditEvent.action == "certificates:certificate:issued")
    assert session.scalar(noted) == 12
