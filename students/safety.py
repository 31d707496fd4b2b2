"""The safety list of a hands-on class, read after enrolling: by whoever the office, a file or a group entered.

Kept are the version, the time, and whether they want to talk to the instructor; nothing else (DOMAIN, "Safety and honesty").
"""

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.database import locked
from core.errors import RuleError
from students import states
from students.models import LIVE_STATES, Enrollment

# Before a class is signed off there is something to read it for.
OPEN_STATES = LIVE_STATES - states.FINALIZED_STATES


def is_open(enrollment: Enrollment, now: datetime) -> bool:
    """Whether the student has a list to read still. Reads the offering, its course and the course's list."""
    offering = enrollment.offering
    return (
        enrollment.screening_acknowledged_at is None
        and enrollment.state in OPEN_STATES
        and offering.ends_at > now
        and not offering.course.screening_set.is_empty
    )


def acknowledge(
    session: Session,
    enrollment: Enrollment,
    version_id: int,
    *,
    wants_talk: bool,
    wants_access_help: bool,
    actor: User,
    now: datetime,
) -> None:
    """The student has read the list that was shown (``version_id``: a ScreeningSet's id). It refuses nobody.

    Raises RuleError when there is nothing to read, it was confirmed already, or the list changed meanwhile.
    """
    locked(session, Enrollment, enrollment.id)
    shown = enrollment.offering.course.screening_set
    if enrollment.screening_acknowledged_at is not None:
        raise RuleError(_("You have confirmed the safety list of this class already."))
    if not is_open(enrollment, now):
        raise RuleError(_("There is no safety list to confirm for this class any more."))
    if version_id != shown.id:
        raise RuleError(
            _("The safety list changed while this page was open. Read it again, then confirm."),
            field="acknowledge_screening",
        )
    enrollment.screening_set_id = shown.id
    enrollment.screening_acknowledged_at = now
    enrollment.wants_talk = enrollment.wants_talk or wants_talk
    enrollment.wants_access_help = enrollment.wants_access_help or wants_access_help
    audit.record(
        session, "students:screening:acknowledged", enrollment, actor=actor, now=now, version=shown.version
    )
