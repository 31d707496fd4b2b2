"""Issuing: number and row are reserved in one transaction; the worker makes, signs and stores the PDF outside any lock.

A certificate is reserved by whoever issues (or by finalize), made by the job ``make-certificates``, and ``issued`` once its
file is stored. The job may die anywhere: the claim lapses, the same row is made again, number and token stay.
"""

import errno
import logging
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates import key_standing
from certificates.checks import problems_of
from certificates.designs import current_look
from certificates.eligibility import Verdict, judge_class, load_offering
from certificates.looks import Look
from certificates.models import Certificate, CertificateState
from certificates.numbers import new_token, next_number
from certificates.snapshot import take_snapshot
from core import audit, claims, clock, jobs, links, outbox
from core.audit import Actor
from core.database import db, locked, writing
from core.errors import RuleError, SettingsError
from core.files import store
from core.school import School, current_school
from courses.offering_models import Offering
from students.models import Enrollment, EnrollmentState

log = logging.getLogger("stillpoint.certificates")

MAKING_JOB = "make-certificates"
FINALIZED_JOB = "issue-finalized"
AUTOMATIC_FOR = timedelta(days=90)
CLAIM = timedelta(minutes=5)
TRIES = 5


class NobodyEligibleError(RuleError):
    """Nobody of those who were chosen can be given a certificate now."""


def issue_class(
    session: Session,
    offering: Offering,
    *,
    actor: Actor | None,
    now: datetime,
    accept_missing: bool = False,
    only: set[int] | None = None,
) -> tuple[list[Certificate], list[Verdict]]:
    """Reserve a certificate for everyone who is eligible; ``only`` limits it to some enrollment ids.

    Whoever's certificate was revoked gets another only when ``only`` names them.
    Returns what was reserved and who was left out for something that is missing (``accept_missing`` issues to them too,
    without the lines concerned). Whoever has a live certificate already is passed over: two clicks issue one each.
    Raises RuleError when nobody is eligible, and when nothing can be issued at all (PUBLIC_URL, the signing key).
    """
    school = school_ready(session, now)
    if locked(session, Offering, offering.id) is None:
        raise RuleError(_("This class is not there any more."))
    loaded = load_offering(session, offering.id)
    look = current_look(session)
    reserved: list[Certificate] = []
    left_out: list[Verdict] = []
    for verdict in judge_class(session, loaded):
        if not verdict.eligible or (only is not None and verdict.enrollment.id not in only):
            continue
        if only is None and verdict.revoked is not None:
            continue
        if problems_of(verdict, loaded) or (verdict.problems and not accept_missing):
            left_out.append(verdict)
            continue
        reserved.append(reserve(session, school, loaded, verdict, actor=actor, now=now, look=look))
    if not reserved and not left_out:
        if only is None:
            raise RuleError(_("Nobody in this class is waiting for a certificate."))
        raise NobodyEligibleError(
            _("Nothing was issued: whoever you chose has a certificate already, or is not eligible.")
        )
    if reserved:
        jobs.nudge(session, MAKING_JOB)
    return reserved, left_out


def school_ready(session: Session, now: datetime) -> School:
    """The school that issues. Raises RuleError when it cannot: no address, no PUBLIC_URL, a key that does not sign."""
    school = current_school(session)
    if school is None:
        raise RuleError(_("The school's name and address are not set up yet."))
    try:
        links.public_base()
    except SettingsError:
        raise RuleError(
            _("Certificates cannot be issued yet: the public address of this site (PUBLIC_URL) is not set.")
        ) from None
    key_standing.refuse_unusable(session, now)  # an expired key, a wrong passphrase: before a number is taken
    return school


