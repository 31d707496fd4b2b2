"""The form that moves a class: a row for each meeting, on the clock of the venue."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from core.clock import local
from core.editing import EditForm
from core.errors import RuleError
from core.formatting import time_range, weekday_date, zone_name
from core.forms import (
    BooleanField,
    DateField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    MinutesField,
    Optional,
    SelectField,
    TimeField,
    WholeNumberField,
)
from core.typed import row_number
from courses.offering_models import Meeting, MeetingKind, Offering, Venue
from courses.scheduling import PlannedMeeting, moment
from courses.venues import venue_choices

KINDS = [
    (MeetingKind.TEACHING.value, _l("Teaching")),
    (MeetingKind.PRACTICE.value, _l("Practice")),
    (MeetingKind.EXAM.value, _l("Exam")),
]
SPARE_ROWS = 2


class MeetingRow(Form):
    """One meeting; without a day it goes. ``credit`` is empty for the whole length."""

    class Meta(Form.Meta):
        csrf = False

    day = DateField(_l("Day"), [Optional()])
    starts = TimeField(_l("From"), [Optional()])
    ends = TimeField(_l("To"), [Optional()])
    kind = SelectField(_l("Kind"), choices=KINDS)
    credit = MinutesField(_l("Credit minutes"))
    row_id = HiddenField()

    def validate(self, extra_validators: Any = None) -> bool:
        """A row with a day needs its times."""
        valid = bool(super().validate(extra_validators))
        for field in (self.starts, self.ends):
            if self.day.data and not field.data and not field.errors:
                field.errors, valid = [_("Fill this in.")], False
        return valid


class ScheduleForm(EditForm):
    """All meetings of a class, its venue, and by how many days those that are not marked move."""

    venue_id = SelectField(_l("Venue"), coerce=int)
    shift = WholeNumberField(_l("Move all meetings by so many days"), minimum=-365, maximum=365)
    meetings = FieldList(FormField(MeetingRow), _l("Meetings"))
    despite_conflicts = BooleanField(_l("Save it anyway. I know about the double booking."))
    shown = HiddenField()

    def __init__(self, session: Session, **kwargs: Any) -> None:
        self._session = session
        super().__init__(**kwargs)

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Set the choices before anything typed is read."""
        self.venue_id.choices = venue_choices(self._session)
        super().process(*args, **kwargs)

    def key(self) -> str:
        """Says what was shown, so that nothing else is saved."""
        said = [self.venue_id.data, self.shift.data, *(sorted(row.data.items()) for row in self.meetings)]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:24]


def schedule_of(offering: Offering) -> dict[str, Any]:
    """What the form shows of a stored class."""
    rows = [
        {
            "row_id": str(meeting.id),
            "day": local(meeting.starts_at, offering.time_zone).date(),
            "starts": local(meeting.starts_at, offering.time_zone).time(),
            "ends": local(meeting.ends_at, offering.time_zone).time(),
            "kind": meeting.kind.value,
            "credit": meeting.credit_minutes,
        }
        for meeting in offering.meetings
    ]
    return {"venue_id": offering.venue_id, "meetings": rows + [{}] * SPARE_ROWS}


def planned_of(form: ScheduleForm, zone: str, marked: Collection[int]) -> list[PlannedMeeting]:
    """The meetings that a valid form asks for, in UTC. Raises RuleError for what cannot be."""
    shift = timedelta(days=form.shift.data or 0)
    planned = []
    for row in form.meetings:
        if row.form.day.data is None:
            continue
        key = row_number(row.form.row_id.data)
        day = row.form.day.data + (shift if key not in marked else timedelta())
        starts, ends = moment(day, row.form.starts.data, zone), moment(day, row.form.ends.data, zone)
        length = int((ends - starts).total_seconds() // 60)
        credit = length if row.form.credit.data is None else row.form.credit.data
        if credit > max(length, 0) > 0:
            raise RuleError(
                _(
                    "The meeting on %(day)s lasts %(n)s minutes. It cannot credit more.",
                    day=weekday_date(day),
                    n=length,
                ),
                field="meetings",
            )
        kind = MeetingKind(row.form.kind.data)
        planned.append(
            PlannedMeeting(starts_at=starts, ends_at=ends, credit_minutes=credit, kind=kind, id=key)
        )
    return planned


@dataclass(frozen=True)
class Change:
    """One line of what a new schedule changes; an empty ``before`` is new, an empty ``after`` goes."""

    before: str
    after: str


def changes_of(offering: Offering, planned: Sequence[PlannedMeeting], venue: Venue) -> list[Change]:
    """What would be different, in words, on the clocks of the old and the new venue."""
    stored = {meeting.id: meeting for meeting in offering.meetings}
    changes = []
    if venue.id != offering.venue_id:
        changes.append(Change(offering.venue.name, venue.name))
    for plan in sorted(planned, key=lambda plan: plan.starts_at):
        meeting = stored.pop(plan.id, None) if plan.id is not None else None
        after = _said(plan, venue.time_zone)
        before = _said(meeting, offering.time_zone) if meeting is not None else ""
        if before != after:
            changes.append(Change(before, after))
    changes += [Change(_said(meeting, offering.time_zone), "") for meeting in stored.values()]
    return changes


def _said(meeting: Meeting | PlannedMeeting, zone: str) -> str:
    kinds = dict(KINDS)
    return _(
        "%(day)s, %(time)s %(zone)s, %(kind)s, %(n)s min",
        day=weekday_date(meeting.starts_at, zone),
        time=time_range(meeting.starts_at, meeting.ends_at, zone),
        zone=zone_name(meeting.starts_at, zone),
        kind=str(kinds[meeting.kind.value]).lower(),
        n=meeting.credit_minutes,
    )
