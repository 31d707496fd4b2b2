"""How long certificates are kept, per body; after that they are anonymised, with an audit entry, never silently.

DOMAIN, "Records": NCBTMB 6 years, IACET 7, ANCC 6, Texas 5, Florida massage 4; the default is 7, counted from the year's
end. A certificate is kept for the longest time of the bodies whose lines are on it.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from certificates.models import Certificate, CertificateState
from core import audit, clock, jobs
from core.clock import local_date
from core.database import db, locked, writing
from core.files import store
from core.school import current_school
from courses.models import Body

log = logging.getLogger("stillpoint.certificates")

DEFAULT_YEARS = 7
GONE = "–"


@dataclass(frozen=True)
class Due:
    """A certificate whose time is over, and the last day on which it had to be kept."""

    certificate_id: int
    number: str
    kept_until: date


def kept_until(facts: Mapping[str, object], years: Mapping[str, int]) -> date:
    """The last day on which a certificate must be kept: the end of a year. ``years`` are the bodies' by code.

    One that a course gives for a while is kept for as long as it is valid.
    """
    lines = facts["credits"]
    codes = [str(line["body"]) for line in lines] if isinstance(lines, list) else []
    longest = max((years.get(code, DEFAULT_YEARS) for code in codes), default=DEFAULT_YEARS)
    last = date(date.fromisoformat(str(facts["completed_on"])).year + longest, 12, 31)
    until = facts.get("valid_until")
    return max(last, date.fromisoformat(str(until))) if until else last


def due(session: Session, today: date) -> Iterator[Due]:
    """Every certificate whose time is over and that still has its facts, oldest first."""
    bodies = session.execute(sa.select(Body.code, Body.retention_years))
    years = {row.code: row.retention_years for row in bodies}
    shortest = min([*years.values(), DEFAULT_YEARS])
    query = sa.select(Certificate).where(
        Certificate.anonymised_at.is_(None),
        Certificate.state != CertificateState.PREPARING,
        # issued in the year of completion at the earliest, so nothing younger can be due
        Certificate.year < today.year,
    )
    for row in session.scalars(query.order_by(Certificate.id)):
        facts = row.snapshot["facts"]
        if date.fromisoformat(facts["completed_on"]).year + shortest >= today.year:
            continue
        last = kept_until(facts, years)
        if last < today:
            yield Due(row.id, row.number, last)


def anonymise(session: Session, certificate_id: int, *, now: datetime) -> str | None:
    """Take the person out of a certificate; number, course, hours and dates stay. Returns the digest of its PDF.

    The caller deletes the file after the commit. None when it was done before.
    """
    row = locked(session, Certificate, certificate_id)
    if row is None or row.anonymised_at is not None:
        return None
    snapshot = dict(row.snapshot)
    gone = {"participant": GONE, "family_name": "", "license": None}
    snapshot["facts"] = snapshot["facts"] | gone
    printed = snapshot["document"]["certificate"] | {"participant": GONE, "license": None}
    snapshot["document"] = snapshot["document"] | {"certificate": printed}
    snapshot["badge"] = {}
    row.snapshot, row.badge_jwt, row.revocation_note = snapshot, None, ""
    row.anonymised_at = now
    audit.record(session, "certificates:certificate:anonymised", row, actor=None, now=now, number=row.number)
    return row.pdf_sha256


@jobs.job("certificate-retention", every=60)
def retain() -> int:
    """Anonymise what is due, one certificate at a time. Returns how many. May be killed anywhere."""
    now = clock.now()
    school = current_school(db.session)
    found = list(due(db.session, local_date(now, school.time_zone))) if school else []
    db.session.rollback()
    for item in found:
        if jobs.stopping():
            break
        with writing() as session:
            digest = anonymise(session, item.certificate_id, now=now)
        log.info("certificate %s was kept until %s and is anonymised now", item.number, item.kept_until)
        if digest:
            store().path(digest).unlink(missing_ok=True)
    sweep()
    return len(found)


def sweep() -> None:
    """Delete the files of anonymised certificates that a killed run left behind."""
    query = sa.select(Certificate.pdf_sha256).where(Certificate.anonymised_at.is_not(None))
    for digest in db.session.scalars(query):
        if digest:
            store().path(digest).unlink(missing_ok=True)
    db.session.rollback()
