"""Issuing in a class, downloading, and what the office does with a certificate."""

import io
import logging
from functools import partial

from flask import Response, abort, flash, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from accounts.access import STAFF, TEACHING, actor_again, me, roles, signed_in
from certificates import issuing, replacing, retrying, revoking
from certificates.blueprint import blueprint
from certificates.checks import problems_of
from certificates.class_views import chosen
from certificates.eligibility import judge_class, load_offering
from certificates.fix_links import fix_links, policies_against
from certificates.forms import IssueForm, ReissueForm, RevokeForm
from certificates.lookups import certificate_for, class_for, may_issue
from certificates.models import Certificate, CertificateState, RevocationReason
from core import clock
from core.database import db
from core.errors import RuleError
from core.files import store
from core.paging import page_number
from core.web import acting, note, page, see_other

log = logging.getLogger("stillpoint.certificates")


@blueprint.get("/teaching/<code>/certificates")
@roles(*TEACHING)
def class_certificates(code: str) -> ResponseReturnValue:
    """Who is eligible and why not; how far the issuing is."""
    return _class_page(code, IssueForm())


def _class_page(code: str, form: IssueForm) -> Response:
    offering = class_for(db.session, code, me())
    loaded = load_offering(db.session, offering.id)
    verdicts = judge_class(db.session, loaded)
    making, failed, issued = issuing.waiting_in_class(db.session, loaded.id)
    rows = [(verdict, problems_of(verdict, loaded) if verdict.eligible else []) for verdict in verdicts]
    waiting = [(verdict, stops) for verdict, stops in rows if verdict.eligible and not verdict.revoked]
    response = page(
        "certificates/class.html",
        form=form,
        offering=loaded,
        rows=rows,
        ready=sum(1 for verdict, stops in waiting if not stops and not verdict.problems),
        missing=sum(1 for verdict, stops in waiting if not stops and verdict.problems),
        making=making,
        failed=failed,
        issued=issued,
        may_issue=may_issue(loaded, me()),
        fix_links=partial(fix_links, offering=loaded, policies=policies_against(db.session, verdicts)),
    )
    if making:
        response.headers["Refresh"] = "2"  # the progress, without JavaScript too
    return response


@blueprint.post("/teaching/<code>/certificates")
@roles(*TEACHING)
def issue(code: str) -> ResponseReturnValue:
    """Issue for all who are eligible, in one act."""
    form = IssueForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                offering = class_for(session, code, actor)
                if not may_issue(offering, actor):
                    abort(403)
                reserved, left_out = issuing.issue_class(
                    session,
                    offering,
                    actor=actor,
                    now=clock.now(),
                    accept_missing=form.accept_missing.data,
                    only=chosen(),
                )
                counted, left = len(reserved), len(left_out)
        except RuleError as error:
            note(form, error)
        else:
            _tell(counted, left)
            return see_other(url_for("certificates.class_certificates", code=code))
    return _class_page(code, form)


def _tell(counted: int, left: int) -> None:
    if counted:
        flash(
            ngettext(
                "%(num)s certificate is being made. The student gets a mail when it is ready.",
                "%(num)s certificates are being made. Each student gets a mail when it is ready.",
                counted,
            ),
            "success",
        )
    if left:
        flash(
            ngettext(
                "%(num)s student was left out because something is missing; it is named below.",
                "%(num)s students were left out because something is missing; it is named below.",
                left,
            ),
            "info",
        )


@blueprint.get("/certificates/<number>.pdf")
@signed_in
def download(number: str) -> ResponseReturnValue:
    """The stored PDF, for its owner and for staff. Nothing is rendered here."""
    row = certificate_for(db.session, number, me())
    if row.pdf_sha256 is None:
        waits = {} if row.problem else {"Refresh": "3"}
        return render_template("certificates/not_ready.html", certificate=row), 409, waits
    if row.anonymised_at is not None:
        return render_template("certificates/not_kept.html", certificate=row), 410
    try:
        content = store().get(row.pdf_sha256)
    except OSError:  # lost or damaged: never handed out as if it were whole
        log.exception("the file of certificate %s cannot be read", row.number)
        return render_template("certificates/file_lost.html", certificate=row), 503
    response = send_file(
        io.BytesIO(content),
        "application/pdf",
        download_name=f"{row.number}.pdf",
        etag=row.pdf_sha256,
        conditional=True,
        max_age=0,
    )
    response.cache_control.private = True  # a browser may keep it and asks each time; a cache between may not
    return response


