"""A new class, in two steps that need no script: fill in, see every meeting, then save."""

import hashlib
from dataclasses import dataclass, field

import sqlalchemy as sa
from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.access import STAFF, actor_again, roles
from core import clock
from core.database import db
from core.errors import RuleError
from core.web import acting, note, page, see_other
from courses.blueprint import blueprint
from courses.models import Course
from courses.offering_checks import ConflictError, lead_assists, raise_all
from courses.offering_models import Venue
from courses.offerings import NewOffering, create_offering, problems
from courses.office.class_forms import NewClassForm, how_it_runs, in_utc, planned_meetings
from courses.scheduling import (
    ClockChange,
    Conflict,
    PlannedMeeting,
    check_order,
    clock_changes,
    conflicts,
)


@dataclass
class Preview:
    """What a class would be: shown before it is saved."""

    meetings: list[PlannedMeeting]
    time_zone: str
    credit_minutes: int
    contact_minutes: int
    changes: list[ClockChange] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Says which meetings were shown, so that no others are saved."""
        times = [f"{meeting.starts_at:%s}-{meeting.ends_at:%s}" for meeting in self.meetings]
        return hashlib.sha256(",".join([self.time_zone, *times]).encode()).hexdigest()[:24]


@blueprint.route("/office/classes/new", methods=["GET", "POST"])
@roles(*STAFF)
def office_new_class() -> ResponseReturnValue:
    """A new class. It is saved only after its meetings, as they are now, have been shown."""
    form = NewClassForm(db.session, data=_start(db.session))
    preview: Preview | None = None
    if form.validate_on_submit():
        try:
            preview = _preview(db.session, form)
            _tell_problems(db.session, form)
            if request.form.get("act") == "save" and form.shown.data == preview.key:
                code = _save(form)
                flash(_("%(code)s is saved as a draft. Publish it when it is ready.", code=code), "success")
                return see_other(url_for("courses.office_class", code=code.lower()))
        except ConflictError as error:
            preview = _preview(db.session, form)
            preview.conflicts = error.conflicts
            note(form, error)
        except RuleError as error:
            note(form, error)
    form.shown.data = preview.key if preview else ""
    return page("courses/office/class_new.html", form=form, preview=preview, now=clock.now())


def _start(session: Session) -> dict[str, object]:
    """What the form of a new class shows, for a course that the address names."""
    values: dict[str, object] = {"approval_holds_seat": True}
    code = request.args.get("course", "").upper()
    course = session.scalar(sa.select(Course).where(Course.code == code)) if code else None
    if course is not None:
        values |= {"course_id": course.id, "days": course.days}
    return values


def _preview(session: Session, form: NewClassForm) -> Preview:
    venue = session.get_one(Venue, form.venue_id.data)
    course = session.get_one(Course, form.course_id.data)
    meetings = planned_meetings(form, venue.time_zone)
    return Preview(
        meetings=meetings,
        time_zone=venue.time_zone,
        credit_minutes=sum(meeting.credit_minutes for meeting in meetings),
        contact_minutes=course.contact_minutes,
        changes=clock_changes(meetings, venue.time_zone),
        conflicts=conflicts(session, meetings, venue_id=venue.id, user_ids=_people(form)),
    )


def _tell_problems(session: Session, form: NewClassForm) -> None:
    """Raise RuleError with everything that saving would refuse, so that the preview tells it already."""
    course = session.get_one(Course, form.course_id.data)
    venue = session.get_one(Venue, form.venue_id.data)
    data = _data(form, course, venue.time_zone)
    check_order(data.meetings, venue.time_zone)
    wrong = problems(session, data, course, venue)
    if data.lead_id and data.lead_id in data.assistant_ids:
        wrong.append(lead_assists())
    raise_all(wrong)


def _people(form: NewClassForm) -> list[int]:
    lead = [form.lead_id.data] if form.lead_id.data else []
    return [*lead, *(form.assistant_ids.data or [])]


def _data(form: NewClassForm, course: Course, zone: str) -> NewOffering:
    return NewOffering(
        code=form.code.data or "",
        course_id=course.id,
        venue_id=form.venue_id.data,
        meetings=planned_meetings(form, zone),
        lead_id=form.lead_id.data or None,
        assistant_ids=form.assistant_ids.data or [],
        price_cents=course.price_cents if form.price.data is None else form.price.data,
        policy_id=form.policy_id.data or course.policy_id,
        capacity=form.capacity.data or course.default_capacity,
        opens_at=in_utc(form.opens_at.data, zone),
        closes_at=in_utc(form.closes_at.data, zone),
        **how_it_runs(form),
    )


def _save(form: NewClassForm) -> str:
    with acting() as session:
        actor = actor_again(session)
        course = session.get_one(Course, form.course_id.data)
        zone = session.get_one(Venue, form.venue_id.data).time_zone
        data = _data(form, course, zone)
        offering = create_offering(
            session,
            data,
            actor=actor,
            now=clock.now(),
            despite_conflicts=form.despite_conflicts.data,
        )
        return offering.code
