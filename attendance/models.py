"""Rolls and attendance marks. Marks are history: never overwritten, only superseded."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import User
from attendance.codes import Way
from core.database import Base, Key, LongText, Minutes, ShortText, one_of
from courses.offering_models import Meeting
from students.models import Enrollment

# Characters of a remark: a line beside a mark, not a report.
REMARK_LIMIT = 140


class MarkStatus(StrEnum):
    """What happened to a student at a meeting."""

    PRESENT = "present"
    LATE = "late"
    LEFT_EARLY = "left_early"
    EXCUSED = "excused"
    ABSENT = "absent"


class MarkMethod(StrEnum):
    """How a mark came about."""

    ROLL = "roll"
    CHECK_IN = "check_in"
    IMPORT = "import"
    MAKE_UP = "make_up"
    CORRECTION = "correction"


class Roll(Base):
    """The roll of one meeting. ``revision`` rises with every save, so that a stale page is noticed."""

    __tablename__ = "rolls"

    meeting_id: Mapped[int] = mapped_column(
        sa.ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True
    )
    revision: Mapped[int] = mapped_column(default=0)
    saved_at: Mapped[datetime]
    saved_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    meeting: Mapped[Meeting] = relationship()
    saved_by: Mapped[User | None] = relationship()


class AttendanceMark(Base):
    """What happened to one enrollment at one meeting. A correction is a new row that supersedes the old one.

    ``minutes`` are the minutes credited, between 0 and the meeting's credit minutes. ``made_at`` is when it was marked
    (perhaps without a network), ``recorded_at`` when the server learned of it. ``client_key`` makes sending twice harmless.
    ``roll_revision`` is the save of the roll that brought it. ``conflicts_with_id``: it was made without knowing of that
    other mark and says something else; it is kept, never current, and asks to be decided for as long as the other is.
    ``remark`` is what the instructor wrote beside it, for the class's teachers and the office only; never about health
    (DOMAIN, "Safety and honesty"). It is part of the mark: another remark is another mark.
    """

    __tablename__ = "attendance_marks"
    __table_args__ = (
        sa.Index(
            "uq_attendance_marks_current",
            "meeting_id",
            "enrollment_id",
            unique=True,
            sqlite_where=sa.text("is_current"),
            postgresql_where=sa.text("is_current"),
        ),
        sa.Index("ix_attendance_marks_enrollment_id_is_current", "enrollment_id", "is_current"),
        sa.Index("ix_attendance_marks_meeting_id", "meeting_id"),
        sa.CheckConstraint("minutes >= 0", name="minutes_not_negative"),
        sa.CheckConstraint("status NOT IN ('absent', 'excused') OR minutes = 0", name="minutes_of_who_came"),
        sa.CheckConstraint("conflicts_with_id IS NULL OR NOT is_current", name="conflicting_not_current"),
        sa.CheckConstraint(f"length(remark) <= {REMARK_LIMIT}", name="remark_short"),
    )

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(sa.ForeignKey("meetings.id"))
    enrollment_id: Mapped[int] = mapped_column(sa.ForeignKey("enrollments.id"))
    status: Mapped[MarkStatus] = mapped_column(one_of(MarkStatus, "mark_status"))
    minutes: Mapped[Minutes]
    remark: Mapped[str] = mapped_column(sa.String(REMARK_LIMIT), default="")
    method: Mapped[MarkMethod] = mapped_column(one_of(MarkMethod, "mark_method"), default=MarkMethod.ROLL)
    made_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    reason: Mapped[LongText] = mapped_column(default="")
    client_key: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    is_current: Mapped[bool] = mapped_column(default=True)
    supersedes_id: Mapped[int | None] = mapped_column(sa.ForeignKey("attendance_marks.id"), unique=True)
    roll_revision: Mapped[int] = mapped_column(default=0)
    conflicts_with_id: Mapped[int | None] = mapped_column(sa.ForeignKey("attendance_marks.id"), index=True)

    meeting: Mapped[Meeting] = relationship()
    enrollment: Mapped[Enrollment] = relationship()
    recorded_by: Mapped[User | None] = relationship()


class CheckIn(Base):
    """A student's own scan at a meeting: coming or going, once each. What it marks stands in the marks."""

    __tablename__ = "check_ins"
    __table_args__ = (sa.UniqueConstraint("meeting_id", "enrollment_id", "way"),)

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(sa.ForeignKey("meetings.id"))
    enrollment_id: Mapped[int] = mapped_column(sa.ForeignKey("enrollments.id"), index=True)
    way: Mapped[Way] = mapped_column(one_of(Way, "check_in_way"))
    at: Mapped[datetime]

    meeting: Mapped[Meeting] = relationship()
    enrollment: Mapped[Enrollment] = relationship()


class MeetingSheet(Base):
    """A scanned sign-in sheet of a meeting. The file lies in the file store; one that was attached by mistake is taken off
    with a reason, never deleted (DOMAIN, "Records")."""

    __tablename__ = "meeting_sheets"
    __table_args__ = (
        sa.CheckConstraint("size_bytes > 0", name="size_positive"),
        sa.CheckConstraint("(removed_at IS NULL) = (removed_reason = '')", name="removal_says_why"),
        sa.Index(
            "uq_meeting_sheets_file",
            "meeting_id",
            "sha256",
            unique=True,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        ),
    )

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(sa.ForeignKey("meetings.id"))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    mime_type: Mapped[ShortText]
    file_name: Mapped[ShortText]
    size_bytes: Mapped[int]
    attached_at: Mapped[datetime]
    attached_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    removed_at: Mapped[datetime | None]
    removed_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    removed_reason: Mapped[LongText] = mapped_column(default="")

    meeting: Mapped[Meeting] = relationship()
    attached_by: Mapped[User | None] = relationship(foreign_keys=[attached_by_id])


class DeviceKey(Base):
    """The key under which an instructor's phone keeps rolls while there is no network (AES-GCM, 256 bits, base64).

    Only its own user ever gets it: what stays on a phone after signing out can be read by nobody else.
    """

    __tablename__ = "device_keys"

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime]
