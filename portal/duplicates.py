"""The office's pages for people who are there twice."""

from collections.abc import Callable

from flask import Response, abort, flash, url_for
from flask_babel import gettext as _

from accounts.access import STAFF, actor_again, roles
from core import clock
from core.database import db
from core.errors import RuleError
from core.forms import Form
from core.web import acting, note, page, see_other
from portal.blueprint import blueprint
from students import duplicates, merging
from students.models import Student


@blueprint.get("/office/people/duplicates")
@roles(*STAFF)
def office_duplicates() -> Response:
    """Records that look like one person, and those of which the office said that they are two people."""
    session = db.session
    return page(
        "portal/duplicates.html", pairs=duplicates.find(session), apart=duplicates.kept_apart(session)
    )


@blueprint.post("/office/people/apart/<int:one_id>/<int:other_id>")
@roles(*STAFF)
def office_keep_apart(one_id: int, other_id: int) -> Response:
    """Say that two records are two people."""
    said = _("Noted: they are two people, and are not suggested again. You can take that back below.")
    return _say(duplicates.keep_apart, one_id, other_id, said)


@blueprint.post("/office/people/together/<int:one_id>/<int:other_id>")
@roles(*STAFF)
def office_take_back_apart(one_id: int, other_id: int) -> Response:
    """Take that back."""
    return _say(duplicates.take_back, one_id, other_id, _("Taken back: they may be one person."))


def _say(rule: Callable[..., None], one_id: int, other_id: int, said: str) -> Response:
    try:
        with acting() as session:
            rule(session, one_id, other_id, actor=actor_again(session), now=clock.now())
    except LookupError:
        abort(404)
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(said, "success")
    return see_other(url_for("portal.office_duplicates"))


@blueprint.route("/office/people/merge/<int:keep_id>/<int:gone_id>", methods=["GET", "POST"])
@roles(*STAFF)
def office_merge(keep_id: int, gone_id: int) -> Response:
    """Merge one record into another, after asking."""
    keep, gone = db.session.get(Student, keep_id), db.session.get(Student, gone_id)
    if keep is None or gone is None:
        abort(404)
    form, name = Form(), keep.user.name
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                merging.merge(session, keep_id, gone_id, actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The two are one: %(name)s has all of it.", name=name), "success")
            return see_other(url_for("portal.office_duplicates"))
    problem = merging.objection(db.session, keep, gone)
    if problem:
        return page(
            "_confirm.html",
            form=form,
            title=_("These two can’t be merged"),
            message=[] if form.form_errors else [problem],
            action_label="",
            keep_label=_("Leave both"),
            keep_url=url_for("portal.office_duplicates"),
        )
    return page(
        "_confirm.html",
        form=form,
        title=_("Merge into %(name)s", name=name),
        message=[
            _(
                "%(keep)s (%(keep_email)s) stays, and gets the classes, fees, licenses and certificates of "
                "%(gone)s (%(gone_email)s).",
                keep=keep.user.name,
                keep_email=keep.user.email,
                gone=gone.user.name,
                gone_email=gone.user.email,
            ),
            _("The other account is closed. This can't be undone."),
        ],
        action_label=_("Merge them"),
        keep_label=_("Leave both"),
        keep_url=url_for("portal.office_duplicates"),
    )
