"""Whether a certificate waits for the payment: only where the school's settings ask for it."""

from collections.abc import Sequence

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from core.formatting import money
from core.school import current_school
from students.ledger_models import FeeAccount
from students.models import Enrollment


def unpaid_reasons(session: Session, enrollments: Sequence[Enrollment]) -> dict[int, str]:
    """By enrollment id, what is still to be paid for it, or for the group that it came with; two statements at most."""
    school = current_school(session)
    if school is None or not school.certificates_need_payment or not enrollments:
        return {}
    own = {row.id for row in enrollments}
    groups = {row.group_booking_id for row in enrollments if row.group_booking_id is not None}
    accounts = session.scalars(
        sa.select(FeeAccount).where(
            FeeAccount.balance_cents > 0,
            sa.or_(FeeAccount.enrollment_id.in_(own), FeeAccount.group_booking_id.in_(groups)),
        )
    ).all()
    by_enrollment = {row.enrollment_id: row for row in accounts if row.enrollment_id is not None}
    by_group = {row.group_booking_id: row for row in accounts if row.group_booking_id is not None}
    reasons = {}
    for row in enrollments:
        account = by_enrollment.get(row.id) or by_group.get(row.group_booking_id or 0)
        if account is not None:
            owed = money(account.balance_cents, account.currency)
            reasons[row.id] = str(_("%(owed)s are still to be paid for this place.", owed=owed))
    return reasons