def reserve(
    session: Session,
    school: School,
    offering: Offering,
    verdict: Verdict,
    *,
    actor: Actor | None,
    now: datetime,
    supersedes: Certificate | None = None,
    look: Look,
) -> Certificate:
    """Take the next number for a verdict and keep its facts; the caller has locked the class and looked for problems."""
    year, sequence, number = next_number(session, school, now)
    token = new_token()
    enrollment = verdict.enrollment
    row = Certificate(
        enrollment_id=enrollment.id,
        year=year,
        sequence=sequence,
        number=number,
        token=token,
        state=CertificateState.PREPARING,
        template=look.layout,
        snapshot=take_snapshot(
            school, offering, verdict, number_=number, token=token, issued_at=now, look=look
        ),
        attendance_revision=enrollment.attendance_revision,
        reserved_at=now,
        reserved_by_id=actor.id if actor else None,
        supersedes_id=supersedes.id if supersedes else None,
        attempts=0,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        "certificates:certificate:reserved",
        row,
        actor=actor,
        now=now,
        number=number,
        enrollment=enrollment.id,
    )
    return row


@jobs.job(FINALIZED_JOB, every=1)
def issue_finalized() -> int:
    """Reserve certificates in classes that were signed off and issue by themselves. Returns how many were reserved.

    Attendance knows nothing of certificates, so this looks for finished classes. Whoever is left out because something
    is missing is looked at again, for 90 days; whoever ever had a certificate (a revoked one, say) is not.
    """
    now, reserved = clock.now(), 0
    had_one = sa.select(Certificate.id).where(Certificate.enrollment_id == Enrollment.id).exists()
    query = (
        sa.select(Enrollment.offering_id, Enrollment.id)
        .join(Enrollment.offering)
        .where(
            Offering.issues_on_finalize,
            Offering.finalized_at.is_not(None),
            Offering.finalized_at > now - AUTOMATIC_FOR,
            Enrollment.state == EnrollmentState.COMPLETED,
            ~had_one,
        )
    )
    waiting: dict[int, set[int]] = {}
    for offering_id, enrollment_id in db.session.execute(query):
        waiting.setdefault(offering_id, set()).add(enrollment_id)
    db.session.rollback()
    for offering_id, ids in waiting.items():
        try:
            with writing() as session:
                offering = session.get_one(Offering, offering_id)
                reserved += len(issue_class(session, offering, actor=None, now=now, only=ids)[0])
        except NobodyEligibleError:
            continue  # they wait for a payment or an evaluation, say: looked at again in a minute
        except RuleError as error:
            log.warning("class %s: nothing issued by itself: %s", offering_id, error)
    return reserved


def waiting_in_class(session: Session, offering_id: int) -> tuple[int, int, int]:
    """How many certificates of a class are being made, could not be made so far, and are issued: the progress bar."""
    state, stuck = Certificate.state, Certificate.problem != ""
    query = (
        sa.select(
            sa.func.count(sa.case((sa.and_(state == CertificateState.PREPARING, ~stuck), 1))),
            sa.func.count(sa.case((sa.and_(state == CertificateState.PREPARING, stuck), 1))),
            sa.func.count(sa.case((state == CertificateState.ISSUED, 1))),
        )
        .join(Enrollment, Enrollment.id == Certificate.enrollment_id)
        .where(Enrollment.offering_id == offering_id)
    )
    making, failed, issued = session.execute(query).one()
    return making, failed, issued


# ── the worker's part ───────────────────────────────────────────────────────────────────────────────────────────────


@jobs.job(MAKING_JOB, every=1)
def make_waiting() -> int:
    """Make every certificate that is reserved and not claimed. Returns how many were issued."""
    made = 0
    while not jobs.stopping() and (claimed := claim_next(clock.now())) is not None:
        made += _make(claimed)
    return made


