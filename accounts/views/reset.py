"""A forgotten password, and an invitation: both set a password by a mailed link that works once."""

from flask import Response, abort, flash, request, session, url_for
from flask_babel import gettext as _

from accounts.blueprint import blueprint
from accounts.forms import NewPasswordForm, ResetForm
from accounts.own_data import ask_for_reset, set_password
from accounts.passwords import hash_password, judge_password
from accounts.signing_in import require_password
from accounts.tokens import Link, LinkState, Purpose, lock_link, read_link
from accounts.views.register import count_mail
from core import clock
from core.database import db
from core.errors import RuleError
from core.kept import TOKEN
from core.throttle import network_of
from core.web import acting, note, page, see_other


@blueprint.route("/accounts/reset", methods=["GET", "POST"])
def reset() -> Response:
    """Ask for a link. The answer is the same whether the address is known."""
    form = ResetForm()
    if form.validate_on_submit():
        email = form.email.data or ""
        count_mail("reset", email)
        with acting() as writing:
            ask_for_reset(writing, email, now=clock.now())
        flash(
            _(
                "If %(email)s has an account here, a mail with a link is on its way. It works for 2 hours.",
                email=email,
            ),
            "success",
        )
        return see_other(url_for("accounts.login"))
    return page("accounts/reset.html", form=form)


@blueprint.route("/accounts/reset/<token>", methods=["GET", "POST"])
def reset_with(token: str) -> Response:
    """Set a new password; every other session of the account ends."""
    return _new_password(Purpose.RESET, token, "accounts/new-password.html", how="reset")


@blueprint.route("/accounts/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> Response:
    """Accept an invitation by setting a password."""
    return _new_password(Purpose.INVITE, token, "accounts/invitation.html", how="invited")


def _new_password(purpose: Purpose, token: str, template: str, *, how: str) -> Response:
    link = read_link(db.session, purpose, token)
    if link.user is None:
        abort(404)
    form = NewPasswordForm()
    if not link.is_good:
        return _spent(link, form, purpose)
    if form.validate_on_submit():
        try:
            judge_password(form.password.data, email=link.user.email, name=link.user.name)
        except RuleError as error:
            note(form, error)
        else:
            db.session.rollback()  # hashing is slow: no transaction waits for it
            hashed = hash_password(form.password.data)
            with acting() as writing:
                again = lock_link(writing, purpose, token)
                if again.user is not None and again.is_good:
                    set_password(writing, again.user, hashed, how=how, actor=again.user, now=clock.now())
            if not again.is_good:
                return _spent(again, form, purpose)
            _sign_out()
            flash(_("Your password is set. Sign in with it."), "success")
            return see_other(url_for("accounts.login"))
    return page(template, form=form, owner=link.user)


def _sign_out() -> None:
    """End whatever session this browser has; a form that is sent a second time is still known as ours."""
    token = session.get(TOKEN)
    session.clear()
    if token is not None:
        session[TOKEN] = token


def _spent(link: Link, form: NewPasswordForm, purpose: Purpose) -> Response:
    """The link is used or too old. Who sent the form twice, with the password that it set, only has to sign in."""
    typed = form.password.data if request.method == "POST" and form.validate() else ""
    if typed and link.state is LinkState.SPENT and link.user is not None and link.user.password_hash:
        try:
            require_password(link.user, typed, network=network_of(request.remote_addr), now=clock.now())
        except RuleError:
            pass  # another password, or too many attempts: they learn no more than that the link is spent
        else:
            flash(_("Your password was set already. Sign in with it."), "success")
            return see_other(url_for("accounts.login"))
    return page("accounts/link-spent.html", status=410, purpose=purpose.value)
