"""The teaching desk: today's meetings first, then who is new, what to sign off, and the classes to come."""

from flask.typing import ResponseReturnValue

from accounts.access import TEACHING, me, roles
from attendance.words import meeting_name, standing
from core import clock
from core.database import db
from core.school import current_school
from core.web import page
from portal.blueprint import blueprint
from portal.teaching_day import day_of, past_classes


@blueprint.get("/teaching/")
@roles(*TEACHING)
def teaching() -> ResponseReturnValue:
    """An instructor's day; the office sees every class."""
    session, now = db.session, clock.now()
    school = current_school(session)
    return page(
        "portal/teaching.html",
        day=day_of(session, me(), now),
        past=past_classes(session, me(), now),
        now=now,
        zone=school.time_zone if school else "UTC",
        meeting_name=meeting_name,
        standing=standing,
    )
