"""Make-ups: the student asks, the office plans, approves or declines."""

import re

import sqlalchemy as sa
from flask import Response, abort, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from accounts.access import STAFF, actor_again, me, roles, signed_in
from attendance import makeups
from attendance.blueprint import blueprint
from attendance.makeup_models import MakeUp, MakeUpState
from attendance.minutes import sittings, summaries_of
from attendance.words import mark_words, meeting_name
from core import clock
from core.database import db
from core.errors import RuleError
from core.forms import Form, Length, RadioField, Required, TextAreaField
from core.web import acting, note, page, see_other
from students import lookups
from students.models import ROLL_STATES, Enrollment

_CHOICE = re.compile(r"[0-9]{1,9}-[0-9]{1,9}")
STATE_WORDS = {
    MakeUpState.ASKED: lazy_gettext("Waits for the office"),
    MakeUpState.PLANNED: lazy_gettext("Planned"),
    MakeUpState.CREDITED: lazy_gettext("Made up"),
    MakeUpState.DECLINED: lazy_gettext("Not possible"),
    MakeUpState.WITHDRAWN: lazy_gettext("Taken back"),
}
STATE_KINDS = {MakeUpState.ASKED: "wait", MakeUpState.PLANNED: "tide", MakeUpState.CREDITED: "ok"}


class ChoiceForm(Form):
    """Which missed meeting is made up where: ``<missed meeting id>-<meeting id>``."""

    choice = RadioField(
        lazy_gettext("Where to make it up"),
        [Required(lazy_gettext("Choose a meeting."))],
        validate_choice=False,
        choices=[],
    )


class DeclineForm(Form):
    """Why it is not possible, for the student."""

    message = TextAreaField(
        lazy_gettext("Message to the student"),
        [Required(lazy_gettext("Write the student why not.")), Length(max=500)],
    )


@blueprint.route("/my/enrollments/<int:enrollment_id>/make-ups", methods=["GET", "POST"])
@signed_in
def my_makeups(enrollment_id: int) -> ResponseReturnValue:
    """What the student missed and where it can be made up; asks the office."""
    return _choose(enrollment_id, by_office=False)


@blueprint.route("/office/enrollments/<int:enrollment_id>/make-ups", methods=["GET", "POST"])
@roles(*STAFF)
def office_plan_makeup(enrollment_id: int) -> ResponseReturnValue:
    """The same for the office, which plans it at once."""
    return _choose(enrollment_id, by_office=True)


def _enrollment(session: Session, enrollment_id: int, *, by_office: bool) -> Enrollment:
    found = (
        lookups.office_enrollment(session, enrollment_id)
        if by_office
        else lookups.own_enrollment(session, me(), enrollment_id)
    )
    if found.state not in ROLL_STATES:
        abort(404)
    return found


def _choose(enrollment_id: int, *, by_office: bool) -> ResponseReturnValue:
    form = ChoiceForm()
    if form.validate_on_submit():
        lost_id, _dash, meeting_id = (form.choice.data or "").partition("-")
        try:
            if not _CHOICE.fullmatch(form.choice.data or ""):
                raise RuleError(_("Choose a meeting."), field="choice")
            with acting() as session:
                actor = actor_again(session)
                enrollment = _enrollment(session, enrollment_id, by_office=by_office)
                act = makeups.plan if by_office else makeups.ask
                act(session, enrollment, int(lost_id), int(meeting_id), actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(
                _("The make-up is planned. The student is told by mail.")
                if by_office
                else _("The office was asked. You get a mail when it has decided."),
                "success",
            )
            return see_other(request.path)
    session, now = db.session, clock.now()
    enrollment = _enrollment(session, enrollment_id, by_office=by_office)
    meetings = sittings(session, enrollment.offering_id)
    summary = summaries_of(session, enrollment.offering, meetings, only=enrollment.id)[enrollment.id]
    known = makeups.of_enrollment(session, enrollment.id)
    covered = {item.missed_meeting_id for item in known if item.state in makeups.LIVE}
    lost = makeups.missed(meetings, summary, covered, now)
    return page(
        "attendance/makeups.html",
        form=form,
        by_office=by_office,
        enrollment=enrollment,
        person=enrollment.student.user,
        offering=enrollment.offering,
        summary=summary,
        lost=lost,
        choices=makeups.choices_for(session, enrollment, lost, now),
        known=known,
        meeting_name=meeting_name,
        mark_words=mark_words,
        state_words=STATE_WORDS,
        state_kinds=STATE_KINDS,
    )


@blueprint.get("/office/make-ups")
@roles(*STAFF)
def office_makeups() -> Response:
    """What students asked for, and the guests to come."""
    session = db.session
    return page(
        "attendance/office_makeups.html",
        asked=makeups.asked_for(session),
        coming=makeups.coming(session, clock.now()),
        meeting_name=meeting_name,
    )


@blueprint.post("/office/make-ups/<int:makeup_id>/approve")
@roles(*STAFF)
def approve_makeup(makeup_id: int) -> ResponseReturnValue:
    """Say yes."""
    try:
        with acting() as session:
            actor = actor_again(session)
            makeups.approve(session, _makeup(session, makeup_id), actor=actor, now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("The make-up is planned. The student is told by mail."), "success")
    return see_other(url_for(".office_makeups"))


@blueprint.route("/office/make-ups/<int:makeup_id>/decline", methods=["GET", "POST"])
@roles(*STAFF)
def decline_makeup(makeup_id: int) -> ResponseReturnValue:
    """Say no, with a message."""
    form = DeclineForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                makeups.decline(
                    session,
                    _makeup(session, makeup_id),
                    message=form.message.data or "",
                    actor=actor_again(session),
                    now=clock.now(),
                )
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The student is told by mail."), "success")
            return see_other(url_for(".office_makeups"))
    name = _makeup(db.session, makeup_id).enrollment.student.user.name
    return page(
        "_confirm.html",
        form=form,
        title=_("Decline what %(name)s asked for?", name=name),
        message=_("Your message goes to the student by mail."),
        action_label=_("Decline"),
        keep_label=_("Back"),
        keep_url=url_for(".office_makeups"),
    )


@blueprint.post("/my/make-ups/<int:makeup_id>/withdraw")
@signed_in
def withdraw_makeup(makeup_id: int) -> ResponseReturnValue:
    """Take one's own back; the office may for everyone."""
    by_office = me().is_staff
    try:
        with acting() as session:
            actor = actor_again(session)
            makeup = _makeup(session, makeup_id)
            if not actor.is_staff and makeup.enrollment.student.user_id != actor.id:
                abort(404)
            makeups.withdraw(session, makeup, actor=actor, now=clock.now())
            enrollment_id = makeup.enrollment_id
    except RuleError as error:
        flash(str(error), "error")
        enrollment_id = _makeup(db.session, makeup_id).enrollment_id
    else:
        flash(_("The make-up was taken back."), "success")
    endpoint = ".office_plan_makeup" if by_office else ".my_makeups"
    return see_other(url_for(endpoint, enrollment_id=enrollment_id))


def _makeup(session: Session, makeup_id: int) -> MakeUp:
    found = session.scalar(sa.select(MakeUp).where(MakeUp.id == makeup_id))
    if found is None:
        abort(404)
    return found
