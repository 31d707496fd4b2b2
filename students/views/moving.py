"""Moving to another class of the course, by the student."""

import sqlalchemy as sa
from flask import Response, flash, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session, joinedload

from accounts.access import actor_again, me, signed_in
from core import clock
from core.database import db
from core.errors import RuleError
from core.formatting import date_range
from core.web import acting, note, page, see_other
from courses.offering_models import Offering, OfferingState
from students import lookups, transferring
from students.blueprint import blueprint
from students.forms import TransferForm
from students.models import Enrollment


def other_classes(session: Session, enrollment: Enrollment) -> list[Offering]:
    """Published classes of the same course that aren't over, soonest first. One statement."""
    return list(
        session.scalars(
            sa.select(Offering)
            .where(
                Offering.course_id == enrollment.offering.course_id,
                Offering.id != enrollment.offering_id,
                Offering.state == OfferingState.PUBLISHED,
                Offering.ends_at > clock.now(),
            )
            .options(joinedload(Offering.venue))
            .order_by(Offering.starts_at)
        )
    )


def choices_of(offerings: list[Offering]) -> list[tuple[str, str]]:
    """For the form: the classes with date, place and seats left."""
    return [
        (
            str(item.id),
            ", ".join(
                [
                    item.code,
                    date_range(item.starts_at, item.ends_at, item.time_zone),
                    item.venue.place,
                    _("full")
                    if item.is_full
                    else ngettext("%(num)d seat left", "%(num)d seats left", item.seats_left),
                ]
            ),
        )
        for item in offerings
    ]


@blueprint.route("/my/enrollments/<int:id>/transfer", methods=["GET", "POST"])
@signed_in
def transfer(id: int) -> Response:
    """Choose another class, and move."""
    enrollment = lookups.own_enrollment(db.session, me(), id)
    others = [item for item in other_classes(db.session, enrollment) if item.starts_at > clock.now()]
    form = TransferForm()
    form.to.choices = [("", _("Choose one")), *choices_of(others)]
    if form.validate_on_submit():
        to_id = int(form.to.data or 0)
        try:
            with acting() as session:
                actor = actor_again(session)
                enrollment = lookups.own_enrollment(session, actor, id)
                to_offering = session.get_one(Offering, to_id)
                transferring.transfer(session, enrollment, to_offering, actor=actor, now=clock.now())
                code = to_offering.code
        except RuleError as error:
            note(form, error)
        else:
            flash(_("You moved to %(code)s. The confirmation is on its way by mail.", code=code), "success")
            return see_other(url_for("portal.my"))
        enrollment = lookups.own_enrollment(db.session, me(), id)
    why_not = transferring.why_not(db.session, enrollment, now=clock.now())
    return page("students/transfer.html", form=form, enrollment=enrollment, others=others, why_not=why_not)
