"""Trying again to make what could not be made: after several tries the worker waits for the office."""

from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.issuing import MAKING_JOB
from certificates.models import Certificate, CertificateState
from core import audit, jobs
from core.audit import Actor
from core.database import locked
from core.errors import RuleError


def try_again(session: Session, certificate: Certificate, *, actor: Actor, now: datetime) -> None:
    """Ask the worker to make a certificate again that failed. Raises RuleError when it is not waiting."""
    row = locked(session, Certificate, certificate.id)
    if row is None or row.state is not CertificateState.PREPARING:
        raise RuleError(_("This certificate has been made already."))
    row.claimed_until, row.claimed_by, row.attempts, row.problem = None, None, 0, ""
    audit.record(session, "certificates:certificate:retried", row, actor=actor, now=now, number=row.number)
    jobs.nudge(session, MAKING_JOB)


def try_all_again(session: Session, *, actor: Actor, now: datetime) -> int:
    """Ask the worker to make all again that failed, once their common cause is mended. Returns how many.

    Raises RuleError when none is left.
    """
    query = sa.select(Certificate).where(
        Certificate.state == CertificateState.PREPARING, Certificate.problem != ""
    )
    rows = session.scalars(query.order_by(Certificate.id)).all()
    if not rows:
        raise RuleError(_("Every certificate has been made already."))
    for row in rows:
        try_again(session, row, actor=actor, now=now)
    return len(rows)
