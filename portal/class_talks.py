"""Who asked to talk before a hands-on class, and what was agreed: for that class's instructors and admins only."""

from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.access import TEACHING, actor_again, me, roles
from accounts.models import User
from attendance.access import class_of
from core import clock
from core.database import db
from core.errors import RuleError
from core.forms import Form
from core.web import acting, note, page, see_other
from courses.offering_models import Offering
from portal.blueprint import blueprint
from students import talks
from students.talk_models import Outcome


@blueprint.route("/teaching/<code>/talks", methods=["GET", "POST"])
@roles(*TEACHING)
def class_talks(code: str) -> ResponseReturnValue:
    """The list, and recording what was agreed."""
    offering = _class_of(db.session, me(), code)
    form = Form()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                offering = _class_of(session, actor, code)
                talks.record(session, offering, _outcomes(), actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("What you agreed on is saved."), "success")
            return see_other(url_for("portal.class_talks", code=code.lower()))
        offering = _class_of(db.session, me(), code)
    over = talks.are_over(offering, clock.now())
    answer = page(
        "portal/class_talks.html",
        form=form,
        offering=offering,
        over=over,
        people=[] if over else talks.talks_of(db.session, offering),
        labels=talks.LABELS,
        kept_until=offering.ends_at + talks.KEPT_FOR,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _class_of(session: Session, user: User, code: str) -> Offering:
    offering = class_of(session, user, code)
    if not talks.may_read(session, user, offering.id):
        abort(403, _("Only the instructors of this class see who talked to them, and what was agreed."))
    return offering


def _outcomes() -> dict[int, Outcome | None]:
    """The fields ``outcome-<enrollment id>``. Raises RuleError for what is no outcome."""
    found: dict[int, Outcome | None] = {}
    for name, value in request.form.items():
        prefix, _dash, number = name.partition("-")
        if prefix != "outcome" or not (number.isascii() and number.isdigit() and len(number) < 10):
            continue
        try:
            found[int(number)] = Outcome(value) if value else None
        except ValueError:
            raise RuleError(_("Choose one of the four.")) from None
    return found
