"""Uploads are kept, confirmed once, and then done row by row by the worker, each row a transaction of its own."""

import json
import logging
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from accounts.registration import by_email
from core import audit, clock, jobs
from core.database import db, locked, writing
from core.errors import RuleError
from core.files import FileStore
from courses.offering_models import Offering, OfferingState
from portal.importing.fates import row_problem, same_license
from portal.importing.models import Fate, ImportBatch, ImportOutcome
from portal.importing.reading import Row, Sheet
from students import duplicates, newcomers, people, seats
from students.enrollment import EnrollRequest, enroll
from students.models import EnrollmentState, Source, Student
from students.people import LicenseEntry

log = logging.getLogger("stillpoint.imports")

JOB = "run-imports"
KEPT = timedelta(days=2)


def import_store() -> FileStore:
    """Where uploaded people lie until they are done: apart from the records."""
    return FileStore(current_app.extensions["settings"].files_path / "imports")


def keep(session: Session, sheet: Sheet, *, file_name: str, actor: User, now: datetime) -> ImportBatch:
    """Keep what was read, for the preview."""
    content = json.dumps([row.plain() for row in sheet.rows], ensure_ascii=False).encode()
    batch = ImportBatch(
        file_name=file_name[:200],
        sha256=import_store().put(content),
        row_count=len(sheet.rows),
        done_rows=0,
        uploaded_by_id=actor.id,
        uploaded_at=now,
    )
    session.add(batch)
    session.flush()
    return batch


def rows_of(batch: ImportBatch) -> list[Row]:
    """The rows of a batch. Raises RuleError when they are gone: done, or too old."""
    try:
        return [Row(**plain) for plain in json.loads(import_store().get(batch.sha256))]
    except FileNotFoundError:
        raise RuleError(_("The file is not kept any more. Upload it again.")) from None


def confirm(session: Session, batch_id: int, *, actor: User, now: datetime) -> None:
    """Let the worker do the rows. Raises RuleError when that was asked before, LookupError for an unknown batch."""
    batch = locked(session, ImportBatch, batch_id)
    if batch is None:
        raise LookupError(f"import {batch_id}")
    if batch.confirmed_at is not None:
        raise RuleError(_("This import was confirmed already."))
    rows_of(batch)
    batch.confirmed_at = now
    batch.confirmed_by_id = actor.id
    audit.record(
        session,
        "portal:import:confirmed",
        batch,
        actor=actor,
        now=now,
        rows=batch.row_count,
        file=batch.file_name,
    )
    jobs.nudge(session, JOB)


@jobs.job(JOB, every=1)
def run_imports() -> int:
    """Do what was confirmed. May die at any point: a row and its outcome are one transaction. Returns rows done."""
    waiting = sa.select(ImportBatch.id).where(
        ImportBatch.confirmed_at.is_not(None), ImportBatch.finished_at.is_(None)
    )
    ids = list(db.session.scalars(waiting.order_by(ImportBatch.id)))
    db.session.rollback()
    done = 0
    for batch_id in ids:
        try:
            while _next_row(batch_id):
                done += 1
        except Exception:
            # The database went away, say: the next run goes on at this row. Other imports are not held up.
            log.exception("the import %s stopped; it goes on in the next run", batch_id)
    return done


def _next_row(batch_id: int) -> bool:
    """Do the next row of a batch; False when none is left. A row that fails for any reason is told and passed over."""
    position: int | None = None
    try:
        with writing() as session:
            batch = locked(session, ImportBatch, batch_id)
            if batch is None or batch.finished_at is not None:
                return False
            position = batch.done_rows
            if position >= batch.row_count:
                batch.finished_at = clock.now()
                return False
            row = rows_of(batch)[position]
            actor = session.get_one(User, batch.confirmed_by_id)
            fate, words = take(session, row, actor=actor, now=clock.now())
            _note(session, batch, fate, words)
        return True
    except RuleError as error:
        fate = Fate.DUPLICATE if isinstance(error, seats.AlreadyThereError) else Fate.REFUSED
        words = str(error)
    except (sa.exc.OperationalError, sa.exc.InterfaceError):
        raise  # says nothing of the row
    except Exception:
        if position is None:
            raise
        log.exception("row %s of import %s could not be taken in", position + 1, batch_id)
        fate = Fate.REFUSED
        words = _(
            "An error in the program kept this row out; nothing of it was taken in. The log of the server says more."
        )
    with writing() as session:
        batch = locked(session, ImportBatch, batch_id)
        if batch is not None and batch.done_rows == position:
            _note(session, batch, fate, words)
    return True


