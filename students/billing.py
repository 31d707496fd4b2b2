"""Invoices and receipts: numbered without a gap, every printed fact kept as it was when issued.

The number is taken in the transaction that stores the document, so a failure leaves no gap and a race no duplicate
(``core.numbering``). The PDF is made by the worker from the stored facts alone.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from core import audit, papers
from core.clock import local_date
from core.errors import RuleError
from core.formatting import date_range, long_date, money, number
from core.numbering import take
from core.papers import MadePaper, paper
from core.school import School, current_school, printed_facts
from courses.models import Delivery, Policy
from courses.offering_models import Offering
from students import ledger, tax
from students.fee_words import entry_words, is_kept
from students.group_models import GroupBooking
from students.ledger_models import (
    ASKED,
    DocumentKind,
    EntryKind,
    FeeAccount,
    FeeDocument,
    FeeEntry,
)
from students.models import Enrollment, Student

PAPER = "fee-document"
LETTERS = {DocumentKind.INVOICE: "I", DocumentKind.RECEIPT: "R"}


def issue_invoice(session: Session, account: FeeAccount, *, actor: User | None, now: datetime) -> FeeDocument:
    """The invoice of an account as it stands: the last one when nothing changed since, else a new one.

    Raises RuleError when there is nothing to invoice, or before the school has been set up.
    """
    account = ledger.lock(session, account.id)
    if account.entry_count == 0:
        raise RuleError(_("Nothing was charged, so there is no invoice."))
    last = session.scalars(
        sa.select(FeeDocument)
        .where(FeeDocument.account_id == account.id, FeeDocument.kind == DocumentKind.INVOICE)
        .order_by(FeeDocument.id.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and last.through_entry == account.entry_count:
        return last
    return _issue(session, account, DocumentKind.INVOICE, None, actor=actor, now=now)


def issue_receipt(
    session: Session, account: FeeAccount, entry: FeeEntry, *, actor: User | None, now: datetime
) -> FeeDocument:
    """The receipt of a payment; its account is locked. Raises RuleError before the school has been set up."""
    return _issue(session, account, DocumentKind.RECEIPT, entry, actor=actor, now=now)


def _issue(
    session: Session,
    account: FeeAccount,
    kind: DocumentKind,
    entry: FeeEntry | None,
    *,
    actor: User | None,
    now: datetime,
) -> FeeDocument:
    school = current_school(session)
    if school is None:
        raise RuleError(_("Set the school up first: its name and address stand on every document."))
    today = local_date(now, school.time_zone)
    sequence = take(session, f"{kind.value}:{today.year}")
    printed = f"{school.number_prefix}-{LETTERS[kind]}-{today.year % 100:02d}-{sequence:04d}"
    facts = _facts(session, account, school, kind, printed, today=today, now=now)
    if entry is not None:
        facts["received"] = _received(entry)
    document = FeeDocument(
        account_id=account.id,
        kind=kind,
        year=today.year,
        sequence=sequence,
        number=printed,
        entry_id=entry.id if entry else None,
        through_entry=account.entry_count,
        snapshot=facts,
        tax_rate=school.tax_rate,
        issued_at=now,
        issued_by_id=actor.id if actor else None,
    )
    session.add(document)
    session.flush()
    audit.record(
        session,
        f"students:{kind.value}:issued",
        document,
        actor=actor,
        now=now,
        number=printed,
        account=account.id,
        total_cents=account.charged_cents,
        balance_cents=account.balance_cents,
    )
    return document


def _facts(
    session: Session,
    account: FeeAccount,
    school: School,
    kind: DocumentKind,
    printed: str,
    *,
    today: date,
    now: datetime,
) -> dict[str, Any]:
    """Everything that the template ``invoice`` prints (core.pdf.contracts.InvoiceDocument)."""
    owner = _owner(session, account)
    entries = ledger.entries_of(session, account.id)
    offering = owner.offering
    charges = [entry for entry in entries if entry.kind is EntryKind.CHARGE]
    off = [entry for entry in entries if entry.kind in ASKED and entry.kind is not EntryKind.CHARGE]
    came = [entry for entry in entries if entry.kind not in ASKED]
    numbers = _numbers(session, account, entries, kind, printed)
    facts = [
        [_("Receipt date") if kind is DocumentKind.RECEIPT else _("Invoice date"), long_date(today)],
        [
            _("Class"),
            f"{offering.code}, {date_range(offering.starts_at, offering.ends_at, offering.time_zone)}",
        ],
        [_("Place"), ", ".join(part for part in (offering.venue.name, offering.venue.place) if part)],
        [_("Delivery"), delivery_words(offering)],
    ]
    if kind is DocumentKind.RECEIPT and None in numbers:
        facts.insert(1, [_("Invoice"), numbers[None]])
    if isinstance(owner, GroupBooking) and owner.reference:
        facts.append([_("Your reference"), owner.reference])
    return {
        "made_at": now.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "language": str(get_locale() or "en"),
        "school": printed_facts(school),
        "kind": kind.value,
        "number": printed,
        "date": long_date(today),
        "due": long_date(account.due_on),
        "currency": account.currency,
        "bill_to": _bill_to(owner),
        "facts": facts,
        "lines": [_line(entry, owner) for entry in charges],
        "discounts": [{"text": entry_words(entry), "amount": entry.amount_cents} for entry in off],
        "subtotal": sum(entry.amount_cents for entry in charges),
        "tax": tax.line(school, account.charged_cents),
        "tax_note": school.tax_note,
        "total": account.charged_cents,
        "payments": [_payment(entry, numbers.get(entry.id, "")) for entry in came],
        "balance": account.balance_cents,
        "bank": _bank(school, printed),
        "pay_url": "",
        "pay_text": "",
        "terms": terms_words(owner.policy, account.currency),
    }


def _numbers(
    session: Session, account: FeeAccount, entries: list[FeeEntry], kind: DocumentKind, printed: str
) -> dict[int | None, str]:
    """The receipt's number of each payment, and under None that of the last invoice. One statement.

    The receipt that is being issued (``printed``) belongs to the last entry.
    """
    rows = session.execute(
        sa.select(FeeDocument.entry_id, FeeDocument.number)
        .where(FeeDocument.account_id == account.id)
        .order_by(FeeDocument.id)
    )
    numbers = {row[0]: row[1] for row in rows}
    if kind is DocumentKind.RECEIPT:
        numbers[entries[-1].id] = printed
    return numbers


def _owner(session: Session, account: FeeAccount) -> Enrollment | GroupBooking:
    if account.group_booking_id is not None:
        return session.get_one(GroupBooking, account.group_booking_id)
    return session.scalars(
        sa.select(Enrollment)
        .where(Enrollment.id == account.enrollment_id)
        .options(joinedload(Enrollment.student).joinedload(Student.user), joinedload(Enrollment.policy))
    ).one()


def _bill_to(owner: Enrollment | GroupBooking) -> dict[str, Any]:
    if isinstance(owner, GroupBooking):
        lines = [line.strip() for line in owner.address.splitlines() if line.strip()]
        return {"name": owner.organization, "lines": [owner.contact_name, *lines, owner.contact_email]}
    user = owner.student.user
    return {"name": user.name, "lines": [user.email]}


def _line(entry: FeeEntry, owner: Enrollment | GroupBooking) -> dict[str, Any]:
    offering = owner.offering
    if is_kept(entry):
        words, cents = entry_words(entry), entry.amount_cents
        return {"text": words, "detail": entry.note, "quantity": "1", "price": cents, "amount": cents}
    seats = entry.seats or 1
    hours = number(offering.course.contact_minutes / 60, 1)
    detail = _("Tuition, %(hours)s contact hours", hours=hours)
    if isinstance(owner, GroupBooking):
        detail = _("Tuition per person, %(hours)s contact hours", hours=hours)
    elif entry.corrects_id is not None:
        detail = _("Correction")
    return {
        "text": offering.course.title,
        "detail": detail,
        "quantity": str(seats),
        "price": entry.amount_cents // seats,
        "amount": entry.amount_cents,
    }


def _received(entry: FeeEntry) -> dict[str, Any]:
    """What a receipt is for: the one payment, at its head."""
    return {
        "text": _("Received on %(date)s", date=long_date(entry.made_on or entry.at.date())),
        "amount": -entry.amount_cents,
    }


def _payment(entry: FeeEntry, receipt: str) -> dict[str, Any]:
    parts = [long_date(entry.made_on) if entry.made_on else "", entry.reference, receipt]
    return {
        "text": entry_words(entry),
        "detail": ", ".join(part for part in parts if part),
        "amount": entry.amount_cents,
    }


def _bank(school: School, printed: str) -> list[list[str]]:
    """How to pay: the school's own lines, or its address when there are none; then the reference to give."""
    rows = []
    for line in school.bank_details.splitlines():
        label, _colon, value = line.partition(":")
        if value.strip():
            rows.append([label.strip(), value.strip()])
    return [*(rows or [[_("Ask the office"), school.email]]), [_("Reference"), printed]]


