"""Who is signed in, and what a page asks of them.

A visitor is sent to sign in and comes back afterwards; a role that a page is not for gets 403; a subject that someone
may not know exists is 404, and the lookup that says so stands with the subject.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

import sqlalchemy as sa
from flask import Flask, abort, session
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user
from sqlalchemy.orm import Session

from accounts.ended_sessions import NAME, EndedSession, key_of
from accounts.models import Role, User
from core.database import db
from core.school import School, keep

P = ParamSpec("P")
R = TypeVar("R")

STAFF = (Role.REGISTRAR, Role.ADMIN)
TEACHING = (Role.INSTRUCTOR, Role.REGISTRAR, Role.ADMIN)

login_manager = LoginManager()
login_manager.session_protection = None  # the session version does this, and phones change their address


def init_access(app: Flask) -> None:
    """Attach Flask-Login."""
    login_manager.init_app(app)


_ENDED = sa.exists().where(EndedSession.key == sa.bindparam("session"))
_WITH_SCHOOL = (
    sa.select(User, School).outerjoin(School, sa.true()).where(User.id == sa.bindparam("id"), ~_ENDED)
)


@login_manager.user_loader  # type: ignore[untyped-decorator]
def load_user(key: str) -> User | None:
    """The user of a session cookie, unless disabled, signed out, or signed out everywhere since."""
    number, _, version = key.partition(".")
    if not (number.isdigit() and version.isdigit()):
        return None
    # The school comes along in the same statement: every page names it.
    found = db.session.execute(
        _WITH_SCHOOL, {"id": int(number), "session": key_of(session.get(NAME, ""))}
    ).one_or_none()
    if found is None:
        return None
    user, school = found
    keep(db.session, school)
    if user.session_version != int(version) or not user.is_active:
        return None
    return user


def me() -> User:
    """The signed-in user. Only for views that ask for one."""
    return cast(User, current_user._get_current_object())


def _for_people(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that asks who is there: a form that came too late is asked for a sign-in first (core/pages.py)."""
    view.__dict__["asks_who"] = True
    return view


def signed_in(view: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
    """A view for whoever is signed in."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
        if not current_user.is_authenticated:
            return cast(ResponseReturnValue, login_manager.unauthorized())
        return view(*args, **kwargs)

    return _for_people(guarded)


def roles(*allowed: Role) -> Callable[[Callable[P, R]], Callable[P, R | ResponseReturnValue]]:
    """A view for some roles: a visitor is sent to sign in, everyone else gets 403."""

    def decorate(view: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
            if not current_user.is_authenticated:
                return cast(ResponseReturnValue, login_manager.unauthorized())
            if me().role not in allowed:
                abort(403)
            return view(*args, **kwargs)

        return _for_people(guarded)

    return decorate


def actor_again(session: Session) -> User:
    """The signed-in user, read again inside the write transaction: still active, with the role of this moment."""
    # The identity, not ``me().id``: the transaction's begin made the loaded user stale, and asking it would read it twice.
    user = session.get(User, sa.inspect(me()).identity, populate_existing=True)
    if user is None or not user.is_active:
        abort(403)
    return user
