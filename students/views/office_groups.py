"""The office's pages for group bookings."""

import sqlalchemy as sa
from flask import Response, abort, flash, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.access import STAFF, actor_again, roles
from core import clock
from core.database import db
from core.errors import RuleError
from core.forms import Form
from core.links import absolute
from core.paging import page_number, rows_of_page
from core.search import has_part
from core.web import acting, note, page, see_other
from courses.offering_models import Offering, OfferingState
from students import group_fees, groups, ledger
from students.blueprint import blueprint
from students.group_forms import BookingForm, OfficePersonForm, SeatsForm
from students.group_models import GroupBooking
from students.views.groups import named

PAGE = 50


def booking_or_404(session: Session, booking_id: int) -> GroupBooking:
    """A booking with its class, for the office."""
    found = session.scalars(
        sa.select(GroupBooking)
        .where(GroupBooking.id == booking_id)
        .options(
            joinedload(GroupBooking.offering).options(
                joinedload(Offering.course), joinedload(Offering.venue)
            ),
            joinedload(GroupBooking.policy),
        )
    ).one_or_none()
    return found or abort(404)


@blueprint.get("/office/groups")
@roles(*STAFF)
def office_groups() -> Response:
    """All bookings, the class that begins last first; found by a part of organization, contact or class."""
    search = request.args.get("q", "").strip()[:100]
    query = (
        sa.select(GroupBooking, Offering)
        .join(Offering, Offering.id == GroupBooking.offering_id)
        .order_by(Offering.starts_at.desc(), GroupBooking.id)
    )
    for word in search.split():
        columns = (
            GroupBooking.organization,
            GroupBooking.contact_name,
            GroupBooking.contact_email,
            Offering.code,
        )
        query = query.where(sa.or_(*(has_part(column, word) for column in columns)))
    rows, paging = rows_of_page(db.session, query, size=PAGE, number=page_number())
    return page("students/office/groups.html", rows=rows, paging=paging, search=search)


@blueprint.route("/office/groups/new", methods=["GET", "POST"])
@roles(*STAFF)
def office_new_group() -> Response:
    """Reserve seats for an organization."""
    form = BookingForm(data={"offering": request.args.get("class", "")[:40].upper()})
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                code = (form.offering.data or "").upper()
                offering = session.scalars(sa.select(Offering).where(Offering.code == code)).one_or_none()
                if offering is None:
                    raise RuleError(_("There is no class %(code)s.", code=code), field="offering")
                booking_id = groups.book(
                    session,
                    offering,
                    organization=form.organization.data or "",
                    contact_name=form.contact_name.data or "",
                    contact_email=form.contact_email.data or "",
                    seat_count=form.seats.data or 0,
                    address=form.address.data or "",
                    reference=form.reference.data or "",
                    actor=actor,
                    now=clock.now(),
                ).id
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The seats are reserved, and the contact is told by mail."), "success")
            return see_other(url_for("students.office_group", booking_id=booking_id))
    classes = db.session.scalars(
        sa.select(Offering.code)
        .where(Offering.state == OfferingState.PUBLISHED, Offering.ends_at > clock.now())
        .order_by(Offering.starts_at)
    ).all()
    return page("students/office/group_new.html", form=form, classes=classes)


def _show(booking_id: int, person: Form | None = None, seats_form: Form | None = None) -> Response:
    booking, now = booking_or_404(db.session, booking_id), clock.now()
    account = ledger.account_of_group(db.session, booking_id)
    back = None
    if account is not None and booking.seats_open:
        back = group_fees.terms_of(
            db.session, booking, account, booking.offering, seats=booking.seats, count=1, now=now
        )
    return page(
        "students/office/group.html",
        status=422 if person or seats_form else 200,
        booking=booking,
        offering=booking.offering,
        people=groups.people_of(db.session, booking_id),
        account=account,
        one_seat_back=back,
        person=person or OfficePersonForm(formdata=None),
        seats_form=seats_form or SeatsForm(formdata=None),
        address=absolute("students.group", token=booking.token),
        now=now,
    )


@blueprint.get("/office/groups/<int:booking_id>")
@roles(*STAFF)
def office_group(booking_id: int) -> Response:
    """One booking: people, open seats, the contact's private address, the account."""
    return _show(booking_id)


@blueprint.post("/office/groups/<int:booking_id>/people")
@roles(*STAFF)
def office_group_name(booking_id: int) -> Response:
    """Name someone for an open seat."""
    form = OfficePersonForm()
    booking_or_404(db.session, booking_id)
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                booking = booking_or_404(session, booking_id)
                groups.name_person(session, booking, form.person, actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("%(name)s has a seat and is told by mail.", name=form.name.data), "success")
            return see_other(url_for("students.office_group", booking_id=booking_id))
    return _show(booking_id, person=form)


@blueprint.route("/office/groups/<int:booking_id>/people/<int:enrollment_id>/off", methods=["GET", "POST"])
@roles(*STAFF)
def office_group_off(booking_id: int, enrollment_id: int) -> Response:
    """Take a named person off, after asking."""
    booking = booking_or_404(db.session, booking_id)
    name = named(db.session, booking, enrollment_id).student.user.name
    form = Form()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                booking = booking_or_404(session, booking_id)
                going = named(session, booking, enrollment_id)
                groups.take_off(session, booking, going, actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("%(name)s is off the booking; the seat is open again.", name=name), "success")
            return see_other(url_for("students.office_group", booking_id=booking_id))
    return page(
        "_confirm.html",
        form=form,
        title=_("Take %(name)s off", name=name),
        message=_(
            "The seat stays reserved for %(organization)s. The person is told by mail.",
            organization=booking.organization,
        ),
        action_label=_("Take off"),
        keep_label=_("Keep the seat"),
        keep_url=url_for("students.office_group", booking_id=booking_id),
    )


@blueprint.post("/office/groups/<int:booking_id>/<any(more, fewer):way>")
@roles(*STAFF)
def office_group_seats(booking_id: int, way: str) -> Response:
    """Reserve more seats, or give unnamed ones back."""
    form = SeatsForm()
    booking_or_404(db.session, booking_id)
    if form.validate_on_submit():
        rule = groups.add_seats if way == "more" else groups.give_back_seats
        try:
            with acting() as session:
                actor = actor_again(session)
                booking = booking_or_404(session, booking_id)
                seen = form.seen.data or ""
                rule(
                    session,
                    booking,
                    form.count.data or 0,
                    seen=int(seen) if seen.isdecimal() and len(seen) < 10 else None,
                    actor=actor,
                    now=clock.now(),
                )
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The booking is changed, and its account with it."), "success")
            return see_other(url_for("students.office_group", booking_id=booking_id))
    return _show(booking_id, seats_form=form)
