"""What a holder does with certificates: sees all of them, shares them, decides what the page of one shows."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.models import Certificate, CertificateState
from core import audit, links
from core.audit import Actor
from core.database import locked
from core.errors import RuleError
from students.models import Enrollment

LINKEDIN = "https://www.linkedin.com/profile/add"


@dataclass(frozen=True)
class Card:
    """One certificate as its holder sees it: from the snapshot, so that nothing changes that was printed."""

    certificate: Certificate
    facts: dict[str, Any]
    printed: dict[str, Any]
    share_url: str
    linkedin_url: str
    expired: bool

    @property
    def is_valid(self) -> bool:
        """Whether it is in force and its file is there."""
        return self.certificate.state is CertificateState.ISSUED and not self.expired


def cards_of(session: Session, student_id: int, today: date) -> list[Card]:
    """Every certificate of a student, newest completion first, the replaced and revoked ones too; one statement."""
    query = (
        sa.select(Certificate)
        .join(Certificate.enrollment)
        .where(Enrollment.student_id == student_id)
        .order_by(Certificate.id.desc())
    )
    cards = [_card(row, today) for row in session.scalars(query)]
    return sorted(cards, key=lambda card: str(card.facts["completed_on"]), reverse=True)


def has_expired(facts: dict[str, Any], today: date) -> bool:
    """Whether the last day of a certificate's validity, where its course sets one, is over."""
    until = facts.get("valid_until")
    return until is not None and date.fromisoformat(until) < today


def _card(row: Certificate, today: date) -> Card:
    facts = row.snapshot["facts"]
    share_url = links.absolute("certificates.verify", token=row.token)
    return Card(
        certificate=row,
        facts=facts,
        printed=row.snapshot["document"]["certificate"],
        share_url=share_url,
        linkedin_url=linkedin_url(row, share_url),
        expired=has_expired(facts, today),
    )


def linkedin_url(row: Certificate, share_url: str) -> str:
    """LinkedIn's own "add to profile" address, with the certificate's facts filled in (its documented parameters)."""
    facts = row.snapshot["facts"]
    issued = date.fromisoformat(facts["issued_on"])
    asked: dict[str, str | int] = {
        "startTask": "CERTIFICATION_NAME",
        "name": facts["course_title"],
        "organizationName": facts["school"],
        "issueYear": issued.year,
        "issueMonth": issued.month,
        "certUrl": share_url,
        "certId": row.number,
    }
    if until := facts.get("valid_until"):
        end = date.fromisoformat(until)
        asked |= {"expirationYear": end.year, "expirationMonth": end.month}
    return f"{LINKEDIN}?{urlencode(asked)}"


def set_confirm_only(
    session: Session, certificate: Certificate, confirm_only: bool, *, actor: Actor, now: datetime
) -> None:
    """Let a certificate's page confirm status and number only, or show the facts again.

    Raises RuleError when the certificate is not there any more. Saying it twice changes nothing.
    """
    row = locked(session, Certificate, certificate.id)
    if row is None:
        raise RuleError(_("This certificate is not there any more."))
    if row.confirm_only is confirm_only:
        return
    row.confirm_only = confirm_only
    audit.record(
        session,
        "certificates:certificate:page-changed",
        row,
        actor=actor,
        now=now,
        number=row.number,
        confirm_only=confirm_only,
    )
