"""A class's certificates beyond issuing: previews, the office's decisions, all as one file; and the register's files."""

import sqlalchemy as sa
from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.access import STAFF, TEACHING, actor_again, me, roles
from certificates import bundles, overriding, previewing
from certificates.blueprint import blueprint
from certificates.checks import problems_of
from certificates.eligibility import judge_class, load_offering
from certificates.forms import OverrideForm
from certificates.lookups import class_for, may_issue
from certificates.models import Certificate, CertificateState
from certificates.register import matching
from core import clock
from core.database import db
from core.errors import RuleError
from core.looks import page_language
from core.typed import row_number
from core.web import acting, note, page, see_other
from courses.offering_models import Offering
from students.models import Enrollment

BUNDLES = {"zip": bundles.ZIP_PAPER, "print": bundles.PRINT_PAPER}


def chosen() -> set[int] | None:
    """The enrollments that a form names; None when it names none, which means all."""
    sent = request.form.getlist("only")
    return {number for number in map(row_number, sent) if number is not None} if sent else None


@blueprint.post("/teaching/<code>/certificates/preview")
@roles(*TEACHING)
def preview(code: str) -> ResponseReturnValue:
    """Ask for the pages of one student, or of all who are eligible, before anything is issued."""
    only = chosen()
    try:
        with acting() as session:
            actor = actor_again(session)
            offering = class_for(session, code, actor)
            if not may_issue(offering, actor):
                abort(403)
            ids = _printable(session, offering) if only is None else only
            paper = previewing.ask_for_preview(session, offering, sorted(ids), actor=actor, now=clock.now())
            address = url_for("papers.show", paper_id=paper.id)
    except RuleError as error:
        flash(str(error), "error")
        address = url_for("certificates.class_certificates", code=code)
    return see_other(address)


def _printable(session: Session, offering: Offering) -> set[int]:
    loaded = load_offering(session, offering.id)
    return {
        verdict.enrollment.id
        for verdict in judge_class(session, loaded)
        if verdict.eligible and not verdict.revoked and not problems_of(verdict, loaded)
    }


def _enrollment_in(session: Session, code: str, enrollment_id: int) -> Enrollment:
    """One enrollment of a class, for staff (the caller has checked); 404 when the two do not belong together."""
    query = (
        sa.select(Enrollment)
        .join(Enrollment.offering)
        .where(Enrollment.id == enrollment_id, Offering.code == code.upper())
    )
    found = session.scalar(query)
    if found is None:
        abort(404)
    return found


@blueprint.route("/teaching/<code>/certificates/<int:enrollment_id>/override", methods=["GET", "POST"])
@roles(*STAFF)
def override(code: str, enrollment_id: int) -> ResponseReturnValue:
    """Decide that someone has a certificate nevertheless, with a reason."""
    form = OverrideForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                row = _enrollment_in(session, code, enrollment_id)
                overriding.allow(session, row, reason=form.reason.data, actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("Decided. The certificate can be issued now."), "success")
            return see_other(url_for("certificates.class_certificates", code=code))
    enrollment = _enrollment_in(db.session, code, enrollment_id)
    return page("certificates/override.html", form=form, enrollment=enrollment, code=code.upper())


@blueprint.post("/teaching/<code>/certificates/<int:enrollment_id>/override/take-back")
@roles(*STAFF)
def take_override_back(code: str, enrollment_id: int) -> ResponseReturnValue:
    """Undo such a decision."""
    try:
        with acting() as session:
            actor = actor_again(session)
            row = _enrollment_in(session, code, enrollment_id)
            overriding.take_back(session, row, actor=actor, now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("The decision was taken back."), "success")
    return see_other(url_for("certificates.class_certificates", code=code))


@blueprint.post("/teaching/<code>/certificates/file")
@roles(*STAFF)
def class_bundle(code: str) -> ResponseReturnValue:
    """Ask for the valid certificates of a class as one file."""
    offering = class_for(db.session, code, me())
    query = (
        sa.select(Certificate)
        .join(Certificate.enrollment)
        .where(Enrollment.offering_id == offering.id, Certificate.state == CertificateState.ISSUED)
    )
    back = url_for("certificates.class_certificates", code=offering.code)
    return _bundle(query, name=offering.code, back=back)


@blueprint.post("/office/certificates/file")
@roles(*STAFF)
def register_bundle() -> ResponseReturnValue:
    """Ask for what a search of the register finds as one file."""
    query, state = request.form.get("q", "").strip()[:100], request.form.get("state", "")
    name = str(_("certificates-%(what)s", what=query or state or _("all")))
    back = url_for("certificates.office_certificates", q=query, state=state)
    return _bundle(matching(query, state), name=name, back=back)


def _bundle(query: sa.Select[Certificate], *, name: str, back: str) -> ResponseReturnValue:
    kind = BUNDLES.get(request.form.get("kind", ""))
    if kind is None:
        abort(400)
    try:
        with acting() as session:
            actor = actor_again(session)
            rows = session.scalars(query.limit(bundles.MOST + 1)).all()
            paper = bundles.ask_for_bundle(
                session, kind, rows, name=name, lang=page_language(), actor=actor, now=clock.now()
            )
            return see_other(url_for("papers.show", paper_id=paper.id))
    except RuleError as error:
        flash(str(error), "error")
    return see_other(back)
