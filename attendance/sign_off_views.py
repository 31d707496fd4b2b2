"""Signing a class's attendance off, and opening it again: what is missing, who did what since."""

from flask import Response, abort, flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from accounts.access import TEACHING, actor_again, me, roles
from attendance import finalize as rules
from attendance.access import class_of, may_sign_off, rolls_of, teaches
from attendance.blueprint import blueprint
from attendance.history import class_history
from attendance.minutes import summaries_of
from attendance.rolls import open_differences
from attendance.words import mark_words, meeting_name
from core import clock
from core.database import db
from core.errors import RuleError
from core.formatting import date_time, long_date
from core.forms import BooleanField, Form, Length, Required, StringField
from core.web import acting, note, page, see_other
from courses.offering_models import OfferingState
from students.models import EnrollmentState
from students.states import LABELS as STATE_LABELS


class SignOffForm(Form):
    """Signing off; what is unmarked has to be accepted expressly."""

    accept_gaps = BooleanField(lazy_gettext("What is not marked counts as not attended"))


class ReopenForm(Form):
    """Why a signed-off class is opened again."""

    reason = StringField(
        lazy_gettext("Why is it opened again?"),
        [Required(lazy_gettext("Say why the class is opened again.")), Length(max=500)],
        description=lazy_gettext("Kept in the class’s history. Write nothing about anyone’s health."),
    )


@blueprint.get("/teaching/<code>/finalize")
@roles(*TEACHING)
def finalize(code: str) -> ResponseReturnValue:
    """What signing off would mean, what is missing, and the history since."""
    return _sign_off_page(code, SignOffForm(formdata=None))


@blueprint.post("/teaching/<code>/finalize")
@roles(*TEACHING)
def sign_off(code: str) -> ResponseReturnValue:
    """Sign the attendance off."""
    form = SignOffForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                offering = class_of(session, actor, code)
                if not may_sign_off(session, actor, offering.id):
                    abort(403)
                counts = rules.finalize(
                    session, offering, actor=actor, now=clock.now(), accept_gaps=form.accept_gaps.data
                )
        except RuleError as error:
            note(form, error)
        else:
            done = counts[EnrollmentState.COMPLETED]
            flash(
                _(
                    "Signed off: %(done)s of %(all)s completed the class.",
                    done=done,
                    all=sum(counts.values()),
                ),
                "success",
            )
            return see_other(url_for(".finalize", code=code))
    return _sign_off_page(code, form)


@blueprint.route("/teaching/<code>/reopen", methods=["GET", "POST"])
@roles(*TEACHING)
def reopen(code: str) -> ResponseReturnValue:
    """Open a signed-off class again, with a reason."""
    form = ReopenForm()
    offering = class_of(db.session, me(), code)
    if not may_sign_off(db.session, me(), offering.id):
        abort(403)
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                offering = class_of(session, actor, code)
                rules.reopen(session, offering, reason=form.reason.data or "", actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The class is open again. Sign it off once the marks are right."), "success")
            return see_other(url_for(".class_grid", code=code))
    return page(
        "_confirm.html",
        form=form,
        title=_("Open %(code)s again?", code=class_of(db.session, me(), code).code),
        message=[
            _(
                "Marks can then be changed without a reason each. Everyone keeps their state until the next sign-off."
            ),
            _(
                "Certificates that were issued stay valid; the office is shown those that rest on changed marks."
            ),
        ],
        action_label=_("Open the class again"),
        keep_label=_("Keep it signed off"),
        keep_url=url_for(".finalize", code=code),
        danger=False,
    )


def _sign_off_page(code: str, form: SignOffForm) -> Response:
    session = db.session
    offering = class_of(session, me(), code)
    meetings, mine = rolls_of(session, me(), offering.id)
    found = summaries_of(session, offering, meetings)
    zone = offering.time_zone
    blocked = ""
    if offering.state is OfferingState.CANCELLED:
        blocked = _("This class was cancelled. There is nothing to sign off.")
    elif clock.now() < offering.ends_at:
        blocked = _(
            "The last meeting ends %(when)s. The attendance can be signed off then.",
            when=date_time(offering.ends_at, zone),
        )
    elif not may_sign_off(session, me(), offering.id):
        blocked = _("Only the lead instructor or the office signs the attendance off.")
    signed = offering.finalized_at
    return page(
        "attendance/finalize.html",
        form=form,
        offering=offering,
        signed_off=long_date(signed, zone) if signed else "",
        may_sign_off=may_sign_off(session, me(), offering.id),
        mine={item.id for item in mine},
        stands_in=not me().is_staff and teaches(session, me(), offering.id) is None,
        missing=rules.what_is_missing(meetings, found, open_differences(session, offering.id)),
        summaries=list(found.values()),
        history=class_history(session, offering),
        blocked=blocked,
        state_labels=STATE_LABELS,
        meeting_name=meeting_name,
        mark_words=mark_words,
    )
