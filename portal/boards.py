"""Attendance for boards, in CE Broker's roster format (DOMAIN, "Records": articles 15226514662548 and following).

One row per licensee, no names. A new file each time; nobody stands in two files for the same class, board and profession,
and what was posted cannot be edited there, so the ledger (``BoardReportRow``) is only ever added to. Completions come
from certificates in force: they hold the facts as proven, also those of a part of a class. Whoever attended a part that a
board would credit and has no certificate is a row to decide about: what was posted cannot be taken back after a make-up.
The dry run names every row a board would refuse.
"""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from certificates.models import Certificate, CertificateState
from core import audit
from core.clock import local_date
from core.database import locked
from core.errors import RuleError
from core.files import store
from courses.bodies import a_use
from courses.models import Body
from courses.offering_models import Offering
from portal.board_models import BoardReport, BoardReportRow
from students.models import Enrollment, EnrollmentState, License, Student

XLS_TYPE = "application/vnd.ms-excel"
MOST_ROWS = 60_000  # of a sheet in the .xls format: 65,536


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which completions: the board, the licensing state, the profession, and days of completion, both included."""

    body_id: int
    jurisdiction: str
    profession: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Line:
    """One completion: what would be told, and why a board would refuse it. ``hours`` only for partial credit."""

    enrollment_id: int
    certificate_id: int | None
    name: str
    class_code: str
    license_number: str
    provider_number: str
    program_number: str
    completed_on: date
    subject: str
    hours: str
    problems: tuple[str, ...]

    @property
    def is_ready(self) -> bool:
        """Whether it can be reported."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a report would hold: rows that are ready, rows a board would refuse, and how many it was told before."""

    body: Body
    ready: Sequence[Line]
    refused: Sequence[Line]
    told_before: int


def dry_run(session: Session, wanted: Wanted) -> DryRun:
    """Look at every completion in those days of whoever holds a license of that profession. Four statements.

    Raises RuleError (field ``body``) for an unknown board.
    """
    body = session.get(Body, wanted.body_id)
    if body is None:
        raise RuleError(_("Choose a board."), field="body")
    told = set(
        session.scalars(
            sa.select(BoardReportRow.enrollment_id).where(
                BoardReportRow.body_id == body.id,
                BoardReportRow.jurisdiction == wanted.jurisdiction,
                BoardReportRow.profession == wanted.profession,
            )
        )
    )
    found = [
        (enrollment, certificate)
        for enrollment, certificate in _completions(session, wanted, partial=body.partial_credit)
        if enrollment.id not in told
    ]
    lines = [_line(body, wanted, enrollment, certificate) for enrollment, certificate in found]
    lines = _twice_refused(lines)
    before = len(told)
    return DryRun(
        body,
        [line for line in lines if line.is_ready],
        [line for line in lines if not line.is_ready],
        before,
    )


def _completions(
    session: Session, wanted: Wanted, *, partial: bool
) -> Sequence[tuple[Enrollment, Certificate | None]]:
    part = Enrollment.state == EnrollmentState.INCOMPLETE
    # A day wider on both sides: the day of completion is that of the class's zone, and is compared below.
    since = datetime.combine(wanted.first, time.min, UTC) - timedelta(days=1)
    until = datetime.combine(wanted.last, time.max, UTC) + timedelta(days=1)
    query = (
        sa.select(Enrollment, Certificate)
        .join(Enrollment.offering)
        .join(Enrollment.student)
        .outerjoin(
            Certificate,
            sa.and_(Certificate.enrollment_id == Enrollment.id, Certificate.state == CertificateState.ISSUED),
        )
        .options(
            joinedload(Enrollment.offering).joinedload(Offering.course),
            joinedload(Enrollment.student).options(joinedload(Student.user), joinedload(Student.licenses)),
        )
        .where(
            sa.or_(
                Enrollment.state == EnrollmentState.COMPLETED,
                part if partial else sa.and_(part, Certificate.id.is_not(None)),
            ),
            Offering.ends_at >= since,
            Offering.ends_at <= until,
            sa.exists().where(
                License.student_id == Enrollment.student_id, License.profession == wanted.profession
            ),
        )
        .order_by(Offering.ends_at, Enrollment.id)
    )
    return [
        (enrollment, certificate)
        for enrollment, certificate in session.execute(query).unique()
        if wanted.first
        <= local_date(enrollment.offering.ends_at, enrollment.offering.time_zone)
        <= wanted.last
    ]


def _line(body: Body, wanted: Wanted, enrollment: Enrollment, certificate: Certificate | None) -> Line:
    completed = local_date(enrollment.offering.ends_at, enrollment.offering.time_zone)
    credit: dict[str, Any] = {}
    if certificate is not None:
        completed = date.fromisoformat(certificate.snapshot["facts"]["completed_on"])
        lines = certificate.snapshot["facts"]["credits"]
        credit = next((line for line in lines if line["body"] == body.code), {})
    licenses = [item for item in enrollment.student.licenses if item.profession == wanted.profession]
    mine = next((item for item in licenses if item.jurisdiction == wanted.jurisdiction), None)
    problems = _problems(body, wanted, mine, certificate, credit, enrollment, completed)
    return Line(
        enrollment_id=enrollment.id,
        certificate_id=certificate.id if certificate else None,
        name=enrollment.student.user.name,
        class_code=enrollment.offering.code,
        license_number=mine.number if mine else "",
        provider_number=str(credit.get("provider_number", "") or body.provider_number),
        program_number=str(credit.get("program_number", "")),
        completed_on=completed,
        subject=enrollment.offering.course.title if body.partial_credit else "",
        hours=str(credit.get("units", credit.get("hours", ""))) if body.partial_credit else "",
        problems=tuple(problems),
    )


