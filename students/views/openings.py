"""One click to be told when a class opens, and one to take it back."""

from flask import Response, flash, request, url_for
from flask_babel import gettext as _

from accounts.access import actor_again, me, signed_in
from core import clock
from core.database import db
from core.errors import RuleError
from core.web import acting, safe_next, see_other
from courses.public import course_for
from students import lookups, openings
from students.blueprint import blueprint


@blueprint.post("/courses/<code>/tell-me")
@signed_in
def tell_me_of_course(code: str) -> Response:
    """Be told when a class of the course opens; with ``off``, no longer."""
    course_for(db.session, code, me())
    try:
        with acting() as session:
            actor, now = actor_again(session), clock.now()
            course = course_for(session, code, actor)
            if request.form.get("off"):
                openings.take_back(session, course_id=course.id, actor=actor, now=now)
            else:
                openings.wish_for_course(session, course, actor=actor, now=now)
    except RuleError as error:
        flash(str(error), "error")
    else:
        _say()
    return see_other(safe_next(url_for("courses.course", code=code)))


@blueprint.post("/classes/<code>/tell-me")
@signed_in
def tell_me_of_class(code: str) -> Response:
    """Be told when enrollment in the class opens; with ``off``, no longer."""
    try:
        with acting() as session:
            actor, now = actor_again(session), clock.now()
            offering = lookups.class_of(session, code)
            if request.form.get("off"):
                openings.take_back(session, offering_id=offering.id, actor=actor, now=now)
            else:
                openings.wish_for_class(session, offering, actor=actor, now=now)
    except RuleError as error:
        flash(str(error), "error")
    else:
        _say()
    return see_other(safe_next(url_for("courses.class_page", code=code)))


def _say() -> None:
    if request.form.get("off"):
        flash(_("You get no mail about this."), "success")
    else:
        flash(_("A mail tells you when it opens. It is sent once."), "success")
