"""Courses: list, create, edit, publish, retire; the warning about health claims while writing."""

from typing import Any

import sqlalchemy as sa
from flask import flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import joinedload, selectinload

from accounts.access import STAFF, actor_again, roles
from core import audit, clock
from core.database import db, locked
from core.editing import Stored, fingerprint, note_with_stored, refuse_stale
from core.errors import RuleError
from core.paging import page_number, rows_of_page
from core.school import current_school
from core.search import has_part
from core.web import acting, note, page, see_other
from courses.blueprint import blueprint
from courses.claims import Claim, new_claims
from courses.course_editing import create_course, edit_course, publish_course, retire_course
from courses.lookups import course_of
from courses.models import Course, CourseState, Prerequisite
from courses.offering_models import Offering, OfferingState
from courses.office.course_forms import (
    CourseForm,
    blank_values,
    course_data,
    suggestions,
    values_of,
)

PAGE = 50


@blueprint.get("/office/courses")
@roles(*STAFF)
def office_courses() -> ResponseReturnValue:
    """All courses, drafts and retired ones too, with how many classes are coming."""
    coming = (
        sa.select(sa.func.count(Offering.id))
        .where(
            Offering.course_id == Course.id,
            Offering.state == OfferingState.PUBLISHED,
            Offering.starts_at > clock.now(),
        )
        .scalar_subquery()
    )
    query = sa.select(Course, coming).options(joinedload(Course.subject)).order_by(Course.code)
    search, state = request.args.get("q", "").strip()[:100], request.args.get("state", "")
    if search:
        query = query.where(sa.or_(has_part(Course.code, search), has_part(Course.title, search)))
    if state in set(CourseState):
        query = query.where(Course.state == CourseState(state))
    rows, paging = rows_of_page(db.session, query, size=PAGE, number=page_number())
    return page("courses/office/courses.html", rows=rows, paging=paging, search=search, state=state)


@blueprint.route("/office/courses/new", methods=["GET", "POST"])
@roles(*STAFF)
def office_new_course() -> ResponseReturnValue:
    """A new course, saved as a draft."""
    form = CourseForm(db.session, data=blank_values())
    unkept: list[Claim] = []
    if form.validate_on_submit():
        unkept = _unkept(form, [])
        try:
            with acting() as session:
                actor = actor_again(session)
                data = None if unkept else course_data(form, session)
                if data is not None:
                    course = create_course(
                        session, data, actor=actor, now=clock.now(), kept_wording=_kept(form, [])
                    )
                    code = course.code
        except RuleError as error:
            note(form, error)
        else:
            if data is not None:
                flash(_("%(code)s is saved as a draft. Publish it when it is ready.", code=code), "success")
                return see_other(url_for("courses.office_course", code=code.lower()))
    return _course_page(form, None, unkept, [])


@blueprint.route("/office/courses/<code>", methods=["GET", "POST"])
@roles(*STAFF)
def office_course(code: str) -> ResponseReturnValue:
    """One course, with its form."""
    unkept: list[Claim] = []
    stored: list[Stored] = []
    course = _whole_course(code)
    form = CourseForm(db.session, data=values_of(course))
    if not form.is_submitted():
        form.seen.data = fingerprint(form)
    elif form.validate():
        unkept = _unkept(form, _texts(course))
        try:
            saved = None if unkept else _save_course(code, form)
        except RuleError as error:
            stored = note_with_stored(form, error)
        else:
            if saved is not None:
                flash(_("%(code)s is saved.", code=saved), "success")
                return see_other(url_for("courses.office_course", code=saved.lower()))
        course = _whole_course(code)
    return _course_page(form, course, unkept, stored)