def _problems(
    body: Body,
    wanted: Wanted,
    mine: License | None,
    certificate: Certificate | None,
    credit: dict[str, Any],
    enrollment: Enrollment,
    completed: date,
) -> list[str]:
    found = []
    if mine is None:
        found.append(_("No license of %(state)s is on file.", state=wanted.jurisdiction))
    else:
        if not mine.number.strip():
            found.append(_("The license has no number."))
        if mine.expires_on is not None and mine.expires_on < completed:
            found.append(_("The license had expired on the day of completion."))
    if certificate is None and enrollment.state is EnrollmentState.INCOMPLETE:
        found.append(
            _(
                "Attended a part, and no certificate is in force: let it be made up, or decide for this student."
            )
        )
    elif certificate is None:
        found.append(_("No certificate is in force; issue it first."))
    elif not credit:
        found.append(_("The certificate has no line of %(body)s.", body=body.title))
    elif not str(credit.get("program_number", "")).strip():
        found.append(_("The approval has no course number."))
    if certificate is not None and certificate.attendance_revision != enrollment.attendance_revision:
        found.append(_("The attendance was changed after the certificate; replace it first."))
    if not body.provider_number.strip() and not str(credit.get("provider_number", "")).strip():
        found.append(_("The school has no provider number of this board."))
    return found


def _twice_refused(lines: Sequence[Line]) -> list[Line]:
    """A board refuses the same license, course and day twice in one file, whoever they belong to."""
    seen = Counter(
        (line.license_number, line.program_number, line.completed_on) for line in lines if line.license_number
    )
    said = _("Another row has the same license, course and day.")
    return [
        replace(line, problems=(*line.problems, said))
        if seen[line.license_number, line.program_number, line.completed_on] > 1
        else line
        for line in lines
    ]


@a_use
def reported(session: Session, body: Body) -> str:
    """A sentence when a file was made for a body, which the ledger keeps; else nothing."""
    query = sa.select(BoardReport.id).where(BoardReport.body_id == body.id).limit(1)
    return _("The ledger of files for boards names it.") if session.scalar(query) else ""


def report(session: Session, wanted: Wanted, *, actor: User, now: datetime) -> BoardReport:
    """Make the file of whatever is ready, and note in the ledger that it was told.

    Raises RuleError when nothing is ready, or there are more rows than the format holds.
    """
    if (
        locked(session, Body, wanted.body_id) is None
    ):  # two reports at once: the second sees what the first told
        raise RuleError(_("Choose a board."), field="body")
    found = dry_run(session, wanted)
    if not found.ready:
        raise RuleError(_("Nothing is ready to be reported."))
    if len(found.ready) > MOST_ROWS:
        raise RuleError(_("That is more than one file holds. Choose fewer days."))
    content = roster_file(found.ready, wanted, partial=found.body.partial_credit)
    row = BoardReport(
        body_id=found.body.id,
        jurisdiction=wanted.jurisdiction,
        profession=wanted.profession,
        made_at=now,
        made_by_id=actor.id,
        row_count=len(found.ready),
        sha256=store().put(content),
    )
    session.add(row)
    session.flush()
    session.execute(
        sa.insert(BoardReportRow),
        [
            {
                "report_id": row.id,
                "body_id": found.body.id,
                "enrollment_id": line.enrollment_id,
                "certificate_id": line.certificate_id,
                "jurisdiction": wanted.jurisdiction,
                "profession": wanted.profession,
                "license_number": line.license_number,
                "completed_on": line.completed_on,
            }
            for line in found.ready
        ],
    )
    audit.record(
        session,
        "portal:board:reported",
        row,
        actor=actor,
        now=now,
        body=found.body.code,
        rows=len(found.ready),
        jurisdiction=wanted.jurisdiction,
        profession=wanted.profession,
    )
    return row


def roster_file(lines: Sequence[Line], wanted: Wanted, *, partial: bool) -> bytes:
    """The .xls file. xlwt is unmaintained and writes only this old format, which is the one the board's site takes."""
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Roster")
    day = xlwt.easyxf(num_format_str="MM/DD/YYYY")
    heads = ["Provider Number", "Course Number", "Publishing Number", "License Number", "Completion Date"]
    heads += ["State", "Profession"] + (["Subject Area", "Hours"] if partial else [])
    for column, head in enumerate(heads):
        sheet.write(0, column, head)
    for number, line in enumerate(lines, 1):
        texts = [line.provider_number, line.program_number, "", line.license_number]
        for column, text in enumerate(texts):
            sheet.write(number, column, text)
        sheet.write(number, 4, line.completed_on, day)
        sheet.write(number, 5, wanted.jurisdiction)
        sheet.write(number, 6, wanted.profession)
        if partial:
            sheet.write(number, 7, line.subject)
            sheet.write(number, 8, line.hours)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def ledger(session: Session, limit: int = 50) -> list[BoardReport]:
    """The files made so far, the newest first. One statement."""
    query = (
        sa.select(BoardReport)
        .options(joinedload(BoardReport.body), joinedload(BoardReport.made_by))
        .order_by(BoardReport.id.desc())
        .limit(limit)
    )
    return list(session.scalars(query))
