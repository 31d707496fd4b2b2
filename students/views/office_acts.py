"""The office's page of one enrollment, with every act on it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response, flash, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.access import STAFF, actor_again, roles
from accounts.models import User
from core import clock
from core.database import db
from core.errors import RuleError
from core.forms import Form
from core.web import acting, note, page, see_other
from courses.offering_models import Offering
from courses.office.course_forms import currency_digits
from students import (
    approval,
    capacity,
    explaining,
    leaving,
    ledger,
    lookups,
    prerequisites,
    reinstating,
    seats,
    states,
    transferring,
    waitlist,
)
from students.blueprint import blueprint
from students.forms import MessageForm, OfficeWithdrawForm, PromoteForm, ReasonForm, TransferForm
from students.models import Enrollment, EnrollmentState
from students.views.moving import choices_of, other_classes

# What an act says when it is done, and the enrollment that stands now (a new one after moving or coming back).
Act = Callable[[Session, Enrollment, User, datetime], tuple[str, int]]
APPROVAL_REASONS = {
    "offering": lambda: _("The office decides about each seat of this class."),
    "prerequisite": lambda: _("A course that needs the instructor's approval is missing."),
    "profession": lambda: _("The profession is not on the course's list."),
}


@blueprint.get("/office/enrollments/<int:id>")
@roles(*STAFF)
def office_enrollment(id: int) -> Response:
    """One enrollment: where it stands, why, and what can be done."""
    return _show(id)


def _show(id: int, **sent: Form) -> Response:
    """The page; ``sent`` is the form that was refused, by its name, shown again with what is wrong."""
    session, now = db.session, clock.now()
    enrollment = lookups.office_enrollment(session, id)
    offering = enrollment.offering
    history = lookups.history_of(session, id)
    place = waitlist.places(session, [id]).get(id)
    others = other_classes(session, enrollment)
    account = ledger.account_of(session, enrollment.id)
    may, newer = _possible(enrollment), None
    if "reinstate" in may:
        newer = seats.live_enrollment(session, enrollment.offering_id, enrollment.student_id)
    if newer is not None:
        may.discard("reinstate")  # they are back already
    forms: dict[str, Any] = {
        "approve": MessageForm(formdata=None, prefix="approve-"),
        "decline": MessageForm(formdata=None, prefix="decline-"),
        "promote": PromoteForm(formdata=None, prefix="promote-"),
        "withdraw": _withdraw_form(blank=True),
        "transfer": _transfer_form(others, blank=True),
        "reinstate": ReasonForm(formdata=None, prefix="reinstate-"),
    } | sent
    if offering.seats_left > 0 and "promote" not in sent:
        del forms["promote"].add_seat  # nothing to add: one is free
    if (account is None or not account.charged_cents) and "withdraw" not in sent:
        del forms["withdraw"].refund  # nothing was asked for, so nothing comes back
    return page(
        "students/office/enrollment.html",
        status=422 if sent else None,
        forms_of=forms,
        refused=next(iter(sent), ""),
        enrollment=enrollment,
        offering=offering,
        student=enrollment.student,
        history=history,
        event_words=explaining.event_words,
        why=explaining.explain(enrollment, history, place, offering.time_zone),
        approval_reasons=[
            APPROVAL_REASONS[reason]() for reason in enrollment.approval_reasons.split(",") if reason
        ],
        place=place,
        labels=states.LABELS,
        terms=leaving.terms_of(
            enrollment,
            offering,
            enrollment.policy,
            now=now,
            charged_cents=account.charged_cents if account else None,
        ),
        paid_cents=account.paid_cents if account else 0,
        result=prerequisites.check(
            session, offering.course_id, enrollment.student_id, before=offering.starts_at
        ),
        others=others,
        may=may,
        newer=newer,
    )


def _possible(enrollment: Enrollment) -> set[str]:
    """Which acts the state allows; whether they succeed is the rules' to say."""
    state = enrollment.state
    possible = set()
    if state is EnrollmentState.PENDING:
        possible |= {"approve", "decline"}
    if state is EnrollmentState.WAITLISTED:
        possible.add("promote")
    if EnrollmentState.WITHDRAWN in states.TRANSITIONS[state]:
        possible.add("withdraw")
    if state is EnrollmentState.ENROLLED:
        possible.add("transfer")
    if state in (EnrollmentState.WITHDRAWN, EnrollmentState.LAPSED, EnrollmentState.DECLINED):
        possible.add("reinstate")
    return possible


def _act(id: int, name: str, form: Form, act: Act) -> Response:
    if not form.validate_on_submit():
        return _show(id, **{name: form})
    try:
        with acting() as session:
            actor = actor_again(session)
            said, now_at = act(session, lookups.office_enrollment(session, id), actor, clock.now())
    except RuleError as error:
        note(form, error)
        return _show(id, **{name: form})
    flash(said, "success")
    return see_other(url_for("students.office_enrollment", id=now_at))


