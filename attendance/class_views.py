"""One class for its instructors: the grid, and one student's marks with their history."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import Response, abort, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from markupsafe import Markup
from sqlalchemy.orm import Session, joinedload, selectinload

from accounts.access import TEACHING, actor_again, me, roles
from attendance.access import class_of, meeting_sent, rolls_of
from attendance.blueprint import blueprint
from attendance.grid import Grid, grid_of, meeting_at
from attendance.history import Said, marks_of
from attendance.marking import correct, refuse_closed
from attendance.minutes import TIMED, Sitting, Summary, summaries_of
from attendance.models import REMARK_LIMIT, MarkStatus
from attendance.words import (
    COLORS,
    STATUS_LABELS,
    STATUS_ORDER,
    choices,
    grace_words,
    mark_words,
    meeting_name,
    method_words,
    outlook,
    standing,
)
from attendance.writing import Entry
from core import clock
from core.database import db
from core.errors import RuleError
from core.forms import Form, HiddenField, Length, RadioField, Required, StringField, WholeNumberField
from core.pictures import icon, mark
from core.web import acting, note, page, see_other
from courses.offering_models import InstructorRole, Offering, OfferingInstructor
from students.models import ROLL_STATES, Enrollment, Student
from students.states import LABELS as STATE_LABELS


class CorrectionForm(Form):
    """What one student's mark at one meeting should be, and why."""

    meeting = HiddenField(validators=[Required()])  # its id: numbers change when a meeting is put in before
    status = RadioField(
        lazy_gettext("Mark"),
        [Required(lazy_gettext("Choose a mark."))],
        choices=[(status.value, STATUS_LABELS[status]) for status in STATUS_ORDER],
    )
    minutes = WholeNumberField(lazy_gettext("Minutes credited"), minimum=0, maximum=1440)
    remark = StringField(lazy_gettext("Remark"), [Length(max=REMARK_LIMIT)])
    # The meeting whose mark the form showed: only then does an empty remark take the old one away.
    shown = HiddenField()
    # The newest mark of the student's that the page showed, by its id: what was marked since is told first.
    seen = HiddenField()
    reason = StringField(lazy_gettext("Reason"), [Length(max=500)])


@dataclass(frozen=True, slots=True)
class GridRow:
    """One student's line: the cells are finished markup, because there may be thousands."""

    summary: Summary
    cells: Markup


@blueprint.get("/teaching/<code>/")
@roles(*TEACHING)
def class_grid(code: str) -> ResponseReturnValue:
    """Roster × meetings."""
    session, now = db.session, clock.now()
    offering = class_of(session, me(), code)
    instructors = session.scalars(
        sa.select(OfferingInstructor)
        .where(OfferingInstructor.offering_id == offering.id)
        .options(joinedload(OfferingInstructor.user, innerjoin=True))
        .order_by(OfferingInstructor.role.desc())
    ).all()
    meetings, mine = rolls_of(session, me(), offering.id)
    grid = grid_of(session, offering, meetings, now)
    roles_here = {part.role for part in instructors if part.user_id == me().id}
    return page(
        "attendance/grid.html",
        offering=offering,
        instructors=instructors,
        grid=grid,
        rows=_rows(grid, now_id=grid.now.id if grid.now else 0, at=now),
        now=now,
        mine=mine,
        current=meeting_at(mine, now),
        stands_in=not roles_here and not me().is_staff,
        may_sign_off=InstructorRole.LEAD in roles_here or me().is_staff,
        choices=choices(),
        standing=standing,
        meeting_name=meeting_name,
        state_labels=STATE_LABELS,
    )


def _rows(grid: Grid, *, now_id: int, at: datetime) -> list[GridRow]:
    drawn: dict[tuple[MarkStatus, int | None, bool, bool, bool], Markup] = {}
    open_cells = {
        (begun, is_now): _empty_cell(begun, is_now) for begun in (True, False) for is_now in (True, False)
    }
    columns = [(meeting, meeting.starts_at <= at, meeting.id == now_id) for meeting in grid.meetings]
    rows = []
    for number, summary in grid.summaries.items():
        cells = []
        for meeting, begun, is_now in columns:
            found = summary.marks.get(meeting.id)
            if found is None:
                cells.append(open_cells[begun, is_now])
                continue
            partly = found.minutes if 0 < found.minutes < meeting.credit else None
            key = (found.status, partly, (meeting.id, number) in grid.differences, found.has_remark, is_now)
            if key not in drawn:
                drawn[key] = _cell(*key)
            cells.append(drawn[key])
        rows.append(GridRow(summary, Markup("").join(cells)))
    return rows


