"""The school's settings, for administrators."""

from typing import Any

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.access import actor_again, roles
from accounts.models import Role
from core import audit, clock
from core.database import db
from core.editing import EditForm, Stored, fingerprint, note_with_stored, refuse_stale
from core.errors import RuleError
from core.forms import (
    CodeField,
    EmailField,
    Length,
    RateField,
    Required,
    StringField,
    TelField,
    TextAreaField,
)
from core.school import current_school
from core.web import acting, page, see_other
from portal.blueprint import blueprint
from portal.school_settings import SchoolData, save_school


class SchoolForm(EditForm):
    """Everything a school is."""

    name = StringField(_l("Name"), [Required(), Length(max=200)])
    address = TextAreaField(_l("Address"), [Required(), Length(max=500)])
    email = EmailField(_l("Email"), [Required()])
    phone = TelField(_l("Phone"), [Length(max=60)])
    website = StringField(_l("Website"), [Length(max=200)])
    signatory = StringField(_l("Signs for the school"), [Length(max=200)])
    tax_id = StringField(_l("Tax or registration number"), [Length(max=200)])
    bank_details = TextAreaField(_l("How to pay"), [Length(max=1000)])
    tax_name = StringField(_l("Name of the tax"), [Length(max=40)])
    tax_rate = RateField(_l("Rate in percent"))
    tax_note = StringField(_l("Why no tax is charged"), [Length(max=200)])
    currency = CodeField(_l("Currency"), [Required()], longest=3)
    time_zone = StringField(_l("Time zone"), [Required(), Length(max=200)])
    number_prefix = CodeField(_l("Certificate numbers begin with"), [Required()], longest=8)


@blueprint.route("/office/school", methods=["GET", "POST"])
@roles(Role.ADMIN)
def office_school() -> ResponseReturnValue:
    """Name, address, signatory, currency, zone, number prefix."""
    form, stored = SchoolForm(obj=current_school(db.session)), list[Stored]()
    if not form.is_submitted():
        form.seen.data = fingerprint(form)
    elif form.validate():
        try:
            _save(form)
        except RuleError as error:
            stored = note_with_stored(form, error)
        else:
            flash(_("The school’s settings are saved."), "success")
            return see_other(url_for("portal.office_school"))
    return page("portal/school.html", form=form, stored=stored)


def _save(form: SchoolForm) -> None:
    with acting() as session:
        actor = actor_again(session)
        school = current_school(session)
        fresh = SchoolForm(formdata=None, obj=school)
        last = audit.last_change(session, school) if school else None
        refuse_stale(form, fresh, last=last, zone=school.time_zone if school else "UTC")
        given: dict[str, Any] = {
            name: value or "" for name, value in form.data.items() if name not in ("seen", "csrf_token")
        }
        given["tax_rate"] = form.tax_rate.data or 0
        save_school(session, SchoolData(**given), actor=actor, now=clock.now())
