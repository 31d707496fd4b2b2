"""What the demo's students paid: everything, or the deposit where the catalog says the balance is unpaid."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import User
from core.clock import local_date
from core.school import current_school
from courses.offering_models import Offering
from students import fees
from students.ledger_models import FeeAccount, Method
from students.models import Enrollment

# One after the other, so that the lists look like a school's.
WAYS = ((Method.TRANSFER, "TR"), (Method.CARD, "CARD"), (Method.TRANSFER, "TR"), (Method.CHECK, "CHK"))


def pay_fees(
    session: Session,
    offering: Offering,
    *,
    unpaid: int,
    actor: User,
    now: datetime,
    only: Enrollment | None = None,
) -> int:
    """Record the payments of a class (or of one seat in it), each a day after enrolling.

    The first ``unpaid`` students paid the deposit only: their balance is the first to be overdue. Returns how many
    payments there are.
    """
    query = (
        sa.select(FeeAccount, Enrollment)
        .join(Enrollment, Enrollment.id == FeeAccount.enrollment_id)
        .where(Enrollment.offering_id == offering.id, FeeAccount.balance_cents > 0)
        .order_by(Enrollment.ticket)
    )
    rows = session.execute(query.where(Enrollment.id == only.id) if only else query).all()
    school = current_school(session)
    zone = school.time_zone if school else "UTC"
    made = 0
    for position, (account, enrollment) in enumerate(rows):
        is_open = position < unpaid
        amount = (
            min(offering.policy.deposit_cents, account.balance_cents) if is_open else account.balance_cents
        )
        if not amount:
            continue
        at = min(enrollment.created_at + timedelta(days=1), now)
        method, word = WAYS[position % len(WAYS)]
        fees.record_payment(
            session,
            account,
            amount_cents=amount,
            made_on=local_date(at, zone),
            method=method,
            reference=f"{word} {4000 + account.id}",
            actor=actor,
            now=at,
        )
        made += 1
    return made