def delivery_words(offering: Offering) -> str:
    """How the class is given, in words."""
    return _("Live, online") if offering.course.delivery is Delivery.LIVE_ONLINE else _("Live, in person")


def terms_words(policy: Policy, currency: str) -> str:
    """The refund terms of a policy version, in sentences."""
    steps = []
    for step in sorted(policy.refunds, key=lambda step: -int(step["days_before"])):
        if int(step["percent"]) == 0:
            continue
        days, fee = int(step["days_before"]), int(step["fee"])
        share = f"{step['percent']}%"
        if fee:
            share = _("%(share)s less %(fee)s", share=share, fee=money(fee, currency))
        steps.append(
            ngettext(
                "until %(num)s day before the class %(share)s is given back",
                "until %(num)s days before the class %(share)s is given back",
                days,
                share=share,
            )
        )
    after = _("after that nothing")
    terms = _(
        "Refund terms “%(code)s”, version %(version)s: %(steps)s.",
        code=policy.code,
        version=policy.version,
        steps="; ".join([*steps, after]),
    )
    return f"{terms} {_('If the school cancels, you get everything back.')}"


@paper(PAPER)
def _make(session: Session, details: dict[str, Any]) -> MadePaper:
    """The PDF of a stored document; asked for by people whose right to it was checked (``students.views``)."""
    document = session.get(FeeDocument, details["document_id"])
    if document is None:
        raise RuleError(_("There is no such document."))
    return MadePaper(document_pdf(document), f"{document.number}.pdf")


def document_pdf(document: FeeDocument) -> bytes:
    """The PDF, always the same bytes. Costs CPU: worker only."""
    from core.pdf import render_document

    data = {name: value for name, value in document.snapshot.items() if name != "language"}
    return render_document("invoice", data, lang=document.snapshot["language"])


def ask_for_paper(session: Session, document: FeeDocument, *, actor: User, now: datetime) -> papers.Paper:
    """Ask the worker for the PDF; the caller has checked that the actor may have it."""
    return papers.request_paper(session, PAPER, actor=actor, now=now, document_id=document.id)
