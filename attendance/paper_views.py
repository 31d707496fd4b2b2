"""A class's papers and files: what can be printed, the roster as a spreadsheet, scanned sheets."""

from typing import cast

import sqlalchemy as sa
from flask import Response, abort, flash, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from accounts.access import TEACHING, actor_again, me, roles
from accounts.models import User
from attendance import papers, sheets
from attendance.access import class_of, marked_by, meeting_of, meeting_sent, rolls_of
from attendance.blueprint import blueprint
from attendance.exports import roster_table
from attendance.grid import meeting_at
from attendance.models import MeetingSheet
from attendance.words import meeting_name
from core import clock
from core.database import db
from core.errors import RuleError
from core.files import store
from core.forms import FileField, Form, Length, Required, StringField
from core.papers import request_paper
from core.table_answers import table_answer
from core.web import acting, note, page, see_other
from courses.offering_models import Meeting, Offering, OfferingState


class SheetForm(Form):
    """A scanned sheet and the meeting it belongs to."""

    sheet = FileField(lazy_gettext("Scanned sheet"), [Required(lazy_gettext("Choose a file."))])


class TakeOffForm(Form):
    """Why a sheet is taken off."""

    reason = StringField(
        lazy_gettext("Why is it taken off?"),
        [Required(lazy_gettext("Say why the sheet is taken off.")), Length(max=500)],
    )


@blueprint.get("/teaching/<code>/sign-in.pdf")
@roles(*TEACHING)
def sign_in_sheet(code: str) -> ResponseReturnValue:
    """Ask for the sign-in sheet of a meeting (``meeting``: its number; else the one that matters now)."""
    offering = class_of(db.session, me(), code)
    wanted = request.args.get("meeting", "")
    if wanted and not (wanted.isdecimal() and len(wanted) < 6):
        abort(404)
    _all, mine = rolls_of(db.session, me(), offering.id)
    now_on = meeting_at(mine, clock.now())
    number = int(wanted) if wanted else (now_on.number if now_on else 1)
    with acting() as session:
        actor = actor_again(session)
        meeting = meeting_of(session, actor, code, number)
        details = papers.details_for(meeting.offering, actor, meeting)
        row = request_paper(session, papers.SIGN_IN, actor=actor, now=clock.now(), **details)
        session.flush()
        address = url_for("papers.show", paper_id=row.id)
    return see_other(address)


@blueprint.get("/teaching/<code>/schedule.pdf")
@roles(*TEACHING)
def wall_schedule(code: str) -> ResponseReturnValue:
    """Ask for the schedule to hang on the wall."""
    return _ask(code, papers.SCHEDULE)


@blueprint.get("/teaching/<code>/roster.pdf")
@roles(*TEACHING)
def staff_roster(code: str) -> ResponseReturnValue:
    """Ask for the printed roster for staff."""
    return _ask(code, papers.ROSTER)


def _ask(code: str, kind: str) -> Response:
    with acting() as session:
        actor = actor_again(session)
        details = papers.details_for(class_of(session, actor, code), actor)
        row = request_paper(session, kind, actor=actor, now=clock.now(), **details)
        address = url_for("papers.show", paper_id=row.id)
    return see_other(address)


@blueprint.get("/teaching/<code>/roster.xlsx")
@roles(*TEACHING)
def roster_xlsx(code: str) -> Response:
    """The roster as a spreadsheet."""
    offering = class_of(db.session, me(), code)
    return _roster(offering, "xlsx")


@blueprint.get("/teaching/<code>/roster.csv")
@roles(*TEACHING)
def roster_csv(code: str) -> Response:
    """The roster as CSV."""
    offering = class_of(db.session, me(), code)
    return _roster(offering, "csv")


def _roster(offering: Offering, form: str) -> Response:
    columns, rows = roster_table(db.session, offering)
    return table_answer(
        form,
        columns,
        rows,
        title=_("Roster %(code)s", code=offering.code),
        name=f"{offering.code}-roster",
        zone=offering.time_zone,
        made_at=clock.now(),
    )


@blueprint.get("/teaching/<code>/papers")
@roles(*TEACHING)
def class_papers(code: str) -> Response:
    """What can be printed and saved of a class, and the scanned sheets of each meeting."""
    return _papers_page(code, SheetForm(formdata=None))


@blueprint.post("/teaching/<code>/meetings/<int:number>/sheets")
@roles(*TEACHING)
def attach_sheet(code: str, number: int) -> ResponseReturnValue:
    """Attach a scanned sheet to a meeting."""
    form = SheetForm()
    if form.validate_on_submit():
        upload = cast(FileStorage, form.sheet.data)
        content = upload.stream.read(sheets.MOST_BYTES + 1)
        try:
            with acting() as session:
                actor = actor_again(session)
                meeting = meeting_sent(session, actor, code, number)
                stands_at = meeting.number
                sheets.attach(session, meeting, content, actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The sheet is attached."), "success")
            return see_other(url_for(".class_papers", code=code) + f"#m-{stands_at}")
    return _papers_page(code, form, failed=number)


@blueprint.get("/teaching/<code>/sheets/<int:sheet_id>")
@roles(*TEACHING)
def sheet_file(code: str, sheet_id: int) -> Response:
    """A scanned sheet."""
    sheet = _sheet(db.session, me(), code, sheet_id)
    path = store().path(sheet.sha256)
    if not path.is_file():
        abort(404)
    # Never shown inside this site: a file that people brought along is handed over as one.
    return send_file(path, sheet.mime_type, as_attachment=True, download_name=sheet.file_name, max_age=0)


@blueprint.route("/teaching/<code>/sheets/<int:sheet_id>/take-off", methods=["GET", "POST"])
@roles(*TEACHING)
def take_off_sheet(code: str, sheet_id: int) -> ResponseReturnValue:
    """Take off a sheet that was attached by mistake."""
    form = TakeOffForm()
    sheet = _sheet(db.session, me(), code, sheet_id)
    name = sheet.file_name
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                sheet = _sheet(session, actor, code, sheet_id)
                sheets.take_off(session, sheet, reason=form.reason.data or "", actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The sheet was taken off."), "success")
            return see_other(url_for(".class_papers", code=code))
    return page(
        "_confirm.html",
        form=form,
        title=_("Take off %(name)s?", name=name),
        message=_("It is not shown with the meeting any more. The office can still find it in the records."),
        action_label=_("Take it off"),
        keep_label=_("Keep it"),
        keep_url=url_for(".class_papers", code=code),
    )


def _sheet(session: Session, user: User, code: str, sheet_id: int) -> MeetingSheet:
    query = (
        sa.select(MeetingSheet)
        .join(Meeting, Meeting.id == MeetingSheet.meeting_id)
        .join(Offering, Offering.id == Meeting.offering_id)
        .where(
            MeetingSheet.id == sheet_id,
            Offering.code == code.upper(),
            Offering.state != OfferingState.DRAFT,
            MeetingSheet.removed_at.is_(None),
            marked_by(user),
        )
    )
    found = session.scalar(query)
    if found is None:
        abort(404)
    return found


def _papers_page(code: str, form: SheetForm, failed: int = 0) -> Response:
    session = db.session
    offering = class_of(session, me(), code)
    _all, meetings = rolls_of(session, me(), offering.id)
    return page(
        "attendance/papers.html",
        form=form,
        failed=failed,
        offering=offering,
        meetings=meetings,
        attached=sheets.sheets_of(session, offering.id),
        meeting_name=meeting_name,
    )
