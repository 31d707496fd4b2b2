"""What students do with their own enrollments and data."""

from collections.abc import Callable

from flask import Response, flash, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.access import actor_again, me, signed_in
from accounts.models import User
from core import clock, jobs
from core.database import db
from core.errors import RuleError
from core.formatting import date_range, money
from core.links import absolute
from core.school import current_school
from core.web import acting, note, page, see_other
from students import leaving, ledger, lookups, openings, people, waitlist
from students.blueprint import blueprint
from students.forms import ConfirmForm, DetailsForm, LicenseForm, profession_choices
from students.models import Enrollment, EnrollmentState, Student
from students.people import LicenseEntry


@blueprint.route("/my/enrollments/<int:id>/withdraw", methods=["GET", "POST"])
@signed_in
def withdraw(id: int) -> Response:
    """Ask, with what comes back, and withdraw."""
    form = ConfirmForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                enrollment = lookups.own_enrollment(session, actor, id)
                leaving.withdraw(session, enrollment, actor=actor, now=clock.now())
                title = enrollment.offering.course.title
        except RuleError as error:
            note(form, error)
        else:
            flash(_("You withdrew from %(title)s. A mail confirms it.", title=title), "success")
            return see_other(url_for("portal.my"))
    enrollment = lookups.own_enrollment(db.session, me(), id)
    return _ask_whether(form, enrollment, *_about_leaving(enrollment, form))


def _about_leaving(enrollment: Enrollment, form: ConfirmForm) -> tuple[str, list[str], str, str]:
    """Title, words and buttons of the withdraw page."""
    offering, now = enrollment.offering, clock.now()
    title = offering.course.title
    dates = date_range(offering.starts_at, offering.ends_at, offering.time_zone)
    try:
        leaving.require_leavable(enrollment, offering, now)
    except RuleError as error:
        if not form.form_errors:
            note(form, error)
        return title, [dates], "", _("Back to your classes")
    if enrollment.state is not EnrollmentState.ENROLLED:
        words = [_("%(title)s, %(dates)s. You owe nothing.", title=title, dates=dates)]
        if enrollment.state is EnrollmentState.WAITLISTED:
            words.append(_("Coming back later means the end of the line."))
        return (
            _("Stop waiting for %(code)s?", code=offering.code),
            words,
            _("Stop waiting"),
            _("Keep my place"),
        )
    if enrollment.group_booking is not None:
        words = [
            _("%(title)s, %(dates)s.", title=title, dates=dates),
            _(
                "Your seat goes back to %(organization)s, which booked and pays for it.",
                organization=enrollment.group_booking.organization,
            ),
        ]
        return (_("Withdraw from %(code)s?", code=offering.code), words, _("Withdraw"), _("Keep my seat"))
    account = ledger.account_of(db.session, enrollment.id)
    charged = account.charged_cents if account else None
    terms = leaving.terms_of(enrollment, offering, enrollment.policy, now=now, charged_cents=charged)
    school = current_school(db.session)
    currency = school.currency if school else "USD"
    paid = account.paid_cents if account else 0
    words = [
        _("%(title)s, %(dates)s, begins today.", title=title, dates=dates)
        if terms.days_before == 0
        else ngettext(
            "%(title)s, %(dates)s, begins in %(num)d day.",
            "%(title)s, %(dates)s, begins in %(num)d days.",
            terms.days_before,
            title=title,
            dates=dates,
        ),
        _(
            "By the terms you agreed to, the school keeps %(kept)s of the price of %(price)s today.",
            kept=money(terms.kept_cents, currency),
            price=money(terms.price_cents, currency),
        ),
        _(
            "You paid %(paid)s so far, so %(back)s comes back to you. Nothing more is asked for.",
            paid=money(paid, currency),
            back=money(terms.refund_of(paid), currency),
        ),
        waitlist.whose_next(offering, offering.policy, clock.now()),
    ]
    return (
        _("Withdraw from %(code)s?", code=offering.code),
        words,
        _("Withdraw"),
        _("Keep my seat"),
    )


def _ask_whether(
    form: ConfirmForm, enrollment: Enrollment, title: str, words: list[str], act: str, keep: str
) -> Response:
    return page(
        "_confirm.html",
        form=form,
        title=title,
        message=words,
        action_label=act,
        keep_label=keep,
        keep_url=url_for("portal.my"),
        section="portal.my",
    )


@blueprint.post("/my/enrollments/<int:id>/accept")
@signed_in
def accept(id: int) -> Response:
    """Take the seat that is held."""
    return _answer(id, waitlist.accept, _("The seat is yours. The confirmation is on its way by mail."))


