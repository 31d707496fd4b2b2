"""Certificates: immutable records of completion."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import User
from core.database import Base, Code, Key, LongText, one_of
from students.models import Enrollment


class CertificateState(StrEnum):
    """Where a certificate stands. Number and row are reserved as ``preparing``; the worker makes the PDF."""

    PREPARING = "preparing"
    ISSUED = "issued"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class RevocationReason(StrEnum):
    """Why a certificate was revoked: the category is public, the words beside it are not."""

    ISSUED_IN_ERROR = "issued_in_error"
    ATTENDANCE_CORRECTED = "attendance_corrected"
    IDENTITY = "identity"
    OTHER = "other"


class Certificate(Base):
    """One certificate. ``snapshot`` holds every printed fact; the PDF's bytes are stored under their SHA-256."""

    __tablename__ = "certificates"
    __table_args__ = (
        sa.Index(
            "uq_certificates_live",
            "enrollment_id",
            unique=True,
            sqlite_where=sa.text("state IN ('preparing', 'issued')"),
            postgresql_where=sa.text("state IN ('preparing', 'issued')"),
        ),
        sa.UniqueConstraint("year", "sequence"),
        sa.CheckConstraint("(state = 'preparing') = (pdf_sha256 IS NULL)", name="stored"),
        sa.CheckConstraint("state <> 'revoked' OR revoked_at IS NOT NULL", name="revoked_when"),
        sa.Index("ix_certificates_state", "state"),
    )

    id: Mapped[Key]
    enrollment_id: Mapped[int] = mapped_column(sa.ForeignKey("enrollments.id"))
    year: Mapped[int]
    sequence: Mapped[int]
    number: Mapped[Code] = mapped_column(unique=True)
    token: Mapped[str] = mapped_column(sa.String(64), unique=True)
    state: Mapped[CertificateState] = mapped_column(one_of(CertificateState, "certificate_state"))
    template: Mapped[Code]
    snapshot: Mapped[dict[str, Any]]
    attendance_revision: Mapped[int] = mapped_column(default=0)
    reserved_at: Mapped[datetime]
    reserved_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    issued_at: Mapped[datetime | None]
    pdf_sha256: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    pdf_size: Mapped[int | None]
    # The Open Badges 3.0 credential (VC-JWT) that is attached to the PDF; None when the school had no key.
    badge_jwt: Mapped[LongText | None]
    # The holder's wish: its page confirms status and number; the facts come after the family name is typed.
    confirm_only: Mapped[bool] = mapped_column(default=False)
    claimed_until: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(sa.String(40))
    # Since when nobody is named in it any more: the time of keeping it was over.
    anonymised_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    problem: Mapped[LongText] = mapped_column(default="")
    supersedes_id: Mapped[int | None] = mapped_column(sa.ForeignKey("certificates.id"), unique=True)
    superseded_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    revocation: Mapped[RevocationReason | None] = mapped_column(one_of(RevocationReason, "revocation"))
    revocation_note: Mapped[LongText] = mapped_column(default="")

    enrollment: Mapped[Enrollment] = relationship()
    supersedes: Mapped["Certificate | None"] = relationship(remote_side="Certificate.id")
    reserved_by: Mapped[User | None] = relationship(foreign_keys=[reserved_by_id])
    revoked_by: Mapped[User | None] = relationship(foreign_keys=[revoked_by_id])


class CertificateOverride(Base):
    """The office's decision that someone gets a certificate nevertheless. The reason is never printed."""

    __tablename__ = "certificate_overrides"
    __table_args__ = (sa.CheckConstraint("reason <> ''", name="reason_given"),)

    id: Mapped[Key]
    enrollment_id: Mapped[int] = mapped_column(sa.ForeignKey("enrollments.id"), unique=True)
    reason: Mapped[LongText]
    granted_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    granted_at: Mapped[datetime]

    granted_by: Mapped[User] = relationship()
