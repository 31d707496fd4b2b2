"""Fees as records: accounts, their entries, discount codes and their uses, invoices and receipts.

Entries and documents are only ever added. ``_refuse`` below holds that for everything that goes through SQLAlchemy; a
mistake is put right by a counter-entry. Amounts are integers of the smallest unit of the account's currency.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, Mapper, ORMExecuteState, Session, mapped_column, relationship

from accounts.models import User
from core.database import Base, Cents, Code, Key, LongText, ShortText, one_of
from courses.models import Course
from students.group_models import GroupBooking
from students.models import Enrollment


class EntryKind(StrEnum):
    """What an entry says. The sign of its amount is its effect on what is still to be paid."""

    CHARGE = "charge"  # + the price at enrolling
    DISCOUNT = "discount"  # − a code, or the office's decision
    RELEASE = "release"  # − nothing more is asked for: the seat was given up before it was paid
    REFUND_DUE = "refund_due"  # − the terms give this back
    PAYMENT = "payment"  # −
    REFUND = "refund"  # + money that was given back
    MOVED = "moved"  # ± money that went along to another class


# What is asked for; the other kinds are money that came or went.
ASKED = frozenset({EntryKind.CHARGE, EntryKind.DISCOUNT, EntryKind.RELEASE, EntryKind.REFUND_DUE})


class Method(StrEnum):
    """How money came or went."""

    TRANSFER = "transfer"
    CARD = "card"
    CASH = "cash"
    CHECK = "check"
    OTHER = "other"


class DocumentKind(StrEnum):
    """What a document is."""

    INVOICE = "invoice"
    RECEIPT = "receipt"


class FeeAccount(Base):
    """What one enrollment, or one group booking, costs and what was paid for it: the sum of its entries.

    ``balance_cents`` above zero is still to be paid, until ``due_on`` (a day in the class's zone); below zero it is to
    be given back.
    """

    __tablename__ = "fee_accounts"
    __table_args__ = (
        sa.CheckConstraint("(enrollment_id IS NULL) <> (group_booking_id IS NULL)", name="one_owner"),
        sa.CheckConstraint("balance_cents = charged_cents - paid_cents", name="adds_up"),
        sa.CheckConstraint("charged_cents >= 0 AND paid_cents >= 0", name="not_negative"),
        sa.Index(
            "ix_fee_accounts_unsettled",
            "due_on",
            sqlite_where=sa.text("balance_cents <> 0"),
            postgresql_where=sa.text("balance_cents <> 0"),
        ),
    )

    id: Mapped[Key]
    enrollment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("enrollments.id"), unique=True)
    group_booking_id: Mapped[int | None] = mapped_column(sa.ForeignKey("group_bookings.id"), unique=True)
    currency: Mapped[str] = mapped_column(sa.String(3))
    charged_cents: Mapped[Cents] = mapped_column(default=0)
    paid_cents: Mapped[Cents] = mapped_column(default=0)
    balance_cents: Mapped[Cents] = mapped_column(default=0)
    entry_count: Mapped[int] = mapped_column(default=0)
    due_on: Mapped[date]
    opened_at: Mapped[datetime]

    enrollment: Mapped[Enrollment | None] = relationship()
    group_booking: Mapped[GroupBooking | None] = relationship()
    entries: Mapped[list["FeeEntry"]] = relationship(
        back_populates="account", order_by="FeeEntry.number", viewonly=True
    )
    documents: Mapped[list["FeeDocument"]] = relationship(
        back_populates="account", order_by="FeeDocument.id", viewonly=True
    )


class FeeEntry(Base):
    """One line of an account, never changed. ``corrects_id`` names the entry that this one takes back."""

    __tablename__ = "fee_entries"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "number"),
        sa.CheckConstraint("amount_cents <> 0", name="amount"),
        sa.CheckConstraint(
            "kind = 'moved' OR (amount_cents > 0) = ((kind IN ('charge', 'refund')) = (corrects_id IS NULL))",
            name="sign",
        ),
        sa.CheckConstraint(
            "(kind IN ('payment', 'refund')) = (method IS NOT NULL)"
            " AND (kind IN ('payment', 'refund')) = (made_on IS NOT NULL)",
            name="money_has_a_method",
        ),
        sa.CheckConstraint("corrects_id IS NULL OR note <> ''", name="corrections_say_why"),
    )

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("fee_accounts.id"))
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[EntryKind] = mapped_column(one_of(EntryKind, "fee_entry_kind"))
    amount_cents: Mapped[Cents]
    balance_after_cents: Mapped[Cents]
    made_on: Mapped[date | None]
    method: Mapped[Method | None] = mapped_column(one_of(Method, "fee_method"))
    reference: Mapped[ShortText] = mapped_column(default="")
    note: Mapped[LongText] = mapped_column(default="")
    seats: Mapped[int | None]
    by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    corrects_id: Mapped[int | None] = mapped_column(sa.ForeignKey("fee_entries.id"), unique=True)
    discount_code_id: Mapped[int | None] = mapped_column(sa.ForeignKey("discount_codes.id"), index=True)

    account: Mapped[FeeAccount] = relationship(back_populates="entries")
    by: Mapped[User | None] = relationship()


class DiscountCode(Base):
    """A code that makes a class cheaper: by percent or by an amount, for one course or any, until a day, so many times.

    ``valid_until`` is the last day, in the class's zone.
    """

    __tablename__ = "discount_codes"
    __table_args__ = (
        sa.CheckConstraint("code = upper(code)", name="code_upper"),
        sa.CheckConstraint("(percent IS NULL) <> (amount_cents IS NULL)", name="percent_or_amount"),
        sa.CheckConstraint("percent IS NULL OR percent BETWEEN 1 AND 100", name="percent"),
        sa.CheckConstraint("amount_cents IS NULL OR amount_cents > 0", name="amount_positive"),
        sa.CheckConstraint("uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)", name="uses"),
    )

    id: Mapped[Key]
    code: Mapped[Code] = mapped_column(unique=True)
    note: Mapped[ShortText] = mapped_column(default="")
    percent: Mapped[int | None]
    amount_cents: Mapped[int | None]
    course_id: Mapped[int | None] = mapped_column(sa.ForeignKey("courses.id"), index=True)
    valid_until: Mapped[date | None]
    most_uses: Mapped[int | None]
    uses: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    ended_at: Mapped[datetime | None]

    course: Mapped[Course | None] = relationship()


class DiscountUse(Base):
    """One enrollment's use of a code; given back when the enrollment ends before its time."""

    __tablename__ = "discount_uses"
    __table_args__ = (
        sa.Index(
            "uq_discount_uses_in_force",
            "enrollment_id",
            unique=True,
            sqlite_where=sa.text("given_back_at IS NULL"),
            postgresql_where=sa.text("given_back_at IS NULL"),
        ),
    )

    id: Mapped[Key]
    code_id: Mapped[int] = mapped_column(sa.ForeignKey("discount_codes.id"), index=True)
    enrollment_id: Mapped[int] = mapped_column(sa.ForeignKey("enrollments.id"))
    used_at: Mapped[datetime]
    given_back_at: Mapped[datetime | None]

    code: Mapped[DiscountCode] = relationship()


class FeeDocument(Base):
    """An invoice or a receipt as it was issued: a number without gap or duplicate, and every printed fact.

    The PDF is made from ``snapshot`` whenever someone asks, always the same. ``through_entry`` is the number of the last
    entry that an invoice tells of; a receipt is for one payment.
    """

    __tablename__ = "fee_documents"
    __table_args__ = (
        sa.UniqueConstraint("kind", "year", "sequence"),
        sa.CheckConstraint("(kind = 'receipt') = (entry_id IS NOT NULL)", name="receipt_has_a_payment"),
        sa.CheckConstraint("sequence > 0", name="sequence_positive"),
        sa.CheckConstraint("tax_rate BETWEEN 0 AND 1000000", name="tax_rate"),
    )

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("fee_accounts.id"), index=True)
    kind: Mapped[DocumentKind] = mapped_column(one_of(DocumentKind, "fee_document_kind"))
    year: Mapped[int]
    sequence: Mapped[int]
    number: Mapped[Code] = mapped_column(unique=True)
    entry_id: Mapped[int | None] = mapped_column(sa.ForeignKey("fee_entries.id"), unique=True)
    through_entry: Mapped[int]
    snapshot: Mapped[dict[str, Any]]
    # The rate of the tax within its total, as in ``School.tax_rate``.
    tax_rate: Mapped[int] = mapped_column(default=0)
    issued_at: Mapped[datetime]
    issued_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    account: Mapped[FeeAccount] = relationship(back_populates="documents")


class AppendOnlyError(RuntimeError):
    """Something tried to change or delete what is only ever added."""


def _refuse(_mapper: Mapper[Any], _connection: sa.Connection, target: Base) -> None:
    raise AppendOnlyError(f"a row of {target.__tablename__} is never changed or deleted")


APPEND_ONLY = (FeeEntry, FeeDocument)
for _model in APPEND_ONLY:
    event.listen(_model, "before_update", _refuse)
    event.listen(_model, "before_delete", _refuse)


@event.listens_for(Session, "do_orm_execute")
def _refuse_bulk(state: ORMExecuteState) -> None:
    if not (state.is_update or state.is_delete):
        return
    mapper = state.bind_mapper
    if mapper is not None and mapper.class_ in APPEND_ONLY:
        raise AppendOnlyError(f"rows of {mapper.class_.__tablename__} are never changed or deleted")
