"""Whether a class with too few students runs: the office's decision, and what each answer mails."""

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from accounts.access import STAFF, actor_again, roles
from accounts.models import User
from core import clock
from core.database import db
from core.errors import RuleError
from core.forms import DateField, Form, Length, Optional, RadioField, Required, TextAreaField
from core.web import acting, note, page, see_other
from courses.offering_models import Offering
from portal.blueprint import blueprint
from students import lookups, running


class DecisionForm(Form):
    """Run, put off (``until``) or cancel (``reason``); the rule asks for what belongs to the answer."""

    decision = RadioField(
        lazy_gettext("Decision"),
        [Required(lazy_gettext("Choose one."))],
        choices=[
            ("run", lazy_gettext("It runs")),
            ("put_off", lazy_gettext("Decide later")),
            ("cancel", lazy_gettext("Cancel the class")),
        ],
    )
    until = DateField(lazy_gettext("Decide by"), [Optional()])
    reason = TextAreaField(lazy_gettext("Why it is cancelled"), [Optional(), Length(max=1000)])


@blueprint.route("/office/classes/<code>/decision", methods=["GET", "POST"])
@roles(*STAFF)
def class_decision(code: str) -> ResponseReturnValue:
    """Where the class stands against its minimum, and the decision."""
    form = DecisionForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                said = _decide(session, lookups.office_class_of(session, code), form, actor)
        except RuleError as error:
            note(form, error)
        else:
            flash(said, "success")
            return see_other(url_for("courses.office_class", code=code.lower()))
    offering = lookups.office_class_of(db.session, code)
    return page(
        "portal/class_decision.html",
        form=form,
        offering=offering,
        is_open=running.is_open(offering, clock.now()),
    )


def _decide(session: Session, offering: Offering, form: DecisionForm, actor: User) -> str:
    now = clock.now()
    if form.decision.data == "run":
        told = running.run(session, offering, actor=actor, now=now)
        return _("The class runs. Told by mail: %(n)s.", n=told)
    if form.decision.data == "put_off":
        told = running.put_off(session, offering, form.until.data, actor=actor, now=now)
        return _("The decision is put off. Told by mail: %(n)s.", n=told)
    told = running.call_off(session, offering, form.reason.data or "", actor=actor, now=now)
    return _("The class is cancelled. Told by mail: %(n)s.", n=told)
