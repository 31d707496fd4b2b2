"""The school's own statements about effects: shown to nobody until they have a source and an approver.

DOMAIN.md, "Safety and honesty": they are imported unpublished. The database holds the same (``evidence_first``).
"""

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.errors import RuleError
from courses.models import Claim


def review_claim(
    session: Session, claim: Claim, *, text: str, evidence: str, actor: User, now: datetime
) -> None:
    """Change a claim's words or its source. It has to be approved again: it is not shown until then."""
    if not text:
        raise RuleError(_("Write what is claimed."), field="text")
    if (claim.text, claim.evidence) == (text, evidence):
        return
    claim.text, claim.evidence = text, evidence
    claim.approved_by_id, claim.published_at = None, None
    audit.record(session, "courses:claim:changed", claim, actor=actor, now=now, text=text, evidence=evidence)


def publish_claim(session: Session, claim: Claim, *, actor: User, now: datetime) -> None:
    """Approve a claim, in the actor's name. Raises RuleError while it has no source, or is published already."""
    if claim.published_at is not None:
        raise RuleError(_("This claim is published already."))
    if not claim.evidence:
        raise RuleError(_("A claim needs a source before it can be shown."), field="evidence")
    claim.approved_by_id, claim.published_at = actor.id, now
    audit.record(session, "courses:claim:published", claim, actor=actor, now=now, text=claim.text)


def withdraw_claim(session: Session, claim: Claim, *, actor: User, now: datetime) -> None:
    """Show a claim no longer. Raises RuleError unless it is published."""
    if claim.published_at is None:
        raise RuleError(_("This claim is not published."))
    claim.approved_by_id, claim.published_at = None, None
    audit.record(session, "courses:claim:withdrawn", claim, actor=actor, now=now, text=claim.text)
