"""Sign in and out."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Response, current_app, flash, g, jsonify, make_response, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user, login_user

from accounts import ended_sessions
from accounts.access import login_manager
from accounts.blueprint import blueprint
from accounts.forms import ROLE_NAMES, LoginForm
from accounts.models import Role, User
from accounts.signing_in import authenticate
from core import clock, kept
from core.database import db, writing
from core.errors import RuleError, ThrottledError
from core.looks import has_endpoint
from core.pages import send_again, wants_json
from core.settings import Settings
from core.throttle import network_of
from core.web import note, page, safe_next, see_other

HOMES = {
    Role.STUDENT: "portal.my",
    Role.INSTRUCTOR: "portal.teaching",
    Role.REGISTRAR: "portal.office",
    Role.ADMIN: "portal.office",
}
DEMO_PASSWORD = "tideway-demo"  # noqa: S105 (public by purpose: the demo is served to its own machine only)
DEMO_DOMAIN = "@tideway.example"


@dataclass(frozen=True)
class DemoLogin:
    """One of the demo school's people, as the sign-in page offers them."""

    email: str
    name: str
    role: Any


def home_of(user: User) -> str:
    """Where someone goes on after signing in, when they came for nothing special."""
    for endpoint in (HOMES[user.role], "courses.catalog"):
        if has_endpoint(endpoint):
            return url_for(endpoint)
    return "/"


def begin_session(user: User, *, remember: bool = False) -> None:
    """Sign someone in with a new session: nothing that an earlier visitor put into it is kept.

    ``remember``: the session outlives the browser, up to PERMANENT_SESSION_LIFETIME after the last visit.
    """
    session.clear()
    g.pop(kept.TOKEN, None)  # made for the session that has just ended
    session.permanent = remember
    session[ended_sessions.NAME] = ended_sessions.new_name()
    login_user(user)


@login_manager.unauthorized_handler  # type: ignore[untyped-decorator]
def ask_to_sign_in() -> ResponseReturnValue:
    """Send a visitor to the sign-in page, and back here afterwards; a program gets 401.

    Who sent a form after their session had ended signs in on this very answer, and loses nothing of it.
    """
    if wants_json():
        return jsonify(error="signed out"), 401
    late = kept.form_of_request()
    if late is not None:
        return _show(LoginForm(formdata=None, data={"kept": late.seal()}), 401)
    target = request.full_path.rstrip("?") if request.method == "GET" else ""
    return see_other(url_for("accounts.login", next=target or None))


@blueprint.route("/accounts/login", methods=["GET", "POST"])
def login() -> Response:
    """The sign-in page; who is signed in already goes on at once."""
    if current_user.is_authenticated and request.method == "GET":
        return see_other(safe_next(home_of(current_user)))
    form = LoginForm(data={"next": request.args.get("next", "")} if request.method == "GET" else None)
    if form.validate_on_submit():
        try:
            user_id = authenticate(
                form.email.data or "",
                form.password.data,
                network=network_of(request.remote_addr),
                now=clock.now(),
            )
        except ThrottledError as error:
            note(form, error)
            answer = _show(form, 429)
            answer.headers["Retry-After"] = str(error.retry_after)
            return answer
        except RuleError as error:
            note(form, error)
        else:
            user = db.session.get_one(User, user_id, populate_existing=True)
            begin_session(user, remember=form.remember.data)
            late = kept.unseal(form.kept.data or "")
            if late is not None:
                return make_response(send_again(late))
            return see_other(safe_next(home_of(user), form.next.data or ""))
    return _show(form)


def _show(form: LoginForm, status: int | None = None) -> Response:
    go_on = safe_next("", form.next.data or "")
    return page("accounts/login.html", form=form, status=status, go_on=go_on, demo_logins=demo_logins())


def demo_logins() -> list[DemoLogin]:
    """The demo school's staff and its first students; none outside the demo."""
    settings: Settings = current_app.extensions["settings"]
    if not settings.demo:
        return []
    # Load-test students (student0001@…) share the domain and are not offered.
    found = db.session.scalars(
        sa.select(User)
        .where(User.email.endswith(DEMO_DOMAIN), User.email.not_like("student%"), User.disabled_at.is_(None))
        .order_by(User.id)
        .limit(12)
    )
    return [DemoLogin(user.email, user.name, ROLE_NAMES[user.role]) for user in found]


@blueprint.post("/accounts/logout")
def logout() -> Response:
    """End this session, whoever may hold a copy of its cookie."""
    name = session.get(ended_sessions.NAME)
    session.clear()  # first: this browser is signed out even when the database can't take the rest
    if name:
        lifetime = current_app.permanent_session_lifetime
        with writing() as transaction:
            ended_sessions.end(transaction, name, lifetime=lifetime, now=clock.now())
    flash(_("You are signed out."), "success")
    return see_other(url_for("accounts.login"))