def claim_next(now: datetime) -> int | None:
    """Claim one reserved certificate for some minutes; its id, or None when nothing waits."""
    due = sa.and_(
        Certificate.state == CertificateState.PREPARING,
        sa.or_(Certificate.claimed_until.is_(None), Certificate.claimed_until <= now),
    )
    if db.session.scalar(sa.select(Certificate.id).where(due).limit(1)) is None:
        db.session.rollback()
        return None
    db.session.rollback()
    with writing() as session:
        wanted = sa.select(Certificate).where(due).order_by(Certificate.id).limit(1)
        row = session.scalar(wanted.with_for_update(skip_locked=True))
        if row is None:
            return None
        row.claimed_until, row.claimed_by = now + CLAIM, claims.claimant()
        row.attempts += 1
        return row.id


def _make(certificate_id: int) -> int:
    from certificates.keyring import current_key, remember
    from certificates.rendering import render_certificate

    with db.sessionmaker() as session:
        row = session.get_one(Certificate, certificate_id)
        number, attempts, snapshot, reserved_at = row.number, row.attempts, row.snapshot, row.reserved_at
    try:
        now = clock.now()
        key = current_key(now)
        if key is not None:
            with writing() as session:
                remember(session, key, now=now)
        made = render_certificate(
            snapshot, certificate_id=certificate_id, issued_at=reserved_at, signed_at=now, key=key
        )
        digest = store().put(made.pdf)
    except Exception as error:
        log.exception("certificate %s could not be made", number)
        _note_failure(certificate_id, attempts, error)
        return 0
    return finish(certificate_id, snapshot, digest, len(made.pdf), made.badge_jwt)


def finish(
    certificate_id: int, snapshot: dict[str, Any], digest: str, size: int, badge_jwt: str | None = None
) -> int:
    """Turn a reserved certificate into an issued one and tell its owner.

    0 when another worker was quicker, or when the file was made of a snapshot that was taken anew meanwhile.
    """
    now = clock.now()
    with writing() as session:
        row = locked(session, Certificate, certificate_id)
        if row is None or row.state is not CertificateState.PREPARING or row.snapshot != snapshot:
            return 0
        row.state = CertificateState.ISSUED
        row.pdf_sha256, row.pdf_size, row.badge_jwt = digest, size, badge_jwt
        row.issued_at, row.claimed_until, row.claimed_by, row.problem = now, None, None, ""
        user = session.get_one(Enrollment, row.enrollment_id).student.user
        audit.record(
            session,
            "certificates:certificate:issued",
            row,
            actor=None,
            now=now,
            number=row.number,
            sha256=digest,
        )
        outbox.enqueue(
            session,
            "certificate",
            to=user.email,
            to_name=user.name,
            event=f"certificate:{row.id}:issued",
            about_id=row.id,
            now=now,
        )
    return 1


def _note_failure(certificate_id: int, attempts: int, error: Exception) -> None:
    if isinstance(error, RuleError):
        problem = str(error)
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        problem = _("The disk for stored files is full: %(reason)s.", reason=error.strerror)
    else:
        problem = f"{type(error).__name__}: {error}"
    # After several tries it waits for the office, who sees the problem and asks for another try.
    pause = timedelta(minutes=min(attempts, TRIES)) if attempts < TRIES else timedelta(days=3650)
    values: dict[str, Any] = {
        "problem": problem[:2000],
        "claimed_until": clock.now() + pause,
        "claimed_by": None,
    }
    # Not when somebody else has made it meanwhile, or is at it: this try took longer than its claim.
    mine = sa.and_(
        Certificate.id == certificate_id,
        Certificate.state == CertificateState.PREPARING,
        Certificate.attempts == attempts,
    )
    with writing() as session:
        session.execute(sa.update(Certificate).where(mine).values(**values))


@claims.gives_back
def _give_back(session: Session, worker: str) -> None:
    """Not after several tries: what kills every worker that takes it up waits for its time."""
    held = sa.and_(
        Certificate.claimed_by == worker,
        Certificate.state == CertificateState.PREPARING,
        Certificate.attempts < TRIES,
    )
    session.execute(sa.update(Certificate).where(held).values(claimed_until=None, claimed_by=None))
    jobs.nudge(session, MAKING_JOB)
