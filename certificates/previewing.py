"""Looking at a page before it is issued: the same facts and template, unsigned, and marked as a preview."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.bundles import MOST, file_part, merge_pages
from certificates.checks import problems_of
from certificates.designs import current_look
from certificates.eligibility import judge_class, load_offering
from certificates.snapshot import take_snapshot
from core import clock, links, papers
from core.audit import Actor
from core.errors import RuleError
from core.papers import MadePaper, paper
from core.school import current_school
from courses.offering_models import Offering
from students.models import Enrollment

PAPER = "certificate-preview"


def ask_for_preview(
    session: Session, offering: Offering, enrollment_ids: Sequence[int], *, actor: Actor, now: datetime
) -> papers.Paper:
    """Ask for the pages of some students of a class; the caller has checked that the actor may issue there.

    Raises RuleError when nobody of the class is named.
    """
    query = sa.select(Enrollment.id).where(
        Enrollment.offering_id == offering.id, Enrollment.id.in_(list(enrollment_ids))
    )
    ids = list(session.scalars(query.order_by(Enrollment.id)))[:MOST]
    if not ids:
        raise RuleError(_("Choose whose certificate you want to see."))
    return papers.request_paper(session, PAPER, actor=actor, now=now, offering_id=offering.id, ids=ids)


@paper(PAPER)
def _make(session: Session, details: dict[str, Any]) -> MadePaper:
    from certificates.rendering import draw

    school = current_school(session)
    if school is None:
        raise RuleError(_("The school's name and address are not set up yet."))
    offering = load_offering(session, details["offering_id"])
    wanted, now = set(details["ids"]), clock.now()
    pages = []
    for verdict in judge_class(session, offering):
        if verdict.enrollment.id not in wanted:
            continue
        if problems := problems_of(verdict, offering):
            name = verdict.enrollment.student.user.name
            raise RuleError(_("%(name)s: %(problem)s", name=name, problem=problems[0]))
        shown = take_snapshot(
            school,
            offering,
            verdict,
            number_=str(_("PREVIEW, not issued")),
            token="",
            issued_at=now,
            look=current_look(session),
        )
        shown["document"]["certificate"] |= _marks()
        pages.append(draw(shown))
    name = f"preview-not-issued-{file_part(offering.code)}.pdf"
    return MadePaper(pages[0] if len(pages) == 1 else merge_pages(pages, _("Preview, not issued")), name)


def _marks() -> dict[str, str]:
    """What makes a page a preview: its kind says so, and its code leads to the checking page, not to a certificate."""
    url = links.absolute("certificates.verify_start")
    return {
        "kind": str(_("Preview, not a certificate")),
        "verify_url": url,
        "verify_text": url.split("://", 1)[-1],
    }
