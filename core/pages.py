"""What all pages share: error pages, the school in every template, static addresses that change with the file."""

import hashlib
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from core.database import db
from core.errors import ThrottledError
from core.school import current_school

log = logging.getLogger("stillpoint.pages")


def init_pages(app: Flask) -> None:
    """Attach error pages and what every template may use."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ThrottledError, _throttled)
    app.register_error_handler(sa.exc.OperationalError, _database_error)
    app.register_error_handler(sa.exc.ProgrammingError, _database_error)
    app.register_error_handler(OSError, _system_error)
    app.register_error_handler(Exception, _unexpected)

    @app.context_processor
    def _shared() -> dict[str, Any]:
        return {"school": _school_or_none()}

    @app.url_defaults
    def _static_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "filename" in values and "v" not in values:
            path = Path(current_app.static_folder or "") / values["filename"]
            values["v"] = _version(str(path), path.stat().st_mtime if path.exists() else 0.0)


@lru_cache(maxsize=512)
def _version(path: str, _changed: float) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
    except OSError:
        return "0"


def _school_or_none() -> object:
    try:
        return current_school(db.session)
    except sa.exc.SQLAlchemyError:
        return None  # an error page must not fail on what made it necessary


def wants_json() -> bool:
    """Whether whoever asks is a program."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"


def _answer(
    error: HTTPException, headline: str | None = None, advice: str | None = None
) -> ResponseReturnValue:
    """The page for an error, or JSON for a program. ``headline`` and ``advice`` replace the words of the page."""
    code = error.code or 500
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    if wants_json():
        return jsonify(error=headline or error.name, detail=advice or error.description), code, kept
    if advice is None and error.description != type(error).description:
        advice = (
            error.description
        )  # what a view gave to abort(); what Werkzeug says by itself is not for readers
    names = [f"errors/{code}.html", "errors/error.html"]
    if isinstance(error, CSRFError):
        advice, names = None, ["errors/400_csrf.html"]
    words = {"error": error, "code": code, "headline": headline, "advice": advice}
    if code < 500:
        return render_template([*names], **words), code, kept
    # Without the template context: its user and school would ask a database that may be the trouble.
    template = current_app.jinja_env.select_template(names)
    return template.render(words, school=None, current_user=None, request=request), code, kept


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    db.session.rollback()
    if isinstance(error, CSRFError):
        log.info("form refused: %s", error.description)
    return _answer(error)


def _throttled(error: ThrottledError) -> ResponseReturnValue:
    if wants_json():
        return jsonify(error=str(error)), 429, {"Retry-After": str(error.retry_after)}
    page = render_template("errors/429.html", error=error, headline=None, advice=str(error))
    return page, 429, {"Retry-After": str(error.retry_after)}


def _database_error(error: sa.exc.DBAPIError) -> ResponseReturnValue:
    """A database that is locked, missing, full or behind its migrations: the log says what to do."""
    db.session.rollback()
    text = str(error.orig).lower()
    if "no such table" in text or "no such column" in text or "does not exist" in text or "undefined" in text:
        log.error("the database is behind the program (%s); run: flask db upgrade", error.orig)
    elif "locked" in text or "busy" in text:
        log.error("the database stayed locked for 20 seconds; another program holds it: %s", error.orig)
    elif "full" in text or "no space" in text:
        log.error("the disk is full; nothing was saved: %s", error.orig)
    elif "unable to open" in text or "readonly" in text:
        log.error(
            "the database file cannot be opened or written; see DATABASE_URL and the folder's owner: %s",
            error.orig,
        )
    elif isinstance(error, sa.exc.OperationalError):
        log.error("the database cannot be reached: %s", error.orig)
    else:
        log.exception("the database refused a statement", exc_info=error)
        return _answer(InternalServerError())
    return _answer(ServiceUnavailable())


def _system_error(error: OSError) -> ResponseReturnValue:
    db.session.rollback()
    log.exception("a file or the network failed: %s", error, exc_info=error)
    return _answer(ServiceUnavailable())


def _unexpected(error: Exception) -> ResponseReturnValue:
    db.session.rollback()
    log.exception("unexpected error at %s %s", request.method, request.path, exc_info=error)
    return _answer(InternalServerError())
