"""The office's report of hours, on the page and as a table to take along."""

from datetime import date

import sqlalchemy as sa
from flask import Response, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.access import STAFF, roles
from certificates import hours
from certificates.blueprint import blueprint
from core import clock
from core.clock import local_date
from core.database import db
from core.school import current_school
from core.tables import CSV_TYPE, XLSX_TYPE, csv_file, xlsx_file
from core.web import page
from courses.models import Body


def _period() -> tuple[str, date, date, str]:
    """Body, first and last day as asked for (this year without an answer), and the school's zone."""
    school = current_school(db.session)
    zone = school.time_zone if school else "UTC"
    today = local_date(clock.now(), zone)
    first = _day(request.args.get("first", "")) or date(today.year, 1, 1)
    last = _day(request.args.get("last", "")) or today
    return request.args.get("body", "")[:40], first, max(first, last), zone


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@blueprint.get("/office/certificates/hours")
@roles(*STAFF)
def hours_report() -> ResponseReturnValue:
    """What the certificates of a period gave, by body."""
    body, first, last, _zone = _period()
    lines = hours.lines_of(db.session, body=body, first=first, last=last)
    bodies = db.session.execute(sa.select(Body.code, Body.title).order_by(Body.title)).all()
    return page(
        "certificates/hours.html",
        sums=hours.sums_of(lines),
        count=len(lines),
        bodies=bodies,
        body=body,
        first=first,
        last=last,
    )


@blueprint.get("/office/certificates/hours.<kind>")
@roles(*STAFF)
def hours_table(kind: str) -> ResponseReturnValue:
    """The same with a row for each line, as XLSX or CSV."""
    if kind not in ("xlsx", "csv"):
        return page("errors/404.html", status=404)
    body, first, last, zone = _period()
    lines = hours.lines_of(db.session, body=body, first=first, last=last)
    columns, rows = hours.columns(), hours.rows_of(lines)
    if kind == "csv":
        response = make_response(csv_file(columns, rows, zone=zone))
        response.mimetype = CSV_TYPE
    else:
        title = str(_("Hours"))
        response = make_response(xlsx_file(columns, rows, title=title, zone=zone, made_at=clock.now()))
        response.mimetype = XLSX_TYPE
    return _named(response, f"hours-{first.isoformat()}-{last.isoformat()}.{kind}")


def _named(response: Response, name: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
