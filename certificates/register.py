"""The register of numbers: every certificate ever reserved, searchable."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from certificates.lookups import flagged
from certificates.models import Certificate, CertificateState
from certificates.numbers import normal_number
from core.search import has_part
from students.models import Enrollment, Student

PAGE_SIZE = 50


@dataclass(frozen=True)
class Entry:
    """A line of the register, from the snapshot: what was printed, whatever changed since."""

    certificate: Certificate
    facts: dict[str, Any]


def matching(query: str, state: str) -> sa.Select[Certificate]:
    """The certificates that a search finds. ``query`` is looked for in the number, the certificate's name, the
    student's name and e-mail, and the class; an unknown ``state`` means any."""
    statement = (
        sa.select(Certificate).join(Certificate.enrollment).join(Enrollment.student).join(Student.user)
    )
    if query:
        from accounts.models import User
        from courses.offering_models import Offering

        statement = statement.join(Enrollment.offering).where(
            sa.or_(
                Certificate.number == normal_number(query),
                has_part(Certificate.number, query),
                has_part(Enrollment.certificate_name, query),
                has_part(User.name, query),
                has_part(User.email, query),
                has_part(Offering.code, query),
            )
        )
    if state in set(CertificateState):
        statement = statement.where(Certificate.state == CertificateState(state))
    return statement


def search_register(session: Session, *, query: str, state: str, page: int) -> tuple[list[Entry], int]:
    """One page of the register, newest first, and how many there are in all (``matching`` says what is searched)."""
    statement = matching(query, state)
    total = session.scalar(sa.select(sa.func.count()).select_from(statement.subquery())) or 0
    rows = session.scalars(
        statement.order_by(Certificate.id.desc()).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    )
    return [Entry(row, row.snapshot["facts"]) for row in rows], total


def flagged_and_failed(session: Session) -> tuple[list[Certificate], list[Certificate]]:
    """What needs the office: certificates on corrected attendance, and those that could not be made."""
    failed = session.scalars(
        sa.select(Certificate)
        .where(Certificate.state == CertificateState.PREPARING, Certificate.problem != "")
        .options(joinedload(Certificate.enrollment))
        .order_by(Certificate.id)
    )
    return flagged(session), list(failed)