@blueprint.get("/office/certificates")
@roles(*STAFF)
def office_certificates() -> ResponseReturnValue:
    """The register of numbers, with search; what needs the office first."""
    from certificates.key_standing import trouble
    from certificates.register import PAGE_SIZE, flagged_and_failed, search_register

    number = page_number()
    query = request.args.get("q", "").strip()[:100]
    state = request.args.get("state", "")
    rows, total = search_register(db.session, query=query, state=state, page=number)
    flagged, failed = flagged_and_failed(db.session)
    return page(
        "certificates/register.html",
        rows=rows,
        total=total,
        number=number,
        pages=max(1, -(-total // PAGE_SIZE)),
        query=query,
        state=state,
        states=list(CertificateState),
        flagged=flagged,
        failed=failed,
        key_trouble=trouble(db.session, clock.now()),
    )


@blueprint.get("/office/certificates/<number>")
@roles(*STAFF)
def office_certificate(number: str) -> ResponseReturnValue:
    """One certificate: its facts, its history, what can be done with it."""
    row = certificate_for(db.session, number, me())
    successor = db.session.query(Certificate).filter_by(supersedes_id=row.id).one_or_none()
    stored = row.pdf_sha256 is not None and store().is_whole(row.pdf_sha256)
    return page("certificates/office_certificate.html", certificate=row, successor=successor, stored=stored)


@blueprint.route("/office/certificates/<number>/revoke", methods=["GET", "POST"])
@roles(*STAFF)
def revoke(number: str) -> ResponseReturnValue:
    """Revoke, with a reason."""
    form = RevokeForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                row = certificate_for(session, number, actor)
                revoking.revoke(
                    session,
                    row,
                    reason=RevocationReason(form.reason.data),
                    note=form.note.data,
                    actor=actor,
                    now=clock.now(),
                )
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The certificate was revoked. Its owner is told by mail."), "success")
            return see_other(url_for("certificates.office_certificate", number=number))
    row = certificate_for(db.session, number, me())
    if row.state is not CertificateState.ISSUED:
        return _too_late(number, revoking.not_valid(row))
    return page("certificates/revoke.html", form=form, certificate=row)


def _too_late(number: str, error: RuleError) -> ResponseReturnValue:
    """Instead of a form for what cannot be done any more: why, and the way back."""
    return page(
        "_confirm.html",
        title=number,
        message=str(error),
        action_label="",
        keep_label=_("Back to the certificate"),
        keep_url=url_for("certificates.office_certificate", number=number),
        section="portal.office",
        status=422,
    )


@blueprint.route("/office/certificates/<number>/replace", methods=["GET", "POST"])
@roles(*STAFF)
def replace(number: str) -> ResponseReturnValue:
    """A corrected certificate in its place; nothing is typed again but what was wrong."""
    row = certificate_for(db.session, number, me())
    form = ReissueForm(certificate_name=row.enrollment.certificate_name)
    if form.validate_on_submit():
        try:
            with acting() as session:
                actor = actor_again(session)
                row = certificate_for(session, number, actor)
                fresh = replacing.replace(
                    session,
                    row,
                    certificate_name=form.certificate_name.data,
                    reason=form.reason.data,
                    actor=actor,
                    now=clock.now(),
                )
                number = fresh.number
        except RuleError as error:
            note(form, error)
        else:
            flash(_("The new certificate is being made. Its owner gets a mail when it is ready."), "success")
            return see_other(url_for("certificates.office_certificate", number=number))
    row = certificate_for(db.session, number, me())
    if row.state is not CertificateState.ISSUED:
        return _too_late(number, replacing.not_replaceable(row))
    return page("certificates/replace.html", form=form, certificate=row)


@blueprint.post("/office/certificates/<number>/try-again")
@roles(*STAFF)
def try_again(number: str) -> ResponseReturnValue:
    """Ask the worker once more for a certificate that could not be made."""
    try:
        with acting() as session:
            actor = actor_again(session)
            retrying.try_again(session, certificate_for(session, number, actor), actor=actor, now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    return see_other(url_for("certificates.office_certificate", number=number))


@blueprint.post("/office/certificates/try-again")
@roles(*STAFF)
def try_all_again() -> ResponseReturnValue:
    """Ask the worker once more for every certificate that could not be made."""
    try:
        with acting() as session:
            counted = retrying.try_all_again(session, actor=actor_again(session), now=clock.now())
    except RuleError as error:
        flash(str(error), "error")
    else:
        told = ngettext(
            "%(num)s certificate is tried again.", "%(num)s certificates are tried again.", counted
        )
        flash(told, "success")
    return see_other(url_for("certificates.office_certificates"))
