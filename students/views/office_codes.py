"""The office's discount codes."""

import sqlalchemy as sa
from flask import Response, abort, flash, url_for
from flask_babel import gettext as _

from accounts.access import STAFF, actor_again, roles
from core import clock
from core.clock import local_date
from core.database import db
from core.errors import RuleError
from core.forms import Form
from core.school import current_school
from core.web import acting, note, page, see_other
from courses.models import Course
from students import discounts, ledger
from students.blueprint import blueprint
from students.fee_forms import code_form
from students.ledger_models import DiscountCode


@blueprint.get("/office/fees/codes")
@roles(*STAFF)
def office_codes() -> Response:
    """All codes, those in force first."""
    school = current_school(db.session)
    return page(
        "students/office/codes.html",
        codes=discounts.list_codes(db.session),
        today=local_date(clock.now(), school.time_zone if school else "UTC"),
    )


@blueprint.route("/office/fees/codes/new", methods=["GET", "POST"])
@roles(*STAFF)
def office_new_code() -> Response:
    """Make a code."""
    school = current_school(db.session)
    courses = db.session.execute(sa.select(Course.id, Course.code, Course.title).order_by(Course.code)).all()
    form = code_form(
        school.currency if school else ledger.FALLBACK_CURRENCY,
        [(str(row.id), f"{row.code} {row.title}") for row in courses],
    )
    if form.validate_on_submit():
        try:
            with acting() as session:
                made = discounts.make_code(
                    session,
                    code=form.code.data or "",
                    percent=form.percent.data,
                    amount_cents=form.amount.data,
                    course=session.get(Course, int(form.course.data)) if form.course.data else None,
                    valid_until=form.valid_until.data,
                    most_uses=form.most_uses.data,
                    note=form.note.data or "",
                    actor=actor_again(session),
                    now=clock.now(),
                ).code
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The code %(code)s can be used now.", code=made), "success")
            return see_other(url_for("students.office_codes"))
    return page("students/office/code.html", form=form)


@blueprint.route("/office/fees/codes/<int:code_id>/end", methods=["GET", "POST"])
@roles(*STAFF)
def office_end_code(code_id: int) -> Response:
    """End a code, after asking."""
    code = db.session.get(DiscountCode, code_id)
    if code is None:
        abort(404)
    form, name = Form(), code.code
    if form.validate_on_submit():
        with acting() as session:
            discounts.end_code(session, code_id, actor=actor_again(session), now=clock.now())
        flash(_("The code %(code)s is ended.", code=name), "success")
        return see_other(url_for("students.office_codes"))
    return page(
        "_confirm.html",
        form=form,
        title=_("End the code %(code)s", code=name),
        message=_("Nobody can use it from now on. Whoever used it keeps the discount."),
        action_label=_("End the code"),
        keep_label=_("Keep it"),
        keep_url=url_for("students.office_codes"),
    )
