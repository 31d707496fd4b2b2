"""What of a class needs the rooms above the catalog: moving it (who is marked), its seats, cancelling it."""

from collections.abc import Collection

import sqlalchemy as sa
from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import Session, joinedload, selectinload

from accounts.access import STAFF, actor_again, roles
from attendance.models import AttendanceMark
from core import audit, clock
from core.database import db, locked
from core.editing import EditForm, StaleError, Stored, fingerprint, refuse_stale
from core.errors import RuleError
from core.forms import Form, Required, TextAreaField, WholeNumberField
from core.web import acting, note, page, see_other
from courses.lookups import offering_of
from courses.offering_checks import ConflictError, check_places
from courses.offering_models import Meeting, Offering, OfferingInstructor, OfferingState, Venue
from courses.rescheduling import reschedule
from courses.scheduling import Conflict, conflicts
from portal.blueprint import blueprint
from portal.schedule_form import Change, ScheduleForm, changes_of, planned_of, schedule_of
from students import ledger, seats
from students.cancelling import cancel
from students.capacity import set_capacity
from students.models import Enrollment, EnrollmentState
from students.moving import tell_moved


class SeatsForm(EditForm):
    """How many places a class has."""

    capacity = WholeNumberField(_l("Places"), [Required()], minimum=1, maximum=1000)


class CancelForm(Form):
    """Why a class is cancelled: everyone in it reads it."""

    reason = TextAreaField(_l("What everyone who is enrolled or waits reads"), [Required()])


@blueprint.route("/office/classes/<code>/schedule", methods=["GET", "POST"])
@roles(*STAFF)
def office_schedule(code: str) -> ResponseReturnValue:
    """Move meetings, add and remove them, change the venue. What changes is shown before it is saved."""
    offering = _whole_class(db.session, code)
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
        except StaleError as error:
            stored = error.stored
            note(form, error)
        except RuleError as error:
            note(form, error)
            changes = []
        offering = _whole_class(db.session, code)
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
    planned = planned_of(form, venue.time_zone, marked_meetings(session, offering))
    changes = changes_of(offering, planned, venue)
    if not changes:
        raise RuleError(_("Nothing here is different from what is stored."))
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
        before = len(offering.meetings)
        moved = reschedule(
            session,
            offering,
            venue.id,
            planned_of(form, venue.time_zone, marked),
            marked=marked,
            actor=actor,
            now=now,
            despite_conflicts=form.despite_conflicts.data,
        )
        if moved:
            ledger.move_due_dates(session, offering)
        return tell_moved(session, offering, meetings_before=before, now=now) if moved else 0


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


@blueprint.route("/office/classes/<code>/seats", methods=["GET", "POST"])
@roles(*STAFF)
def office_seats(code: str) -> ResponseReturnValue:
    """Change how many places there are; more of them go to whoever waits, in order."""
    offering = _whole_class(db.session, code)
    form, stored = SeatsForm(data={"capacity": offering.capacity}), list[Stored]()
    if not form.is_submitted():
        form.seen.data = fingerprint(form)
    elif form.validate():
        try:
            given = _set_seats(code, form)
        except StaleError as error:
            stored = error.stored
            note(form, error)
        except RuleError as error:
            note(form, error)
        else:
            flash(_seats_saved(code, given), "success")
            return see_other(url_for("portal.office_seats", code=code.lower()))
        offering = _whole_class(db.session, code)
    counts = _counts(db.session, offering)
    return page("portal/class_seats.html", form=form, offering=offering, counts=counts, stored=stored)


def _set_seats(code: str, form: SeatsForm) -> int:
    with acting() as session:
        actor = actor_again(session)
        offering = seats.lock(session, offering_of(session, code).id)
        fresh = SeatsForm(formdata=None, data={"capacity": offering.capacity})
        refuse_stale(form, fresh, last=audit.last_change(session, offering), zone=offering.time_zone)
        venue = locked(session, Venue, offering.venue_id)
        capacity = form.capacity.data or 0
        if venue is not None and capacity > offering.capacity:
            check_places(capacity, venue)
        return len(set_capacity(session, offering, capacity, actor=actor, now=clock.now()))


def _seats_saved(code: str, given: int) -> str:
    if not given:
        return _("The places of %(code)s are saved.", code=code.upper())
    return ngettext(
        "The places of %(code)s are saved. One went to the next on the waitlist.",
        "The places of %(code)s are saved. %(num)s went to the next on the waitlist.",
        given,
        code=code.upper(),
    )


def _counts(session: Session, offering: Offering) -> dict[str, int]:
    query = (
        sa.select(Enrollment.state, sa.func.count())
        .where(Enrollment.offering_id == offering.id)
        .group_by(Enrollment.state)
    )
    return {EnrollmentState(row[0]).value: row[1] for row in session.execute(query)}


@blueprint.route("/office/classes/<code>/cancel", methods=["GET", "POST"])
@roles(*STAFF)
def office_cancel_class(code: str) -> ResponseReturnValue:
    """Ask, then cancel a class: everyone is told, everything is released."""
    offering = _whole_class(db.session, code)
    if offering.state is OfferingState.CANCELLED:
        flash(_("%(code)s is cancelled already.", code=offering.code), "info")
        return see_other(url_for("courses.office_class", code=code.lower()))
    form = CancelForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                told = cancel(
                    session,
                    offering_of(session, code),
                    reason=form.reason.data or "",
                    actor=actor,
                    now=clock.now(),
                )
        except RuleError as error:
            note(form, error)
        else:
            flash(
                ngettext(
                    "%(code)s is cancelled. One person is told by email.",
                    "%(code)s is cancelled. %(num)s people are told by email.",
                    told,
                    code=code.upper(),
                ),
                "success",
            )
            return see_other(url_for("courses.office_class", code=code.lower()))
        offering = _whole_class(db.session, code)
    return page(
        "_confirm.html",
        form=form,
        title=_("Cancel %(code)s?", code=offering.code),
        message=[
            ngettext(
                "One seat is held and %(waiting)s wait. Everyone gets your words by email.",
                "%(num)s seats are held and %(waiting)s wait. Everyone gets your words by email.",
                offering.seats_taken,
                waiting=offering.waiting_count,
            ),
            _("Meetings leave calendars, and whoever paid gets everything back. This cannot be undone."),
        ],
        action_label=_("Cancel the class"),
        keep_label=_("Keep it"),
        keep_url=url_for("courses.office_class", code=offering.code.lower()),
    )


def _whole_class(session: Session, code: str) -> Offering:
    query = (
        sa.select(Offering)
        .where(Offering.code == code.upper())
        .options(
            joinedload(Offering.course),
            joinedload(Offering.venue),
            selectinload(Offering.meetings),
            selectinload(Offering.instructors).joinedload(OfferingInstructor.user),
        )
        .execution_options(populate_existing=True)
    )
    return session.scalar(query) or abort(404)
