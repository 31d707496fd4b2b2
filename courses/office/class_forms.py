"""The forms of a class: a new one with its schedule, its details, its instructors."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from accounts.access import TEACHING
from accounts.models import User
from core.clock import local
from core.editing import EditForm
from core.errors import RuleError
from core.forms import (
    BooleanField,
    CodeField,
    DateField,
    Form,
    HiddenField,
    Length,
    LocalDateTimeField,
    MoneyField,
    Optional,
    RadioField,
    Required,
    SelectField,
    SelectMultipleField,
    TextAreaField,
    WholeNumberField,
)
from courses.models import Course, CourseState, Policy
from courses.offering_models import InstructorRole, Offering, OfferingInstructor
from courses.office.course_forms import currency_digits, lines
from courses.scheduling import PlannedMeeting, daily_patterns, following_days, parse_pattern, plan
from courses.venues import venue_choices

OWN_PATTERN = "own"
_PATTERN_NAMES = {
    "full-day": _l("Full day"),
    "evening": _l("Evening"),
    "long-afternoon": _l("Long afternoon"),
}


def pattern_choices(patterns: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """The school's usual days, with their sittings, and one's own."""
    usual = [(key, f"{_PATTERN_NAMES.get(key, key)}: {', '.join(times)}") for key, times in patterns.items()]
    return [*usual, (OWN_PATTERN, _("As written below"))]


def instructor_choices(session: Session, keep: Sequence[int] = ()) -> list[tuple[int, str]]:
    """Who may teach, by name; those in ``keep`` stay in the list although their account has been closed."""
    open_account = sa.and_(User.role.in_(TEACHING), User.disabled_at.is_(None))
    query = sa.select(User.id, User.name).where(sa.or_(open_account, User.id.in_(keep))).order_by(User.name)
    return [(key, name) for key, name in session.execute(query)]


def policy_choices(session: Session) -> list[tuple[int, str]]:
    """Every version of every policy, newest first."""
    rows = session.execute(
        sa.select(Policy.id, Policy.code, Policy.version).order_by(Policy.code, Policy.version.desc())
    )
    return [(key, _("%(name)s, version %(n)s", name=code, n=version)) for key, code, version in rows]


class ScheduleMixin:
    """What a new class is, in the order of its page: a summary of errors follows the order in which fields are made."""

    despite_conflicts = BooleanField(_l("Save it anyway. I know about the double booking."))
    course_id = SelectField(_l("Course"), coerce=int)
    venue_id = SelectField(_l("Venue"), coerce=int)
    code = CodeField(_l("Code"))
    capacity = WholeNumberField(_l("Places"), minimum=1, maximum=1000)
    first_day = DateField(_l("First day"), [Optional()])
    days = WholeNumberField(_l("Days in a row"), minimum=1, maximum=60)
    picked_days = TextAreaField(_l("Or days that you pick"), [Length(max=2000)])
    pattern = RadioField(_l("Each day"), default="full-day")
    sittings = TextAreaField(_l("Sittings of your own"), [Length(max=1000)])
    lead_id = SelectField(_l("Lead instructor"), coerce=int)
    assistant_ids = SelectMultipleField(_l("Assistants"), coerce=int)
    price = MoneyField(_l("Price"))
    shown = HiddenField()


class TermsMixin:
    """How a class enrolls: the fields that a new and a stored class share."""

    policy_id = SelectField(_l("Policy"), coerce=int)
    opens_at = LocalDateTimeField(_l("Enrollment opens"), [Optional()])
    closes_at = LocalDateTimeField(_l("Enrollment closes"), [Optional()])
    needs_approval = BooleanField(_l("The registrar approves each enrollment"))
    approval_holds_seat = BooleanField(_l("Whoever waits for approval holds a seat"))
    promotes_at_once = BooleanField(_l("Enroll the next in line at once when a seat is freed"))
    issues_on_finalize = BooleanField(_l("Issue certificates when the class is signed off"))
    sends_reminders = BooleanField(_l("Remind students by mail 7 days and 1 day before"), default=True)
    minimum_to_run = WholeNumberField(_l("Minimum to run"), [Optional()], minimum=1, maximum=1000)
    decide_by = DateField(_l("The office decides by"), [Optional()])
    notes = TextAreaField(_l("Notes for students"), [Length(max=4000)])


class NewClassForm(ScheduleMixin, TermsMixin, Form):
    """A new class. Its meetings are shown before it is saved; ``shown`` says which ones were."""

    def __init__(self, session: Session, **kwargs: Any) -> None:
        self._session = session
        super().__init__(**kwargs)

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Set the choices before anything typed is read."""
        session = self._session
        self.price.digits = currency_digits(session)
        courses = session.execute(
            sa.select(Course.id, Course.code, Course.title)
            .where(Course.state != CourseState.RETIRED)
            .order_by(Course.code)
        )
        self.course_id.choices = [
            (0, _("Choose one")),
            *((key, f"{code} {title}") for key, code, title in courses),
        ]
        self.venue_id.choices = [(0, _("Choose one")), *venue_choices(session)]
        people = instructor_choices(session)
        self.lead_id.choices = [(0, _("Not yet")), *people]
        self.assistant_ids.choices = people
        self.policy_id.choices = [(0, _("As the course says")), *policy_choices(session)]
        self.patterns = daily_patterns(session)
        self.pattern.choices = pattern_choices(self.patterns)
        self.pattern.default = next(iter(self.patterns))
        super().process(*args, **kwargs)

    def validate(self, extra_validators: Any = None) -> bool:
        """Course, venue and days are asked for."""
        valid = bool(super().validate(extra_validators))
        for field in (self.course_id, self.venue_id):
            if not field.data and not field.errors:
                field.errors, valid = [_("Choose one.")], False
        if not lines(self.picked_days.data):
            for field in (self.first_day, self.days):
                if not field.data and not field.errors:
                    field.errors, valid = [_("Fill this in, or pick days below.")], False
        return valid


