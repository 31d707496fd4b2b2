"""The worker process: ``flask worker``. Ends cleanly on SIGINT and SIGTERM: the job under way is finished first.

On SIGHUP it does the same and starts itself anew, in the same process. It asks itself to when its memory has grown past a
limit, whatever library it was.
"""

import logging
import os
import signal
import socket
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import claims, clock, jobs
from core.commands import in_plain_words
from core.database import Base, ShortText, db, writing
from core.settings import Settings

STALE_AFTER = timedelta(minutes=3)
WATCH_SECONDS = 5.0
# However small the limit, a worker works this long before it starts anew.
YOUNG_SECONDS = 60.0

log = logging.getLogger("stillpoint.worker")


class WorkerHeartbeat(Base):
    """When a worker last said that it is alive: one row per worker."""

    __tablename__ = "worker_heartbeats"

    name: Mapped[ShortText] = mapped_column(primary_key=True)
    at: Mapped[datetime]


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@jobs.job("heartbeat", every=1)
def beat() -> None:
    """Say that this worker is alive, forget workers that have been silent for a day, and take up what dead ones held."""
    now = clock.now()
    settings: Settings = current_app.extensions["settings"]
    claims.give_back_of_dead(settings.instance_path)
    with writing() as session:
        session.merge(WorkerHeartbeat(name=_name(), at=now))
        for row in session.query(WorkerHeartbeat).filter(WorkerHeartbeat.at < now - timedelta(days=1)):
            session.delete(row)


def is_alive(session: Session, now: datetime) -> bool:
    """Whether any worker has given a sign of life within the last three minutes."""
    return (
        session.query(WorkerHeartbeat.name).filter(WorkerHeartbeat.at > now - STALE_AFTER).first() is not None
    )


@click.command("worker")
@click.option("--no-periodic", is_flag=True, help="A further worker: only nudged jobs, none by the clock.")
@with_appcontext
def worker_command(no_periodic: bool) -> None:
    """Run the jobs: mail, certificates, lapsing offers and the others."""
    from huey.consumer import Consumer  # not before core.jobs has imported Huey its own way

    app = current_app._get_current_object()  # type: ignore[attr-defined]
    settings: Settings = app.extensions["settings"]
    logging.getLogger("huey").setLevel(logging.WARNING)
    with in_plain_words():
        claims.begin(settings.instance_path)
        beat()
    db.session.close()
    for name in jobs.registered():
        jobs.send_nudge(name)  # whatever was left undone
    consumer = Consumer(
        jobs.queue_of(app),
        workers=settings.worker_threads,
        periodic=not no_periodic,
        initial_delay=0.05,
        max_delay=0.5,
        check_worker_health=True,
        graceful_signal="TERM",
    )
    # Signal -> (start anew, gracefully). Both ends are graceful: Ctrl-C in a terminal reaches the whole group.
    consumer._signal_actions = {
        signal.SIGINT: (False, True),
        signal.SIGTERM: (False, True),
        signal.SIGHUP: (True, True),
    }
    jobs.stop_when(lambda: consumer._signum is not None)
    if settings.worker_memory_mb:
        watch = threading.Thread(target=_watch_memory, args=(settings.worker_memory_mb,), daemon=True)
        watch.start()
    consumer.run()


def resident_mb() -> int:
    """The resident memory of this process in megabytes; 0 where the system does not tell (only Linux does)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def _watch_memory(limit_mb: int) -> None:
    """Ask this worker to start anew when its memory is past the limit."""
    time.sleep(YOUNG_SECONDS)
    while (used := resident_mb()) <= limit_mb:
        time.sleep(WATCH_SECONDS)
    log.info("uses %d MB, more than WORKER_MEMORY_MB=%d: starting anew", used, limit_mb)
    os.kill(os.getpid(), signal.SIGHUP)
