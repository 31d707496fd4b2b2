"""What all pages share: error pages, the school in every template, static addresses that change with the file."""

import contextlib
import hashlib
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from flask import Flask, abort, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError, ServiceUnavailable
from werkzeug.routing import IntegerConverter, Map

from core.database import db
from core.errors import ThrottledError
from core.kept import KeptForm, form_of_request
from core.lost_links import lost_at
from core.school import current_school

log = logging.getLogger("stillpoint.pages")


class KeyConverter(IntegerConverter):
    """The ``int`` of addresses: what no table can hold as a key is nobody's address, not an error."""

    def __init__(self, url_map: Map, *args: Any, **kwargs: Any) -> None:
        super().__init__(url_map, *args, **({"max": 2**31 - 1} | kwargs))


def init_pages(app: Flask) -> None:
    """Attach error pages and what every template may use. Call it before any room adds its addresses."""
    app.url_map.converters["int"] = KeyConverter
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ThrottledError, _throttled)
    app.register_error_handler(sa.exc.DBAPIError, _database_error)
    app.register_error_handler(OSError, _system_error)
    app.register_error_handler(Exception, _unexpected)

    @app.context_processor
    def _shared() -> dict[str, Any]:
        return {"school": current_school(db.session)}

    @app.before_request
    def _no_null_signs() -> None:
        # No text here has one, and PostgreSQL refuses it late: in the middle of a statement.
        if "\x00" in request.path:
            abort(404)
        if "%00" in request.query_string.decode("latin-1"):
            abort(400)

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
    lost = lost_at(request.path) if code == 404 and advice is None else None
    names = [f"errors/{code}.html", "errors/error.html"]
    if isinstance(error, CSRFError):
        advice, names = None, ["errors/400_csrf.html"]
    words = {"error": error, "code": code, "headline": headline, "advice": advice, "lost": lost}
    if code < 500:
        return render_template([*names], **words), code, kept
    # Without the template context: its user and school would ask a database that may be the trouble.
    template = current_app.jinja_env.select_template(names)
    return template.render(words, school=None, current_user=None, request=request), code, kept


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    trouble = getattr(error, "original_exception", None)
    if trouble is not None:  # an error page that failed itself: mostly for want of a database
        return _database_error(trouble) if isinstance(trouble, sa.exc.DBAPIError) else _unexpected(trouble)
    _roll_back()
    if isinstance(error, CSRFError):
        log.info("form refused: %s", error.description)
        return _too_late(error)
    return _answer(error)


def _too_late(error: CSRFError) -> ResponseReturnValue:
    """A form whose session has ended: what was typed is kept, past a sign-in where the address asks for one."""
    late = None if wants_json() else form_of_request()
    if late is None:
        return _answer(error)
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "asks_who", False) and not current_user.is_authenticated:
        return cast(ResponseReturnValue, current_app.login_manager.unauthorized())  # type: ignore[attr-defined]
    return send_again(late), 400


def send_again(late: KeptForm) -> str:
    """The page that sends a kept form once more, when its reader presses the button."""
    return render_template("core/send-again.html", late=late)


def _throttled(error: ThrottledError) -> ResponseReturnValue:
    if wants_json():
        return jsonify(error=str(error)), 429, {"Retry-After": str(error.retry_after)}
    page = render_template("errors/429.html", error=error, headline=None, advice=str(error))
    return page, 429, {"Retry-After": str(error.retry_after)}


def _database_error(error: sa.exc.DBAPIError) -> ResponseReturnValue:
    """A database that is locked, missing, full or behind its migrations: the log says what to do."""
    _roll_back()
    trouble = advice_for(error)
    if trouble is not None:
        log.error("%s", trouble)
        return _answer(ServiceUnavailable())
    if isinstance(error, sa.exc.DataError):  # a value that no column takes got past its form
        log.warning("a value was refused at %s %s: %s", request.method, request.path, error.orig)
        return _answer(BadRequest())
    log.exception("the database refused a statement", exc_info=error)
    return _answer(InternalServerError())


def _first_of(error: sa.exc.DBAPIError) -> sa.exc.DBAPIError:
    """The error that the others followed: SQLite on a full disk drops the transaction, and then its savepoint is missed."""
    first, seen = error, error.__context__
    while seen is not None:
        first = seen if isinstance(seen, sa.exc.DBAPIError) else first
        seen = seen.__context__
    return first


def advice_for(error: sa.exc.DBAPIError) -> str | None:
    """What is wrong with the database itself and what the operator does about it; None for any other error."""
    error = _first_of(error)
    text, detail = str(error.orig).lower(), error.orig
    if isinstance(error, sa.exc.DataError | sa.exc.IntegrityError):
        return None
    if any(words in text for words in ("no such table", "no such column", "does not exist", "undefined")):
        return f"The database is behind the program ({detail}). Run: flask db upgrade"
    if "locked" in text or "busy" in text:
        return f"The database stayed locked for 20 seconds: another program holds it ({detail})."
    if any(words in text for words in ("is full", "no space", "disk full")):
        return f"The disk is full; nothing was saved ({detail}). Make room where the data lies."
    if any(
        words in text for words in ("unable to open", "readonly", "read-only", "disk i/o", "not a database")
    ):
        return (
            f"The database cannot be opened or written ({detail})."
            " See DATABASE_URL in docs/operating.md, and who owns the folder."
        )
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) or error.connection_invalidated:
        return f"The database cannot be reached ({detail}). See DATABASE_URL in docs/operating.md."
    return None


def _system_error(error: OSError) -> ResponseReturnValue:
    _roll_back()
    log.exception("A file or the network failed: %s", error, exc_info=error)
    return _answer(ServiceUnavailable())


def _unexpected(error: Exception) -> ResponseReturnValue:
    _roll_back()
    log.exception("unexpected error at %s %s", request.method, request.path, exc_info=error)
    return _answer(InternalServerError())


def _roll_back() -> None:
    with contextlib.suppress(sa.exc.DBAPIError):  # a connection that is gone has nothing to take back
        db.session.rollback()
