"""Subjects: the list with its order, a new one, renaming, removing."""

from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from accounts.access import STAFF, actor_again, roles
from core import audit, clock
from core.database import db
from core.editing import EditForm, Stored, fingerprint, note_with_stored, refuse_stale
from core.errors import RuleError
from core.forms import Length, Required, StringField
from core.school import current_school
from core.web import acting, note, page, see_other
from courses.blueprint import blueprint
from courses.models import Subject
from courses.subjects import add_subject, in_order, lock_all, move_subject, remove_subject, rename_subject

WAYS = {"up": -1, "down": 1}


class SubjectForm(EditForm):
    """A subject's title."""

    title = StringField(_l("Title"), [Required(), Length(max=200)])


@blueprint.route("/office/subjects", methods=["GET", "POST"])
@roles(*STAFF)
def office_subjects() -> ResponseReturnValue:
    """The subjects in the catalog's order; a new one goes to the end."""
    form = SubjectForm()
    if form.validate_on_submit():
        title = form.title.data or ""
        try:
            with acting() as session:
                add_subject(session, title, actor=actor_again(session), now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("%(title)s is added.", title=title), "success")
            return see_other(url_for("courses.office_subjects"))
    return page("courses/office/subjects.html", form=form, rows=in_order(db.session))


@blueprint.route("/office/subjects/<int:subject_id>", methods=["GET", "POST"])
@roles(*STAFF)
def office_subject(subject_id: int) -> ResponseReturnValue:
    """Rename a subject."""
    subject = _subject_of(db.session, subject_id)
    form, stored = SubjectForm(obj=subject), list[Stored]()
    if not form.is_submitted():
        form.seen.data = fingerprint(form)
    elif form.validate():
        try:
            title = _rename(subject_id, form)
        except RuleError as error:
            stored = note_with_stored(form, error)
        else:
            flash(_("%(title)s is saved.", title=title), "success")
            return see_other(url_for("courses.office_subjects"))
        subject = _subject_of(db.session, subject_id)
    return page("courses/office/subject.html", form=form, subject=subject, stored=stored)


def _rename(subject_id: int, form: SubjectForm) -> str:
    with acting() as session:
        actor, subject = actor_again(session), _subject_locked(session, subject_id)
        school = current_school(session)
        refuse_stale(
            form,
            SubjectForm(formdata=None, obj=subject),
            last=audit.last_change(session, subject),
            zone=school.time_zone if school else "UTC",
        )
        rename_subject(session, subject, form.title.data or "", actor=actor, now=clock.now())
        return subject.title


@blueprint.post("/office/subjects/<int:subject_id>/move")
@roles(*STAFF)
def office_move_subject(subject_id: int) -> ResponseReturnValue:
    """Move a subject up or down by one place."""
    with acting() as session:
        actor, subject = actor_again(session), _subject_locked(session, subject_id)
        by = WAYS.get(request.form.get("way", "")) or abort(400)
        moved, title = move_subject(session, subject, by, actor=actor, now=clock.now()), subject.title
    if moved:
        flash(_("%(title)s is moved.", title=title), "success")
    return see_other(url_for("courses.office_subjects", _anchor=f"subject-{subject_id}"))


@blueprint.post("/office/subjects/<int:subject_id>/remove")
@roles(*STAFF)
def office_remove_subject(subject_id: int) -> ResponseReturnValue:
    """Remove a subject that has no course."""
    try:
        with acting() as session:
            actor, subject = actor_again(session), _subject_locked(session, subject_id)
            title = subject.title
            remove_subject(session, subject, actor=actor, now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("%(title)s is removed.", title=title), "success")
    return see_other(url_for("courses.office_subjects"))


def _subject_of(session: Session, subject_id: int) -> Subject:
    return session.get(Subject, subject_id) or abort(404)


def _subject_locked(session: Session, subject_id: int) -> Subject:
    """The same with the whole list locked, always in one order: two who change the list at once never block each other."""
    lock_all(session)
    return _subject_of(session, subject_id)
