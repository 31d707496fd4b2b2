"""An uploaded file of people, and what became of each of its rows."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, Key, LongText, ShortText, one_of


class Fate(StrEnum):
    """What a row comes to."""

    NEW = "new"
    KNOWN = "known"
    WAITLIST = "waitlist"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class ImportBatch(Base):
    """A file as it was read. Its rows lie in the file store until all are done; ``done_rows`` are."""

    __tablename__ = "import_batches"
    __table_args__ = (
        sa.CheckConstraint("done_rows >= 0 AND done_rows <= row_count", name="done"),
        sa.CheckConstraint("done_rows = 0 OR confirmed_at IS NOT NULL", name="confirmed_first"),
    )

    id: Mapped[Key]
    file_name: Mapped[ShortText]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    row_count: Mapped[int]
    done_rows: Mapped[int] = mapped_column(default=0)
    uploaded_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    uploaded_at: Mapped[datetime]
    confirmed_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    confirmed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportOutcome(Base):
    """What became of one row, in the words of the rule."""

    __tablename__ = "import_outcomes"

    batch_id: Mapped[int] = mapped_column(
        sa.ForeignKey("import_batches.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    fate: Mapped[Fate] = mapped_column(one_of(Fate, "import_fate"))
    words: Mapped[LongText]
