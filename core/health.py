"""For the operator: ``/healthz`` (this process answers) and ``/readyz`` (everything it needs is in order)."""

import logging
import shutil
from datetime import timedelta

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, jsonify

from core import clock, delivery, worker
from core.database import db
from core.pages import advice_for
from core.schema import newest_migration
from core.settings import Settings

blueprint = Blueprint("health", __name__)

log = logging.getLogger("stillpoint.health")

MEGABYTE = 1024 * 1024
DISK_LOW = 100 * MEGABYTE
MAIL_LATE = timedelta(minutes=15)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Alive."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Database, migrations, outbox and worker, each with what to do when it is not in order; 503 when one is not."""
    checks = readiness()
    ready = all(answer == "ok" for answer in checks.values())
    return jsonify(status="ready" if ready else "not ready", checks=checks), 200 if ready else 503


def readiness() -> dict[str, str]:
    """Name of each check and "ok", or what is wrong and what to do."""
    now = clock.now()
    settings: Settings = current_app.extensions["settings"]
    checks = {"disk": _disk(settings)}
    try:
        db.session.execute(sa.text("SELECT 1"))
        checks |= {"database": "ok", "migrations": _migrations()}
    except sa.exc.DBAPIError as error:
        # This page is public: the log says more.
        log.error("%s", advice_for(error) or error.orig)
        advice = "cannot be reached; the log says why. See DATABASE_URL in docs/operating.md."
        return checks | {"database": advice}
    if checks["migrations"] == "ok":
        count, oldest = delivery.waiting(db.session, now)
        late = oldest is not None and now - oldest > MAIL_LATE
        checks["outbox"] = (
            f"{count} mails wait, the oldest since {oldest}: is the worker running?" if late else "ok"
        )
        alive = worker.is_alive(db.session, now)
        checks["worker"] = "ok" if alive else "no sign of life for three minutes; start it with: flask worker"
        if not settings.public_url:
            checks["public_url"] = "PUBLIC_URL is not set: no mail is sent and no certificate is issued."
    return checks


def _disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.instance_path).free
    if free >= DISK_LOW:
        return "ok"
    return f"only {free // MEGABYTE} MB are free where the data lies: make room before nothing can be saved."


def _migrations() -> str:
    try:
        current = db.session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    except (sa.exc.OperationalError, sa.exc.ProgrammingError):  # not even that table
        db.session.rollback()
        current = None
    if current == newest_migration():
        return "ok"
    return "the database is behind the program; run: flask db upgrade"
