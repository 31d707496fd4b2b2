"""The safety list of one of my classes, for whoever did not enroll by themselves."""

from flask import Response, flash, url_for
from flask_babel import gettext as _

from accounts.access import actor_again, me, signed_in
from core import clock
from core.database import db
from core.errors import RuleError
from core.web import acting, note, page, see_other
from students import lookups
from students import safety as rules
from students.blueprint import blueprint
from students.forms import SafetyForm


@blueprint.route("/my/enrollments/<int:id>/safety", methods=["GET", "POST"])
@signed_in
def safety(id: int) -> Response:
    """Read the list and confirm it."""
    form = SafetyForm()
    if form.validate_on_submit():
        version = form.screening_version.data or ""
        try:
            with acting() as session:
                actor = actor_again(session)
                rules.acknowledge(
                    session,
                    lookups.own_enrollment(session, actor, id),
                    int(version) if version.isdecimal() and len(version) < 10 else 0,
                    wants_talk=form.talk_to_instructor.data,
                    wants_access_help=form.access_help.data,
                    actor=actor,
                    now=clock.now(),
                )
        except RuleError as error:
            note(form, error)
        else:
            flash(_("Thank you. You have confirmed the safety list."), "success")
            return see_other(url_for("portal.my"))
    enrollment = lookups.own_enrollment(db.session, me(), id)
    return page(
        "students/safety.html",
        form=form,
        enrollment=enrollment,
        offering=enrollment.offering,
        screening=enrollment.offering.course.screening_set,
        is_open=rules.is_open(enrollment, clock.now()),
    )
