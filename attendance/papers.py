"""Papers of a class: the sign-in sheet of a meeting, the schedule for the wall, the roster for staff.

The worker makes them (``core.papers``). Whoever asked was let in by ``attendance.access`` before; the details say which
class, in which language, and whether balances may stand on the roster (the office's business, not the instructors').
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload, selectinload

from accounts.models import User
from attendance.words import meeting_name
from core import clock, links
from core.clock import local, local_date
from core.errors import RuleError
from core.formatting import (
    clock_time,
    date_part,
    date_range,
    full_date,
    long_date,
    money,
    time_range,
    weekday_date,
    zone_name,
)
from core.papers import MadePaper, paper
from core.school import current_school, printed_facts
from courses.offering_models import InstructorRole, Meeting, Offering, OfferingInstructor, Venue
from students.ledger_models import FeeAccount
from students.models import Enrollment, License
from students.roster import on_roll

SIGN_IN, SCHEDULE, ROSTER = "sign-in", "wall-schedule", "staff-roster"
# Lines for people at the door; a sheet for a full class has a few all the same.
BLANK_ROWS = 3
# Where people use Letter; everyone else has A4 (CLDR, supplemental "paperSize").
LETTER_COUNTRIES = frozenset({"US", "CA", "MX", "PH", "CL", "CO", "CR", "GT", "NI", "PA", "PR", "SV", "VE"})


def details_for(offering: Offering, user: User, meeting: Meeting | None = None) -> dict[str, Any]:
    """What a paper's maker needs to know, as JSON: class, meeting, language, and whether balances may stand on it."""
    return {
        "offering_id": offering.id,
        "number": meeting.number if meeting else None,
        "language": str(get_locale() or "en"),
        "balances": user.is_staff,
    }


def shortened(license_: License | None) -> str:
    """A license that everyone may see: profession, jurisdiction, and the last three characters of the number."""
    if license_ is None:
        return ""
    number = license_.number.strip()
    shown = f"…{number[-3:]}" if len(number) > 4 else "…"
    return f"{license_.profession}, {license_.jurisdiction} {shown}"


def whole(license_: License | None) -> str:
    """A license as staff read it: profession, jurisdiction, the number exactly as written."""
    return f"{license_.profession}, {license_.jurisdiction} {license_.number}" if license_ else ""


@paper(SIGN_IN)
def sign_in(session: Session, details: dict[str, Any]) -> MadePaper:
    """The sign-in sheet of one meeting."""
    offering = _offering(session, details)
    meeting = next((item for item in offering.meetings if item.number == details["number"]), None)
    if meeting is None:
        raise RuleError(_("This class has no such meeting any more."))
    with force_locale(details["language"]):
        zone = offering.time_zone
        data = _head(session, offering) | {
            "meeting": {
                "label": _("meeting %(n)s of %(all)s", n=meeting.number, all=len(offering.meetings)),
                "date": full_date(meeting.starts_at, zone),
                "times": time_range(meeting.starts_at, meeting.ends_at, zone),
                "zone": _zone_words(meeting, zone),
            },
            "students": [
                {"name": item.student.user.name, "license": shortened(item.license)}
                for item in on_roll(session, offering.id)
            ],
            "blank_rows": BLANK_ROWS,
            "roll_url": links.absolute("attendance.roll", code=offering.code.lower(), number=meeting.number),
        }
        return _made(SIGN_IN, data, offering, details, f"{offering.code}-{meeting.number}-sign-in.pdf")


@paper(SCHEDULE)
def schedule(session: Session, details: dict[str, Any]) -> MadePaper:
    """The schedule for the wall: no names of students."""
    offering = _offering(session, details)
    with force_locale(details["language"]):
        days = _days(offering)
        times = [(sitting["start"], sitting["end"]) for day in days for sitting in day["sittings"]]
        first = local(offering.starts_at, offering.time_zone)
        data = _head(session, offering) | {
            "made_on": long_date(clock.now(), offering.time_zone),
            "days": days,
            "opens": min(start for start, _end in times),
            "closes": max(end for _start, end in times),
            "zone_note": _(
                "All times are local time at %(place)s (%(zone)s).",
                place=offering.venue.place,
                zone=zone_name(first, offering.time_zone),
            ),
            "bring": offering.course.preparation or _("Nothing special. Wear comfortable clothes."),
        }
        return _made("schedule", data, offering, details, f"{offering.code}-schedule.pdf")


