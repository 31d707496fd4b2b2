"""What students say of a class afterwards. Who has said something and what was said stand apart, without a link."""

import secrets
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, LongText


def _random_id() -> int:
    return secrets.randbelow(2**31 - 1) + 1


class EvaluationReceipt(Base):
    """That someone has filled in the evaluation of a class. Not what was said."""

    __tablename__ = "evaluation_receipts"

    enrollment_id: Mapped[int] = mapped_column(sa.ForeignKey("enrollments.id"), primary_key=True)
    filled_at: Mapped[datetime]


class EvaluationAnswer(Base):
    """What one student said of a class: nobody's name, no time, and a number at random, so that the order tells nothing.

    ``ratings`` maps a question's key to 1 … 5; ``outcomes`` are ``{"text", "rating"}``, as the course promised them then.
    """

    __tablename__ = "evaluation_answers"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=_random_id)
    offering_id: Mapped[int] = mapped_column(sa.ForeignKey("offerings.id", ondelete="CASCADE"), index=True)
    ratings: Mapped[dict[str, Any]]
    outcomes: Mapped[list[dict[str, Any]]]
    helped: Mapped[LongText] = mapped_column(default="")
    change: Mapped[LongText] = mapped_column(default="")