def _cell(status: MarkStatus, minutes: int | None, differs: bool, has_remark: bool, is_now: bool) -> Markup:
    small = (
        Markup("<small>{}<span class='vh'> {}</span></small>").format(minutes, _("minutes"))
        if minutes
        else ""
    )
    asks = Markup("<small>{}</small>").format(_("Differs")) if differs else ""
    remark = Markup('{}<span class="vh"> {}</span>').format(icon("pencil"), _("with a remark"))
    return Markup('<td class="{}{}">{}{}<span class="vh">{}</span>{}{}</td>').format(
        COLORS[status],
        " now" if is_now else "",
        mark(status.value),
        remark if has_remark else "",
        STATUS_LABELS[status],
        small,
        asks,
    )


def _empty_cell(begun: bool, is_now: bool) -> Markup:
    return Markup('<td class="m-none{}">{}<span class="vh">{}</span></td>').format(
        " now" if is_now else "",
        mark("none" if begun else "future"),
        _("Not marked") if begun else _("Not held yet"),
    )


@blueprint.get("/teaching/<code>/students/<int:enrollment_id>")
@roles(*TEACHING)
def student(code: str, enrollment_id: int) -> ResponseReturnValue:
    """One student's marks: what stands, and everything that was ever said. ``meeting`` (a number) opens the form at one of
    them, filled with the mark that stands."""
    return _student_page(code, enrollment_id, None)


@blueprint.post("/teaching/<code>/students/<int:enrollment_id>")
@roles(*TEACHING)
def correct_mark(code: str, enrollment_id: int) -> ResponseReturnValue:
    """Correct one mark of one student."""
    form = CorrectionForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                meeting = meeting_sent(session, actor, code)
                saved = correct(
                    session,
                    meeting,
                    Entry(
                        enrollment_id,
                        MarkStatus(form.status.data),
                        form.minutes.data,
                        remark=_remark(form),
                    ),
                    reason=form.reason.data or "",
                    actor=actor,
                    now=clock.now(),
                    seen=_number(form.seen.data),
                )
        except RuleError as error:
            note(form, error)
        else:
            flash(
                _("The mark was corrected.") if saved.changed else _("That is what stood there."), "success"
            )
            return see_other(url_for(".student", code=code, enrollment_id=enrollment_id))
    return _student_page(code, enrollment_id, form)


def _filled(meetings: list[Sitting], history: dict[int, list[Said]]) -> CorrectionForm:
    """The form as it opens: at the meeting that was asked for, with what stands there."""
    wanted = request.args.get("meeting", "")
    meeting = next((item for item in meetings if str(item.number) == wanted), None)
    if meeting is None:
        return CorrectionForm(formdata=None)
    stands = next((said for said in history.get(meeting.id, []) if said.is_current), None)
    if stands is None:
        return CorrectionForm(formdata=None, meeting=str(meeting.id), shown=str(meeting.id))
    minutes = stands.minutes if stands.status in TIMED else None
    return CorrectionForm(
        formdata=None,
        meeting=str(meeting.id),
        shown=str(meeting.id),
        status=stands.status.value,
        minutes=minutes,
        remark=stands.remark,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None


def _remark(form: CorrectionForm) -> str | None:
    """What to write beside the mark; None leaves the remark that stands."""
    return form.remark.data or ("" if form.shown.data == form.meeting.data else None)


def _student_page(code: str, enrollment_id: int, form: CorrectionForm | None) -> Response:
    session = db.session
    offering = class_of(session, me(), code)
    enrollment = _enrollment(session, offering, enrollment_id)
    meetings, mine = rolls_of(session, me(), offering.id)
    summary = summaries_of(session, offering, meetings, only=enrollment.id)[enrollment.id]
    history = marks_of(session, enrollment.id)
    form = form or _filled(meetings, history)
    form.seen.data = str(max((said.id for meeting in history.values() for said in meeting), default=0))
    return page(
        "attendance/student.html",
        form=form,
        offering=offering,
        enrollment=enrollment,
        person=enrollment.student.user,
        meetings=meetings,
        summary=summary,
        history=history,
        open_meetings=_may_be_marked(offering, mine),
        over=clock.now() >= offering.ends_at,
        choices=choices(),
        outlook=outlook,
        grace_words=grace_words,
        mark_words=mark_words,
        method_words=method_words,
        meeting_name=meeting_name,
        state_labels=STATE_LABELS,
    )


def _may_be_marked(offering: Offering, meetings: list[Sitting]) -> set[int]:
    now, found = clock.now(), set()
    for meeting in meetings:
        try:
            refuse_closed(offering, meeting, now)
        except RuleError:
            continue
        found.add(meeting.id)
    return found


def _enrollment(session: Session, offering: Offering, enrollment_id: int) -> Enrollment:
    query = (
        sa.select(Enrollment)
        .where(
            Enrollment.id == enrollment_id,
            Enrollment.offering_id == offering.id,
            Enrollment.state.in_(ROLL_STATES),
        )
        .options(
            joinedload(Enrollment.student, innerjoin=True).options(
                joinedload(Student.user, innerjoin=True), selectinload(Student.licenses)
            )
        )
    )
    found = session.scalar(query)
    if found is None:
        abort(404)
    return found