def _save_course(code: str, form: CourseForm) -> str | None:
    """The code of the saved course; None when the form turned out to have errors."""
    with acting() as session:
        actor = actor_again(session)
        locked(session, Course, course_of(session, code).id)
        course = _whole_course(code)
        school = current_school(session)
        refuse_stale(
            form,
            CourseForm(session, formdata=None, data=values_of(course)),
            last=audit.last_change(session, course),
            zone=school.time_zone if school else "UTC",
        )
        data = course_data(form, session)
        if data is None:
            return None
        edit_course(
            session, course, data, actor=actor, now=clock.now(), kept_wording=_kept(form, _texts(course))
        )
        return course.code


@blueprint.post("/office/courses/<code>/publish")
@roles(*STAFF)
def office_publish_course(code: str) -> ResponseReturnValue:
    """Show a course in the catalog."""
    try:
        with acting() as session:
            publish_course(session, course_of(session, code), actor=actor_again(session), now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("%(code)s stands in the catalog.", code=code.upper()), "success")
    return see_other(url_for("courses.office_course", code=code.lower()))


@blueprint.route("/office/courses/<code>/retire", methods=["GET", "POST"])
@roles(*STAFF)
def office_retire_course(code: str) -> ResponseReturnValue:
    """Ask, then take a course out of the catalog."""
    course = course_of(db.session, code)
    if request.method == "POST":
        try:
            with acting() as session:
                retire_course(session, course_of(session, code), actor=actor_again(session), now=clock.now())
        except RuleError as error:
            flash(str(error), "error")
        else:
            flash(_("%(code)s is retired.", code=code.upper()), "success")
        return see_other(url_for("courses.office_course", code=code.lower()))
    return page(
        "_confirm.html",
        title=_("Retire %(code)s?", code=course.code),
        message=_(
            "It leaves the catalog. Its classes stay, and so does everything students have done in them."
        ),
        action_label=_("Retire the course"),
        keep_label=_("Keep it"),
        keep_url=url_for("courses.office_course", code=course.code.lower()),
    )


@blueprint.post("/office/courses/wording")
@roles(*STAFF)
def office_wording() -> ResponseReturnValue:
    """The warning for a text that is being written, as a piece of a page; the form says the same when it is sent."""
    texts = [request.form.get(name, "")[:20_000] for name in ("title", "summary", "outcomes", "preparation")]
    return render_template("courses/office/_wording.html", claims=new_claims(texts))


def _whole_course(code: str) -> Course:
    course_of(db.session, code)
    query = (
        sa.select(Course)
        .where(Course.code == code.upper())
        .options(
            joinedload(Course.subject),
            selectinload(Course.prerequisites).joinedload(Prerequisite.needs),
            selectinload(Course.approvals),
        )
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(query).one()


def _texts(course: Course) -> list[str]:
    return [course.title, course.summary, "\n".join(course.outcomes), course.preparation]


def _seen_by(claims: list[Claim]) -> str:
    return "|".join(claim.sentence for claim in claims)


def _unkept(form: CourseForm, known: list[str]) -> list[Claim]:
    """New sentences that read like claims, unless the writer has just been shown them and keeps them."""
    claims = new_claims(form.texts(), known)
    if claims and form.keep_wording.data and form.wording_seen.data == _seen_by(claims):
        return []
    form.wording_seen.data = _seen_by(claims)
    if claims:
        form.keep_wording.data = False
        form.keep_wording.errors = [
            ngettext(
                "One sentence reads like a health claim. Change it, or tick this to keep it.",
                "%(num)s sentences read like health claims. Change them, or tick this to keep them.",
                len(claims),
            )
        ]
    return claims


def _kept(form: CourseForm, known: list[str]) -> list[str]:
    return [claim.sentence for claim in new_claims(form.texts(), known)]


def _course_page(
    form: CourseForm, course: Course | None, unkept: list[Claim], stored: list[Stored]
) -> ResponseReturnValue:
    known: dict[str, Any] = suggestions(db.session)
    standing = new_claims(_texts(course)) if course else []
    return page(
        "courses/office/course.html",
        form=form,
        course=course,
        claims=unkept,
        standing=standing,
        stored=stored,
        known=known,
    )
