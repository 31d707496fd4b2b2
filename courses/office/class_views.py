"""Classes: the list, one class, its details, its instructors, publishing. A new one: courses.office.new_class."""

from datetime import datetime

import sqlalchemy as sa
from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload, selectinload

from accounts.access import STAFF, actor_again, roles
from core import audit, clock
from core.database import db
from core.editing import Stored, fingerprint, note_with_stored, refuse_stale
from core.errors import RuleError
from core.paging import page_number, rows_of_page
from core.search import has_part
from core.web import acting, note, page, see_other
from courses.blueprint import blueprint
from courses.lookups import offering_of, whole_class
from courses.models import Course
from courses.offering_checks import ConflictError
from courses.offering_models import (
    InstructorRole,
    Offering,
    OfferingInstructor,
    OfferingState,
    Venue,
)
from courses.offerings import (
    OfferingDetails,
    assign_instructors,
    edit_offering,
    publish,
    set_enrollment_dates,
)
from courses.office.class_forms import DetailsForm, InstructorsForm, details_of, how_it_runs, in_utc
from courses.scheduling import Conflict, clock_changes

PAGE = 40
VIEWS = ("coming", "running", "past", "drafts", "cancelled")


@blueprint.get("/office/classes")
@roles(*STAFF)
def office_classes() -> ResponseReturnValue:
    """Classes by where they stand, searched by code, course, place or instructor."""
    view = request.args.get("when", "coming")
    view = view if view in VIEWS else "coming"
    search = request.args.get("q", "").strip()[:100]
    query = (
        sa.select(Offering)
        .join(Offering.course)
        .join(Offering.venue)
        .where(_standing(view, clock.now()))
        .options(
            joinedload(Offering.course),
            joinedload(Offering.venue),
            selectinload(Offering.instructors).joinedload(OfferingInstructor.user),
        )
        .order_by(*_order(view))
    )
    if search:
        query = query.where(_matches(search))
    rows, paging = rows_of_page(db.session, query, size=PAGE, number=page_number())
    return page(
        "courses/office/classes.html",
        offerings=[row[0] for row in rows],
        paging=paging,
        search=search,
        view=view,
        now=clock.now(),
    )


def _standing(view: str, now: datetime) -> sa.ColumnElement[bool]:
    published = Offering.state == OfferingState.PUBLISHED
    if view == "drafts":
        return Offering.state == OfferingState.DRAFT
    if view == "cancelled":
        return Offering.state == OfferingState.CANCELLED
    if view == "running":
        return sa.and_(published, Offering.starts_at <= now, Offering.ends_at > now)
    if view == "past":
        return sa.and_(published, Offering.ends_at <= now)
    return sa.and_(published, Offering.starts_at > now)


def _order(view: str) -> tuple[sa.ColumnElement[datetime], sa.ColumnElement[int]]:
    if view in ("past", "cancelled"):
        return Offering.starts_at.desc(), Offering.id.desc()
    return Offering.starts_at.asc(), Offering.id.asc()


def _matches(search: str) -> sa.ColumnElement[bool]:
    from accounts.models import User

    taught_by = (
        sa.select(OfferingInstructor.offering_id)
        .join(User, User.id == OfferingInstructor.user_id)
        .where(has_part(User.name, search))
    )
    columns = (Offering.code, Course.title, Venue.name, Venue.city)
    return sa.or_(*(has_part(column, search) for column in columns), Offering.id.in_(taught_by))


@blueprint.get("/office/classes/<code>")
@roles(*STAFF)
def office_class(code: str) -> ResponseReturnValue:
    """One class: where it stands, its meetings, who teaches, what is next."""
    offering = whole_class(db.session, code)
    return page(
        "courses/office/class.html",
        offering=offering,
        changes=clock_changes(offering.meetings, offering.time_zone),
        credit=sum(meeting.credit_minutes for meeting in offering.meetings),
        now=clock.now(),
    )


