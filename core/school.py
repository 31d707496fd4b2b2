"""The school itself: one row."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.database import Base, Key, LongText, ShortText

# 100% in the unit of ``School.tax_rate``.
TAX_WHOLE = 1_000_000


class School(Base):
    """Who runs the courses: printed on every paper and page. Money is in the smallest unit of ``currency``."""

    __tablename__ = "school"
    __table_args__ = (
        sa.CheckConstraint("id = 1", name="single"),
        sa.CheckConstraint("tax_rate BETWEEN 0 AND 1000000", name="tax_rate"),
        sa.CheckConstraint(
            "tax_rate = 0 OR (tax_name <> '' AND tax_id <> '' AND tax_note = '')", name="tax_is_whole"
        ),
    )

    id: Mapped[Key]
    name: Mapped[ShortText]
    email: Mapped[ShortText]
    phone: Mapped[ShortText] = mapped_column(default="")
    address: Mapped[LongText]
    website: Mapped[ShortText] = mapped_column(default="")
    currency: Mapped[str] = mapped_column(sa.String(3))
    time_zone: Mapped[ShortText]
    number_prefix: Mapped[str] = mapped_column(sa.String(8))
    # On invoices: the tax number as printed, and how to pay by transfer, a line "label: value" each.
    tax_id: Mapped[ShortText] = mapped_column(default="")
    bank_details: Mapped[LongText] = mapped_column(default="")
    # The tax that prices include, in ten-thousandths of a percent (190000 is 19%; 0: none), or why none is charged.
    tax_name: Mapped[ShortText] = mapped_column(default="")
    tax_rate: Mapped[int] = mapped_column(default=0)
    tax_note: Mapped[ShortText] = mapped_column(default="")
    signatory: Mapped[ShortText] = mapped_column(default="")
    signatory_role: Mapped[ShortText] = mapped_column(default="")
    signature_sha256: Mapped[str | None] = mapped_column(sa.String(64))
    # A certificate waits until nothing is to be paid any more.
    certificates_need_payment: Mapped[bool] = mapped_column(default=False)
    is_demo: Mapped[bool] = mapped_column(default=False)


def current_school(session: Session) -> School | None:
    """The school, or None before it has been set up."""
    return session.get(School, 1)


def keep(session: Session, school: School | None) -> None:
    """Hold on to the school that was read along with something else: a session forgets rows that nobody holds."""
    session.info["stillpoint.school"] = school


def printed_facts(school: School) -> dict[str, Any]:
    """What stands about the school at the head and foot of office papers, as ``core.pdf`` wants it."""
    return {
        "name": school.name,
        "address": school.address,
        "email": school.email,
        "website": school.website,
        "website_text": school.website.removeprefix("https://").removeprefix("http://").rstrip("/"),
        "tax_id": school.tax_id,
        "signatory": {"name": school.signatory, "role": "", "signature": ""},
    }
