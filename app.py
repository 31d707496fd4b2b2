"""The application factory: configuration, extensions, blueprints, error pages; nothing else."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask_babel import Babel

import accounts
import attendance
import certificates
import core
import courses
import portal
import students
from core.database import db, prepare_engine, without_async_sessions
from core.formatting import register_formatting
from core.i18n import RequestDomain, pick_locale
from core.jobs import init_jobs
from core.security import init_security
from core.settings import Settings

ROOT = Path(__file__).resolve().parent


def create_app(settings: Settings | None = None, overrides: Mapping[str, Any] | None = None) -> Flask:
    """Make the application.

    ``settings`` come from the environment when none are given; ``overrides`` are Flask configuration values (tests).
    Raises SettingsError when a setting cannot be used.
    """
    settings = settings or Settings.from_environment()
    logging.basicConfig(level=settings.log_level, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("alembic", "fontTools", "pikepdf", "pyhanko", "weasyprint", "weasyprint.progress"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    app = Flask(
        __name__,
        instance_path=str(settings.instance_path.resolve()),
        root_path=str(ROOT),
        static_folder="static",
    )
    app.extensions["settings"] = settings
    app.config.update(
        SQLALCHEMY_ENGINES={"default": settings.database_url},
        BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "translations"),
        BABEL_DEFAULT_LOCALE="en",
        SEND_FILE_MAX_AGE_DEFAULT=31536000,
    )
    app.config.update(overrides or {})
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "extensions": ["jinja2.ext.i18n"]}
    init_security(app, settings)
    settings.instance_path.mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    without_async_sessions(app)
    with app.app_context():
        prepare_engine(db.engine)
    Babel(app, locale_selector=pick_locale).domain_instance = RequestDomain()
    register_formatting(app)
    for room in (core, accounts, courses, students, attendance, certificates, portal):
        room.init_app(app)
    init_jobs(app, settings)
    return app
