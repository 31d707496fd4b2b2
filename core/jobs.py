"""Jobs: work that the worker does outside requests.

The rows in our own tables are the truth; a job finds what is due there, does it, and may die and be run again at any
point, also twice at once. Huey carries only nudges ("look now"), so a lost nudge costs a minute and a doubled one
nothing: each job also runs by itself, every so many minutes and when a worker starts.
"""

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from sqlalchemy import event
from sqlalchemy.orm import Session

from core.settings import Settings

log = logging.getLogger("stillpoint.jobs")


@dataclass(frozen=True)
class Job:
    """A registered job: its name, what runs it, and how often it runs without a nudge (minutes, up to 60)."""

    name: str
    run: Callable[[], object]
    every: int


_jobs: dict[str, Job] = {}


def job(name: str, *, every: int) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Register a function as a job. It is called in an application context and manages its own transactions."""

    def register(function: Callable[[], object]) -> Callable[[], object]:
        _jobs[name] = Job(name, function, every)
        return function

    return register


_is_stopping: list[Callable[[], bool]] = []


def stopping() -> bool:
    """Whether the worker was asked to end: a job with a long queue of its own stops after what it has in hand."""
    return any(asked() for asked in _is_stopping)


def stop_when(asked: Callable[[], bool]) -> None:
    """Tell the jobs of this process how to learn that the worker was asked to end."""
    _is_stopping.append(asked)


def registered() -> dict[str, Job]:
    """All jobs by name."""
    return dict(_jobs)


def nudge(session: Session, name: str) -> None:
    """Ask the worker to run a job as soon as this transaction has committed."""
    session.info.setdefault("nudges", set()).add(name)


@event.listens_for(Session, "after_commit")
def _send_nudges(session: Session) -> None:
    for name in sorted(session.info.pop("nudges", ())):
        send_nudge(name)


@event.listens_for(Session, "after_rollback")
def _drop_nudges(session: Session) -> None:
    session.info.pop("nudges", None)


def send_nudge(name: str) -> None:
    """Nudge the worker now. A queue that cannot be reached is only logged: the job runs by itself soon."""
    try:
        current_app.extensions["stillpoint_run_job"](name)
    except Exception:
        log.warning("the job queue cannot be reached; %s will run by itself", name, exc_info=True)


def make_queue(settings: Settings) -> Any:
    """The queue for nudges: SQLite in a file of its own, PostgreSQL or Redis."""
    url = settings.queue_url
    if url.startswith(("postgresql://", "postgres://")):
        return _huey("psycopg").PostgresHuey("stillpoint", results=False, dsn=url)
    if url.startswith(("redis://", "rediss://")):
        return _huey("redis").RedisHuey("stillpoint", results=False, url=url)
    path = Path(settings.instance_path) / "queue.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    return _huey().SqliteHuey("stillpoint", results=False, filename=str(path), fsync=False)


def _huey(client: str = "") -> Any:
    """The huey package. It imports each database client it finds, six to nine megabytes in every process: only the one
    that is wanted is let in."""
    hidden = {"redis", "psycopg"} - {client} - sys.modules.keys()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: "there is no such module"
    try:
        import huey
    finally:
        for name in hidden:
            del sys.modules[name]
    return huey


def init_jobs(app: Flask, settings: Settings) -> None:
    """Attach the queue and the registered jobs to the application. Call after all rooms are imported."""
    huey = make_queue(settings)
    from huey import crontab

    def run(name: str) -> None:
        with app.app_context():
            run_job(name)

    for job_ in _jobs.values():
        huey.periodic_task(crontab(minute=f"*/{job_.every}"), name=f"every-{job_.every}-{job_.name}")(
            lambda name=job_.name: run(name)
        )
    app.extensions["huey"] = huey
    app.extensions["stillpoint_run_job"] = huey.task(name="run")(run)


def queue_of(app: Flask) -> Any:
    """The application's Huey queue."""
    return app.extensions["huey"]


def run_job(name: str) -> bool:
    """Run one job now, in the current application context. Errors are logged, not raised; True when it went well."""
    job_ = _jobs.get(name)
    if job_ is None:
        log.error("there is no job called %s", name)
        return False
    started = time.monotonic()
    try:
        job_.run()
    except Exception:
        log.exception("job %s failed; it will be tried again", name)
        return False
    log.debug("job %s took %.3f s", name, time.monotonic() - started)
    return True
