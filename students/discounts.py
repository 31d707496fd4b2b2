"""Discount codes: percent or an amount, for one course or any, until a day, so many times.

A code's row is locked while it is used, so its limit holds in a race; a CHECK is the last guard. A use is given back when
the enrollment ends before its time.
"""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.clock import local_date
from core.database import locked
from core.errors import RuleError
from courses.models import Course
from courses.offering_models import Offering
from students.ledger_models import DiscountCode, DiscountUse

FIELD = "discount_code"


def amount_off(code: DiscountCode, price_cents: int) -> int:
    """What a code takes off a price, in cents: never more than the price; percent rounded half up."""
    if code.percent is not None:
        return (price_cents * code.percent + 50) // 100
    return min(code.amount_cents or 0, price_cents)


def find(session: Session, typed: str) -> DiscountCode | None:
    """The code as someone typed it: letters of any case, spaces around it."""
    return session.scalars(
        sa.select(DiscountCode).where(DiscountCode.code == typed.strip().upper())
    ).one_or_none()


def require_usable(code: DiscountCode | None, offering: Offering, *, now: datetime) -> DiscountCode:
    """The code, when it may be used for this class now; RuleError with the reason when not."""
    if code is None:
        raise RuleError(
            _("There is no such code. Leave the field empty, or check how it is written."), field=FIELD
        )
    if code.course_id is not None and code.course_id != offering.course_id:
        raise RuleError(_("The code %(code)s is for another course.", code=code.code), field=FIELD)
    expired = code.valid_until is not None and local_date(now, offering.time_zone) > code.valid_until
    if code.ended_at is not None or expired:
        raise RuleError(_("The code %(code)s is not valid any more.", code=code.code), field=FIELD)
    if code.most_uses is not None and code.uses >= code.most_uses:
        raise RuleError(_("The code %(code)s was used as often as it may be.", code=code.code), field=FIELD)
    return code


def use(
    session: Session, typed: str, offering: Offering, enrollment_id: int, *, now: datetime
) -> DiscountUse:
    """Use a code for an enrollment; it is charged less when it takes up its seat. Locks the code.

    Raises RuleError (field ``discount_code``) when the code is unknown, over, used up, or for another course.
    """
    found = require_usable(find(session, typed), offering, now=now)
    code = require_usable(locked(session, DiscountCode, found.id), offering, now=now)
    code.uses += 1
    used = DiscountUse(code_id=code.id, enrollment_id=enrollment_id, used_at=now)
    session.add(used)
    session.flush()
    return used


def use_again(session: Session, from_id: int, enrollment_id: int, *, now: datetime) -> bool:
    """Have the code of enrollment ``from_id`` in use for the one that follows it; False when its uses are taken by now.

    It is in use already after a move (``pass_on``). For someone who left and is brought back it is used once more, whatever
    its end or its last day: it was good when the price was agreed on. Locks the code.
    """
    if code_in_use(session, enrollment_id) is not None:
        return True
    known = last_code(session, from_id)
    code = locked(session, DiscountCode, known.id) if known else None
    if code is None or (code.most_uses is not None and code.uses >= code.most_uses):
        return False
    code.uses += 1
    session.add(DiscountUse(code_id=code.id, enrollment_id=enrollment_id, used_at=now))
    session.flush()
    return True


def last_code(session: Session, enrollment_id: int) -> DiscountCode | None:
    """The code that an enrollment uses or used last, given back or not."""
    return session.scalars(
        sa.select(DiscountCode)
        .join(DiscountUse, DiscountUse.code_id == DiscountCode.id)
        .where(DiscountUse.enrollment_id == enrollment_id)
        .order_by(DiscountUse.id.desc())
        .limit(1)
    ).one_or_none()


def _use_of(session: Session, enrollment_id: int) -> DiscountUse | None:
    return session.scalars(
        sa.select(DiscountUse).where(
            DiscountUse.enrollment_id == enrollment_id, DiscountUse.given_back_at.is_(None)
        )
    ).one_or_none()


