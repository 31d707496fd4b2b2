"""How certificates look: one row per version, never changed, so that what was issued can be explained."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import User
from core.database import Base, Code, Key, LongText, ShortText

LAYOUTS = ("certificate-engraved", "certificate-quiet")


class CertificateDesign(Base):
    """One version of the design; the highest id is in use. ``html`` and ``css`` are the school's own, mostly empty."""

    __tablename__ = "certificate_designs"

    id: Mapped[Key]
    layout: Mapped[Code] = mapped_column(default=LAYOUTS[0])
    page_size: Mapped[Code] = mapped_column(default="A4")
    lang: Mapped[Code] = mapped_column(default="en")
    logo_sha256: Mapped[str | None] = mapped_column(sa.String(64))
    color_main: Mapped[Code] = mapped_column(default="")
    color_second: Mapped[Code] = mapped_column(default="")
    certify: Mapped[ShortText] = mapped_column(default="")
    completed: Mapped[ShortText] = mapped_column(default="")
    retention: Mapped[ShortText] = mapped_column(default="")
    disclaimer: Mapped[ShortText] = mapped_column(default="")
    html: Mapped[LongText] = mapped_column(default="")
    css: Mapped[LongText] = mapped_column(default="")
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    created_by: Mapped[User | None] = relationship()


@event.listens_for(CertificateDesign, "before_update")
@event.listens_for(CertificateDesign, "before_delete")
def _refuse(_mapper: object, _connection: object, _target: CertificateDesign) -> None:
    raise RuntimeError("a version of the design never changes; add another")
