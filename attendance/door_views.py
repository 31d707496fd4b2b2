"""Walk-ins and substitutes."""

import sqlalchemy as sa
from flask import Response, abort, flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from accounts.access import STAFF, TEACHING, actor_again, me, roles
from accounts.models import Role, User
from attendance import door
from attendance.access import class_of, may_sign_off, meeting_sent
from attendance.blueprint import blueprint
from attendance.door_models import Substitute, WalkIn
from attendance.words import meeting_name
from core import clock
from core.clock import local_date
from core.database import db
from core.errors import RuleError
from core.forms import (
    BooleanField,
    DateField,
    EmailField,
    Form,
    Length,
    PersonNameField,
    Required,
    SelectField,
    StringField,
)
from core.web import acting, note, page, see_other
from courses.offering_models import OfferingInstructor
from students.people import PROFESSIONS


class WalkInForm(Form):
    """Someone at the door."""

    name = PersonNameField(lazy_gettext("Name"), [Required(lazy_gettext("Write the name."))])
    email = EmailField(
        lazy_gettext("Email"), [Required(lazy_gettext("Write the email address.")), Length(max=200)]
    )
    profession = SelectField(
        lazy_gettext("Profession"), choices=[("", lazy_gettext("Choose")), *PROFESSIONS.items()]
    )
    license_state = StringField(lazy_gettext("Licensed in"), [Length(max=40)])
    license_number = StringField(lazy_gettext("License number"), [Length(max=60)])
    has_agreed = BooleanField(lazy_gettext("They have read the terms and the safety list, and agree"))


class SubstituteForm(Form):
    """Who stands in, and on which day."""

    person = SelectField(lazy_gettext("Instructor"), choices=[])
    day = DateField(lazy_gettext("Day"), [Required(lazy_gettext("Choose the day."))])


@blueprint.route("/teaching/<code>/meetings/<int:number>/walk-in", methods=["GET", "POST"])
@roles(*TEACHING)
def walk_in(code: str, number: int) -> ResponseReturnValue:
    """Enroll someone at the door, or note them for the office."""
    form = WalkInForm()
    if form.validate_on_submit():
        person = door.Newcomer(
            form.name.data or "",
            form.email.data or "",
            form.profession.data or "",
            form.license_state.data or "",
            form.license_number.data or "",
            bool(form.has_agreed.data),
        )
        try:
            with acting() as session:
                actor = actor_again(session)
                meeting = meeting_sent(session, actor, code, number)
                stands_at = meeting.number
                found = door.walk_in(session, meeting, person, actor=actor, now=clock.now())
                noted = found.problem if isinstance(found, WalkIn) else ""
        except RuleError as error:
            note(form, error)
        else:
            if noted:
                flash(_("Noted for the office, not enrolled: %(why)s", why=noted), "info")
            else:
                flash(_("%(name)s is enrolled and on the roll.", name=person.name), "success")
            return see_other(url_for(".roll", code=code, number=stands_at))
    meeting = meeting_sent(db.session, me(), code, number)
    return page(
        "attendance/walk_in.html",
        form=form,
        meeting=meeting,
        offering=meeting.offering,
        title=meeting_name(meeting.starts_at, meeting.offering.time_zone),
    )


@blueprint.get("/office/walk-ins")
@roles(*STAFF)
def office_walk_ins() -> Response:
    """People at the door who could not be enrolled."""
    return page("attendance/office_walk_ins.html", found=door.open_walk_ins(db.session))


@blueprint.post("/office/walk-ins/<int:walk_in_id>/settle")
@roles(*STAFF)
def settle_walk_in(walk_in_id: int) -> ResponseReturnValue:
    """The office has settled it."""
    try:
        with acting() as session:
            actor = actor_again(session)
            row = session.get(WalkIn, walk_in_id, with_for_update=True) or abort(404)
            door.settle(session, row, actor=actor, now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("Settled."), "success")
    return see_other(url_for(".office_walk_ins"))


@blueprint.route("/teaching/<code>/substitutes", methods=["GET", "POST"])
@roles(*TEACHING)
def substitutes(code: str) -> ResponseReturnValue:
    """Give the class to another instructor for a day: the lead and the office do."""
    form = SubstituteForm()
    session = db.session
    offering = class_of(session, me(), code)
    if not may_sign_off(session, me(), offering.id):
        abort(403)
    teachers = session.scalars(
        sa.select(User)
        .where(
            User.role == Role.INSTRUCTOR,
            User.disabled_at.is_(None),
            User.id.not_in(
                sa.select(OfferingInstructor.user_id).where(OfferingInstructor.offering_id == offering.id)
            ),
        )
        .order_by(User.family_name, User.name)
    )
    form.person.choices = [(str(user.id), user.name) for user in teachers]
    if form.validate_on_submit() and form.day.data:
        try:
            with acting() as session:
                actor = actor_again(session)
                offering = class_of(session, actor, code, lock=True)
                if not may_sign_off(session, actor, offering.id):
                    abort(403)
                user = session.get(User, int(form.person.data)) or abort(404)
                door.name_substitute(session, offering, user, form.day.data, actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The class stands on their page that day."), "success")
            return see_other(url_for(".substitutes", code=code))
    session, now = db.session, clock.now()
    offering = class_of(session, me(), code)
    days = dict.fromkeys(
        local_date(item.starts_at, offering.time_zone) for item in offering.meetings if item.ends_at > now
    )
    return page(
        "attendance/substitutes.html",
        form=form,
        offering=offering,
        days=list(days),
        found=door.substitutes_of(session, offering.id, now),
    )


@blueprint.post("/teaching/<code>/substitutes/<int:substitute_id>/end")
@roles(*TEACHING)
def end_substitution(code: str, substitute_id: int) -> ResponseReturnValue:
    """Take the class back."""
    with acting() as session:
        actor = actor_again(session)
        offering = class_of(session, actor, code, lock=True)
        if not may_sign_off(session, actor, offering.id):
            abort(403)
        row = session.get(Substitute, substitute_id)
        if row is None or row.offering_id != offering.id:
            abort(404)
        door.end_substitution(session, row, actor=actor, now=clock.now())
    flash(_("The substitution has ended."), "success")
    return see_other(url_for(".substitutes", code=code))
