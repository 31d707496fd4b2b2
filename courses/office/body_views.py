"""Bodies: list, create, edit, remove."""

import sqlalchemy as sa
from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.access import STAFF, actor_again, roles
from core import audit, clock
from core.database import db, locked
from core.editing import Stored, fingerprint, note_with_stored, refuse_stale
from core.errors import RuleError
from core.paging import page_number, rows_of_page
from core.school import current_school
from core.web import acting, note, page, see_other
from courses.blueprint import blueprint
from courses.bodies import create_body, edit_body, missing_facts, remove_body, resting_on, uses_of
from courses.lookups import body_of
from courses.models import Approval, Body
from courses.office.body_forms import BodyForm, NewBodyForm, body_data

PAGE = 50


@blueprint.get("/office/bodies")
@roles(*STAFF)
def office_bodies() -> ResponseReturnValue:
    """All bodies, with how many courses each has approved."""
    courses = (
        sa.select(sa.func.count(sa.distinct(Approval.course_id)))
        .where(Approval.body_id == Body.id)
        .scalar_subquery()
    )
    query = sa.select(Body, courses).order_by(Body.title, Body.id)
    rows, paging = rows_of_page(db.session, query, size=PAGE, number=page_number())
    return page("courses/office/bodies.html", rows=rows, paging=paging)


@blueprint.route("/office/bodies/new", methods=["GET", "POST"])
@roles(*STAFF)
def office_new_body() -> ResponseReturnValue:
    """A new body."""
    form = NewBodyForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                body = create_body(
                    session, form.code.data or "", body_data(form), actor=actor, now=clock.now()
                )
                code, title = body.code, body.title
        except RuleError as error:
            note(form, error)
        else:
            flash(_("%(name)s is added. Approvals of courses can name it now.", name=title), "success")
            return see_other(url_for("courses.office_body", code=code.lower()))
    return page("courses/office/body.html", form=form, body=None, stored=[], resting=[], missing=[])


@blueprint.route("/office/bodies/<code>", methods=["GET", "POST"])
@roles(*STAFF)
def office_body(code: str) -> ResponseReturnValue:
    """One body, with the courses whose approvals rest on it."""
    body = body_of(db.session, code)
    form, stored = BodyForm(body), list[Stored]()
    if not form.is_submitted():
        form.seen.data = fingerprint(form)
    elif form.validate():
        try:
            title = _save(code, form)
        except RuleError as error:
            stored = note_with_stored(form, error)
        else:
            flash(_("%(name)s is saved.", name=title), "success")
            return see_other(url_for("courses.office_body", code=code.lower()))
        body = body_of(db.session, code)
    return page(
        "courses/office/body.html",
        form=form,
        body=body,
        stored=stored,
        resting=resting_on(db.session, body),
        missing=missing_facts(body),
    )


def _save(code: str, form: BodyForm) -> str:
    with acting() as session:
        actor = actor_again(session)
        body = body_of(session, code)
        locked(session, Body, body.id)
        school = current_school(session)
        refuse_stale(
            form,
            BodyForm(body, formdata=None),
            last=audit.last_change(session, body),
            zone=school.time_zone if school else "UTC",
        )
        edit_body(session, body, body_data(form), actor=actor, now=clock.now())
        return body.title


@blueprint.route("/office/bodies/<code>/remove", methods=["GET", "POST"])
@roles(*STAFF)
def office_remove_body(code: str) -> ResponseReturnValue:
    """Ask, then remove a body that nothing rests on; say what does otherwise."""
    body = body_of(db.session, code)
    here = url_for("courses.office_body", code=body.code.lower())
    if request.method == "POST":
        try:
            with acting() as session:
                actor, body = actor_again(session), body_of(session, code)
                title = body.title
                remove_body(session, body, actor=actor, now=clock.now())
        except RuleError as error:
            flash(str(error), "error")
            return see_other(here)
        flash(_("%(name)s is removed.", name=title), "success")
        return see_other(url_for("courses.office_bodies"))
    found = uses_of(db.session, body)
    if found:
        return page(
            "_confirm.html",
            title=_("%(name)s stays", name=body.title),
            message=[_("A body that is in use can’t be removed."), *found],
            action_label="",
            keep_label=_("Back to the body"),
            keep_url=here,
        )
    return page(
        "_confirm.html",
        title=_("Remove %(name)s?", name=body.title),
        message=_("Nothing rests on it: no approval, no certificate, no file for a board."),
        action_label=_("Remove the body"),
        keep_label=_("Keep it"),
        keep_url=here,
    )