def code_in_use(session: Session, enrollment_id: int) -> DiscountCode | None:
    """The code that an enrollment uses, if any."""
    return session.scalars(
        sa.select(DiscountCode)
        .join(DiscountUse, DiscountUse.code_id == DiscountCode.id)
        .where(DiscountUse.enrollment_id == enrollment_id, DiscountUse.given_back_at.is_(None))
    ).one_or_none()


def codes_in_use(session: Session, enrollment_ids: Sequence[int]) -> dict[int, DiscountCode]:
    """The code that each of these enrollments uses, if any. One statement."""
    rows = session.execute(
        sa.select(DiscountUse.enrollment_id, DiscountCode)
        .join(DiscountCode, DiscountCode.id == DiscountUse.code_id)
        .where(DiscountUse.enrollment_id.in_(enrollment_ids), DiscountUse.given_back_at.is_(None))
    )
    return {row[0]: row[1] for row in rows}


def give_back(session: Session, enrollment_id: int, *, now: datetime) -> None:
    """The enrollment ended before its time: its code may be used once more."""
    used = _use_of(session, enrollment_id)
    if used is None:
        return
    code = locked(session, DiscountCode, used.code_id)
    used.given_back_at = now
    if code is not None:
        code.uses -= 1


def pass_on(session: Session, from_id: int, to_id: int) -> None:
    """The student moved to another class: the use goes along."""
    used = _use_of(session, from_id)
    if used is not None:
        used.enrollment_id = to_id
        session.flush()


def make_code(
    session: Session,
    *,
    code: str,
    percent: int | None,
    amount_cents: int | None,
    course: Course | None,
    valid_until: date | None,
    most_uses: int | None,
    note: str,
    actor: User,
    now: datetime,
) -> DiscountCode:
    """The office makes a code. Raises RuleError when it exists, when its last day is over wherever a class may be, or unless
    exactly one of percent and amount is given.
    """
    code = code.strip().upper()
    if find(session, code) is not None:
        raise RuleError(_("There is a code %(code)s already.", code=code), field="code")
    if (percent is None) == (amount_cents is None):
        raise RuleError(_("Give percent or an amount, one of the two."), field="percent")
    if valid_until is not None and valid_until < local_date(
        now, "Etc/GMT+12"
    ):  # the zone where a day ends last
        raise RuleError(_("That day is over already, so nobody could use the code."), field="valid_until")
    made = DiscountCode(
        code=code,
        note=note,
        percent=percent,
        amount_cents=amount_cents,
        course_id=course.id if course else None,
        valid_until=valid_until,
        most_uses=most_uses,
        uses=0,
        created_at=now,
        created_by_id=actor.id,
    )
    session.add(made)
    session.flush()
    audit.record(
        session,
        "students:discount_code:made",
        made,
        actor=actor,
        now=now,
        code=code,
        percent=percent,
        amount_cents=amount_cents,
        course=course.code if course else None,
        valid_until=valid_until.isoformat() if valid_until else None,
        most_uses=most_uses,
    )
    return made


def end_code(session: Session, code_id: int, *, actor: User, now: datetime) -> None:
    """The office ends a code; whoever used it keeps the discount. Raises LookupError for an unknown one."""
    code = locked(session, DiscountCode, code_id)
    if code is None:
        raise LookupError(f"discount code {code_id}")
    if code.ended_at is None:
        code.ended_at = now
        audit.record(session, "students:discount_code:ended", code, actor=actor, now=now, code=code.code)


def list_codes(session: Session) -> list[DiscountCode]:
    """All codes, those in force first, newest first. The course is loaded. One statement."""
    return list(
        session.scalars(
            sa.select(DiscountCode)
            .options(sa.orm.joinedload(DiscountCode.course))
            .order_by(DiscountCode.ended_at.is_not(None), DiscountCode.id.desc())
        )
    )
