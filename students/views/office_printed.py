"""The office's page for what a certificate prints of one enrollment's person: name and license."""

from flask import Response, flash, request, url_for
from flask_babel import gettext as _

from accounts.access import STAFF, actor_again, roles
from core import clock
from core.database import db
from core.errors import RuleError
from core.typed import row_number
from core.web import acting, note, page, safe_next, see_other
from students import lookups
from students.blueprint import blueprint
from students.forms import PrintedForm, profession_choices
from students.jurisdictions import jurisdiction_name
from students.models import Enrollment
from students.people import LicenseEntry, profession_label
from students.printing import set_printed


@blueprint.route("/office/enrollments/<int:id>/printed", methods=["GET", "POST"])
@roles(*STAFF)
def office_printed(id: int) -> Response:
    """Set the name and the license right, also after the class; ``next`` says where to go on."""
    enrollment = lookups.office_enrollment(db.session, id)
    back = safe_next(url_for("students.office_enrollment", id=id), request.values.get("next", ""))
    form = _form(enrollment)
    if form.validate_on_submit():
        try:
            with acting() as session:
                set_printed(
                    session,
                    lookups.office_enrollment(session, id),
                    certificate_name=form.certificate_name.data or "",
                    license_id=row_number(form.license.data),
                    other=_other(form),
                    actor=actor_again(session),
                    now=clock.now(),
                )
        except RuleError as error:
            note(form, error)
        else:
            flash(_("Saved. The next certificate prints it so."), "success")
            return see_other(back)
    enrollment = lookups.office_enrollment(db.session, id)
    return page("students/office/printed.html", form=form, enrollment=enrollment, back=back)


def _form(enrollment: Enrollment) -> PrintedForm:
    form = PrintedForm(
        data={
            "certificate_name": enrollment.certificate_name,
            "license": str(enrollment.license_id or ""),
            "profession": enrollment.profession,
        }
    )
    known = [
        (
            str(one.id),
            ", ".join((profession_label(one.profession), jurisdiction_name(one.jurisdiction), one.number)),
        )
        for one in enrollment.student.licenses
    ]
    form.license.choices = [("", _("No license")), *known, ("other", _("Another license, written below"))]
    form.profession.choices = profession_choices()
    return form


def _other(form: PrintedForm) -> LicenseEntry | None:
    if form.license.data != "other" and not (form.license_number.data or "").strip():
        return None  # a number that was typed is meant, whatever the list above it says
    if not form.profession.data:
        raise RuleError(_("Choose a profession."), field="profession")
    return LicenseEntry(
        form.profession.data, form.license_state.data or "", form.license_number.data or "", None
    )
