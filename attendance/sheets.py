"""Scanned sign-in sheets: attached to a meeting, seen by its instructors and the office, taken off with a reason."""

from datetime import datetime
from io import BytesIO

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from attendance.models import MeetingSheet
from attendance.settling import lock_classes
from core import audit
from core.errors import RuleError
from core.files import store
from courses.offering_models import Meeting, Offering

MOST_BYTES = 8 * 1024 * 1024
MOST_SHEETS = 20  # of one meeting
MOST_PIXELS = 60_000_000
_ENDINGS = {"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg"}


def kind_of(content: bytes) -> str:
    """What kind of file it is, by its content: PDF, PNG or JPEG. Raises RuleError (field ``sheet``) for anything else."""
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise RuleError(_("This file is empty."), field="sheet")
    if len(content) > MOST_BYTES:
        raise RuleError(_("This file is larger than 8 MB. Scan it with fewer colors or dots."), field="sheet")
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    wrong = RuleError(_("Attach a PDF, a PNG or a JPEG."), field="sheet")
    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as picture:  # reads the header only
            if picture.width * picture.height > MOST_PIXELS:
                raise RuleError(_("This picture has too many dots. Scan it smaller."), field="sheet")
            return "image/png" if picture.format == "PNG" else "image/jpeg"
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise wrong from error


def attach(session: Session, meeting: Meeting, content: bytes, *, actor: User, now: datetime) -> MeetingSheet:
    """Attach a scanned sheet to a meeting. The same file twice is the same sheet.

    Raises RuleError (field ``sheet``) for another kind of file, one of more than 8 MB, or the 21st.
    """
    kind = kind_of(content)
    lock_classes(session, Offering.id == meeting.offering_id)  # whoever attaches one at the same time waits
    known = sheets_of(session, meeting.offering_id).get(meeting.id, [])
    digest = store().put(content)
    for sheet in known:
        if sheet.sha256 == digest:
            return sheet
    if len(known) >= MOST_SHEETS:
        raise RuleError(_("This meeting has 20 sheets already."), field="sheet")
    before = sa.select(sa.func.count()).where(MeetingSheet.meeting_id == meeting.id)  # those taken off, too
    number = (session.scalar(before) or 0) + 1
    name = f"{meeting.offering.code}-{meeting.number}-sheet-{number}{_ENDINGS[kind]}"
    sheet = MeetingSheet(
        meeting_id=meeting.id,
        sha256=digest,
        mime_type=kind,
        file_name=name,
        size_bytes=len(content),
        attached_at=now,
        attached_by_id=actor.id,
    )
    session.add(sheet)
    session.flush()
    audit.record(
        session, "attendance:sheet:attached", sheet, actor=actor, now=now, meeting=meeting.id, sha256=digest
    )
    return sheet


def take_off(session: Session, sheet: MeetingSheet, *, reason: str, actor: User, now: datetime) -> None:
    """Take a sheet off its meeting; row and file stay. Raises RuleError (field ``reason``) without a reason."""
    reason = reason.strip()[:500]
    session.flush()
    session.refresh(sheet, with_for_update=True)
    if sheet.removed_at is not None:
        raise RuleError(_("This sheet was taken off already."))
    if not reason:
        raise RuleError(_("Say why the sheet is taken off."), field="reason")
    sheet.removed_at, sheet.removed_by_id, sheet.removed_reason = now, actor.id, reason
    audit.record(session, "attendance:sheet:taken_off", sheet, actor=actor, now=now, reason=reason)


def sheets_of(session: Session, offering_id: int) -> dict[int, list[MeetingSheet]]:
    """The sheets of a class by meeting id, oldest first. One statement."""
    query = (
        sa.select(MeetingSheet)
        .join(Meeting, Meeting.id == MeetingSheet.meeting_id)
        .options(joinedload(MeetingSheet.attached_by))
        .where(Meeting.offering_id == offering_id, MeetingSheet.removed_at.is_(None))
        .order_by(MeetingSheet.id)
    )
    found: dict[int, list[MeetingSheet]] = {}
    for sheet in session.scalars(query):
        found.setdefault(sheet.meeting_id, []).append(sheet)
    return found
