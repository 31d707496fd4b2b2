"""What a verifier is told: genuine? this person? which course, hours, dates, body? still valid?

Shown: name, course, hours per body, dates, provider and status. Never: license number, e-mail, attendance, health.
"""

import hmac
import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from certificates.models import Certificate, CertificateState
from certificates.numbers import normal_number, normal_token
from core.clock import local_date


class Standing(StrEnum):
    """What a verifier hears of a certificate."""

    VALID = "valid"
    PREPARING = "preparing"
    ANONYMISED = "no_longer_kept"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Finding:
    """The answer: how the certificate stands, and the facts to compare with the paper."""

    certificate: Certificate
    standing: Standing
    facts: dict[str, Any]
    # The last of those that replaced it, one after the other.
    superseded_by: Certificate | None = None
    # Found by its token alone, and the holder wants its page to confirm no more than status and number.
    brief: bool = False

    @property
    def name(self) -> str | None:
        """The name as it was printed; None for a revoked certificate, and when it is no longer kept."""
        hidden = self.standing is Standing.REVOKED or self.certificate.anonymised_at is not None
        return None if hidden else str(self.facts["participant"])

    def public(self, zone: str) -> dict[str, Any]:
        """The answer for a program: no more than the page shows, with days in the same zone."""
        row, facts = self.certificate, self.facts
        if self.brief:
            return {"status": self.standing.value, "number": row.number, "confirm_only": True}
        answer: dict[str, Any] = {
            "status": self.standing.value,
            "number": row.number,
            "name": self.name,
            "course": {"code": facts["course_code"], "title": facts["course_title"]},
            "completed_on": facts["completed_on"],
            "issued_on": facts["issued_on"],
            "provider": facts["school"],
        }
        if row.revoked_at is not None and row.revocation is not None:
            revoked_on = local_date(row.revoked_at, zone).isoformat()
            return answer | {"revoked_on": revoked_on, "reason": row.revocation.value}
        answer |= {
            "valid_until": facts.get("valid_until"),
            "place": facts["place"],
            "delivery": facts["delivery"],
            "attended_minutes": facts["attended_minutes"],
            "total_minutes": facts["total_minutes"],
            "credits": [
                {key: line[key] for key in ("title", "provider_number", "program_number", "units", "unit")}
                for line in facts["credits"]
            ],
        }
        if row.superseded_at is not None:
            answer["superseded_on"] = local_date(row.superseded_at, zone).isoformat()
        if self.superseded_by is not None:
            answer["superseded_by"] = self.superseded_by.number
            answer["superseded_by_revoked"] = self.superseded_by.state is CertificateState.REVOKED
        return answer


def find_by_token(session: Session, typed: str, today: date) -> Finding | None:
    """The certificate of a token, however it was typed; None when there is none."""
    token = normal_token(typed)
    if token is None:
        return None
    row = session.scalar(sa.select(Certificate).where(Certificate.token == token))
    return None if row is None else replace(finding(session, row, today), brief=row.confirm_only)


def find_by_number(session: Session, number: str, family_name: str, today: date) -> Finding | None:
    """The certificate of a number, for someone who also knows the family name.

    None for an unknown number and for another name alike; both take the same steps, so that the time tells nothing.
    """
    number = normal_number(number)
    # For an unknown number the first of all certificates is read and compared, and then passed over.
    first = sa.select(sa.func.min(Certificate.id)).scalar_subquery()
    asked = sa.select(Certificate.id).where(Certificate.number == number).scalar_subquery()
    row = session.scalar(sa.select(Certificate).where(Certificate.id == sa.func.coalesce(asked, first)))
    known = row.snapshot["facts"] if row is not None else {"participant": "nobody at all"}
    typed = comparable(family_name)
    fits = any(
        hmac.compare_digest(typed.encode(), name.encode()) for name in family_names(known) if name and typed
    )
    return finding(session, row, today) if row is not None and row.number == number and fits else None


def family_names(facts: dict[str, Any]) -> tuple[str, ...]:
    """What counts as the family name: the one on record, the last word of the printed name, and that name whole."""
    printed = str(facts["participant"]).split()
    last = printed[-1] if printed else ""
    return tuple(comparable(name) for name in (str(facts.get("family_name", "")), last, "".join(printed)))


def comparable(name: str) -> str:
    """A name without case, accents, spaces and punctuation: Nguyễn = nguyen, O'Brien = obrien."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in decomposed if c.isalnum())


def finding(session: Session, row: Certificate, today: date) -> Finding:
    """How a certificate stands today (the school's date)."""
    facts = row.snapshot["facts"]
    standing = {
        CertificateState.PREPARING: Standing.PREPARING,
        CertificateState.ISSUED: Standing.VALID,
        CertificateState.SUPERSEDED: Standing.SUPERSEDED,
        CertificateState.REVOKED: Standing.REVOKED,
    }[row.state]
    if row.anonymised_at is not None and standing is Standing.VALID:
        standing = Standing.ANONYMISED
    until = facts.get("valid_until")
    if standing is Standing.VALID and until and date.fromisoformat(until) < today:
        standing = Standing.EXPIRED
    successor = _last_successor(session, row) if standing is Standing.SUPERSEDED else None
    return Finding(row, standing, facts, successor)


def _last_successor(session: Session, row: Certificate) -> Certificate | None:
    """The certificate at the end of the chain of replacements: the one that a verifier should ask for."""
    last, known = None, row.id
    while True:
        found = session.scalar(sa.select(Certificate).where(Certificate.supersedes_id == known))
        if found is None:
            return last
        last, known = found, found.id
