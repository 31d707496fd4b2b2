"""Replacing: a corrected certificate takes the place of an older one, which stays on record and names it."""

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.checks import problems_of
from certificates.designs import current_look
from certificates.eligibility import judge_one, load_offering
from certificates.issuing import MAKING_JOB, reserve, school_ready
from certificates.models import Certificate, CertificateState
from core import audit, jobs
from core.audit import Actor
from core.database import locked
from core.errors import RuleError
from courses.offering_models import Offering
from students.models import Enrollment


def not_replaceable(row: Certificate | None) -> RuleError:
    """Why only an issued certificate is replaced."""
    if row is not None and row.state is CertificateState.PREPARING:
        return RuleError(_("This certificate is still being made. It can be replaced when it is ready."))
    return RuleError(_("Only a valid certificate can be replaced. This one is not valid any more."))


def replace(
    session: Session,
    certificate: Certificate,
    *,
    certificate_name: str,
    actor: Actor | None,
    now: datetime,
    reason: str,
) -> Certificate:
    """Supersede a certificate: a new one with a corrected name or with today's attendance takes its place.

    Nothing is typed again: everything else comes from the enrollment as it stands. Raises RuleError when the old one is
    not valid any more, when the enrollment would not be given a certificate today, and when a body's line that the old one
    has would be lost for something that is missing.
    """
    school = school_ready(session, now)
    locked(session, Offering, certificate.enrollment.offering_id)  # no mark changes while it is judged
    old = locked(session, Certificate, certificate.id)
    if old is None or old.state is not CertificateState.ISSUED:
        raise not_replaceable(old)
    if not reason.strip():
        raise RuleError(_("Say why the certificate is replaced; it stays on the record."), field="reason")
    enrollment = session.get_one(Enrollment, old.enrollment_id)
    enrollment.certificate_name = certificate_name
    offering = load_offering(session, enrollment.offering_id)
    old.state = CertificateState.SUPERSEDED
    old.superseded_at = now
    session.flush()
    verdict = judge_one(session, enrollment)
    if not verdict.eligible:
        raise RuleError(verdict.reasons[0])
    if problems := problems_of(verdict, offering):
        raise RuleError(problems[0], field="certificate_name")
    printed = {line["body"] for line in old.snapshot["facts"]["credits"]}
    for line in verdict.lines:
        if line.fixable and line.approval.body.code in printed:
            raise RuleError(line.reason)
    fresh = reserve(
        session,
        school,
        offering,
        verdict,
        actor=actor,
        now=now,
        supersedes=old,
        look=current_look(session),
    )
    fresh.confirm_only = old.confirm_only  # the holder's wish, not a fact of one certificate
    audit.record(
        session,
        "certificates:certificate:superseded",
        old,
        actor=actor,
        now=now,
        number=old.number,
        by_number=fresh.number,
        reason=reason,
    )
    jobs.nudge(session, MAKING_JOB)
    return fresh
