"""The holder's pages: all certificates in one place, to download, share, list and take along."""

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.access import actor_again, me, signed_in
from certificates import bundles, holding
from certificates.blueprint import blueprint
from certificates.lookups import own_certificate
from certificates.renewals import deadlines_of, next_classes, periods_of
from certificates.transcript import ask_for_transcript, sums_by_year
from core import clock
from core.clock import local_date
from core.database import db
from core.errors import RuleError
from core.looks import page_language
from core.school import current_school
from core.web import acting, page, see_other
from students.people import find_student, profession_label


@blueprint.get("/my/certificates")
@signed_in
def my_certificates() -> ResponseReturnValue:
    """Every certificate of one's own, hours per year, what runs out and which classes come next."""
    now, student = clock.now(), find_student(db.session, me().id)
    school = current_school(db.session)
    today = local_date(now, school.time_zone if school else "UTC")
    cards = holding.cards_of(db.session, student.id, today) if student else []
    rows = [card.certificate for card in cards]
    deadlines = deadlines_of(student, rows, today) if student else []
    return page(
        "certificates/my.html",
        cards=cards,
        years=sums_by_year(rows),
        bodies={line["body"]: line for card in cards for line in card.facts["credits"]},
        deadlines=deadlines,
        periods=periods_of(db.session, student, rows, today) if student else [],
        coming=next_classes(db.session, student, rows, deadlines, now) if student and cards else [],
        profession_label=profession_label,
        ready=any(row.pdf_sha256 for row in rows),
    )


@blueprint.post("/my/certificates/<number>/page")
@signed_in
def my_certificate_page(number: str) -> ResponseReturnValue:
    """Let the public page of a certificate confirm only, or show the facts again."""
    confirm_only = request.form.get("show") == "confirm"
    with acting() as session:
        actor = actor_again(session)
        row = own_certificate(session, number, actor)
        holding.set_confirm_only(session, row, confirm_only, actor=actor, now=clock.now())
        number = row.number
    if confirm_only:
        flash(
            _("The page of %(number)s now confirms its status and number only.", number=number),
            "success",
        )
    else:
        flash(_("The page of %(number)s shows its facts again.", number=number), "success")
    return see_other(url_for("certificates.my_certificates", _anchor=number))


@blueprint.post("/my/certificates/transcript")
@signed_in
def my_transcript() -> ResponseReturnValue:
    """Ask for one's transcript as a PDF."""
    try:
        with acting() as session:
            actor = actor_again(session)
            student = find_student(session, actor.id)
            if student is None:
                raise RuleError(_("There is no certificate to list yet."))
            paper = ask_for_transcript(session, student, lang=page_language(), actor=actor, now=clock.now())
            paper_id = paper.id
    except RuleError as error:
        flash(str(error), "error")
        return see_other(url_for("certificates.my_certificates"))
    return see_other(url_for("papers.show", paper_id=paper_id))


@blueprint.post("/my/certificates/zip")
@signed_in
def my_zip() -> ResponseReturnValue:
    """Ask for all one's certificates as a ZIP."""
    try:
        with acting() as session:
            actor = actor_again(session)
            student = find_student(session, actor.id)
            today = clock.now().date()
            cards = holding.cards_of(session, student.id, today) if student else []
            paper = bundles.ask_for_bundle(
                session,
                bundles.ZIP_PAPER,
                [card.certificate for card in cards],
                name=str(_("certificates-%(name)s", name=actor.name)),
                lang=page_language(),
                actor=actor,
                now=clock.now(),
            )
            paper_id = paper.id
    except RuleError as error:
        flash(str(error), "error")
        return see_other(url_for("certificates.my_certificates"))
    return see_other(url_for("papers.show", paper_id=paper_id))