@blueprint.post("/office/classes/<code>/publish")
@roles(*STAFF)
def office_publish_class(code: str) -> ResponseReturnValue:
    """Show a class to students."""
    try:
        with acting() as session:
            actor = actor_again(session)
            publish(session, offering_of(session, code), actor=actor, now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("%(code)s is published. Students can find it now.", code=code.upper()), "success")
    return see_other(url_for("courses.office_class", code=code.lower()))


@blueprint.route("/office/classes/<code>/edit", methods=["GET", "POST"])
@roles(*STAFF)
def office_edit_class(code: str) -> ResponseReturnValue:
    """Price, policy, when enrollment opens and closes, how it enrolls, notes."""
    offering = whole_class(db.session, code)
    form, stored = DetailsForm(db.session, data=details_of(offering)), list[Stored]()
    if not form.is_submitted():
        form.seen.data = fingerprint(form)
    elif form.validate():
        try:
            _save_details(code, form)
        except RuleError as error:
            stored = note_with_stored(form, error)
        else:
            flash(_("%(code)s is saved.", code=code.upper()), "success")
            return see_other(url_for("courses.office_class", code=code.lower()))
        offering = whole_class(db.session, code)
    return page("courses/office/class_edit.html", form=form, offering=offering, stored=stored)


def _save_details(code: str, form: DetailsForm) -> None:
    with acting() as session:
        actor, now = actor_again(session), clock.now()
        offering = offering_of(session, code, lock=True)
        fresh = DetailsForm(session, formdata=None, data=details_of(offering))
        refuse_stale(form, fresh, last=audit.last_change(session, offering), zone=offering.time_zone)
        details = OfferingDetails(
            price_cents=form.price.data if form.price.data is not None else offering.price_cents,
            policy_id=form.policy_id.data,
            **how_it_runs(form),
        )
        zone = offering.time_zone
        opens_at, closes_at = in_utc(form.opens_at.data, zone), in_utc(form.closes_at.data, zone)
        edit_offering(session, offering, details, actor=actor, now=now)
        set_enrollment_dates(session, offering, opens_at, closes_at, actor=actor, now=now)


@blueprint.route("/office/classes/<code>/instructors", methods=["GET", "POST"])
@roles(*STAFF)
def office_instructors(code: str) -> ResponseReturnValue:
    """Who leads and who assists; somebody who teaches elsewhere at the time is named before saving."""
    offering = whole_class(db.session, code)
    form = InstructorsForm(db.session, offering.instructors)
    stored, found = list[Stored](), list[Conflict]()
    if not form.is_submitted():
        form.seen.data = fingerprint(form)
    elif form.validate():
        try:
            _save_instructors(code, form)
        except ConflictError as error:
            found = error.conflicts
            note(form, error)
        except RuleError as error:
            stored = note_with_stored(form, error)
        else:
            flash(_("The instructors of %(code)s are saved.", code=code.upper()), "success")
            return see_other(url_for("courses.office_class", code=code.lower()))
        offering = whole_class(db.session, code)
    return page(
        "courses/office/class_instructors.html", form=form, offering=offering, stored=stored, conflicts=found
    )


def _save_instructors(code: str, form: InstructorsForm) -> None:
    with acting() as session:
        actor = actor_again(session)
        offering = offering_of(session, code, lock=True)
        fresh = InstructorsForm(session, offering.instructors, formdata=None)
        refuse_stale(form, fresh, last=audit.last_change(session, offering), zone=offering.time_zone)
        assign_instructors(
            session,
            offering,
            form.lead_id.data or None,
            form.assistant_ids.data or [],
            actor=actor,
            now=clock.now(),
            despite_conflicts=form.despite_conflicts.data,
        )


def lead_of(offering: Offering) -> str:
    """The lead instructor's name; empty while there is none."""
    return next((row.user.name for row in offering.instructors if row.role is InstructorRole.LEAD), "")
