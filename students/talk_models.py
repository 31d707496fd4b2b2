"""The outcome of a talk before a hands-on class (DOMAIN, "Safety and honesty").

It implies health, so it stands in a table of its own: read only by ``students.talks``, for that class's instructors and
admins, and erased 30 days after the class.
"""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, Key, one_of


class Outcome(StrEnum):
    """How a student takes part."""

    FULL_PRACTICE = "full_practice"
    GIVE_ONLY = "give_only"
    OBSERVE = "observe"
    BRING_A_MODEL = "bring_a_model"


class TalkOutcome(Base):
    """What instructor and student agreed on; nothing else about it is kept."""

    __tablename__ = "talk_outcomes"

    id: Mapped[Key]
    enrollment_id: Mapped[int] = mapped_column(
        sa.ForeignKey("enrollments.id", ondelete="CASCADE"), unique=True
    )
    outcome: Mapped[Outcome] = mapped_column(one_of(Outcome, "talk_outcome"))
    recorded_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    recorded_at: Mapped[datetime]
