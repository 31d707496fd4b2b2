"""The mail outbox: what waits, what was given up and why, and sending it again."""

import sqlalchemy as sa
from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from accounts.access import STAFF, actor_again, roles
from core import clock
from core.database import db
from core.errors import RuleError
from core.outbox import MailState, OutgoingMail, send_again
from core.paging import page_number, rows_of_page
from core.school import current_school
from core.web import acting, page, see_other
from portal.blueprint import blueprint

PAGE = 50
VIEWS = {
    "waiting": (MailState.QUEUED, MailState.SENDING),
    "failed": (MailState.FAILED,),
    "sent": (MailState.SENT,),
    "dropped": (MailState.DROPPED,),
}


@blueprint.get("/office/mail")
@roles(*STAFF)
def office_mail() -> ResponseReturnValue:
    """Mails by where they are; what was given up is shown first when there is some."""
    counted = sa.select(OutgoingMail.state, sa.func.count()).group_by(OutgoingMail.state)
    counts = {row[0]: row[1] for row in db.session.execute(counted)}
    default = "failed" if counts.get(MailState.FAILED) else "waiting"
    view = request.args.get("state", default)
    view = view if view in VIEWS else default
    search = request.args.get("q", "").strip()[:100]
    query = (
        sa.select(OutgoingMail).where(OutgoingMail.state.in_(VIEWS[view])).order_by(OutgoingMail.id.desc())
    )
    if search:
        query = query.where(OutgoingMail.recipient.contains(search.lower(), autoescape=True))
    rows, paging = rows_of_page(db.session, query, size=PAGE, number=page_number())
    school = current_school(db.session)
    return page(
        "portal/mail.html",
        mails=[row[0] for row in rows],
        paging=paging,
        search=search,
        view=view,
        counts={name: sum(counts.get(state, 0) for state in states) for name, states in VIEWS.items()},
        zone=school.time_zone if school else "UTC",
    )


@blueprint.post("/office/mail/<int:mail_id>/again")
@roles(*STAFF)
def office_mail_again(mail_id: int) -> ResponseReturnValue:
    """Send a mail again that was given up."""
    try:
        with acting() as session:
            actor = actor_again(session)
            recipient = send_again(session, mail_id, actor=actor, now=clock.now()).recipient
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("The mail to %(address)s is on its way again.", address=recipient), "success")
    return see_other(url_for("portal.office_mail"))


@blueprint.post("/office/mail/again")
@roles(*STAFF)
def office_all_mail_again() -> ResponseReturnValue:
    """Send all mails again that were given up: for when the mail server was away."""
    with acting() as session:
        actor, now = actor_again(session), clock.now()
        query = (
            sa.select(OutgoingMail.id)
            .where(OutgoingMail.state == MailState.FAILED)
            .order_by(OutgoingMail.id)
            .limit(500)
        )
        ids = session.scalars(query).all()
        for mail_id in ids:
            send_again(session, mail_id, actor=actor, now=now)
    flash(
        ngettext("%(num)s mail is on its way again.", "%(num)s mails are on their way again.", len(ids)),
        "success",
    )
    return see_other(url_for("portal.office_mail"))
