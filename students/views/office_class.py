"""The office's pages of a class: roster, enrolling by hand, capacity, cancelling."""

from datetime import datetime

from flask import Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.access import STAFF, actor_again, roles
from accounts.models import User
from core import clock
from core.database import db
from core.errors import RuleError
from core.web import acting, note, page, see_other
from courses.offering_models import Offering
from students import (
    cancelling,
    capacity,
    explaining,
    groups,
    lookups,
    people,
    prerequisites,
    roster,
    states,
    waitlist,
)
from students import enrollment as enrolling
from students.blueprint import blueprint
from students.enrollment import EnrollRequest
from students.forms import CapacityForm, OfficeEnrollForm, ReasonForm
from students.models import ROLL_STATES, Enrollment, EnrollmentState, Source

S = EnrollmentState
# After this many days a request is shown as old.
OLD_REQUEST_DAYS = 2


@blueprint.get("/office/classes/<code>/roster")
@roles(*STAFF)
def office_roster(code: str) -> Response:
    """Everyone in and around a class."""
    session, now = db.session, clock.now()
    offering = lookups.office_class_of(session, code)
    everyone = roster.everyone(session, offering.id)
    line = [item for item in everyone if item.state is S.WAITLISTED]
    bookings = groups.bookings_of(session, offering.id)
    return page(
        "students/office/roster.html",
        offering=offering,
        seated=sorted(
            (item for item in everyone if item.state in ROLL_STATES),
            key=lambda item: (item.student.user.family_name, item.student.user.name),
        ),
        pending=[item for item in everyone if item.state is S.PENDING],
        offers=[item for item in everyone if item.state is S.OFFERED],
        waiting=[
            (place, item, explaining.explain(item, item.history, place, offering.time_zone))
            for place, item in enumerate(line, start=1)
        ],
        gone=[item for item in everyone if item.state in states.FINAL_STATES],
        labels=states.LABELS,
        missing=prerequisites.missing_of(session, offering, _coming_students(everyone, offering, now)),
        bookings=bookings,
        organizations={booking.id: booking.organization for booking in bookings},
        promotions=_promotions(everyone, offering.time_zone),
        age_days=lambda item: (now - item.created_at).days,
        old_days=OLD_REQUEST_DAYS,
        list_open=waitlist.is_open(offering, offering.policy, now),
        cut_off=waitlist.cut_off(offering, offering.policy),
        can_seat=not enrolling.why_closed(offering, now, by_office=True),
    )


def _coming_students(everyone: list[Enrollment], offering: Offering, now: datetime) -> set[int]:
    """Who will sit in the class, while it has not begun."""
    if offering.starts_at <= now:
        return set()
    return {item.student_id for item in everyone if item.state in (S.ENROLLED, S.OFFERED, S.PENDING)}


def _promotions(everyone: list[Enrollment], zone: str) -> list[str]:
    """Each promotion of this class in words, oldest first."""
    found: list[tuple[datetime, int, str]] = []
    for item in everyone:
        for event in item.history:
            text = explaining.promotion(event, zone)
            if text:
                found.append((event.at, event.id, f"{item.student.user.name}. {text}"))
    return [text for _at, _id, text in sorted(found)]


@blueprint.route("/office/classes/<code>/enroll", methods=["GET", "POST"])
@roles(*STAFF)
def office_enroll(code: str) -> Response:
    """Find a person (``q``), then enroll them by hand (``person``)."""
    form = OfficeEnrollForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                said = _enroll_by_hand(session, code, form)
        except RuleError as error:
            note(form, error)
        else:
            flash(said, "success")
            return see_other(url_for("students.office_roster", code=code))
    session, now = db.session, clock.now()
    offering = lookups.office_class_of(session, code)
    chosen = _chosen(session, form.person.data or request.args.get("person", ""))
    student = people.find_student(session, chosen.id) if chosen else None
    if chosen is not None and request.method == "GET":
        form.person.data = str(chosen.id)
        form.certificate_name.data = student.certificate_name if student else chosen.name
    q = request.args.get("q", "")[:120]
    return page(
        "students/office/enroll.html",
        form=form,
        offering=offering,
        q=q,
        found=lookups.search_people(session, q),
        chosen=chosen,
        student=student,
        result=prerequisites.check(
            session, offering.course_id, student.id if student else None, before=offering.starts_at
        ),
        closed=enrolling.why_closed(offering, now, by_office=True),
        list_open=waitlist.is_open(offering, offering.policy, now),
    )


