"""What the roll needs to work without a network: service worker, shell, manifest, and the address that marks are sent to."""

from typing import Any

from flask import Response, abort, current_app, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from werkzeug.exceptions import HTTPException

from accounts.access import TEACHING, actor_again, me, roles
from attendance.access import meeting_of
from attendance.blueprint import blueprint
from attendance.marking import Saved, save_roll
from attendance.offline import SentRoll, device_key, known_key, list_of_rolls, read_roll
from core import clock
from core.database import db
from core.errors import RuleError
from core.school import current_school
from core.web import acting

# What the shell needs; each address carries the version of its file, so a new release is fetched anew.
SHELL_FILES = (
    "stillpoint.css",
    "stillpoint.js",
    "roll.js",
    "offline-store.js",
    "offline-sync.js",
    "offline-without.js",
    "offline-roll.js",
    "offline-shell.js",
    "icons/favicon.svg",
    "icons/icon-192.png",
)
# The stylesheet names these without a version.
SHELL_FONTS = (
    "fonts/figtree-latin-wght-normal.woff2",
    "fonts/figtree-latin-ext-wght-normal.woff2",
    "fonts/newsreader-latin-wght-normal.woff2",
    "fonts/newsreader-latin-ext-wght-normal.woff2",
)
WORKER_SCRIPTS = ("offline-store.js", "offline-sync.js", "offline-worker.js")


@blueprint.get("/teaching/sw.js")
def service_worker() -> Response:
    """The service worker: its address sets its reach. It holds nobody's data and is the same for everyone."""
    body = render_template(
        "attendance/sw.js",
        shell=url_for(".offline_shell"),
        files=[url_for("static", filename=name) for name in SHELL_FILES]
        + [url_for("static", filename=name, v=None) for name in SHELL_FONTS],
        scripts=[url_for("static", filename=name) for name in WORKER_SCRIPTS],
    )
    response = current_app.response_class(body, mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/teaching/offline")
def offline_shell() -> ResponseReturnValue:
    """The page that opens without a network: it holds nothing about anyone, the phone's own store fills it."""
    response = current_app.make_response(render_template("attendance/offline.html"))
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/teaching/app.webmanifest")
def manifest() -> Response:
    """How the teaching desk installs as an application."""
    school = current_school(db.session)
    name = school.name if school else "Stillpoint"
    icons = [
        {
            "src": url_for("static", filename=f"icons/icon-{size}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            # The sign keeps to the middle, so that Android may cut the square to any shape.
            "purpose": purpose,
        }
        for purpose in ("any", "maskable")
        for size in (192, 512)
    ]
    icons.append(
        {"src": url_for("static", filename="icons/icon.svg"), "sizes": "any", "type": "image/svg+xml"}
    )
    response = jsonify(
        id="/teaching/",
        name=_("%(school)s, teaching", school=name),
        short_name=_("Teaching"),
        start_url="/teaching/",
        scope="/",
        display="standalone",
        background_color="#f8f3f1",
        theme_color="#f8f3f1",
        icons=icons,
    )
    response.mimetype = "application/manifest+json"
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/teaching/sync")
@roles(*TEACHING)
def sync_key() -> ResponseReturnValue:
    """Who is signed in, the key of their phones, and a fresh CSRF token: JSON, 401 when signed out."""
    user_id = me().id
    key = known_key(db.session, user_id)
    if key is None:
        with acting() as session:
            key = device_key(session, actor_again(session), now=clock.now())
    return jsonify(user=user_id, key=key, csrf=generate_csrf())


@blueprint.post("/teaching/sync")
@roles(*TEACHING)
def sync() -> ResponseReturnValue:
    """Take in marks that were made without a network; JSON in and out, 401 when signed out.

    For each roll: ``revision`` (``before``: what it was until then), the keys that are ``stored`` (``known``: since an
    earlier sending), what was ``refused`` (key to sentence), how many ``differences`` wait for a decision, and a
    ``problem`` when the whole roll could not be taken.
    """
    try:
        payload = request.get_json(silent=True)
    except RecursionError:  # lists in lists in lists
        payload = None
    # Another user may have signed in on this phone since: their marks are not this user's to send.
    if isinstance(payload, dict) and payload.get("user") != me().id:
        abort(409)
    try:
        rolls = list_of_rolls(payload)
    except RuleError as error:
        return jsonify(error=str(error)), 422
    return jsonify(rolls=[_take(roll) for roll in rolls], csrf=generate_csrf())


def _take(sent: Any) -> dict[str, Any]:
    try:
        roll = read_roll(sent)
    except RuleError as error:  # it holds up none of the others
        return {"problem": str(error)}
    answer: dict[str, Any] = {"code": roll.code, "number": roll.number}
    try:
        with acting() as session:
            actor = actor_again(session)
            meeting = meeting_of(
                session, actor, roll.code, roll.number, meeting_id=roll.meeting_id, handing_in=True
            )
            saved = save_roll(
                session,
                meeting,
                roll.entries,
                actor=actor,
                now=clock.now(),
                revision=roll.revision,
                partial=True,
            )
    except RuleError as error:
        return answer | {"problem": str(error)}
    except HTTPException as error:
        if error.code != 404:
            raise
        return answer | {"problem": _("This meeting is not yours to mark any more, or was taken out.")}
    return answer | _taken(roll, saved)


def _taken(roll: SentRoll, saved: Saved) -> dict[str, Any]:
    keys = {entry.enrollment_id: entry.client_key for entry in roll.entries}
    return {
        "revision": saved.revision,
        "before": saved.before,
        "known": list(saved.known),
        "stored": [key for number, key in keys.items() if number not in saved.refused],
        "refused": {**roll.refused, **{keys[number]: told for number, told in saved.refused.items()}},
        "differences": [difference.name for difference in saved.differences],
    }
