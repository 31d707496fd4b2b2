"""Users."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, Key, ShortText, one_of


class Role(StrEnum):
    """What someone may do. Each user has one; an instructor may also enroll in classes, like a student."""

    STUDENT = "student"
    INSTRUCTOR = "instructor"
    REGISTRAR = "registrar"
    ADMIN = "admin"


class User(UserMixin, Base):
    """Someone who may sign in. The e-mail address is lower-case and unique; the password may not be set yet (invited)."""

    __tablename__ = "users"
    __table_args__ = (sa.CheckConstraint("email = lower(email)", name="email_lower"),)

    id: Mapped[Key]
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    pending_email: Mapped[str | None] = mapped_column(sa.String(254))
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    # The whole name as written; the family name also by itself, because a verifier types it.
    name: Mapped[ShortText]
    family_name: Mapped[ShortText] = mapped_column(default="")
    role: Mapped[Role] = mapped_column(one_of(Role, "role"), default=Role.STUDENT, index=True)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    # The picture of an instructor's signature, in the file store.
    signature_sha256: Mapped[str | None] = mapped_column(sa.String(64))
    # Raised when the password changes or the account is disabled: older sessions and links end.
    session_version: Mapped[int] = mapped_column(default=1)

    @property
    def is_active(self) -> bool:
        """Whether this account may be used (Flask-Login asks)."""
        return self.disabled_at is None

    def get_id(self) -> str:
        """What the session cookie holds: the id and the session version (Flask-Login asks)."""
        return f"{self.id}.{self.session_version}"

    @property
    def given_name(self) -> str:
        """The name without the family name, for greetings; the whole name when there is only one."""
        if self.family_name and self.name.endswith(self.family_name):
            return self.name[: -len(self.family_name)].strip() or self.name
        return self.name

    @property
    def is_staff(self) -> bool:
        """Office: registrar or admin."""
        return self.role in (Role.REGISTRAR, Role.ADMIN)

    @property
    def is_instructor(self) -> bool:
        """Teaches classes."""
        return self.role is Role.INSTRUCTOR

    @property
    def is_admin(self) -> bool:
        """May manage users and settings."""
        return self.role is Role.ADMIN

    @property
    def is_student(self) -> bool:
        """Takes classes."""
        return self.role is Role.STUDENT
