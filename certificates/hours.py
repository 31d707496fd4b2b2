"""The hours report: what certificates in force gave, by body, period and license. Read from the snapshots as printed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.models import Certificate, CertificateState
from core.tables import Column, Kind


@dataclass(frozen=True)
class HoursLine:
    """One body's line on one certificate."""

    certificate: Certificate
    facts: dict[str, Any]
    credit: dict[str, Any]

    @property
    def license(self) -> dict[str, str]:
        """The license that was printed; empty texts when there was none."""
        return self.facts["license"] or {"profession": "", "jurisdiction": "", "number": ""}


@dataclass
class BodySum:
    """What one body's lines come to in a period."""

    title: str
    unit: str
    certificates: int = 0
    licenses: int = 0
    units: Fraction = Fraction(0)


def lines_of(session: Session, *, body: str, first: date, last: date) -> list[HoursLine]:
    """Every line with a completion date from first to last (both included), by body, license and date.

    ``body`` is a code, or empty for all. One statement; replaced and revoked certificates are left out.
    """
    # The completion date lies in the snapshot; the year of the number is close enough to leave most rows unread. It is a
    # year behind when a class east of the school ended on New Year's Day.
    query = sa.select(Certificate).where(
        Certificate.state == CertificateState.ISSUED,
        Certificate.year >= first.year - 1,
    )
    found = [
        HoursLine(row, row.snapshot["facts"], credit)
        for row in session.scalars(query)
        if first.isoformat() <= row.snapshot["facts"]["completed_on"] <= last.isoformat()
        for credit in row.snapshot["facts"]["credits"]
        if not body or credit["body"] == body
    ]
    return sorted(
        found,
        key=lambda line: (
            line.credit["title"],
            line.license["jurisdiction"],
            line.license["profession"],
            line.license["number"],
            line.facts["completed_on"],
            line.certificate.number,
        ),
    )


def sums_of(lines: Sequence[HoursLine]) -> list[BodySum]:
    """The sums per body, by name."""
    sums: dict[str, BodySum] = {}
    licenses: dict[str, set[tuple[str, ...]]] = {}
    for line in lines:
        code = line.credit["body"]
        total = sums.setdefault(code, BodySum(line.credit["title"], line.credit["unit"]))
        total.certificates += 1
        total.units += Fraction(line.credit["units"])
        if line.license["number"]:
            licenses.setdefault(code, set()).add(tuple(line.license.values()))
    for code, total in sums.items():
        total.licenses = len(licenses.get(code, ()))
    return list(sums.values())


def columns() -> list[Column]:
    """The columns of the table, as ``rows_of`` fills them."""
    return [
        Column(_("Body"), width=30),
        Column(_("Provider number"), width=16),
        Column(_("Program number"), width=16),
        Column(_("Profession"), width=12),
        Column(_("Jurisdiction"), width=12),
        Column(_("License number"), width=16),
        Column(_("Name")),
        Column(_("Course"), width=30),
        Column(_("Class"), width=16),
        Column(_("Completed"), Kind.DATE),
        Column(_("Credit"), Kind.NUMBER),
        Column(_("Unit"), width=12),
        Column(_("Contact hours"), Kind.NUMBER),
        Column(_("Certificate"), width=14),
    ]


def rows_of(lines: Sequence[HoursLine]) -> Iterator[list[Any]]:
    """The rows of the table."""
    for line in lines:
        facts, credit, license_ = line.facts, line.credit, line.license
        yield [
            credit["title"],
            credit["provider_number"],
            credit["program_number"],
            license_["profession"],
            license_["jurisdiction"],
            license_["number"],
            facts["participant"],
            facts["course_title"],
            facts["class_code"],
            date.fromisoformat(facts["completed_on"]),
            Fraction(credit["units"]),
            credit["unit"],
            Fraction(facts["attended_minutes"], 60),
            line.certificate.number,
        ]
