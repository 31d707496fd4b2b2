"""The course form: every field of a course, its prerequisites and its approvals."""

import re
from typing import Any

import babel.numbers
import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from core.editing import EditForm
from core.forms import (
    BooleanField,
    CodeField,
    DateField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    Length,
    MinutesField,
    MoneyField,
    Optional,
    Required,
    SelectField,
    StringField,
    TextAreaField,
    UnitsField,
    ValidationError,
    WholeNumberField,
)
from core.school import current_school
from core.typed import row_number
from courses.course_editing import CourseData, PlannedApproval
from courses.models import Body, Course, Delivery, Evaluation, Policy, PrerequisiteKind, ScreeningSet, Subject

DELIVERIES = [(Delivery.IN_PERSON.value, _l("In person")), (Delivery.LIVE_ONLINE.value, _l("Live, online"))]
KINDS = [
    (PrerequisiteKind.REQUIRED.value, _l("Required")),
    (PrerequisiteKind.RECOMMENDED.value, _l("Recommended")),
    (PrerequisiteKind.INSTRUCTOR_APPROVAL.value, _l("By the instructor's approval")),
]
EVALUATIONS = [
    (Evaluation.NONE.value, _l("Not asked for")),
    (Evaluation.ASKED.value, _l("Asked for")),
    (Evaluation.REQUIRED.value, _l("Required: a certificate waits for it")),
]
SPARE_ROWS = 2
# What goes from the form to the course as it was typed.
_AS_TYPED = (
    "code",
    "title",
    "subject",
    "level",
    "summary",
    "days",
    "contact_minutes",
    "default_capacity",
    "assistant_ratio",
    "preparation",
    "screening_set_id",
    "policy_id",
    "validity_months",
)


def currency_digits(session: Session) -> int:
    """How many decimals the school's currency has: 2 for dollars, 0 for yen."""
    school = current_school(session)
    return int(babel.numbers.get_currency_precision(school.currency)) if school else 2


class RowForm(Form):
    """A row of a list within a form; the form around it carries the token."""

    class Meta(Form.Meta):
        csrf = False


class PrerequisiteRow(RowForm):
    """One course asked for before; an empty code takes the row away."""

    needs = CodeField(_l("Course"), render_kw={"list": "course-codes", "autocomplete": "off"})
    kind = SelectField(_l("How strongly"), choices=KINDS)


class ApprovalRow(RowForm):
    """One approval; a row with no body is none."""

    body_id = SelectField(_l("Body"), coerce=int)
    program_number = StringField(_l("Program number"), [Length(max=200)])
    units = UnitsField(_l("Units"))
    valid_from = DateField(_l("Valid from"), [Optional()])
    valid_until = DateField(_l("Valid until"), [Optional()])
    row_id = HiddenField()

    def validate(self, extra_validators: Any = None) -> bool:
        """A row with a body needs the rest as well."""
        valid = bool(super().validate(extra_validators))
        if not self.body_id.data:
            return valid
        for field in (self.program_number, self.units, self.valid_from, self.valid_until):
            if not field.data and not field.errors:
                field.errors = [_("Fill this in.")]
                valid = False
        return valid


