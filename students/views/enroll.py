"""The enrollment form."""

from datetime import datetime

from flask import Response, flash, request, url_for
from flask_babel import gettext as _

from accounts.access import actor_again, me, signed_in
from accounts.models import User
from core import clock, throttle
from core.clock import local_date
from core.database import db
from core.errors import RuleError, ThrottledError
from core.web import acting, note, page, see_other
from courses.offering_models import Offering
from students import enrollment as enrolling
from students import leaving, lookups, people, prerequisites, quotes, seats, tax, waitlist
from students.blueprint import blueprint
from students.enrollment import EnrollRequest
from students.forms import EnrollForm, profession_choices
from students.models import Enrollment, EnrollmentState, Student

# Forms with a discount code that one person may send in an hour.
CODES_AN_HOUR = 30


@blueprint.route("/classes/<code>/enroll", methods=["GET", "POST"])
@signed_in
def enroll(code: str) -> Response:
    """The form, and asking for the seat."""
    form = EnrollForm()
    is_valid = form.validate_on_submit()
    if _counted(form) and is_valid:
        answer = _ask(code, form)
        if answer is not None:
            return answer
    return _show(code, form)


def _counted(form: EnrollForm) -> bool:
    """Count a discount code that was typed, right or wrong, so that nobody guesses one; False when there were too many."""
    if not form.is_submitted() or not (form.discount_code.data or "").strip():
        return True
    try:
        throttle.hit("discount code", str(me().id), limit=CODES_AN_HOUR, seconds=3600, now=clock.now())
    except ThrottledError as error:
        form.discount_code.data = ""  # the page says nothing of it
        form.discount_code.errors = [*form.discount_code.errors, str(error)]
        return False
    return True


def _ask(code: str, form: EnrollForm) -> Response | None:
    """Enroll; None when the form has to be shown again, with what is wrong noted in it."""
    try:
        with acting() as session:
            actor = actor_again(session)
            offering = lookups.lock_class_of(session, code)
            student = people.student_of(session, actor)
            enrollment = enrolling.enroll(
                session, offering, student, _request_of(form, offering), actor=actor, now=clock.now()
            )
            state, title = enrollment.state, offering.course.title
    except RuleError as error:
        note(form, error)
        return None
    flash(_said(state, title), "success")
    return see_other(url_for("portal.my"))


def _request_of(form: EnrollForm, offering: Offering) -> EnrollRequest:
    return EnrollRequest(
        certificate_name=form.certificate_name.data or "",
        profession=form.profession.data or "",
        license_state=form.license_state.data or "",
        license_number=form.license_number.data or "",
        policy_id=_version(form.policy_version.data, offering.policy_id) if form.accept_policy.data else None,
        screening_set_id=(
            _version(form.screening_version.data, offering.course.screening_set_id)
            if form.acknowledge_screening.data
            else None
        ),
        talk_to_instructor=form.talk_to_instructor.data,
        wants_access_help=form.access_help.data,
        discount_code=form.discount_code.data or "",
    )


def _version(shown: str | None, current: int) -> int:
    """The version that the page showed; a sender that does not say means the current one."""
    return int(shown) if shown and shown.isdecimal() and len(shown) < 10 else current


def _said(state: EnrollmentState, title: str) -> str:
    if state is EnrollmentState.ENROLLED:
        return _("You are enrolled in %(title)s. The confirmation is on its way by mail.", title=title)
    if state is EnrollmentState.WAITLISTED:
        return _("You are on the waitlist of %(title)s. A mail tells you when a seat is free.", title=title)
    return _("The office looks at your request for %(title)s. A mail tells you the answer.", title=title)


def _show(code: str, form: EnrollForm) -> Response:
    session, user, now = db.session, me(), clock.now()
    offering = lookups.class_of(session, code)
    course, policy = offering.course, offering.policy
    form.profession.choices = profession_choices(course.open_to)
    student = people.find_student(session, user.id)
    existing = seats.live_enrollment(session, offering.id, student.id) if student else None
    result = prerequisites.check(
        session, course.id, student.id if student else None, before=offering.starts_at
    )
    closed = _why_closed(offering, existing, now)
    if request.method == "GET":
        _prefill(form, user, student, offering)
    return page(
        "students/enroll.html",
        form=form,
        offering=offering,
        course=course,
        policy=policy,
        closed=closed,
        result=result,
        next_classes=prerequisites.next_classes(
            session, [need.course.id for need in result.missing_required], now=now
        ),
        tax_words=tax.words,
        quote=quotes.quote(
            session,
            offering,
            student.id if student else None,
            code=form.discount_code.data or "",
            now=now,
        ),
        will_wait=offering.is_full,
        waiting_open=waitlist.is_open(offering, policy, now),
        refund_steps=leaving.steps(policy, offering),
        today=local_date(clock.now(), offering.time_zone),
    )


def _why_closed(offering: Offering, existing: Enrollment | None, now: datetime) -> str:
    """Why there is nothing to fill in, or an empty text."""
    if existing is not None:
        return seats.already(existing.state)
    closed = enrolling.why_closed(offering, now)
    if closed:
        return closed
    if offering.is_full and not waitlist.is_open(offering, offering.policy, now):
        return str(enrolling.no_seat(offering, by_office=False))
    return ""


def _prefill(form: EnrollForm, user: User, student: Student | None, offering: Offering) -> None:
    form.certificate_name.data = student.certificate_name if student else user.name
    form.screening_version.data = str(offering.course.screening_set_id)
    form.policy_version.data = str(offering.policy_id)
    if student is None:
        return
    fitting = [item for item in student.licenses if item.profession in offering.course.open_to]
    chosen = next(iter(fitting or student.licenses), None)
    form.profession.data = chosen.profession if chosen else student.profession
    if chosen is not None:
        form.license_state.data = chosen.jurisdiction
        form.license_number.data = chosen.number
