"""Trying again to make what could not be made: after several tries the worker waits for the office."""

from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.checks import problems_of
from certificates.designs import current_look
from certificates.eligibility import judge_one, load_offering
from certificates.issuing import MAKING_JOB
from certificates.models import Certificate, CertificateState
from certificates.snapshot import take_snapshot
from core import audit, jobs
from core.audit import Actor
from core.database import locked
from core.errors import RuleError
from core.school import current_school
from students.models import Enrollment


def try_again(session: Session, certificate: Certificate, *, actor: Actor, now: datetime) -> None:
    """Ask the worker to make a certificate again that failed. Raises RuleError when it is not waiting.

    Nobody has seen it yet, so it takes the facts and the design as they stand now: a shorter title, a corrected name,
    another picture. Number, token and time of issue stay. The old facts stay when it would not be given today, or without a
    body's line for something that is missing.
    """
    row = locked(session, Certificate, certificate.id)
    if row is None or row.state is not CertificateState.PREPARING:
        raise RuleError(_("This certificate has been made already."))
    if row.problem:
        _take_anew(session, row)
    row.claimed_until, row.claimed_by, row.attempts, row.problem = None, None, 0, ""
    audit.record(session, "certificates:certificate:retried", row, actor=actor, now=now, number=row.number)
    jobs.nudge(session, MAKING_JOB)


def _take_anew(session: Session, row: Certificate) -> None:
    school = current_school(session)
    enrollment = session.get_one(Enrollment, row.enrollment_id)
    verdict = judge_one(session, enrollment)
    offering = load_offering(session, enrollment.offering_id)
    printed = {line["body"] for line in row.snapshot["facts"]["credits"]}
    lost = any(line.fixable and line.approval.body.code in printed for line in verdict.lines)
    if school is None or verdict.reasons or lost or problems_of(verdict, offering):
        return
    look = current_look(session)
    row.snapshot = take_snapshot(
        school, offering, verdict, number_=row.number, token=row.token, issued_at=row.reserved_at, look=look
    )
    row.template, row.attendance_revision = look.layout, enrollment.attendance_revision


def try_all_again(session: Session, *, actor: Actor, now: datetime) -> int:
    """Ask the worker to make all again that failed, once their common cause is mended. Returns how many.

    Raises RuleError when none is left.
    """
    query = sa.select(Certificate).where(
        Certificate.state == CertificateState.PREPARING, Certificate.problem != ""
    )
    # Locked at once: one that the worker makes just now is no longer among them.
    rows = session.scalars(query.order_by(Certificate.id).with_for_update()).all()
    if not rows:
        raise RuleError(_("Every certificate has been made already."))
    for row in rows:
        try_again(session, row, actor=actor, now=now)
    return len(rows)