class CourseForm(EditForm):
    """Everything a course is."""

    code = CodeField(_l("Code"), [Required()])
    title = StringField(_l("Title"), [Required(), Length(max=200)])
    subject = StringField(
        _l("Subject"), [Required(), Length(max=200)], render_kw={"list": "subjects", "autocomplete": "off"}
    )
    level = StringField(_l("Level"), [Required(), Length(max=200)])
    delivery = SelectField(_l("Delivery"), choices=DELIVERIES)
    summary = TextAreaField(_l("Summary"), [Required(), Length(max=2000)])
    outcomes = TextAreaField(_l("What is taught"), [Required(), Length(max=8000)])
    preparation = TextAreaField(_l("Preparation"), [Length(max=4000)])
    days = WholeNumberField(_l("Days"), [Required()], minimum=1, maximum=60)
    contact_minutes = MinutesField(_l("Contact minutes"), [Required()], minimum=1, maximum=60_000)
    default_capacity = WholeNumberField(_l("Seats"), [Required()], minimum=1, maximum=1000)
    assistant_ratio = WholeNumberField(_l("Students per assistant"), minimum=1, maximum=1000)
    price = MoneyField(_l("Price"))
    open_to = StringField(_l("Open to"), [Required(), Length(max=400)])
    screening_set_id = SelectField(_l("Safety list"), coerce=int)
    policy_id = SelectField(_l("Policy"), coerce=int)
    validity_months = WholeNumberField(_l("Certificate stays current, months"), minimum=1, maximum=600)
    evaluation = SelectField(_l("Evaluation by the students"), choices=EVALUATIONS)
    prerequisites = FieldList(FormField(PrerequisiteRow), _l("Prerequisites"))
    approvals = FieldList(FormField(ApprovalRow), _l("Approvals"))
    keep_wording = BooleanField(_l("Keep this wording. It describes what is taught."))
    wording_seen = HiddenField()

    def __init__(self, session: Session, **kwargs: Any) -> None:
        self._session = session
        super().__init__(**kwargs)
        for row in self.approvals:
            row.form.body_id.choices = self._bodies

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Set the choices before anything typed is read."""
        session = self._session
        self.price.digits = currency_digits(session)
        self.bodies = session.execute(sa.select(Body.id, Body.code, Body.title).order_by(Body.title)).all()
        self._bodies = [(0, _("None")), *((row.id, row.title) for row in self.bodies)]
        self.screening_set_id.choices = _versions(session, ScreeningSet)
        self.policy_id.choices = _versions(session, Policy)
        super().process(*args, **kwargs)

    def validate_price(self, field: Any) -> None:
        """A price of zero is a price; an empty field is not."""
        if field.data is None and not field.errors:
            raise ValidationError(_("Write the price, 0 for a free course."))

    def validate_outcomes(self, field: Any) -> None:
        """At least one line."""
        if not lines(field.data):
            raise ValidationError(_("Write at least one outcome."))

    def texts(self) -> list[str]:
        """What people will read of this course."""
        return [self.data[name] or "" for name in ("title", "summary", "outcomes", "preparation")]


def _versions(session: Session, model: type[ScreeningSet] | type[Policy]) -> list[tuple[int, str]]:
    rows = session.execute(
        sa.select(model.id, model.code, model.version).order_by(model.code, model.version.desc())
    )
    return [(key, _("%(name)s, version %(n)s", name=code, n=version)) for key, code, version in rows]


def lines(text: str | None) -> list[str]:
    """The lines of a text that say something."""
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def values_of(course: Course) -> dict[str, Any]:
    """What a form shows of a course that is stored."""
    plain = (
        "code",
        "title",
        "level",
        "summary",
        "preparation",
        "days",
        "contact_minutes",
        "default_capacity",
    )
    more = ("assistant_ratio", "screening_set_id", "policy_id", "validity_months")
    prerequisites = [
        {"needs": row.needs.code, "kind": row.kind.value}
        for row in sorted(course.prerequisites, key=lambda row: row.needs.code)
    ]
    approvals = [
        {
            "row_id": str(row.id),
            "body_id": row.body_id,
            "program_number": row.program_number,
            "units": row.units_thousandths,
            "valid_from": row.valid_from,
            "valid_until": row.valid_until,
        }
        for row in sorted(course.approvals, key=lambda row: (row.body_id, row.valid_from))
    ]
    return {
        **{name: getattr(course, name) for name in plain + more},
        "subject": course.subject.title,
        "delivery": course.delivery.value,
        "evaluation": course.evaluation.value,
        "outcomes": "\n".join(course.outcomes),
        "price": course.price_cents,
        "open_to": ", ".join(course.open_to),
        "prerequisites": prerequisites + [{}] * SPARE_ROWS,
        "approvals": approvals + [{}] * SPARE_ROWS,
    }


def blank_values() -> dict[str, Any]:
    """What the form of a new course shows."""
    return {
        "open_to": "anyone",
        "evaluation": "none",
        "prerequisites": [{}] * SPARE_ROWS,
        "approvals": [{}] * SPARE_ROWS,
    }


def course_data(form: CourseForm, session: Session) -> CourseData | None:
    """What a valid form says; None, with errors at their rows, when it names a course that there is not."""
    prerequisites = _prerequisites(form, session)
    if prerequisites is None:
        return None
    given = form.data
    professions = [part for part in re.split(r"[\s,;]+", given["open_to"].upper()) if part]
    return CourseData(
        **{name: given[name] for name in _AS_TYPED},
        delivery=Delivery(given["delivery"]),
        evaluation=Evaluation(given["evaluation"]),
        outcomes=lines(given["outcomes"]),
        price_cents=given["price"],
        open_to=["anyone"] if "ANYONE" in professions else professions,
        prerequisites=prerequisites,
        approvals=[_approval(row.form) for row in form.approvals if row.form.body_id.data],
    )


def _approval(row: Any) -> PlannedApproval:
    return PlannedApproval(
        id=row_number(row.row_id.data),
        body_id=row.body_id.data,
        program_number=row.program_number.data,
        units_thousandths=row.units.data,
        valid_from=row.valid_from.data,
        valid_until=row.valid_until.data,
    )


def _prerequisites(form: CourseForm, session: Session) -> dict[int, PrerequisiteKind] | None:
    rows = [row.form for row in form.prerequisites if row.form.needs.data]
    codes = [row.needs.data for row in rows]
    ids = {
        row.code: row.id
        for row in session.execute(sa.select(Course.code, Course.id).where(Course.code.in_(codes)))
    }
    wanted: dict[int, PrerequisiteKind] = {}
    for row in rows:
        if row.needs.data not in ids:
            row.needs.errors = [_("There is no course with this code.")]
        elif ids[row.needs.data] in wanted:
            row.needs.errors = [_("This course stands here twice.")]
        else:
            wanted[ids[row.needs.data]] = PrerequisiteKind(row.kind.data)
    if len(wanted) == len(rows):
        return wanted
    form.prerequisites.errors = [row.errors for row in form.prerequisites]
    return None


def suggestions(session: Session) -> dict[str, list[str]]:
    """What the browser may suggest while typing: course codes and subjects."""
    return {
        "codes": list(session.scalars(sa.select(Course.code).order_by(Course.code))),
        "subjects": list(session.scalars(sa.select(Subject.title).order_by(Subject.position))),
    }