def _chosen(session: Session, person: str) -> User | None:
    return session.get(User, int(person)) if person.isdecimal() and len(person) < 10 else None


def _enroll_by_hand(session: Session, code: str, form: OfficeEnrollForm) -> str:
    actor, now = actor_again(session), clock.now()
    offering = lookups.office_class_of(session, code)
    user = _chosen(session, form.person.data or "")
    if user is None or not user.is_active:
        raise RuleError(_("Find the person first, then choose them."))
    student = people.student_of(session, user)
    asked = EnrollRequest(
        certificate_name=form.certificate_name.data or student.certificate_name,
        profession=student.profession,
        source=Source.DOOR if now >= offering.starts_at else Source.STAFF,
        override_reason=form.override_reason.data or "",
        ahead_reason=form.ahead_reason.data or "",
    )
    made = enrolling.enroll(session, offering, student, asked, actor=actor, now=now)
    if made.state is S.WAITLISTED:
        return _("%(name)s is on the waitlist, with ticket %(ticket)d.", name=user.name, ticket=made.ticket)
    return _("%(name)s is enrolled. A mail tells them.", name=user.name)


@blueprint.route("/office/classes/<code>/capacity", methods=["GET", "POST"])
@roles(*STAFF)
def office_capacity(code: str) -> Response:
    """Change how many seats a class has."""
    offering = lookups.office_class_of(db.session, code)
    form = CapacityForm(obj=offering)
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                offering = lookups.office_class_of(session, code)
                seats_now = form.capacity.data or 0
                got = capacity.set_capacity(session, offering, seats_now, actor=actor, now=clock.now())
                promoted = len(got)
        except RuleError as error:
            note(form, error)
        else:
            said = ngettext("The class has %(num)d seat now.", "The class has %(num)d seats now.", seats_now)
            if promoted:
                said += " " + ngettext(
                    "%(num)d person from the waitlist is told.",
                    "%(num)d people from the waitlist are told.",
                    promoted,
                )
            flash(said, "success")
            return see_other(url_for("students.office_roster", code=code))
    return page(
        "students/office/capacity.html", form=form, offering=lookups.office_class_of(db.session, code)
    )


@blueprint.route("/office/classes/<code>/cancel", methods=["GET", "POST"])
@roles(*STAFF)
def office_cancel(code: str) -> Response:
    """Ask, and cancel the class; everyone is told."""
    form = ReasonForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                offering = lookups.office_class_of(session, code)
                told = cancelling.cancel(
                    session, offering, reason=form.reason.data or "", actor=actor, now=clock.now()
                )
        except RuleError as error:
            note(form, error)
        else:
            flash(
                ngettext(
                    "The class is cancelled. %(num)d person is told.",
                    "The class is cancelled. %(num)d people are told.",
                    told,
                ),
                "success",
            )
            return see_other(url_for("students.office_roster", code=code))
    offering = lookups.office_class_of(db.session, code)
    try:
        cancelling.require_cancellable(offering, clock.now())
    except RuleError as error:
        return page(
            "_confirm.html",
            title=offering.code,
            message=str(error),
            action_label="",
            keep_label=_("Back to the class"),
            keep_url=url_for("students.office_roster", code=code),
            section="portal.office",
            status=422,
        )
    words = [
        _(
            "Everyone who is enrolled, offered a seat or waits is told by mail, with your reason and other dates."
        ),
        ngettext(
            "%(num)d seat is held and is released; what was paid is to be given back in full.",
            "%(num)d seats are held and are released; what was paid is to be given back in full.",
            offering.seats_taken,
        ),
    ]
    return page(
        "_confirm.html",
        form=form,
        title=_("Cancel %(code)s?", code=offering.code),
        message=words,
        action_label=_("Cancel the class"),
        keep_label=_("Keep the class"),
        keep_url=url_for("students.office_roster", code=code),
        section="portal.office",
    )