@blueprint.route("/my/enrollments/<int:id>/decline", methods=["GET", "POST"])
@signed_in
def decline(id: int) -> Response:
    """Ask, and pass on the seat."""
    form = ConfirmForm()
    if form.validate_on_submit():
        return _answer(
            id,
            waitlist.decline,
            _("You passed on the seat. Your place on the waitlist has ended, and you owe nothing."),
        )
    enrollment = lookups.own_enrollment(db.session, me(), id)
    offering = enrollment.offering
    dates = date_range(offering.starts_at, offering.ends_at, offering.time_zone)
    words = [
        _("%(title)s, %(dates)s.", title=offering.course.title, dates=dates),
        waitlist.whose_next(offering, offering.policy, clock.now()),
        _("Your place on the waitlist ends. You owe nothing."),
    ]
    if enrollment.state is not EnrollmentState.OFFERED:
        note(form, waitlist.nothing_to_decline(enrollment.state))
        return _ask_whether(form, enrollment, offering.course.title, [dates], "", _("Back to your classes"))
    title = _("Pass on the seat in %(code)s?", code=offering.code)
    return _ask_whether(form, enrollment, title, words, _("Pass on the seat"), _("Keep the offer"))


def _answer(enrollment_id: int, act: Callable[..., None], said: str) -> Response:
    try:
        with acting() as session:
            actor = actor_again(session)
            enrollment = lookups.own_enrollment(session, actor, enrollment_id)
            act(session, enrollment, actor=actor, now=clock.now())
    except waitlist.OfferLapsedError as error:
        jobs.send_nudge(waitlist.LAPSE_JOB)  # the next in line need not wait for the minute
        flash(str(error), "error")
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(said, "success")
    return see_other(url_for("portal.my"))


@blueprint.route("/my/details", methods=["GET", "POST"])
@signed_in
def details() -> Response:
    """Name on certificates, phone, reminders; licenses and the calendar's address below."""
    student = people.find_student(db.session, me().id)
    form = (
        DetailsForm(obj=student) if student else DetailsForm(certificate_name=me().name, wants_reminders=True)
    )
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                people.change_details(
                    session,
                    people.student_of(session, actor),
                    certificate_name=form.certificate_name.data or "",
                    phone=form.phone.data or "",
                    wants_reminders=form.wants_reminders.data,
                    actor=actor,
                    now=clock.now(),
                )
        except RuleError as error:
            note(form, error)
        else:
            flash(_("Your details are saved."), "success")
            return see_other(url_for("students.details"))
    return _show_details(form, LicenseForm(formdata=None))


def _show_details(form: DetailsForm, license_form: LicenseForm) -> Response:
    student = people.find_student(db.session, me().id)
    license_form.profession.choices = profession_choices()[:-1]
    failed = bool(form.errors or form.form_errors or license_form.errors or license_form.form_errors)
    return page(
        "students/details.html",
        details_form=form,
        license_form=license_form,
        student=student,
        wishes=openings.wishes_of(db.session, student),
        profession_label=people.profession_label,
        expiry_words=people.expiry_words,
        now=clock.now(),
        feed_url=absolute("students.calendar_feed", token=student.calendar_token) if student else "",
        status=422 if failed else None,
    )


@blueprint.post("/my/licenses")
@signed_in
def add_license() -> Response:
    """Add a license, or correct the one of the same profession and place."""
    form = LicenseForm()
    form.profession.choices = profession_choices()[:-1]
    if form.validate_on_submit():
        entry = LicenseEntry(
            form.profession.data or "",
            form.license_state.data or "",
            form.license_number.data or "",
            form.expires_on.data,
        )
        try:
            with acting() as session:
                actor = actor_again(session)
                student = people.student_of(session, actor)
                people.enter_license(session, student, entry, actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("Your license is saved."), "success")
            return see_other(url_for("students.details"))
    user = me()
    student_now = people.find_student(db.session, user.id)
    shown = DetailsForm(
        formdata=None, obj=student_now, **({} if student_now else {"certificate_name": user.name})
    )
    return _show_details(shown, form)


@blueprint.post("/my/licenses/<int:license_id>/remove")
@signed_in
def remove_license(license_id: int) -> Response:
    """Take a license off the list."""
    own_act(
        lambda session, student, actor: people.remove_license(
            session, student, license_id, actor=actor, now=clock.now()
        ),
        _("The license is removed."),
    )
    return see_other(url_for("students.details"))


def own_act(act: Callable[[Session, Student, User], None], said: str) -> None:
    """Do something with the reader's own record, and say what was done, or why not."""
    try:
        with acting() as session:
            actor = actor_again(session)
            act(session, people.student_of(session, actor), actor)
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(said, "success")
