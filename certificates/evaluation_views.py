"""Saying how a class was, by its students; and reading what they said, by its instructors and the office."""

from typing import Any

from flask import abort, flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.access import STAFF, TEACHING, actor_again, me, roles, signed_in
from certificates import evaluation
from certificates.blueprint import blueprint
from certificates.eligibility import load_offering
from certificates.evaluation import Answers
from certificates.lookups import class_for
from core import clock
from core.database import db
from core.errors import RuleError
from core.forms import Form, Length, RadioField, TextAreaField, ValidationError
from core.typed import row_number
from core.web import acting, note, page, see_other
from courses.models import Evaluation
from courses.offering_models import Offering
from students.lookups import own_enrollment

OUTCOME = "outcome-{}"


class EvaluationForm(Form):
    """The free texts; the sentences to rate are the class's own, so ``form_for`` adds them."""

    helped = TextAreaField(_l("What helped you most?"), [Length(max=evaluation.LONGEST)])
    change = TextAreaField(_l("What should be different next time?"), [Length(max=evaluation.LONGEST)])


def _rated(_form: Form, field: RadioField) -> None:
    if field.data not in evaluation.scale():
        raise ValidationError(_("Choose one of the five."))


def _number(value: Any) -> int:
    return row_number(str(value)) or 0


def form_for(offering: Offering) -> Form:
    """The form of one class, filled from the request when it was sent."""
    choices = list(evaluation.scale().items())
    sentences = {OUTCOME.format(n): text for n, text in enumerate(offering.course.outcomes)}
    sentences |= evaluation.questions_of(offering)
    fields = {
        name: RadioField(text, [_rated], choices=choices, coerce=_number, validate_choice=False, name=name)
        for name, text in sentences.items()
    }
    form: Form = type("ClassEvaluationForm", (EvaluationForm,), fields)()
    return form


def _answers(form: Form, offering: Offering) -> Answers:
    return Answers(
        ratings={key: form[key].data for key in evaluation.questions_of(offering)},
        outcomes=[form[OUTCOME.format(n)].data for n in range(len(offering.course.outcomes))],
        helped=form["helped"].data or "",
        change=form["change"].data or "",
    )


@blueprint.route("/my/enrollments/<int:enrollment_id>/evaluation", methods=["GET", "POST"])
@signed_in
def evaluate(enrollment_id: int) -> ResponseReturnValue:
    """The form of a class that one sat in."""
    enrollment = own_enrollment(db.session, me(), enrollment_id)
    offering = enrollment.offering
    if offering.course.evaluation is Evaluation.NONE:
        abort(404)
    form = form_for(offering)
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                row = own_enrollment(session, actor, enrollment_id)
                evaluation.fill_in(session, row, _answers(form, offering), actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("Thank you. What you said is kept without your name."), "success")
            return see_other(url_for("portal.my"))
        enrollment = own_enrollment(db.session, me(), enrollment_id)
        offering = enrollment.offering
    return page(
        "certificates/evaluate.html",
        form=form,
        enrollment=enrollment,
        offering=offering,
        is_open=evaluation.is_open(enrollment, clock.now()),
        is_done=bool(evaluation.filled_in(db.session, [enrollment_id])),
        outcomes=[form[OUTCOME.format(n)] for n in range(len(offering.course.outcomes))],
        questions=[form[key] for key in evaluation.questions_of(offering)],
        required=offering.course.evaluation is Evaluation.REQUIRED,
        fewest=evaluation.FEWEST,
    )


@blueprint.get("/teaching/<code>/evaluation")
@roles(*TEACHING)
def class_evaluation(code: str) -> ResponseReturnValue:
    """What the students of a class said of it."""
    offering = load_offering(db.session, class_for(db.session, code, me()).id)
    return page(
        "certificates/evaluation.html",
        offering=offering,
        summary=evaluation.summary_of(db.session, offering),
        scale=evaluation.scale(),
        fewest=evaluation.FEWEST,
        asked=offering.course.evaluation is not Evaluation.NONE,
    )


@blueprint.get("/office/evaluations")
@roles(*STAFF)
def office_evaluations() -> ResponseReturnValue:
    """The latest classes and how many of their students have said something."""
    lines = evaluation.classes_with_answers(db.session, clock.now())
    return page("certificates/evaluations.html", lines=lines, fewest=evaluation.FEWEST)
