"""The private page of a group's contact: whoever has the address may name people, swap one, and ask for the invoice."""

import sqlalchemy as sa
from flask import Response, abort, flash, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from core import clock, throttle
from core.database import db
from core.errors import RuleError
from core.forms import Form
from core.web import acting, note, page, see_other
from courses.offering_models import Offering
from students import groups, ledger
from students.blueprint import blueprint
from students.group_forms import PersonForm
from students.group_models import GroupBooking
from students.models import Enrollment

# Acts on one booking within an hour; far above what naming people takes, far below what guessing would.
ACTS_AN_HOUR = 120


def booking_by_token(session: Session, token: str) -> GroupBooking:
    """The booking of a private address, with class, course and venue; 404 for any other."""
    found = session.scalars(
        sa.select(GroupBooking)
        .where(GroupBooking.token == token)
        .options(
            joinedload(GroupBooking.offering).options(joinedload(Offering.course), joinedload(Offering.venue))
        )
    ).one_or_none()
    return found or abort(404)


def named(session: Session, booking: GroupBooking, enrollment_id: int) -> Enrollment:
    """Someone on the booking; 404 for anyone else."""
    enrollment = session.get(Enrollment, enrollment_id)
    if enrollment is None or enrollment.group_booking_id != booking.id:
        abort(404)
    return enrollment


def _hit(token: str) -> None:
    throttle.hit("group", token, limit=ACTS_AN_HOUR, seconds=3600, now=clock.now())


def _show(token: str, form: Form | None) -> Response:
    booking = booking_by_token(db.session, token)
    answer = page(
        "students/group.html",
        form=form or PersonForm(formdata=None),
        booking=booking,
        offering=booking.offering,
        people=groups.as_named(groups.people_of(db.session, booking.id)),
        account=ledger.account_of_group(db.session, booking.id),
        now=clock.now(),
    )
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address is the key
    return answer


@blueprint.get("/groups/<token>")
def group(token: str) -> Response:
    """The booking: seats, people, what is to be paid."""
    return _show(token, None)


@blueprint.post("/groups/<token>")
def group_name(token: str) -> Response:
    """Name someone for an open seat."""
    booking_by_token(db.session, token)
    _hit(token)
    form = PersonForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                booking = booking_by_token(session, token)
                made = groups.name_person(session, booking, form.person, actor=None, now=clock.now())
                name = made.named_as
        except RuleError as error:
            note(form, error)
        else:
            flash(_("%(name)s has a seat and is told by mail.", name=name), "success")
            return see_other(url_for("students.group", token=token))
    return _show(token, form)


@blueprint.route("/groups/<token>/people/<int:enrollment_id>", methods=["GET", "POST"])
def group_swap(token: str, enrollment_id: int) -> Response:
    """Put another person on someone's seat."""
    booking = booking_by_token(db.session, token)
    enrollment = named(db.session, booking, enrollment_id)
    name = enrollment.named_as
    form = PersonForm()
    if form.is_submitted():
        _hit(token)
    if form.validate_on_submit():
        try:
            with acting() as session:
                booking = booking_by_token(session, token)
                going = named(session, booking, enrollment_id)
                made = groups.swap(session, booking, going, form.person, actor=None, now=clock.now())
                new = made.named_as
        except RuleError as error:
            note(form, error)
        else:
            flash(
                _("%(new)s takes the seat of %(old)s. Both are told by mail.", new=new, old=name),
                "success",
            )
            return see_other(url_for("students.group", token=token))
        booking = booking_by_token(db.session, token)
    return page("students/group_swap.html", form=form, booking=booking, offering=booking.offering, going=name)


@blueprint.post("/groups/<token>/invoice")
def group_invoice(token: str) -> Response:
    """Have the invoice mailed to the contact."""
    booking_by_token(db.session, token)
    _hit(token)
    try:
        with acting() as session:
            booking = booking_by_token(session, token)
            groups.mail_invoice(session, booking, actor=None, now=clock.now())
            address = booking.contact_email
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("The invoice is on its way to %(address)s.", address=address), "success")
    return see_other(url_for("students.group", token=token))
