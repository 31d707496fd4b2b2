"""The audit log: who did what, when; and whether its chain is whole, some thousand events at a time."""

import json

import sqlalchemy as sa
from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from accounts.access import STAFF, roles
from accounts.models import User
from core import audit
from core.audit import AuditEvent, AuditHead
from core.database import db
from core.paging import page_number, rows_of_page
from core.school import current_school
from core.search import has_part
from core.web import page
from portal.audit_words import ROOMS, details_of, words_for
from portal.blueprint import blueprint

PAGE = 50
# Events checked in one request: about a third of a second.
AT_ONCE = 5000


@blueprint.get("/office/audit")
@roles(*STAFF)
def office_audit() -> ResponseReturnValue:
    """The log, the latest first, searched by person or by anything that an event says."""
    return _log_page()


@blueprint.post("/office/audit/check")
@roles(*STAFF)
def office_audit_check() -> ResponseReturnValue:
    """Check the last events of the chain, or those before an event, and say how far it is whole."""
    head = db.session.get(AuditHead, 1)
    newest = head.last_id if head else 0
    before = request.form.get("before", 0, type=int)
    last = before - 1 if 1 < before <= newest else newest
    first = max(last - AT_ONCE + 1, 1)
    problems = list(audit.verify(db.session, first, None if last == newest else last))[:20]
    checked = {"first": first, "last": last, "problems": problems}
    return _log_page(checked=checked)


def _log_page(checked: dict[str, object] | None = None) -> ResponseReturnValue:
    search, room = request.args.get("q", "").strip()[:100], request.args.get("room", "")
    query = sa.select(AuditEvent).order_by(AuditEvent.id.desc())
    if search:
        query = query.where(_mentions(search))
    if room in ROOMS:
        query = query.where(AuditEvent.action.startswith(f"{room}:", autoescape=True))
    address = url_for("portal.office_audit")
    rows, paging = rows_of_page(db.session, query, size=PAGE, number=page_number(), address=address)
    school = current_school(db.session)
    entries = [
        {
            "event": event,
            "by": (event.payload or {}).get("by") or (_("The system") if event.payload else _("Erased")),
            "words": words_for(event.action),
            "details": details_of(event.payload),
        }
        for (event,) in rows
    ]
    return page(
        "portal/audit.html",
        entries=entries,
        paging=paging,
        search=search,
        room=room,
        rooms=ROOMS,
        zone=school.time_zone if school else "UTC",
        checked=checked,
        told=_told(checked),
    )


def _told(checked: dict[str, object] | None) -> str:
    if checked is None:
        return ""
    problems = checked["problems"]
    count = len(problems) if isinstance(problems, list) else 0
    if not count:
        return _(
            "Events %(first)s to %(last)s are whole and unchanged.",
            first=checked["first"],
            last=checked["last"],
        )
    return ngettext("One thing is wrong with the log", "%(num)s things are wrong with the log", count)


def _mentions(search: str) -> sa.ColumnElement[bool]:
    """Events by whom or about what: the payload is searched as it is stored, so once more with its escapes."""
    text = sa.func.lower(sa.cast(AuditEvent.payload, sa.Text))
    escaped = json.dumps(search.lower())[1:-1]
    people = sa.select(User.id).where(sa.or_(has_part(User.name, search), User.email == search.lower()))
    return sa.or_(
        text.contains(search.lower(), autoescape=True),
        text.contains(escaped, autoescape=True),
        text.contains(json.dumps(search)[1:-1].lower(), autoescape=True),
        AuditEvent.actor_id.in_(people),
    )
