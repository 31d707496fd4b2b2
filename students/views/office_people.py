"""The office's pages of students: finding one, one student, letting a course count as met."""

import sqlalchemy as sa
from flask import Response, abort, flash, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload

from accounts.access import STAFF, actor_again, roles
from accounts.models import User
from core import clock
from core.database import db
from core.errors import RuleError
from core.web import acting, note, page, see_other
from courses.models import Course
from courses.offering_models import Offering
from students import lookups, people, prerequisites, states
from students.blueprint import blueprint
from students.forms import GrantForm
from students.models import Enrollment, PrerequisiteGrant


@blueprint.get("/office/students/")
@roles(*STAFF)
def office_students() -> Response:
    """Find a student by name, address or license number."""
    q = request.args.get("q", "")[:120]
    return page("students/office/students.html", q=q, found=lookups.search_people(db.session, q, limit=50))


@blueprint.get("/office/people/<int:user_id>/student")
@roles(*STAFF)
def office_student_of(user_id: int) -> Response:
    """The student record of a user, made when there is none yet."""
    user = db.session.get(User, user_id)
    if user is None:
        abort(404)
    student = people.find_student(db.session, user_id)
    if student is None:
        abort(404)
    return see_other(url_for("students.office_student", id=student.id))


@blueprint.route("/office/students/<int:id>", methods=["GET", "POST"])
@roles(*STAFF)
def office_student(id: int) -> Response:
    """One student: data, licenses, every enrollment, and what counts as met. The form lets a course count as met."""
    form = GrantForm()
    courses = db.session.execute(sa.select(Course.id, Course.code, Course.title).order_by(Course.code)).all()
    form.course.choices = [("", _("Choose one")), *((str(c.id), f"{c.code} {c.title}") for c in courses)]
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                course = session.get_one(Course, int(form.course.data or 0))
                prerequisites.grant(
                    session,
                    lookups.office_student(session, id),
                    course,
                    reason=form.reason.data or "",
                    is_external=form.is_external.data,
                    actor=actor,
                    now=clock.now(),
                )
                code = course.code
        except RuleError as error:
            note(form, error)
        else:
            flash(_("%(course)s counts as met now.", course=code), "success")
            return see_other(url_for("students.office_student", id=id))
    return _show(id, form)


def _show(id: int, form: GrantForm) -> Response:
    session = db.session
    student = lookups.office_student(session, id)
    enrollments = session.scalars(
        sa.select(Enrollment)
        .join(Enrollment.offering)
        .where(Enrollment.student_id == id)
        .options(
            joinedload(Enrollment.offering).options(joinedload(Offering.course), joinedload(Offering.venue))
        )
        .order_by(Offering.starts_at.desc(), Enrollment.id.desc())
    ).all()
    grants = session.execute(
        sa.select(PrerequisiteGrant, User.name)
        .join(User, User.id == PrerequisiteGrant.granted_by_id)
        .where(PrerequisiteGrant.student_id == id)
        .options(joinedload(PrerequisiteGrant.course))
        .order_by(PrerequisiteGrant.id)
    ).all()
    return page(
        "students/office/student.html",
        form=form,
        student=student,
        enrollments=enrollments,
        grants=grants,
        labels=states.LABELS,
        profession_label=people.profession_label,
        expiry_words=people.expiry_words,
        now=clock.now(),
    )


@blueprint.post("/office/grants/<int:id>/take-back")
@roles(*STAFF)
def office_take_back(id: int) -> Response:
    """Let a course no longer count as met."""
    with acting() as session:
        actor = actor_again(session)
        granted = session.get(PrerequisiteGrant, id)
        if granted is None:
            abort(404)
        student_id = granted.student_id
        prerequisites.take_back(session, granted, actor=actor, now=clock.now())
    flash(_("It no longer counts. Enrollments made on it stay."), "success")
    return see_other(url_for("students.office_student", id=student_id))