@paper(ROSTER)
def roster(session: Session, details: dict[str, Any]) -> MadePaper:
    """The roster for staff."""
    offering = _offering(session, details)
    people = on_roll(session, offering.id)
    balances = _balances(session, offering) if details["balances"] else {}
    with force_locale(details["language"]):
        zone = offering.time_zone
        data = _head(session, offering) | {
            "made_on": long_date(clock.now(), zone),
            "seats": offering.capacity,
            "waiting": offering.waiting_count,
            "meetings": [
                {
                    "date": weekday_date(item.starts_at, zone),
                    "short": f"{date_part(item.starts_at, 'EEE', zone)} {date_part(item.starts_at, 'd', zone)}",
                    "times": time_range(item.starts_at, item.ends_at, zone),
                    "zone": zone_name(item.starts_at, zone),
                }
                for item in offering.meetings
            ],
            "students": [
                {
                    "name": item.student.user.name,
                    "license": whole(item.license),
                    "assistant": "",
                    "balance": balances.get(item.id, ""),
                    "mark": "",
                }
                for item in people
            ],
        }
        return _made("roster", data, offering, details, f"{offering.code}-roster.pdf")


def _offering(session: Session, details: dict[str, Any]) -> Offering:
    query = (
        sa.select(Offering)
        .where(Offering.id == details["offering_id"])
        .options(
            joinedload(Offering.course),
            joinedload(Offering.venue),
            selectinload(Offering.meetings),
            selectinload(Offering.instructors).joinedload(OfferingInstructor.user),
        )
    )
    found = session.scalar(query)
    if found is None:
        raise RuleError(_("This class does not exist any more."))
    return found


def _head(session: Session, offering: Offering) -> dict[str, Any]:
    school = current_school(session)
    if school is None:
        raise RuleError(_("Set the school up first: its name and address stand on every document."))
    zone = offering.time_zone
    return {
        "school": printed_facts(school) | {"website": school.website or links.public_base()},
        "made_at": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "class": {
            "code": offering.code,
            "title": offering.course.title,
            "dates": date_range(offering.starts_at, offering.ends_at, zone),
            "place": _place(offering.venue),
            "instructors": instructor_words(offering.instructors),
            "url": links.public_base() + f"/classes/{offering.code}",
        },
    }


def instructor_words(parts: Sequence[OfferingInstructor]) -> str:
    """Who teaches: the lead, then the assistants."""
    lead = [part.user.name for part in parts if part.role is InstructorRole.LEAD]
    others = [part.user.name for part in parts if part.role is InstructorRole.ASSISTANT]
    if not others:
        return ", ".join(lead)
    assistants = _("assistants %(names)s", names=", ".join(others))
    return "; ".join([*lead, assistants])


def _place(venue: Venue) -> str:
    return ", ".join(dict.fromkeys((venue.name, venue.place)))


def _zone_words(meeting: Meeting, zone: str) -> str:
    at = local(meeting.starts_at, zone)
    return f"{zone_name(meeting.starts_at, zone)}, UTC{at.strftime('%z')[:3]}:{at.strftime('%z')[3:]}"


def _days(offering: Offering) -> list[dict[str, Any]]:
    zone = offering.time_zone
    days = []
    before = None
    for day, group in groupby(offering.meetings, key=lambda item: local_date(item.starts_at, zone)):
        meetings = list(group)
        offset = local(meetings[0].starts_at, zone).utcoffset()
        changed = before is not None and offset != before
        before = offset
        days.append(
            {
                "weekday": date_part(day, "EEEE"),
                "day": date_part(day, "d"),
                "month": date_part(day, "MMMM"),
                "zone": _zone_words(meetings[0], zone),
                "note": _("The clocks were changed since the day before.") if changed else "",
                "topic": offering.course.title,
                "sittings": [_sitting(item, zone) for item in meetings],
            }
        )
    return days


def _sitting(meeting: Meeting, zone: str) -> dict[str, Any]:
    start = local(meeting.starts_at, zone)
    begins = start.hour * 60 + start.minute
    length = int((meeting.ends_at - meeting.starts_at).total_seconds() // 60)
    return {
        "start": begins,
        "end": begins + length,
        "kind": "sit",
        "text": f"{clock_time(meeting.starts_at, zone)} – {clock_time(meeting.ends_at, zone)}",
        "label": meeting_name(meeting.starts_at, zone),
    }


def _balances(session: Session, offering: Offering) -> dict[int, str]:
    """What each still owes, in words, by enrollment id. One statement."""
    query = (
        sa.select(FeeAccount.enrollment_id, FeeAccount.balance_cents, FeeAccount.currency)
        .join(Enrollment, Enrollment.id == FeeAccount.enrollment_id)
        .where(Enrollment.offering_id == offering.id)
    )
    return {
        number: money(cents, currency) if cents > 0 else _("Paid")
        for number, cents, currency in session.execute(query)
        if number is not None
    }


def _made(
    template: str, data: dict[str, Any], offering: Offering, details: dict[str, Any], name: str
) -> MadePaper:
    from core.pdf import render_document

    size = "Letter" if offering.venue.country in LETTER_COUNTRIES else "A4"
    content = render_document(template, data, page_size=size, lang=details["language"])
    return MadePaper(content, name)
