"""The office's list of requests for help with access."""

from flask import Response, flash, url_for
from flask_babel import gettext as _

from accounts.access import STAFF, actor_again, roles
from core import clock
from core.database import db
from core.errors import RuleError
from core.web import acting, page, see_other
from students import access_help, lookups
from students.blueprint import blueprint


@blueprint.get("/office/access")
@roles(*STAFF)
def office_access() -> Response:
    """Whom to get in touch with, the class that begins first at the head."""
    return page(
        "students/office/access.html", requests=access_help.open_requests(db.session, now=clock.now())
    )


@blueprint.post("/office/access/<int:id>/done")
@roles(*STAFF)
def office_access_done(id: int) -> Response:
    """The office has been in touch."""
    try:
        with acting() as session:
            actor = actor_again(session)
            enrollment = lookups.office_enrollment(session, id)
            access_help.done(session, enrollment, actor=actor, now=clock.now())
            name = enrollment.student.user.name
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("Noted: you have been in touch with %(name)s.", name=name), "success")
    return see_other(url_for("students.office_access"))