def _note(session: Session, batch: ImportBatch, fate: Fate, words: str) -> None:
    session.add(ImportOutcome(batch_id=batch.id, position=batch.done_rows, fate=fate, words=words))
    batch.done_rows += 1


def take(session: Session, row: Row, *, actor: User, now: datetime) -> tuple[Fate, str]:
    """Take one row in, by the rules that pages use. Returns its fate and words; raises RuleError when it is refused."""
    problem = row.problem or row_problem(row)
    if problem:
        raise RuleError(problem)
    user = by_email(session, row.email)
    if row.license_number and (holder := _holder(session, row, user)) is not None:
        return Fate.DUPLICATE, same_license(holder)
    is_new = user is None
    student = newcomers.find_or_invite(session, email=row.email, name=row.name, actor=actor, now=now)
    student.phone = student.phone or row.phone
    fate = Fate.NEW if is_new else Fate.KNOWN
    who = _("New; invited by mail.") if is_new else _("Known as %(name)s.", name=student.user.name)
    if not row.class_code:
        if row.license_number:
            entry = LicenseEntry(row.profession or student.profession, row.license_state, row.license_number)
            people.save_license(session, student, entry, actor=actor, now=now)
        return fate, who
    return _enroll(session, row, student, fate, who, actor=actor, now=now)


def _holder(session: Session, row: Row, user: User | None) -> Student | None:
    """Who else has the license of a row, by the record."""
    held = duplicates.holders(session, [row.license_number])
    student = people.find_student(session, user.id) if user else None
    if student is not None and student.merged_into is not None:
        student = student.merged_into
    profession = row.profession or (student.profession if student else "")
    key = duplicates.license_key(row.license_state, row.license_number)
    return duplicates.other_holder(held.get(key, []), profession, student)


def _enroll(
    session: Session, row: Row, student: Student, fate: Fate, who: str, *, actor: User, now: datetime
) -> tuple[Fate, str]:
    offering = session.scalars(sa.select(Offering).where(Offering.code == row.class_code)).one_or_none()
    if offering is None or offering.state is OfferingState.DRAFT:
        raise RuleError(_("There is no class %(code)s.", code=row.class_code))
    request = EnrollRequest(
        certificate_name=student.certificate_name or row.name,
        profession=row.profession or student.profession,
        license_state=row.license_state,
        license_number=row.license_number,
        source=Source.IMPORT,
    )
    enrollment = enroll(session, offering, student, request, actor=actor, now=now)
    if enrollment.state is EnrollmentState.WAITLISTED:
        return Fate.WAITLIST, f"{who} {_('%(code)s is full: joins the waitlist.', code=offering.code)}"
    return fate, f"{who} {_('Gets a seat in %(code)s.', code=offering.code)}"


@jobs.job("forget-imports", every=60)
def forget_old() -> int:
    """Throw away uploaded rows that are done, or that nobody confirmed within two days. Returns how many files."""
    done = sa.or_(
        ImportBatch.finished_at.is_not(None),
        sa.and_(ImportBatch.confirmed_at.is_(None), ImportBatch.uploaded_at < clock.now() - KEPT),
    )
    over = set(db.session.scalars(sa.select(ImportBatch.sha256).where(done)))
    kept = set(db.session.scalars(sa.select(ImportBatch.sha256).where(~done)))
    db.session.rollback()
    gone = [digest for digest in over - kept if import_store().exists(digest)]
    for digest in gone:
        import_store().path(digest).unlink(missing_ok=True)
    return len(gone)
