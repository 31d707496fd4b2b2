"""The office's first page: today's classes, how classes fill, what needs somebody."""

from flask.typing import ResponseReturnValue

from accounts.access import STAFF, roles
from core import clock
from core.database import db
from core.school import current_school
from core.web import page
from portal.blueprint import blueprint
from portal.filling import filling
from portal.needs import needs
from portal.office_day import RollState, classes_today


@blueprint.get("/office/")
@roles(*STAFF)
def office() -> ResponseReturnValue:
    """Today."""
    now, school = clock.now(), current_school(db.session)
    zone = school.time_zone if school else "UTC"
    classes = classes_today(db.session, now=now)
    rolls = [item for entry in classes for item in entry.meetings]
    return page(
        "portal/office.html",
        now=now,
        zone=zone,
        classes=classes,
        students=sum(entry.on_roll for entry in classes),
        rolls=len(rolls),
        saved=sum(item.state is RollState.SAVED for item in rolls),
        filling=filling(db.session, now=now),
        tasks=needs(db.session, now=now, zone=zone),
    )
