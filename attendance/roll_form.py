"""The roll as it was typed: reads ``status-…``, ``minutes-…`` and ``remark-…``, each with an enrollment's id, and keeps them
to show again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flask_babel import gettext as _

from attendance.minutes import TIMED
from attendance.models import MarkStatus
from attendance.rolls import Seat
from attendance.writing import Entry
from core.typed import clean_text

MANY_ROWS = 2000


@dataclass
class TypedRoll:
    """What a person sent: the rows that say something, what was typed, and what is wrong (by enrollment id)."""

    entries: list[Entry] = field(default_factory=list)
    status: dict[int, str] = field(default_factory=dict)
    minutes: dict[int, str] = field(default_factory=dict)
    remark: dict[int, str] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    revision: int | None = None
    reason: str = ""


def read_roll(form: Mapping[str, str], seats: Mapping[int, Seat], credit: int) -> TypedRoll:
    """Read a sent roll; ``credit`` are the meeting's minutes. What cannot be read becomes an error of its row."""
    typed = TypedRoll(reason=clean_text(form.get("reason", "")))
    revision = form.get("revision", "")
    typed.revision = int(revision) if revision.isdecimal() and len(revision) < 10 else None
    kinds = {"status": typed.status, "minutes": typed.minutes, "remark": typed.remark}
    for name, value in list(form.items())[: MANY_ROWS * 3]:
        kind, _dash, text = name.partition("-")
        if kind in kinds and text.isdecimal() and len(text) < 12:
            value = value.strip()
            kinds[kind][int(text)] = clean_text(value) if value and kind == "remark" else value
    for number in {**typed.status, **typed.minutes, **typed.remark}:
        _read_row(typed, number, seats.get(number), credit)
    return typed


def _read_row(typed: TypedRoll, number: int, seat: Seat | None, credit: int) -> None:
    said, text = typed.status.get(number, ""), typed.minutes.get(number, "")
    remark = typed.remark.get(number)
    if not said:
        if text and seat is not None and seat.status is None:
            typed.errors[number] = _("Choose a mark as well; minutes alone say nothing.")
        elif remark and seat is not None and remark != seat.remark:
            typed.errors[number] = _("Choose a mark as well; a remark stands beside one.")
        return
    try:
        status = MarkStatus(said)
    except ValueError:
        typed.errors[number] = _("Choose present, late, left early, absent or excused.")
        return
    try:
        minutes = _minutes(text)
    except ValueError:
        typed.errors[number] = _("Write the minutes as a whole number.")
        return
    if status in TIMED:
        if seat is not None and seat.status is not status and text in _shown(seat, credit):
            minutes = None  # the number that stood there belonged to the mark before
    elif text not in {"", *_shown(seat, credit), "0", str(credit)}:
        typed.errors[number] = (
            _("Present counts all %(most)s minutes. For fewer, choose late or left early.", most=credit)
            if status is MarkStatus.PRESENT
            else _("Absent and excused count no minutes. For some, choose late or left early.")
        )
        return
    else:
        minutes = None
    typed.entries.append(Entry(number, status, minutes, remark=remark))


def _shown(seat: Seat | None, credit: int) -> set[str]:
    """What the minutes field held when the page was made."""
    return {str(seat.minutes)} if seat is not None and seat.minutes is not None else set()


def _minutes(text: str) -> int | None:
    if not text:
        return None
    if not text.lstrip("-").isdecimal() or len(text) > 6:
        raise ValueError(text)
    return int(text)


def mark_rest(typed: TypedRoll, seats: Iterable[Seat], ended_at_joining: Iterable[int]) -> list[int]:
    """Set everyone who has no mark yet to present, without saving; returns whom. Who joined later is left alone."""
    left_alone = set(ended_at_joining)
    filled = []
    for seat in seats:
        number = seat.enrollment_id
        if seat.status is None and not typed.status.get(number) and number not in left_alone:
            typed.status[number] = MarkStatus.PRESENT.value
            filled.append(number)
    return filled
