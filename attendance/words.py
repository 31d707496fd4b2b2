"""How attendance reads: the words for marks and meetings, and minutes as sentences."""

from datetime import datetime
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from markupsafe import Markup

from attendance.minutes import Summary
from attendance.models import MarkMethod, MarkStatus
from core.clock import local
from core.formatting import clock_time, hours, weekday_name
from core.pictures import mark

STATUS_LABELS = {
    MarkStatus.PRESENT: lazy_gettext("Present"),
    MarkStatus.LATE: lazy_gettext("Late"),
    MarkStatus.LEFT_EARLY: lazy_gettext("Left early"),
    MarkStatus.ABSENT: lazy_gettext("Absent"),
    MarkStatus.EXCUSED: lazy_gettext("Excused"),
}
COLORS = {
    MarkStatus.PRESENT: "m-ok",
    MarkStatus.LATE: "m-wait",
    MarkStatus.LEFT_EARLY: "m-wait",
    MarkStatus.ABSENT: "m-stop",
    MarkStatus.EXCUSED: "m-tide",
}
# In the order of the buttons and of the keys 1 to 5.
STATUS_ORDER = tuple(STATUS_LABELS)


class Choice(NamedTuple):
    """One mark as pages draw it: its value, the word, the disc, and the class that colors it."""

    value: str
    word: str
    picture: Markup
    color: str


def choices() -> list[Choice]:
    """The five marks, in order, in the reader's language."""
    return [
        Choice(status.value, str(STATUS_LABELS[status]), mark(status.value), COLORS[status])
        for status in STATUS_ORDER
    ]


def mark_words(status: MarkStatus, minutes: int) -> str:
    """A mark in words: Present; Late, 215 minutes credited (a bare number would read as how late)."""
    label = str(STATUS_LABELS[status])
    if status in (MarkStatus.LATE, MarkStatus.LEFT_EARLY):
        return ngettext(
            "%(label)s, %(num)s minute credited", "%(label)s, %(num)s minutes credited", minutes, label=label
        )
    return label


def method_words(method: MarkMethod) -> str:
    """How a mark came about, when that is worth saying; empty for the roll."""
    return {
        MarkMethod.ROLL: "",
        MarkMethod.CHECK_IN: _("by check-in"),
        MarkMethod.IMPORT: _("imported"),
        MarkMethod.MAKE_UP: _("made up in another class"),
        MarkMethod.CORRECTION: _("correction"),
    }[method]


def meeting_name(starts_at: datetime, zone: str) -> str:
    """What people call a meeting: Saturday morning, on the clock of the class."""
    hour, day = local(starts_at, zone).hour, weekday_name(starts_at, zone)
    if hour < 5:
        return _("%(day)s night", day=day)
    if hour < 12:
        return _("%(day)s morning", day=day)
    if hour < 17:
        return _("%(day)s afternoon", day=day)
    return _("%(day)s evening", day=day)


def said_by(who: str, at: datetime, zone: str, status: MarkStatus, minutes: int, remark: str = "") -> str:
    """Who marked what, and when: Ilse Maren at 9:31 AM: Late, 215 minutes credited. With the remark beside it,
    when there is one."""
    said = _(
        "%(who)s at %(time)s: %(mark)s",
        who=who or _("The system"),
        time=clock_time(at, zone),
        mark=mark_words(status, minutes),
    )
    return _("%(said)s, “%(remark)s”", said=said, remark=remark) if remark else said


def standing(summary: Summary) -> str:
    """On track, or why not, in a few words for a table."""
    if summary.met:
        return _("Complete")
    if summary.on_track:
        return _("On track")
    return _("At most %(hours)s h", hours=hours(summary.reachable))


def outlook(summary: Summary, *, class_is_over: bool = False) -> str:
    """What a student wants to know: done, how much may still be missed, or that it is too late."""
    if summary.met and (class_is_over or not summary.open_minutes):
        return _("You have the hours that this class asks for.")
    if not summary.on_track:
        return _(
            "At most %(most)s of the %(needed)s hours needed can still be reached. "
            "Ask the office about making up what you missed.",
            most=hours(summary.reachable, 2),
            needed=hours(summary.needed, 2),
        )
    if summary.may_miss:
        return ngettext(
            "You can miss %(num)s more minute and still complete this class.",
            "You can miss %(num)s more minutes and still complete this class.",
            summary.may_miss,
        )
    return _("Every remaining minute is needed to complete this class.")


def grace_words(summary: Summary) -> str:
    """What the grace means; empty when there is none."""
    grace = summary.terms.grace
    if not grace:
        return ""
    return ngettext(
        "Up to %(num)s minute missed in a meeting counts as attended.",
        "Up to %(num)s minutes missed in a meeting count as attended.",
        grace,
    )
