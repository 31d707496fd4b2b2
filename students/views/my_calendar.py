"""A student's calendar: the private feed, and its address made anew."""

from datetime import timedelta

import sqlalchemy as sa
from flask import Response, abort, make_response, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload, selectinload

from accounts.access import signed_in
from core import clock
from core.database import db
from core.school import current_school
from core.web import page, see_other
from courses.offering_models import Offering, OfferingState
from students import calendar, people
from students.blueprint import blueprint
from students.forms import ConfirmForm
from students.models import ROLL_STATES, Enrollment, Student
from students.views.mine import own_act

# How long a class stays in the feed after it ended.
FEED_PAST = timedelta(days=60)


@blueprint.get("/my/calendar/<token>.ics")
def calendar_feed(token: str) -> Response:
    """The student's classes for a calendar program: whoever has the address may read it."""
    session, now = db.session, clock.now()
    student = session.scalar(
        sa.select(Student).where(Student.calendar_token == token).options(joinedload(Student.user))
    )
    school = current_school(session)
    if student is None or school is None or not student.user.is_active:
        abort(404)
    enrollments = session.scalars(
        sa.select(Enrollment)
        .join(Enrollment.offering)
        .where(
            Enrollment.student_id == student.id,
            Enrollment.state.in_(ROLL_STATES),
            Offering.state == OfferingState.PUBLISHED,
            Offering.ends_at > now - FEED_PAST,
        )
        .options(
            joinedload(Enrollment.offering).options(
                joinedload(Offering.course), joinedload(Offering.venue), selectinload(Offering.meetings)
            )
        )
        .order_by(Offering.starts_at)
    ).unique()
    content = calendar.feed(
        session,
        student,
        enrollments,
        name=_("Classes at %(school)s", school=school.name),
        time_zone=school.time_zone,
        now=now,
    )
    answer = make_response(content)
    answer.mimetype = "text/calendar"
    answer.headers["Cache-Control"] = "private, max-age=300"
    return answer


@blueprint.route("/my/calendar/renew", methods=["GET", "POST"])
@signed_in
def renew_calendar() -> Response:
    """Ask, and make the calendar's address anew: whatever follows the old one stops."""
    form = ConfirmForm()
    if form.validate_on_submit():
        own_act(
            lambda session, student, actor: people.renew_calendar_token(
                session, student, actor=actor, now=clock.now()
            ),
            _("The calendar has a new address; the old one no longer works."),
        )
        return see_other(url_for("students.details", _anchor="calendar-h"))
    return page(
        "_confirm.html",
        form=form,
        title=_("Make a new address for your calendar?"),
        message=[
            _(
                "Every calendar program that follows the address of now stops getting your classes and their "
                "changes. Give each of them the new one."
            ),
            _("Do this when somebody knows the address who should not. The old one can’t be had back."),
        ],
        action_label=_("Make a new address"),
        keep_label=_("Keep the address"),
        keep_url=url_for("students.details", _anchor="calendar-h"),
        section="portal.my",
    )
