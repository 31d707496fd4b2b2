"""The transition table of an enrollment: what may follow what. DESIGN.md, "States of an enrollment"; docs/adr/0010."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from core.errors import RuleError
from students.models import LIVE_STATES, EnrollmentState

S = EnrollmentState

FIRST_STATES = frozenset({S.PENDING, S.WAITLISTED, S.ENROLLED})
FINAL_STATES = frozenset(S) - LIVE_STATES
FINALIZED_STATES = frozenset({S.COMPLETED, S.INCOMPLETE, S.NO_SHOW})

TRANSITIONS: dict[EnrollmentState, frozenset[EnrollmentState]] = {
    S.PENDING: frozenset({S.ENROLLED, S.WAITLISTED, S.DECLINED, S.WITHDRAWN, S.CANCELLED}),
    S.WAITLISTED: frozenset({S.OFFERED, S.WITHDRAWN, S.CANCELLED}),
    S.OFFERED: frozenset({S.ENROLLED, S.WITHDRAWN, S.LAPSED, S.CANCELLED}),
    S.ENROLLED: frozenset({S.WITHDRAWN, S.TRANSFERRED, S.CANCELLED}) | FINALIZED_STATES,
    # After finalize a correction may turn each of the three into each other (never into itself).
    **{state: FINALIZED_STATES - {state} for state in FINALIZED_STATES},
    **{state: frozenset() for state in FINAL_STATES},
}

# How a state reads in the middle of a sentence, and by itself.
LABELS = {
    S.PENDING: lazy_gettext("Waiting for approval"),
    S.WAITLISTED: lazy_gettext("On the waitlist"),
    S.OFFERED: lazy_gettext("Seat offered"),
    S.ENROLLED: lazy_gettext("Enrolled"),
    S.COMPLETED: lazy_gettext("Completed"),
    S.INCOMPLETE: lazy_gettext("Incomplete"),
    S.NO_SHOW: lazy_gettext("Did not attend"),
    S.WITHDRAWN: lazy_gettext("Withdrawn"),
    S.DECLINED: lazy_gettext("Not approved"),
    S.LAPSED: lazy_gettext("Offer ran out"),
    S.TRANSFERRED: lazy_gettext("Moved to another class"),
    S.CANCELLED: lazy_gettext("Class cancelled"),
}


class IllegalMoveError(RuleError):
    """The transition table does not know such a move. The text says where the enrollment stands now."""


def check(from_state: EnrollmentState | None, to_state: EnrollmentState) -> None:
    """Raise IllegalMoveError when an enrollment in ``from_state`` (None: not there yet) can't come to ``to_state``."""
    allowed = FIRST_STATES if from_state is None else TRANSITIONS[from_state]
    if to_state in allowed:
        return
    raise IllegalMoveError(standing(from_state))


def standing(state: EnrollmentState | None) -> str:
    """Where an enrollment stands now, as the sentence for someone who asked for a move that is not possible."""
    return {
        None: _("There is no such enrollment yet."),
        S.PENDING: _("This enrollment still waits for the office's approval."),
        S.WAITLISTED: _("This place on the waitlist has no seat offer yet."),
        S.OFFERED: _("A seat is offered; it has to be accepted or declined first."),
        S.ENROLLED: _("This seat is already taken up: the student is enrolled."),
        S.COMPLETED: _("This class is finished and completed; the enrollment can't be changed any more."),
        S.INCOMPLETE: _("This class is finished; the enrollment can't be changed any more."),
        S.NO_SHOW: _("This class is finished; the enrollment can't be changed any more."),
        S.WITHDRAWN: _("This enrollment was withdrawn already."),
        S.DECLINED: _("This enrollment was not approved, so there is no seat to act on."),
        S.LAPSED: _("The time to take this seat has run out; it is no longer held."),
        S.TRANSFERRED: _("This enrollment was moved to another class already."),
        S.CANCELLED: _("This class was cancelled."),
    }[state]
