"""The office's reports for its tax return, over days of the school's clock (``students.taxed`` says how tax is counted)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from core.formatting import number
from core.school import current_school
from core.tables import Column, Kind
from portal.reports import Span, Table
from students.ledger import FALLBACK_CURRENCY
from students.taxed import Basis, Line, lines

BASES = {
    Basis.ASKED: lazy_gettext("Asked for"),
    Basis.PAID: lazy_gettext("Paid"),
}


def summary(session: Session, span: Span) -> Table:
    """A row per basis, currency and rate: what was added and taken back, and the tax within the rest. Four statements."""
    sums: dict[tuple[Basis, str, int], list[int]] = {}
    for line in lines(session, first=span.first, last=span.last, zone=span.zone):
        row = sums.setdefault((line.basis, line.currency, line.step.rate), [0, 0, 0])
        row[0 if line.step.gross_cents > 0 else 1] += line.step.gross_cents
        row[2] += line.step.tax_cents
    columns = [
        Column(_("Counted when"), width=14), Column(_("Currency"), width=10), Column(_("Rate in percent"), width=16),
        *(_money(session, title) for title in (_("Added"), _("Taken back"), _("Total"), _("Net"), _("Tax"))),
    ]  # fmt: skip
    rows = (
        (BASES[basis], currency, _rate(rate), up, down, up + down, up + down - tax, tax)
        for (basis, currency, rate), (up, down, tax) in sorted(sums.items())
    )
    return columns, rows


def details(session: Session, span: Span) -> Table:
    """Every entry behind the summary, with the invoice or receipt that tells of it. Four statements."""
    columns = [
        Column(_("Counted when"), width=14), Column(_("Day"), Kind.DATE), Column(_("Class"), width=18),
        Column(_("Payer"), width=28), Column(_("What"), width=32), Column(_("Document"), width=18),
        Column(_("Currency"), width=10), Column(_("Rate in percent"), width=16),
        *(_money(session, title) for title in (_("Total"), _("Net"), _("Tax"))),
    ]  # fmt: skip
    found = lines(session, first=span.first, last=span.last, zone=span.zone)
    return columns, _detail_rows(sorted(found, key=lambda line: (line.basis, line.step.day)))


def _detail_rows(found: list[Line]) -> Iterator[tuple[Any, ...]]:
    for line in found:
        step = line.step
        yield (
            BASES[line.basis], step.day, line.class_code, line.payer, line.words or _("Stated anew by another rate"),
            step.document, line.currency, _rate(step.rate), step.gross_cents, step.gross_cents - step.tax_cents,
            step.tax_cents,
        )  # fmt: skip


def _money(session: Session, title: str) -> Column:
    school = current_school(session)
    return Column(title, Kind.MONEY, currency=school.currency if school else FALLBACK_CURRENCY)


def _rate(rate: int) -> str:
    return number(Decimal(rate) / 10_000, 4)