class DetailsForm(TermsMixin, EditForm):
    """What of a class may change at any time."""

    price = MoneyField(_l("Price"), [Required()])

    def __init__(self, session: Session, **kwargs: Any) -> None:
        self._session = session
        super().__init__(**kwargs)

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Set the choices before anything typed is read."""
        self.price.digits = currency_digits(self._session)
        self.policy_id.choices = policy_choices(self._session)
        super().process(*args, **kwargs)


class InstructorsForm(EditForm):
    """Who leads and who assists."""

    lead_id = SelectField(_l("Lead instructor"), coerce=int)
    assistant_ids = SelectMultipleField(_l("Assistants"), coerce=int)
    despite_conflicts = BooleanField(_l("Save it anyway. I know about the double booking."))

    def __init__(self, session: Session, rows: Sequence[OfferingInstructor], **kwargs: Any) -> None:
        self._people = instructor_choices(session, [row.user_id for row in rows])
        lead = [row.user_id for row in rows if row.role is InstructorRole.LEAD]
        assistants = sorted(row.user_id for row in rows if row.role is InstructorRole.ASSISTANT)
        super().__init__(data={"lead_id": lead[0] if lead else 0, "assistant_ids": assistants}, **kwargs)

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Set the choices before anything typed is read."""
        self.lead_id.choices = [(0, _("Nobody yet")), *self._people]
        self.assistant_ids.choices = self._people
        super().process(*args, **kwargs)


def details_of(offering: Offering) -> dict[str, Any]:
    """What the details form shows of a stored class; moments on the clock of its zone."""
    same = (
        "policy_id",
        "needs_approval",
        "approval_holds_seat",
        "promotes_at_once",
        "issues_on_finalize",
        "sends_reminders",
        "minimum_to_run",
        "decide_by",
        "notes",
    )
    return {
        **{name: getattr(offering, name) for name in same},
        "price": offering.price_cents,
        "opens_at": wall(offering.enrollment_opens_at, offering.time_zone),
        "closes_at": wall(offering.enrollment_closes_at, offering.time_zone),
    }


def how_it_runs(form: TermsMixin) -> dict[str, Any]:
    """What the form of a new class and that of its details both ask: how it enrolls, and when it runs."""
    return {
        "needs_approval": form.needs_approval.data,
        "approval_holds_seat": form.approval_holds_seat.data,
        "promotes_at_once": form.promotes_at_once.data,
        "issues_on_finalize": form.issues_on_finalize.data,
        "sends_reminders": form.sends_reminders.data,
        "minimum_to_run": form.minimum_to_run.data,
        "decide_by": form.decide_by.data,
        "notes": form.notes.data or "",
    }


def wall(moment: datetime | None, zone: str) -> datetime | None:
    """A moment as the clock on the wall shows it, without its zone."""
    return local(moment, zone).replace(tzinfo=None) if moment else None


def in_utc(wall_clock: datetime | None, zone: str) -> datetime | None:
    """What a clock on the wall of a zone shows, as a moment."""
    return wall_clock.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) if wall_clock else None


def planned_days(form: NewClassForm) -> list[date]:
    """The days that were picked, or those in a row. Raises RuleError (field ``picked_days``) for what is no date."""
    picked = [part for part in re.split(r"[\s,;]+", form.picked_days.data or "") if part]
    if not picked:
        if form.first_day.data is None or form.days.data is None:
            raise RuleError(_("Say when the class is."), field="first_day")
        return following_days(form.first_day.data, form.days.data)
    days = []
    for part in picked:
        try:
            day = date.fromisoformat(part)
        except ValueError:
            day = date.min
        if not 1900 <= day.year <= 2199:
            raise RuleError(
                _("“%(text)s” is not a date. Use year-month-day, like 2027-03-12.", text=part[:20]),
                field="picked_days",
            )
        days.append(day)
    return days


def planned_meetings(form: NewClassForm, zone: str) -> list[PlannedMeeting]:
    """The meetings that a valid form asks for, in the venue's zone. Raises RuleError as the rules do."""
    if form.pattern.data == OWN_PATTERN:
        sittings = parse_pattern(form.sittings.data or "")
    else:
        sittings = parse_pattern(",".join(form.patterns[form.pattern.data]))
    return plan(planned_days(form), sittings, zone)
