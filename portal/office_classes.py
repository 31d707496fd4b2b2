"""Moving a class: what is marked stays, and its students are told. Both are known only above the catalog."""

from collections.abc import Collection

import sqlalchemy as sa
from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.access import STAFF, actor_again, roles
from attendance import guests
from attendance.models import AttendanceMark
from core import audit, clock
from core.database import db
from core.editing import Stored, fingerprint, note_with_stored, refuse_stale
from core.errors import RuleError
from core.web import acting, note, page, see_other
from courses.lookups import offering_of, whole_class
from courses.offering_checks import ConflictError
from courses.offering_models import Meeting, Offering, Venue
from courses.rescheduling import check_plan, reschedule
from courses.scheduling import Conflict, conflicts
from portal.blueprint import blueprint
from portal.schedule_form import Change, ScheduleForm, changes_of, planned_of, schedule_of
from students import ledger, waitlist
from students.moving import tell_moved


@blueprint.route("/office/classes/<code>/schedule", methods=["GET", "POST"])
@roles(*STAFF)
def office_schedule(code: str) -> ResponseReturnValue:
    """Move meetings, add and remove them, change the venue. What changes is shown before it is saved."""
    offering = whole_class(db.session, code)
    form = ScheduleForm(db.session, data=schedule_of(offering))
    changes: list[Change] = []
    found: list[Conflict] = []
    stored: list[Stored] = []
    if not form.is_submitted():
        form.seen.data = fingerprint(form)
    elif form.validate():
        try:
            changes, found = _preview(db.session, form, offering)
            if request.form.get("act") == "save" and form.shown.data == form.key():
                told = _move(code, form)
                flash(_moved(code, told), "success")
                return see_other(url_for("courses.office_class", code=code.lower()))
        except ConflictError as error:
            found = error.conflicts
            note(form, error)
        except RuleError as error:
            stored = note_with_stored(form, error)
            changes = []
        offering = whole_class(db.session, code)
    form.shown.data = form.key() if changes else ""
    return page(
        "portal/class_schedule.html",
        form=form,
        offering=offering,
        marked=marked_meetings(db.session, offering),
        changes=changes,
        conflicts=found,
        stored=stored,
    )


def _preview(session: Session, form: ScheduleForm, offering: Offering) -> tuple[list[Change], list[Conflict]]:
    venue = session.get_one(Venue, form.venue_id.data)
    marked = marked_meetings(session, offering)
    planned = planned_of(form, venue.time_zone, marked)
    changes = changes_of(offering, planned, venue)
    if not changes:
        raise RuleError(_("Nothing here is different from what is stored."))
    named = guests.named_meetings(session, offering)
    check_plan(offering, venue, planned, marked=marked, named=named, now=clock.now())
    people = [row.user_id for row in offering.instructors]
    found = conflicts(session, planned, venue_id=venue.id, user_ids=people, except_offering_id=offering.id)
    return changes, found


def _move(code: str, form: ScheduleForm) -> int:
    """Move the class and tell its students; returns how many are told."""
    with acting() as session:
        actor, now = actor_again(session), clock.now()
        offering = offering_of(session, code, lock=True)
        fresh = ScheduleForm(session, formdata=None, data=schedule_of(offering))
        refuse_stale(form, fresh, last=audit.last_change(session, offering), zone=offering.time_zone)
        venue = session.get_one(Venue, form.venue_id.data)
        marked = marked_meetings(session, offering)
        before = guests.times_of(offering)
        moved = reschedule(
            session,
            offering,
            venue.id,
            planned_of(form, venue.time_zone, marked),
            marked=marked,
            named=guests.named_meetings(session, offering),
            actor=actor,
            now=now,
            despite_conflicts=form.despite_conflicts.data,
        )
        if moved:
            ledger.move_due_dates(session, offering)
            waitlist.shorten_offers(session, offering, now=now)
        if not moved:
            return 0
        told = tell_moved(session, offering, now=now)
        return told + guests.tell_moved(session, offering, before, now=now)


def _moved(code: str, told: int) -> str:
    if not told:
        return _("%(code)s has its new schedule.", code=code.upper())
    return ngettext(
        "%(code)s has its new schedule. One student is told by email.",
        "%(code)s has its new schedule. %(num)s students are told by email.",
        told,
        code=code.upper(),
    )


def marked_meetings(session: Session, offering: Offering) -> Collection[int]:
    """The ids of the meetings of a class that have attendance: they may not move."""
    query = (
        sa.select(AttendanceMark.meeting_id)
        .join(Meeting, Meeting.id == AttendanceMark.meeting_id)
        .where(Meeting.offering_id == offering.id)
        .distinct()
    )
    return set(session.scalars(query))
