"""My data: name, address, password, and signing out everywhere."""

from typing import Any

from flask import Response, abort, flash, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from accounts.access import actor_again, me, signed_in
from accounts.blueprint import blueprint
from accounts.forms import AddressForm, EmptyForm, NameForm, PasswordForm
from accounts.models import User
from accounts.own_data import (
    ask_for_new_address,
    rename,
    set_password,
    sign_out_everywhere,
    take_new_address,
)
from accounts.passwords import check_password, hash_password, judge_password
from accounts.tokens import Purpose, lock_link, read_link
from accounts.views.register import count_mail
from accounts.views.sign_in import begin_session
from core import clock, throttle
from core.database import db
from core.errors import RuleError
from core.web import acting, note, page, see_other

# Wrong current passwords in a quarter of an hour: someone else may sit at an open session.
WRONG_PASSWORDS = 10
WINDOW = 15 * 60


@blueprint.route("/accounts/account", methods=["GET", "POST"])
@signed_in
def account() -> Response:
    """My data; POST changes the name."""
    form = NameForm(obj=me())
    if form.validate_on_submit():
        try:
            with acting() as writing:
                actor = actor_again(writing)
                names = {"name": form.name.data, "family_name": form.family_name.data or ""}
                rename(writing, actor, **names, actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("Your name is saved."), "success")
            return see_other(url_for("accounts.account"))
    return page("accounts/account.html", form=form)


@blueprint.route("/accounts/account/email", methods=["GET", "POST"])
@signed_in
def change_address() -> Response:
    """Another address; it counts once the link mailed to it is followed."""
    form = AddressForm()
    if form.validate_on_submit():
        try:
            _ask_password(form.password.data, "password")
            count_mail("address", str(me().id))
            with acting() as writing:
                actor = actor_again(writing)
                ask_for_new_address(writing, actor, form.email.data or "", actor=actor, now=clock.now())
        except RuleError as error:
            return _told(form, error, "accounts/change-address.html")
        flash(_("We have sent a mail to %(email)s. Follow the link in it.", email=form.email.data), "success")
        return see_other(url_for("accounts.account"))
    return page("accounts/change-address.html", form=form)


@blueprint.route("/accounts/account/password", methods=["GET", "POST"])
@signed_in
def change_password() -> Response:
    """Another password; all other sessions end, this one goes on."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            judge_password(form.password.data, email=me().email, name=me().name)
            _ask_password(form.current.data, "current")
            hashed = hash_password(form.password.data)
            with acting() as writing:
                actor = actor_again(writing)
                set_password(writing, actor, hashed, how="changed", actor=actor, now=clock.now())
        except RuleError as error:
            return _told(form, error, "accounts/change-password.html")
        begin_session(me_again(), remember=session.permanent)
        flash(_("Your password is changed. Every other device is signed out."), "success")
        return see_other(url_for("accounts.account"))
    return page("accounts/change-password.html", form=form)


@blueprint.post("/accounts/account/sign-out-everywhere")
@signed_in
def sign_out_all() -> Response:
    """End every session, this one too."""
    with acting() as writing:
        actor = actor_again(writing)
        sign_out_everywhere(writing, actor, actor=actor, now=clock.now())
    session.clear()
    flash(_("You are signed out on every device."), "success")
    return see_other(url_for("accounts.login"))


@blueprint.route("/accounts/new-address/<token>", methods=["GET", "POST"])
def new_address(token: str) -> Response:
    """GET shows a button, POST makes the new address the account's; twice is fine."""
    link = read_link(db.session, Purpose.NEW_ADDRESS, token)
    if link.user is None:
        abort(404)
    if not link.is_good:
        return page("accounts/link-spent.html", status=410, purpose="new-address")
    form = EmptyForm()
    if request.method == "POST" and form.validate():
        try:
            with acting() as writing:
                again = lock_link(writing, Purpose.NEW_ADDRESS, token)
                if again.user is None or not again.is_good:
                    return page("accounts/link-spent.html", status=410, purpose="new-address")
                take_new_address(writing, again.user, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("Your address is changed. Sign in with the new one from now on."), "success")
            known = current_user.is_authenticated
            return see_other(url_for("accounts.account" if known else "accounts.login"))
    return page("accounts/new-address.html", form=form, owner=link.user)


def me_again() -> User:
    """The signed-in user, read again after a write."""
    return db.session.get_one(User, me().id, populate_existing=True)


def _ask_password(given: str, field: str) -> None:
    """Raise RuleError at the field when it is not the signed-in user's password, ThrottledError after too many."""
    key, stored, now = str(me().id), me().password_hash, clock.now()
    throttle.hit("own password", key, limit=WRONG_PASSWORDS, seconds=WINDOW, now=now)
    if not check_password(stored, given):
        raise RuleError(_("This is not your current password."), field=field)
    throttle.clear("own password", key)


def _told(form: Any, error: RuleError, template: str) -> Response:
    retry_after = getattr(error, "retry_after", None)
    note(form, error)
    answer = page(template, form=form, status=429 if retry_after else None)
    if retry_after:
        answer.headers["Retry-After"] = str(retry_after)
    return answer
