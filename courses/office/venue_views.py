"""Venues: list, create, edit."""

import sqlalchemy as sa
from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.access import STAFF, actor_again, roles
from core import audit, clock
from core.database import db, locked
from core.editing import EditForm, Stored, fingerprint, note_with_stored, refuse_stale
from core.errors import RuleError
from core.forms import (
    BooleanField,
    CodeField,
    Length,
    Required,
    StringField,
    TextAreaField,
    WholeNumberField,
)
from core.paging import page_number, rows_of_page
from core.school import current_school
from core.search import has_part
from core.web import acting, note, page, see_other
from courses.blueprint import blueprint
from courses.lookups import venue_of
from courses.offering_models import Offering, OfferingState, Venue
from courses.venues import VenueData, create_venue, edit_venue

PAGE = 50


class VenueForm(EditForm):
    """Everything a venue is."""

    code = CodeField(_l("Code"), [Required()])
    name = StringField(_l("Name"), [Required(), Length(max=200)])
    is_online = BooleanField(_l("An online classroom"))
    street = StringField(_l("Street"), [Length(max=200)])
    city = StringField(_l("City"), [Length(max=200)])
    region = StringField(_l("State or region"), [Length(max=200)])
    country = StringField(_l("Country"), [Length(max=200)])
    time_zone = StringField(
        _l("Time zone"), [Required(), Length(max=200)], render_kw={"list": "zones", "autocomplete": "off"}
    )
    seats = WholeNumberField(_l("Seats in the room"), [Required()], minimum=1, maximum=10_000)
    directions = TextAreaField(_l("How to find it"), [Length(max=4000)])


def _data(form: VenueForm) -> VenueData:
    given = {name: value for name, value in form.data.items() if name not in ("seen", "csrf_token")}
    return VenueData(**given)


@blueprint.get("/office/venues")
@roles(*STAFF)
def office_venues() -> ResponseReturnValue:
    """All venues, with how many classes are coming there."""
    coming = (
        sa.select(sa.func.count(Offering.id))
        .where(
            Offering.venue_id == Venue.id,
            Offering.state != OfferingState.CANCELLED,
            Offering.starts_at > clock.now(),
        )
        .scalar_subquery()
    )
    query = sa.select(Venue, coming).order_by(Venue.name, Venue.id)
    search = request.args.get("q", "").strip()[:100]
    if search:
        columns = (Venue.code, Venue.name, Venue.city)
        query = query.where(sa.or_(*(has_part(column, search) for column in columns)))
    rows, paging = rows_of_page(db.session, query, size=PAGE, number=page_number())
    return page("courses/office/venues.html", rows=rows, paging=paging, search=search)


@blueprint.route("/office/venues/new", methods=["GET", "POST"])
@roles(*STAFF)
def office_new_venue() -> ResponseReturnValue:
    """A new venue."""
    school = current_school(db.session)
    form = VenueForm(data={"time_zone": school.time_zone if school else ""})
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                venue = create_venue(session, _data(form), actor=actor, now=clock.now())
                name = venue.name
        except RuleError as error:
            note(form, error)
        else:
            flash(_("%(name)s is saved.", name=name), "success")
            return see_other(url_for("courses.office_venues"))
    return page("courses/office/venue.html", form=form, venue=None, stored=[], zones=_zones())


@blueprint.route("/office/venues/<code>", methods=["GET", "POST"])
@roles(*STAFF)
def office_venue(code: str) -> ResponseReturnValue:
    """One venue."""
    venue = venue_of(db.session, code)
    form, stored = VenueForm(obj=venue), list[Stored]()
    if not form.is_submitted():
        form.seen.data = fingerprint(form)
    elif form.validate():
        try:
            with acting() as session:
                actor, venue = actor_again(session), venue_of(session, code)
                locked(session, Venue, venue.id)
                fresh = VenueForm(formdata=None, obj=venue)
                refuse_stale(form, fresh, last=audit.last_change(session, venue), zone=venue.time_zone)
                edit_venue(session, venue, _data(form), actor=actor, now=clock.now())
                name = venue.name
        except RuleError as error:
            stored = note_with_stored(form, error)
        else:
            flash(_("%(name)s is saved.", name=name), "success")
            return see_other(url_for("courses.office_venues"))
        venue = venue_of(db.session, code)
    return page("courses/office/venue.html", form=form, venue=venue, stored=stored, zones=_zones())


def _zones() -> list[str]:
    """Zones to suggest: those in use here already, and the usual ones."""
    used = db.session.scalars(sa.select(Venue.time_zone).distinct())
    usual = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Europe/London")
    return sorted({*used, *usual})
