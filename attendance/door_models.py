"""Substitutes for a day, and people at the door who could not be enrolled on the spot."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import User
from core.database import Base, Key, LongText, ShortText
from courses.offering_models import Meeting, Offering


class Substitute(Base):
    """An instructor who has a class for a day: sees it and takes its rolls between two moments (UTC)."""

    __tablename__ = "substitutes"
    __table_args__ = (
        sa.UniqueConstraint("offering_id", "user_id", "begins_at"),
        sa.CheckConstraint("ends_at > begins_at", name="times_in_order"),
        sa.Index("ix_substitutes_user_id", "user_id"),
    )

    id: Mapped[Key]
    offering_id: Mapped[int] = mapped_column(sa.ForeignKey("offerings.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    named_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    named_at: Mapped[datetime]

    offering: Mapped[Offering] = relationship()
    user: Mapped[User] = relationship(foreign_keys=[user_id])
    named_by: Mapped[User | None] = relationship(foreign_keys=[named_by_id])


class WalkIn(Base):
    """Somebody at the door who has no seat: for the office to settle. ``problem`` is why they could not be enrolled."""

    __tablename__ = "walk_ins"
    __table_args__ = (sa.Index("ix_walk_ins_settled_at", "settled_at"),)

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(sa.ForeignKey("meetings.id"), index=True)
    name: Mapped[ShortText]
    email: Mapped[ShortText]
    problem: Mapped[LongText]
    noted_at: Mapped[datetime]
    noted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    meeting: Mapped[Meeting] = relationship()
    noted_by: Mapped[User | None] = relationship(foreign_keys=[noted_by_id])
