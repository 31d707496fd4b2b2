"""Marks from a CSV: pasted or chosen, looked at, then saved."""

from typing import cast

from flask import Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from werkzeug.datastructures import FileStorage

from accounts.access import TEACHING, actor_again, me, roles
from attendance.access import meeting_sent
from attendance.blueprint import blueprint
from attendance.mark_import import ImportLine, preview
from attendance.marking import save_roll
from attendance.models import MarkMethod
from attendance.words import mark_words, meeting_name
from core import clock
from core.database import db
from core.errors import RuleError
from core.forms import FileField, Form, Length, StringField, TextAreaField
from core.web import acting, note, page, see_other

MOST_BYTES = 500_000


class ImportForm(Form):
    """A CSV, as a file or pasted; a reason once the class is signed off."""

    file = FileField(lazy_gettext("CSV file"))
    text = TextAreaField(lazy_gettext("or paste its lines"), [Length(max=MOST_BYTES)])
    reason = StringField(lazy_gettext("Reason"), [Length(max=500)])


@blueprint.route("/teaching/<code>/meetings/<int:number>/import", methods=["GET", "POST"])
@roles(*TEACHING)
def import_marks(code: str, number: int) -> ResponseReturnValue:
    """Look at what a CSV would mark, then save it (``save``). A line with a problem keeps everything from being saved."""
    form = ImportForm()
    lines: list[ImportLine] = []
    if form.validate_on_submit():
        try:
            _read_file(form)
            if request.form.get("save"):
                return _save(code, number, form)
            meeting = meeting_sent(db.session, me(), code, number)
            lines = preview(db.session, meeting, form.text.data or "", clock.now())
        except RuleError as error:
            note(form, error)
    return _show(code, number, form, lines)


def _read_file(form: ImportForm) -> None:
    upload = cast(FileStorage | None, form.file.data)
    if not upload or not upload.filename:
        return
    content = upload.stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise RuleError(_("This file is larger than 500 kB."), field="file")
    try:
        form.text.data = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RuleError(_("This file is not text in UTF-8. Save it as CSV UTF-8."), field="file") from error


def _save(code: str, number: int, form: ImportForm) -> Response:
    with acting() as session:
        actor, now = actor_again(session), clock.now()
        meeting = meeting_sent(session, actor, code, number)
        stands_at = meeting.number
        lines = preview(session, meeting, form.text.data or "", now)
        if any(line.problem for line in lines) or not lines:
            raise RuleError(_("Some lines have a problem. Nothing was saved."), field="text")
        saved = save_roll(
            session,
            meeting,
            [line.entry for line in lines if line.entry],
            actor=actor,
            now=now,
            method=MarkMethod.IMPORT,
            reason=form.reason.data or "",
        )
    flash(ngettext("%(num)s mark imported.", "%(num)s marks imported.", len(saved.changed)), "success")
    return see_other(url_for(".roll", code=code, number=stands_at))


def _show(code: str, number: int, form: ImportForm, lines: list[ImportLine]) -> Response:
    meeting = meeting_sent(db.session, me(), code, number)
    return page(
        "attendance/import.html",
        form=form,
        meeting=meeting,
        offering=meeting.offering,
        title=meeting_name(meeting.starts_at, meeting.offering.time_zone),
        lines=lines,
        problems=sum(1 for line in lines if line.problem),
        mark_words=mark_words,
        credit=meeting.credit_minutes,
    )
