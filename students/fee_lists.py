"""Lists of accounts: what is overdue, what is open, what is to be given back; and one account with all it has."""

from datetime import date
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session, joinedload, selectinload

from accounts.models import User
from core.search import has_part
from core.tables import Column, Kind
from courses.offering_models import Offering
from students.group_models import GroupBooking
from students.ledger_models import FeeAccount, FeeEntry
from students.models import Enrollment, Student


class View(StrEnum):
    """Which accounts a list shows."""

    OVERDUE = "overdue"
    OPEN = "open"
    BACK = "back"
    ALL = "all"


VIEWS = {
    View.OVERDUE: lazy_gettext("Overdue"),
    View.OPEN: lazy_gettext("To be paid"),
    View.BACK: lazy_gettext("To be given back"),
    View.ALL: lazy_gettext("All"),
}


def _of_view(view: View, today: date) -> list[sa.ColumnElement[bool]]:
    if view is View.OVERDUE:
        return [FeeAccount.balance_cents > 0, FeeAccount.due_on < today]
    if view is View.OPEN:
        return [FeeAccount.balance_cents > 0]
    if view is View.BACK:
        return [FeeAccount.balance_cents < 0]
    return []


def query(view: View, *, q: str, today: date) -> sa.Select[FeeAccount, Offering, str, str]:
    """Accounts with their class and payer: rows of (account, offering, payer's name, address), longest overdue first.

    ``q`` is a part of a name, an address, an organization or a class's code. ``today`` is the school's.
    """
    name = sa.func.coalesce(User.name, GroupBooking.organization).label("payer")
    email = sa.func.coalesce(User.email, GroupBooking.contact_email).label("email")
    found = (
        sa.select(FeeAccount, Offering, name, email)
        .outerjoin(Enrollment, Enrollment.id == FeeAccount.enrollment_id)
        .outerjoin(Student, Student.id == Enrollment.student_id)
        .outerjoin(User, User.id == Student.user_id)
        .outerjoin(GroupBooking, GroupBooking.id == FeeAccount.group_booking_id)
        .join(
            Offering,
            Offering.id == sa.func.coalesce(Enrollment.offering_id, GroupBooking.offering_id),
        )
        .where(*_of_view(view, today))
        .order_by(FeeAccount.due_on, name, FeeAccount.id)
    )
    for word in q.split():
        found = found.where(
            sa.or_(has_part(name, word), has_part(email, word), has_part(Offering.code, word))
        )
    return found


def sums(session: Session, *, today: date) -> dict[View, tuple[int, int]]:
    """How many accounts each list has, and their balance in cents. One statement."""
    overdue = sa.and_(*_of_view(View.OVERDUE, today))
    cases = {
        View.OVERDUE: overdue,
        View.OPEN: FeeAccount.balance_cents > 0,
        View.BACK: FeeAccount.balance_cents < 0,
    }
    columns: list[sa.ColumnElement[Any]] = []
    for condition in cases.values():
        columns.append(sa.func.count(sa.case((condition, 1))))
        columns.append(sa.func.coalesce(sa.func.sum(sa.case((condition, FeeAccount.balance_cents))), 0))
    row = session.execute(sa.select(*columns).where(FeeAccount.balance_cents != 0)).one()
    return {view: (int(row[2 * i]), int(row[2 * i + 1])) for i, view in enumerate(cases)}


def columns(currency: str) -> list[Column]:
    """The columns of the exported list."""
    return [
        Column(_("Payer"), width=30),
        Column(_("Email"), width=30),
        Column(_("Class"), width=18),
        Column(_("Charged"), Kind.MONEY, currency=currency),
        Column(_("Paid"), Kind.MONEY, currency=currency),
        Column(_("Balance"), Kind.MONEY, currency=currency),
        Column(_("Currency")),
        Column(_("Due"), Kind.DATE),
    ]


def export_row(account: FeeAccount, offering: Offering, payer: str, email: str) -> list[Any]:
    """One row of the exported list."""
    return [
        payer,
        email,
        offering.code,
        account.charged_cents,
        account.paid_cents,
        account.balance_cents,
        account.currency,
        account.due_on,
    ]


def account_with_all(session: Session, account_id: int) -> FeeAccount | None:
    """An account with entries, documents, and the enrollment or booking with its class. Four statements."""
    return session.scalars(
        sa.select(FeeAccount)
        .where(FeeAccount.id == account_id)
        .options(
            joinedload(FeeAccount.enrollment).options(
                joinedload(Enrollment.student).joinedload(Student.user),
                joinedload(Enrollment.offering).joinedload(Offering.course),
                joinedload(Enrollment.policy),
            ),
            joinedload(FeeAccount.group_booking).options(
                joinedload(GroupBooking.offering).joinedload(Offering.course),
                joinedload(GroupBooking.policy),
            ),
            selectinload(FeeAccount.entries).joinedload(FeeEntry.by),
            selectinload(FeeAccount.documents),
        )
    ).one_or_none()
