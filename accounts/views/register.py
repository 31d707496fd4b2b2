"""Register, and confirm the address by mail."""

from flask import Response, abort, flash, request, url_for
from flask_babel import gettext as _

from accounts.blueprint import blueprint
from accounts.forms import ConfirmForm, RegisterForm
from accounts.passwords import hash_password
from accounts.registration import confirm as confirm_rule
from accounts.registration import register as register_rule
from accounts.registration import send_confirmation
from accounts.signing_in import require_password
from accounts.tokens import Purpose, lock_link, read_link
from accounts.views.sign_in import begin_session, home_of
from core import clock, throttle
from core.database import db
from core.errors import RuleError, ThrottledError
from core.throttle import Limit, network_of
from core.web import acting, note, page, safe_next, see_other

HOUR = 3600
# Mails that one address, and one network, may cause in an hour.
MAILS_PER_ADDRESS = 5
MAILS_PER_NETWORK = 100


def count_mail(kind: str, email: str) -> None:
    """Count a mail that a visitor is about to cause. Raises ThrottledError when there were too many."""
    network = network_of(request.remote_addr)
    limits = [
        Limit(f"{kind} mail", email, MAILS_PER_ADDRESS, HOUR),
        Limit(f"{kind} mail network", network, MAILS_PER_NETWORK, HOUR),
    ]
    throttle.hit_all(limits, now=clock.now())


@blueprint.route("/accounts/register", methods=["GET", "POST"])
def register() -> Response:
    """Make an account. The answer is the same whether the address is known."""
    form = RegisterForm(data={"next": request.args.get("next", "")} if request.method == "GET" else None)
    go_on = safe_next("", form.next.data or "")
    if form.validate_on_submit():
        email = form.email.data or ""
        count_mail("register", email)
        hashed = hash_password(form.password.data)
        with acting() as session:
            register_rule(
                session,
                name=form.name.data,
                email=email,
                password_hash=hashed,
                go_on=go_on,
                now=clock.now(),
            )
        flash(_("We have sent a mail to %(email)s. Follow the link in it to go on.", email=email), "success")
        return see_other(url_for("accounts.login", next=go_on or None))
    return page("accounts/register.html", form=form, go_on=go_on)


@blueprint.route("/accounts/confirm/<token>", methods=["GET", "POST"])
def confirm(token: str) -> Response:
    """GET asks for the password (programs that read mail follow links), POST confirms and signs in; twice is fine.

    Without the password, someone could register another's address first and wait for them to confirm it.
    """
    form = ConfirmForm()
    go_on = safe_next("", request.args.get("next", ""))
    link = read_link(db.session, Purpose.CONFIRM, token)
    user = link.user
    if user is None:
        abort(404)
    if user.confirmed_at is not None:
        flash(_("Your address is confirmed. Sign in to go on."), "success")
        return see_other(url_for("accounts.login", next=go_on or None))
    if not link.is_good:
        return page("accounts/confirm-expired.html", status=410, token=token, go_on=go_on)
    if form.validate_on_submit():
        try:
            require_password(
                user, form.password.data, network=network_of(request.remote_addr), now=clock.now()
            )
        except RuleError as error:
            note(form, error)
            too_often = isinstance(error, ThrottledError)
            return page("accounts/confirm.html", form=form, owner=user, status=429 if too_often else None)
        return _confirmed(token, go_on)
    return page("accounts/confirm.html", form=form, owner=user)


def _confirmed(token: str, go_on: str) -> Response:
    with acting() as session:
        link = lock_link(session, Purpose.CONFIRM, token)
        if link.user is None or not (link.is_good or link.user.confirmed_at):
            abort(410)
        confirm_rule(session, link.user, now=clock.now())
        user = link.user
    begin_session(user)
    flash(_("Your address is confirmed, and you are signed in."), "success")
    return see_other(go_on or home_of(user))


@blueprint.post("/accounts/confirm/<token>/again")
def confirm_again(token: str) -> Response:
    """A new link for one that has expired or was overtaken by a newer registration."""
    link = read_link(db.session, Purpose.CONFIRM, token)
    if link.user is None:
        abort(404)
    count_mail("register", link.user.email)
    with acting() as session:
        user = lock_link(session, Purpose.CONFIRM, token).user
        if user is None:
            abort(404)
        if user.confirmed_at is None and user.password_hash is not None:
            go_on = safe_next("", request.args.get("next", ""))
            now = clock.now()
            send_confirmation(session, user, event=f"again:{now.isoformat()}", go_on=go_on, now=now)
    flash(_("We have sent you a new link."), "success")
    return see_other(url_for("accounts.login"))
