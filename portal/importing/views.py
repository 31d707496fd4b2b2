"""The office's import pages: upload, preview, one confirm, what became of each row."""

from collections import Counter
from typing import Any

import sqlalchemy as sa
from flask import Response, abort, flash, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from accounts.access import STAFF, actor_again, roles
from core import clock, tables
from core.database import db
from core.errors import RuleError
from core.forms import FileField, Form, Length, Required, TextAreaField
from core.web import acting, note, page, see_other
from portal.blueprint import blueprint
from portal.importing import reading, running
from portal.importing.fates import Preview, preview
from portal.importing.lines import read_lines
from portal.importing.models import Fate, ImportBatch, ImportOutcome
from students import lookups
from students.enrollment import why_closed

FATES = {
    Fate.NEW: (_l("New"), "ok"),
    Fate.KNOWN: (_l("Known"), "ok"),
    Fate.WAITLIST: (_l("Waitlist"), "wait"),
    Fate.DUPLICATE: (_l("Duplicate"), "tide"),
    Fate.REFUSED: (_l("Not taken"), "stop"),
}
RECENT = 10


class SeveralForm(Form):
    """People for one class, a line each."""

    people = TextAreaField(_l("People"), [Required(), Length(max=100_000)])


class UploadForm(Form):
    """A file of people."""

    file = FileField(_l("File"), [Required()])


def _batch_or_404(session: Session, batch_id: int) -> ImportBatch:
    return session.get(ImportBatch, batch_id) or abort(404)


@blueprint.route("/office/import", methods=["GET", "POST"])
@roles(*STAFF)
def office_import() -> Response:
    """Upload a file; nothing is taken in before its preview was confirmed."""
    form = UploadForm()
    if form.validate_on_submit():
        upload = form.file.data
        try:
            sheet = reading.read(upload.read())
            with acting() as session:
                actor = actor_again(session)
                name = upload.filename or ""
                batch_id = running.keep(session, sheet, file_name=name, actor=actor, now=clock.now()).id
        except RuleError as error:
            note(form, error)
        else:
            if sheet.ignored:
                flash(_("Not used: the columns %(names)s.", names=", ".join(sheet.ignored[:10])), "info")
            return see_other(url_for("portal.office_import_batch", batch_id=batch_id))
    recent = db.session.scalars(sa.select(ImportBatch).order_by(ImportBatch.id.desc()).limit(RECENT)).all()
    return page("portal/importing/upload.html", form=form, recent=recent, most=reading.MOST_ROWS)


@blueprint.route("/office/classes/<code>/enroll-several", methods=["GET", "POST"])
@roles(*STAFF)
def office_enroll_several(code: str) -> Response:
    """Enter several people for one class, a line each; the preview and the rest are those of an import."""
    offering = lookups.office_class_of(db.session, code)
    form = SeveralForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                sheet = read_lines(session, form.people.data or "", offering.code)
                name = _("People for %(code)s", code=offering.code)
                batch_id = running.keep(session, sheet, file_name=name, actor=actor, now=clock.now()).id
        except RuleError as error:
            note(form, error)
        else:
            return see_other(url_for("portal.office_import_batch", batch_id=batch_id))
    offering = lookups.office_class_of(db.session, code)
    closed = why_closed(offering, clock.now(), by_office=True)
    return page("portal/importing/several.html", form=form, offering=offering, closed=closed)


@blueprint.get("/office/import/example.csv")
@roles(*STAFF)
def office_import_example() -> Response:
    """An empty file with the headings."""
    body = tables.csv_file([tables.Column(title) for title in reading.EXAMPLE], [], zone="UTC")
    headers = {"Content-Disposition": 'attachment; filename="people.csv"'}
    return Response(body, mimetype=tables.CSV_TYPE, headers=headers)


@blueprint.get("/office/import/<int:batch_id>")
@roles(*STAFF)
def office_import_batch(batch_id: int) -> Response:
    """The preview of a file, or what became of it. Asks again by itself while the worker is at it."""
    batch = _batch_or_404(db.session, batch_id)
    if batch.confirmed_at is not None:
        answer = page("portal/importing/done.html", **_context(batch, _outcomes(batch)))
        if batch.finished_at is None:
            answer.headers["Refresh"] = "2"
        return answer
    try:
        rows = preview(db.session, running.rows_of(batch), now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
        return see_other(url_for("portal.office_import"))
    return page("portal/importing/preview.html", form=Form(), **_context(batch, rows))


def _outcomes(batch: ImportBatch) -> list[Preview]:
    try:
        rows = running.rows_of(batch)
    except RuleError:  # thrown away since: the outcomes stay
        rows = [reading.Row(line=position + 1) for position in range(batch.row_count)]
    outcomes = db.session.scalars(
        sa.select(ImportOutcome).where(ImportOutcome.batch_id == batch.id).order_by(ImportOutcome.position)
    )
    return [Preview(rows[outcome.position], outcome.fate, outcome.words) for outcome in outcomes]


def _context(batch: ImportBatch, rows: list[Preview]) -> dict[str, Any]:
    counts = Counter(item.fate for item in rows)
    return {"batch": batch, "rows": rows, "counts": counts, "fates": FATES}


@blueprint.post("/office/import/<int:batch_id>/confirm")
@roles(*STAFF)
def office_import_confirm(batch_id: int) -> Response:
    """Take the rows in: the one confirmation."""
    here = url_for("portal.office_import_batch", batch_id=batch_id)
    try:
        with acting() as session:
            actor = actor_again(session)
            _batch_or_404(session, batch_id)
            running.confirm(session, batch_id, actor=actor, now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    return see_other(here)