@blueprint.post("/office/enrollments/<int:id>/approve")
@roles(*STAFF)
def office_approve(id: int) -> Response:
    """Say yes to a request."""
    form = MessageForm(prefix="approve-")

    def act(session: Session, enrollment: Enrollment, actor: User, now: datetime) -> tuple[str, int]:
        state = approval.approve(session, enrollment, actor=actor, now=now, message=form.message.data or "")
        if state is EnrollmentState.WAITLISTED:
            said = _("Approved. The class is full, so the student waits at the place of when they asked.")
        else:
            said = _("Approved. The student is enrolled and told by mail.")
        return said, id

    return _act(id, "approve", form, act)


@blueprint.post("/office/enrollments/<int:id>/decline")
@roles(*STAFF)
def office_decline(id: int) -> Response:
    """Say no to a request."""
    form = MessageForm(prefix="decline-")

    def act(session: Session, enrollment: Enrollment, actor: User, now: datetime) -> tuple[str, int]:
        approval.decline(session, enrollment, actor=actor, now=now, message=form.message.data or "")
        return _("Not approved. The student gets your message by mail."), id

    return _act(id, "decline", form, act)


@blueprint.post("/office/enrollments/<int:id>/promote")
@roles(*STAFF)
def office_promote(id: int) -> Response:
    """Give a seat to someone on the waitlist: a free one, or one that is added for them."""
    form = PromoteForm(prefix="promote-")

    def act(session: Session, enrollment: Enrollment, actor: User, now: datetime) -> tuple[str, int]:
        give = capacity.add_seat_for if form.add_seat.data else waitlist.promote_by_hand
        give(session, enrollment, reason=form.reason.data or "", actor=actor, now=now)
        if enrollment.state is EnrollmentState.OFFERED:
            return _("The seat is offered; a mail tells them until when."), id
        return _("The student is enrolled and told by mail."), id

    return _act(id, "promote", form, act)


@blueprint.post("/office/enrollments/<int:id>/withdraw")
@roles(*STAFF)
def office_withdraw(id: int) -> Response:
    """Take someone out of a class."""
    form = _withdraw_form()

    def act(session: Session, enrollment: Enrollment, actor: User, now: datetime) -> tuple[str, int]:
        leaving.withdraw(
            session,
            enrollment,
            actor=actor,
            now=now,
            reason=form.reason.data or "",
            refund_cents=form.refund.data,
        )
        return _("The student is out of the class and told by mail."), id

    return _act(id, "withdraw", form, act)


def _withdraw_form(*, blank: bool = False) -> OfficeWithdrawForm:
    digits = currency_digits(db.session)
    if blank:
        return OfficeWithdrawForm(formdata=None, prefix="withdraw-", digits=digits)
    return OfficeWithdrawForm(prefix="withdraw-", digits=digits)


def _transfer_form(others: list[Offering], *, blank: bool = False) -> TransferForm:
    form = TransferForm(formdata=None, prefix="transfer-") if blank else TransferForm(prefix="transfer-")
    form.to.choices = [("", _("Choose one")), *choices_of(others)]
    return form


@blueprint.post("/office/enrollments/<int:id>/transfer")
@roles(*STAFF)
def office_transfer(id: int) -> Response:
    """Move someone to another class of the course."""
    form = _transfer_form(other_classes(db.session, lookups.office_enrollment(db.session, id)))

    def act(session: Session, enrollment: Enrollment, actor: User, now: datetime) -> tuple[str, int]:
        to_offering = session.get_one(Offering, int(form.to.data or 0))
        reason = form.reason.data or ""
        made = transferring.transfer(session, enrollment, to_offering, actor=actor, now=now, reason=reason)
        return _("The student moved to %(code)s and is told by mail.", code=to_offering.code), made.id

    return _act(id, "transfer", form, act)


@blueprint.post("/office/enrollments/<int:id>/reinstate")
@roles(*STAFF)
def office_reinstate(id: int) -> Response:
    """Give someone who left a seat again."""
    form = ReasonForm(prefix="reinstate-")

    def act(session: Session, enrollment: Enrollment, actor: User, now: datetime) -> tuple[str, int]:
        reason = form.reason.data or ""
        made = reinstating.reinstate(session, enrollment, reason=reason, actor=actor, now=now)
        said = _("The student is enrolled again and told by mail.")
        lost = reinstating.lost_code(session, enrollment, made)
        if lost:
            said += " " + _(
                "The code %(code)s was used up by others since, so it takes nothing off.", code=lost
            )
        return said, made.id

    return _act(id, "reinstate", form, act)
