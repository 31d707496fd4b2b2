"""The school's claims: what each needs before it can be shown."""

import sqlalchemy as sa
from flask import abort, flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from accounts.access import STAFF, actor_again, roles
from accounts.models import User
from core import audit, clock
from core.database import db, locked
from core.editing import EditForm, Stored, fingerprint, note_with_stored, refuse_stale
from core.errors import RuleError
from core.forms import Length, Required, TextAreaField
from core.paging import page_number, rows_of_page
from core.web import acting, page, see_other
from courses.blueprint import blueprint
from courses.claim_review import publish_claim, review_claim, withdraw_claim
from courses.claims import health_claims
from courses.models import Claim

PAGE = 25


class ClaimForm(EditForm):
    """A claim's words and its source."""

    text = TextAreaField(_l("What is claimed"), [Required(), Length(max=4000)])
    evidence = TextAreaField(_l("Source"), [Length(max=4000)])


@blueprint.get("/office/claims")
@roles(*STAFF)
def office_claims() -> ResponseReturnValue:
    """All claims, those that wait first, each with what it still needs."""
    query = (
        sa.select(Claim, User.name)
        .outerjoin(User, User.id == Claim.approved_by_id)
        .order_by(Claim.published_at.is_not(None), Claim.id)
    )
    rows, paging = rows_of_page(db.session, query, size=PAGE, number=page_number())
    return page("courses/office/claims.html", rows=rows, paging=paging)


@blueprint.route("/office/claims/<int:claim_id>", methods=["GET", "POST"])
@roles(*STAFF)
def office_claim(claim_id: int) -> ResponseReturnValue:
    """One claim, with its source."""
    claim = _claim_of(db.session, claim_id)
    form, stored = ClaimForm(obj=claim), list[Stored]()
    if not form.is_submitted():
        form.seen.data = fingerprint(form)
    elif form.validate():
        try:
            with acting() as session:
                actor, claim = actor_again(session), _claim_of(session, claim_id, lock=True)
                fresh = ClaimForm(formdata=None, obj=claim)
                refuse_stale(form, fresh, last=audit.last_change(session, claim))
                review_claim(
                    session,
                    claim,
                    text=form.text.data or "",
                    evidence=form.evidence.data or "",
                    actor=actor,
                    now=clock.now(),
                )
        except RuleError as error:
            stored = note_with_stored(form, error)
        else:
            flash(_("The claim is saved. It is shown to nobody until it is approved."), "success")
            return see_other(url_for("courses.office_claim", claim_id=claim_id))
        claim = _claim_of(db.session, claim_id)
    return page(
        "courses/office/claim.html", form=form, claim=claim, stored=stored, findings=health_claims(claim.text)
    )


@blueprint.post("/office/claims/<int:claim_id>/publish")
@roles(*STAFF)
def office_publish_claim(claim_id: int) -> ResponseReturnValue:
    """Approve a claim in one's own name."""
    try:
        with acting() as session:
            actor = actor_again(session)
            publish_claim(session, _claim_of(session, claim_id, lock=True), actor=actor, now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("The claim is approved in your name."), "success")
    return see_other(url_for("courses.office_claim", claim_id=claim_id))


@blueprint.post("/office/claims/<int:claim_id>/withdraw")
@roles(*STAFF)
def office_withdraw_claim(claim_id: int) -> ResponseReturnValue:
    """Show a claim no longer."""
    try:
        with acting() as session:
            actor = actor_again(session)
            withdraw_claim(session, _claim_of(session, claim_id, lock=True), actor=actor, now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("The claim is shown no longer."), "success")
    return see_other(url_for("courses.office_claim", claim_id=claim_id))


def _claim_of(session: Session, claim_id: int, *, lock: bool = False) -> Claim:
    found = locked(session, Claim, claim_id) if lock else session.get(Claim, claim_id)
    return found or abort(404)
