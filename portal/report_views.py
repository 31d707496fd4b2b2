"""Reports and files for boards."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any

from flask import Response, abort, flash, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext, ngettext

from accounts.access import STAFF, actor_again, roles
from core import clock
from core.clock import local_date
from core.database import db
from core.errors import RuleError
from core.files import store
from core.formatting import clock_time, medium_date, money, number
from core.forms import DateField, Form, Length, Required, SelectField, StringField
from core.school import current_school
from core.table_answers import table_answer
from core.tables import Column, Kind
from core.typed import parse_wall_clock
from core.web import acting, note, page, see_other
from courses.models import Body
from portal import boards
from portal.blueprint import blueprint
from portal.board_models import BoardReport
from portal.boards import Wanted
from portal.report_list import REPORTS
from portal.reports import Span
from students.jurisdictions import LONGEST, jurisdiction_of
from students.people import PROFESSIONS

SHOWN = 200  # rows on a page; files hold all
USUAL = timedelta(days=365)


class BoardForm(Form):
    """Which completions a board is told of."""

    body = SelectField(lazy_gettext("Board"), [Required(lazy_gettext("Choose a board."))], choices=[])
    jurisdiction = StringField(
        lazy_gettext("State of the license"),
        [Required(lazy_gettext("Write a state, as in FL.")), Length(max=LONGEST)],
    )
    profession = SelectField(
        lazy_gettext("Profession"),
        choices=[(code, label) for code, label in PROFESSIONS.items() if code != "NONE"],
    )
    first = DateField(lazy_gettext("Completed from"), [Required(lazy_gettext("Write the first day."))])
    last = DateField(lazy_gettext("to"), [Required(lazy_gettext("Write the last day."))])


@blueprint.get("/office/reports")
@roles(*STAFF)
def office_reports() -> Response:
    """All reports."""
    return page("portal/reports.html", reports=list(REPORTS.values()), span=_span())


@blueprint.get("/office/reports/<key>")
@roles(*STAFF)
def office_report(key: str) -> Response:
    """One report on a page: the first rows, and the files."""
    found = REPORTS.get(key) or abort(404)
    span = _span()
    columns, rows = found.table(db.session, span)
    shown = list(islice(iter(rows), SHOWN + 1))
    return page(
        "portal/report.html",
        report=found,
        span=span,
        columns=columns,
        numeric=[
            i for i, column in enumerate(columns) if column.kind in (Kind.WHOLE, Kind.NUMBER, Kind.MONEY)
        ],
        rows=[_texts(columns, row, span.zone) for row in shown[:SHOWN]],
        more=len(shown) > SHOWN,
        most=SHOWN,
        days={"first": span.first.isoformat(), "last": span.last.isoformat()},
    )


@blueprint.get("/office/reports/<key>.<any(xlsx, csv):form>")
@roles(*STAFF)
def office_report_file(key: str, form: str) -> Response:
    """One report as a file."""
    found = REPORTS.get(key) or abort(404)
    span = _span()
    columns, rows = found.table(db.session, span)
    name = f"{key}-{span.first:%Y%m%d}-{span.last:%Y%m%d}"
    title = str(found.title)
    return table_answer(form, columns, rows, title=title, name=name, zone=span.zone, made_at=span.now)


def _span() -> Span:
    """The days asked for (``first``, ``last``): by default the last year and the classes under way."""
    school, now = current_school(db.session), clock.now()
    zone = school.time_zone if school else "UTC"
    today = local_date(now, zone)
    first = _day("first") or today - USUAL
    last = _day("last") or today + timedelta(days=31)
    return Span(min(first, last), max(first, last), zone, now)


def _day(name: str) -> date | None:
    """A day of the address, from 1900 to 2199: one nearer to the end of the calendar has no midnight in every zone."""
    found = parse_wall_clock(request.args.get(name, ""), ("%Y-%m-%d",))
    return found.date() if found else None


def _texts(columns: Sequence[Column], row: Sequence[Any], zone: str) -> list[str]:
    return [_text(column, value, zone) for column, value in zip(columns, row, strict=True)]


def _text(column: Column, value: Any, zone: str) -> str:
    if value is None:
        return ""
    if column.kind is Kind.MOMENT:
        return f"{medium_date(value, zone)}, {clock_time(value, zone)}"
    if column.kind is Kind.LOCAL:
        theirs = str(value.tzinfo)
        return f"{medium_date(value, theirs)}, {clock_time(value, theirs)}"
    if column.kind is Kind.DATE:
        return medium_date(value)
    if column.kind is Kind.MONEY:
        return money(value, column.currency)
    return number(value, 2) if column.kind in (Kind.WHOLE, Kind.NUMBER) else str(value)


@blueprint.route("/office/reports/boards", methods=["GET", "POST"])
@roles(*STAFF)
def office_boards() -> ResponseReturnValue:
    """What a board would be told (a dry run), the file, and the ledger of what was told."""
    form = BoardForm()
    session = db.session
    form.body.choices = [
        (str(body.id), f"{body.code}, {body.title}") for body in session.query(Body).order_by(Body.code)
    ]
    if request.method == "GET":
        today = local_date(clock.now(), _span().zone)
        form.first.data, form.last.data = today - timedelta(days=90), today
    found = None
    if form.validate_on_submit() and form.first.data and form.last.data:
        try:
            wanted = Wanted(
                int(form.body.data),
                jurisdiction_of(form.jurisdiction.data or ""),
                form.profession.data,
                form.first.data,
                form.last.data,
            )
            if request.form.get("make"):
                with acting() as writing:
                    actor = actor_again(writing)
                    made = boards.report(writing, wanted, actor=actor, now=clock.now())
                    count, number_of = made.row_count, made.id
                flash(
                    ngettext(
                        "The file holds %(num)s row. It stands in the ledger below.",
                        "The file holds %(num)s rows. It stands in the ledger below.",
                        count,
                    ),
                    "success",
                )
                return see_other(url_for(".office_boards") + f"#report-{number_of}")
            found = boards.dry_run(session, wanted)
        except RuleError as error:
            note(form, error)
    return page(
        "portal/boards.html", form=form, found=found, ledger=boards.ledger(session), zone=_span().zone
    )


@blueprint.get("/office/reports/boards/<int:report_id>.xls")
@roles(*STAFF)
def office_board_file(report_id: int) -> Response:
    """A file that was made for a board: always the same bytes."""
    row = db.session.get(BoardReport, report_id) or abort(404)
    path = store().path(row.sha256)
    if not path.is_file():
        abort(404)
    name = f"roster-{row.jurisdiction}-{row.profession}-{row.id}.xls"
    return send_file(path, boards.XLS_TYPE, as_attachment=True, download_name=name, max_age=0)
