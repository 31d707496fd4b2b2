"""Signing the attendance off, and opening it again.

The lead instructor or the office signs off when the class is over. Certificates and prerequisites rest on the states that
follow (DESIGN, "States of an enrollment"). Whatever is missing is listed first; two instructors' differing marks have to be
decided, what is merely unmarked may be accepted and then counts as not attended.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from attendance.access import may_sign_off
from attendance.minutes import Sitting, Summary, sittings, summaries_of
from attendance.rolls import open_differences
from attendance.settling import settle
from core import audit
from core.database import locked
from core.errors import RuleError
from core.formatting import date_time
from courses.offering_models import Offering, OfferingState
from students.models import ROLL_STATES, Enrollment, EnrollmentState

REASON_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Missing:
    """What stands between a class and its sign-off.

    ``untaken`` are meetings whose roll nobody has taken; ``unmarked`` the (meeting, names) where only some were marked;
    ``differing`` the (meeting, names) where two people marked something else.
    """

    untaken: tuple[Sitting, ...]
    unmarked: tuple[tuple[Sitting, tuple[str, ...]], ...]
    differing: tuple[tuple[Sitting, tuple[str, ...]], ...]

    @property
    def has_gaps(self) -> bool:
        """Whether marks are missing: they may be accepted as not attended."""
        return bool(self.untaken or self.unmarked)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is missing."""
        return not self.has_gaps and not self.differing


def what_is_missing(
    meetings: Sequence[Sitting],
    found: Mapping[int, Summary],
    differences: Collection[tuple[int, int]],
) -> Missing:
    """List what is missing, from data that was read already: ``differences`` are (meeting id, enrollment id) pairs."""
    untaken, unmarked, differing = [], [], []
    for meeting in meetings:
        waiting = tuple(summary.name for summary in found.values() if meeting.number in summary.missing)
        marked = any(meeting.id in summary.marks for summary in found.values())
        if waiting and not marked:
            untaken.append(meeting)
        elif waiting:
            unmarked.append((meeting, waiting))
        names = tuple(
            summary.name for summary in found.values() if (meeting.id, summary.enrollment_id) in differences
        )
        if names:
            differing.append((meeting, names))
    return Missing(tuple(untaken), tuple(unmarked), tuple(differing))


def missing_in(session: Session, offering: Offering) -> Missing:
    """What is missing in a class; five statements."""
    meetings = sittings(session, offering.id)
    found = summaries_of(session, offering, meetings)
    return what_is_missing(meetings, found, open_differences(session, offering.id))


def finalize(
    session: Session, offering: Offering, *, actor: User, now: datetime, accept_gaps: bool = False
) -> Counter[EnrollmentState]:
    """Sign the attendance off; returns how many came to each state.

    Everyone on the roll becomes ``completed``, ``incomplete`` or ``no_show``. With ``accept_gaps`` what is unmarked counts
    as not attended. Raises RuleError when the actor may not, the class is cancelled, not over or signed off already, or
    something is missing (field ``accept_gaps`` when it may be accepted).
    """
    offering = _for_sign_off(session, offering, actor)
    if offering.finalized_at is not None:
        raise RuleError(_("This class is signed off already."))
    if now < offering.ends_at:
        raise RuleError(
            _(
                "The last meeting ends %(when)s. The attendance can be signed off then.",
                when=date_time(offering.ends_at, offering.time_zone),
            )
        )
    meetings = sittings(session, offering.id)
    found = summaries_of(session, offering, meetings)
    missing = what_is_missing(meetings, found, open_differences(session, offering.id))
    if missing.differing:
        raise RuleError(
            _("Two people marked something else. Decide on the roll which is right, then sign off.")
        )
    if missing.has_gaps and not accept_gaps:
        raise RuleError(
            _("Some marks are missing. Add them, or confirm that they count as not attended."),
            field="accept_gaps",
        )
    query = (
        sa.select(Enrollment)
        .where(Enrollment.offering_id == offering.id, Enrollment.state.in_(ROLL_STATES))
        .order_by(Enrollment.id)
        .execution_options(populate_existing=True)
    )
    enrollments = session.scalars(query).all()
    settle(session, enrollments, found, reason=_("Attendance signed off."), actor=actor, now=now)
    offering.finalized_at, offering.finalized_by_id = now, actor.id
    counts = Counter(summary.outcome for summary in found.values())
    audit.record(
        session,
        "attendance:class:signed_off",
        offering,
        actor=actor,
        now=now,
        accepted_gaps=missing.has_gaps,
        states={state.value: number for state, number in sorted(counts.items())},
    )
    return counts


def reopen(session: Session, offering: Offering, *, reason: str, actor: User, now: datetime) -> None:
    """Open a signed-off class again, so that marks can be changed without a reason each. States stay until the next
    sign-off. Raises RuleError when the actor may not, it is not signed off, or no reason is given (field ``reason``)."""
    offering = _for_sign_off(session, offering, actor)
    if offering.finalized_at is None:
        raise RuleError(_("This class is open: it is not signed off."))
    reason = reason.strip()[:REASON_LIMIT]
    if not reason:
        raise RuleError(_("Say why the class is opened again."), field="reason")
    offering.finalized_at = offering.finalized_by_id = None
    audit.record(session, "attendance:class:reopened", offering, actor=actor, now=now, reason=reason)


def _for_sign_off(session: Session, offering: Offering, actor: User) -> Offering:
    found = locked(session, Offering, offering.id)
    if found is None:
        raise RuleError(_("This class does not exist any more."))
    if not may_sign_off(session, actor, found.id):
        raise RuleError(_("Only the lead instructor or the office signs the attendance off."))
    if found.state is OfferingState.CANCELLED:
        raise RuleError(_("This class was cancelled. There is nothing to sign off."))
    return found
