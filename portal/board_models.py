"""What was reported to boards: files handed out, and whose completion stands in which. Only ever added to."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import User
from certificates.models import Certificate
from core.database import Base, Code, Key, ShortText
from courses.models import Body


class BoardReport(Base):
    """One file for a board's website. Its bytes lie in the file store and never change."""

    __tablename__ = "board_reports"
    __table_args__ = (sa.CheckConstraint("row_count > 0", name="not_empty"),)

    id: Mapped[Key]
    body_id: Mapped[int] = mapped_column(sa.ForeignKey("bodies.id"), index=True)
    jurisdiction: Mapped[Code]
    profession: Mapped[Code]
    made_at: Mapped[datetime]
    made_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    row_count: Mapped[int]
    sha256: Mapped[str] = mapped_column(sa.String(64))

    body: Mapped[Body] = relationship()
    made_by: Mapped[User] = relationship()


class BoardReportRow(Base):
    """One line that a board was told. Nobody is reported twice for the same class to the same board."""

    __tablename__ = "board_report_rows"
    __table_args__ = (
        sa.UniqueConstraint("enrollment_id", "body_id", "jurisdiction", "profession"),
        sa.Index("ix_board_report_rows_report_id", "report_id"),
    )

    id: Mapped[Key]
    report_id: Mapped[int] = mapped_column(sa.ForeignKey("board_reports.id"))
    body_id: Mapped[int] = mapped_column(sa.ForeignKey("bodies.id"))
    enrollment_id: Mapped[int] = mapped_column(sa.ForeignKey("enrollments.id"))
    certificate_id: Mapped[int] = mapped_column(sa.ForeignKey("certificates.id"))
    jurisdiction: Mapped[Code]
    profession: Mapped[Code]
    license_number: Mapped[ShortText]
    completed_on: Mapped[date]

    report: Mapped[BoardReport] = relationship()
    certificate: Mapped[Certificate] = relationship()
