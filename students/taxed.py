"""The tax within what is asked for and what is paid, entry by entry: what the office needs for its tax return.

The tax of an account is that of its total (``students.tax.included``), so an entry counts with what it adds to that tax: the
entries up to an invoice add up to the tax on that invoice, to the cent. The rate is the one that the account's last invoice
or receipt printed; before the first, the one that the first printed; without any, that of today.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import User
from core.clock import local_date
from core.school import current_school
from courses.offering_models import Offering
from students.fee_words import entry_words
from students.group_models import GroupBooking
from students.ledger_models import ASKED, FeeAccount, FeeDocument, FeeEntry
from students.models import Enrollment, Student
from students.tax import included


class Basis(StrEnum):
    """When tax counts: on the day on which it is asked for, or on that on which the money came or went."""

    ASKED = "asked"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Stated:
    """An invoice or receipt, as far as tax is concerned. ``rate`` as in ``School.tax_rate``."""

    number: str
    through_entry: int
    entry_id: int | None
    issued_at: datetime
    rate: int


@dataclass(frozen=True, slots=True)
class Step:
    """What one entry does to a total and the tax within it, in cents; below zero when something is taken back.

    ``entry`` is None where a document states the total so far by another rate than the one before it: one step takes it back
    by the old rate, one puts it in by the new.
    """

    day: date
    rate: int
    gross_cents: int
    tax_cents: int
    entry: FeeEntry | None
    document: str


def steps(
    entries: Sequence[FeeEntry], documents: Sequence[Stated], basis: Basis, *, rate_now: int, zone: str
) -> Iterator[Step]:
    """The steps of one account in the order of its entries. ``entries`` and ``documents`` are all it has, in order.

    Days are those of ``zone``; money counts on the day on which it came or went, not when that was written down.
    """
    rate, total = documents[0].rate if documents else rate_now, 0
    coming = list(documents)
    for entry in entries:
        while coming and coming[0].through_entry < entry.number:
            document = coming.pop(0)
            yield from _restated(document, rate, total, zone)
            rate = document.rate
        change = entry.amount_cents if entry.kind in ASKED else -entry.amount_cents
        if (entry.kind in ASKED) is (basis is Basis.ASKED):
            tax = included(total + change, rate).tax_cents - included(total, rate).tax_cents
            total += change
            own = next((item.number for item in documents if item.entry_id == entry.id), "")
            day = entry.made_on or local_date(entry.at, zone)
            yield Step(day, rate, change, tax, entry, own or (coming[0].number if coming else ""))
    for document in coming:
        yield from _restated(document, rate, total, zone)
        rate = document.rate


def _restated(document: Stated, rate: int, total: int, zone: str) -> Iterator[Step]:
    if total and document.rate != rate:
        for sign, by in ((-1, rate), (1, document.rate)):
            tax = included(total, by).tax_cents
            yield Step(
                local_date(document.issued_at, zone), by, sign * total, sign * tax, None, document.number
            )


@dataclass(frozen=True, slots=True)
class Line:
    """A step with what it belongs to."""

    basis: Basis
    step: Step
    currency: str
    class_code: str
    payer: str

    @property
    def words(self) -> str:
        """What it is, for people; empty for a total stated anew."""
        return entry_words(self.step.entry) if self.step.entry else ""


def lines(session: Session, *, first: date, last: date, zone: str) -> list[Line]:
    """Every step of these days of ``zone``, both included, on both bases, by account. Four statements."""
    begins, ends = (
        datetime.combine(day, moment, ZoneInfo(zone)) for day, moment in ((first, time.min), (last, time.max))
    )
    touched = sa.union(
        sa.select(FeeEntry.account_id).where(FeeEntry.at.between(begins, ends)),
        sa.select(FeeEntry.account_id).where(FeeEntry.made_on.between(first, last)),
        sa.select(FeeDocument.account_id).where(FeeDocument.issued_at.between(begins, ends)),
    )
    school = current_school(session)
    entries: dict[int, list[FeeEntry]] = defaultdict(list)
    for entry in session.scalars(
        sa.select(FeeEntry)
        .where(FeeEntry.account_id.in_(touched))
        .order_by(FeeEntry.account_id, FeeEntry.number)
    ):
        entries[entry.account_id].append(entry)
    documents: dict[int, list[Stated]] = defaultdict(list)
    for row in session.execute(
        sa.select(
            FeeDocument.number,
            FeeDocument.through_entry,
            FeeDocument.entry_id,
            FeeDocument.issued_at,
            FeeDocument.tax_rate,
            FeeDocument.account_id,
        )
        .where(FeeDocument.account_id.in_(touched))
        .order_by(FeeDocument.id)
    ):
        documents[row[5]].append(Stated(row[0], row[1], row[2], row[3], row[4]))
    rate_now = school.tax_rate if school else 0
    found = []
    for account_id, currency, code, payer in session.execute(_owners(touched)):
        for basis in Basis:
            found += [
                Line(basis, step, currency, code, payer)
                for step in steps(
                    entries[account_id], documents[account_id], basis, rate_now=rate_now, zone=zone
                )
                if first <= step.day <= last
            ]
    return found


def _owners(account_ids: sa.CompoundSelect[int]) -> sa.Select[int, str, str, str]:
    return (
        sa.select(
            FeeAccount.id,
            FeeAccount.currency,
            Offering.code,
            sa.func.coalesce(User.name, GroupBooking.organization),
        )
        .outerjoin(Enrollment, Enrollment.id == FeeAccount.enrollment_id)
        .outerjoin(Student, Student.id == Enrollment.student_id)
        .outerjoin(User, User.id == Student.user_id)
        .outerjoin(GroupBooking, GroupBooking.id == FeeAccount.group_booking_id)
        .join(Offering, Offering.id == sa.func.coalesce(Enrollment.offering_id, GroupBooking.offering_id))
        .where(FeeAccount.id.in_(account_ids))
        .order_by(FeeAccount.id)
    )
