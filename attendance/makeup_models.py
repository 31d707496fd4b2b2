"""Make-ups: a missed meeting, made up as a guest at the matching meeting of another class of the course."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.database import Base, Key, LongText, one_of
from courses.offering_models import Meeting
from students.models import Enrollment


class MakeUpState(StrEnum):
    """Where a make-up stands. Planned and credited ones take a guest place."""

    ASKED = "asked"
    PLANNED = "planned"
    CREDITED = "credited"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


PLACED = frozenset({MakeUpState.PLANNED, MakeUpState.CREDITED})
_LIVE = "state IN ('asked', 'planned', 'credited')"


def _once(name: str, *columns: str) -> sa.Index:
    condition = sa.text(_LIVE)
    return sa.Index(
        f"uq_make_ups_{name}", *columns, unique=True, sqlite_where=condition, postgresql_where=condition
    )


class MakeUp(Base):
    """One missed meeting of an enrollment, to be made up at ``meeting``. A missed meeting is credited once, and a meeting
    attended as a guest credits one."""

    __tablename__ = "make_ups"
    __table_args__ = (
        _once("missed", "enrollment_id", "missed_meeting_id"),
        _once("guest", "enrollment_id", "meeting_id"),
        sa.Index("ix_make_ups_meeting_id", "meeting_id"),
        sa.CheckConstraint("meeting_id <> missed_meeting_id", name="elsewhere"),
        sa.CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name="decided"),
    )

    id: Mapped[Key]
    enrollment_id: Mapped[int] = mapped_column(sa.ForeignKey("enrollments.id"))
    missed_meeting_id: Mapped[int] = mapped_column(sa.ForeignKey("meetings.id"))
    meeting_id: Mapped[int] = mapped_column(sa.ForeignKey("meetings.id"))
    state: Mapped[MakeUpState] = mapped_column(one_of(MakeUpState, "make_up_state"))
    asked_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    # The office's words to the student when it says no.
    message: Mapped[LongText] = mapped_column(default="")

    enrollment: Mapped[Enrollment] = relationship()
    missed_meeting: Mapped[Meeting] = relationship(foreign_keys=[missed_meeting_id])
    meeting: Mapped[Meeting] = relationship(foreign_keys=[meeting_id])
