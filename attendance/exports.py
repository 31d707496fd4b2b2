"""The roster of a class as a table: people, licenses, minutes of each meeting. Nothing about talks or health (DOMAIN)."""

from collections.abc import Iterator, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from attendance.minutes import Sitting, Summary, sittings, summaries_of
from attendance.words import standing
from core.clock import local, local_date
from core.tables import Column, Kind
from courses.offering_models import Offering
from students.models import Enrollment
from students.roster import on_roll
from students.states import LABELS as STATE_LABELS


def roster_table(session: Session, offering: Offering) -> tuple[list[Column], Iterator[Sequence[Any]]]:
    """Columns and rows of a class's roster; minutes per meeting are those marked, empty where nothing is.

    Six statements, however many students and meetings.
    """
    meetings = sittings(session, offering.id)
    found = summaries_of(session, offering, meetings)
    people = on_roll(session, offering.id)
    columns = [
        Column(_("Name"), width=28),
        Column(_("Name on certificate"), width=28),
        Column(_("Email"), width=30),
        Column(_("Phone"), width=18),
        Column(_("Profession"), width=12),
        Column(_("Licensed in"), width=12),
        Column(_("License number"), width=20),
        Column(_("Standing"), width=16),
        Column(_("Enrolled on"), Kind.DATE),
        *(Column(_meeting_title(meeting, offering.time_zone), Kind.WHOLE, 16) for meeting in meetings),
        Column(_("Minutes attended"), Kind.WHOLE),
        Column(_("Minutes counted"), Kind.WHOLE),
        Column(_("Minutes needed"), Kind.WHOLE),
        Column(_("Attendance"), width=20),
    ]
    rows = (
        _row(person, found[person.id], meetings, offering.time_zone)
        for person in people
        if person.id in found
    )
    return columns, rows


def _row(person: Enrollment, summary: Summary, meetings: Sequence[Sitting], zone: str) -> list[Any]:
    student, license_ = person.student, person.license
    marks = [summary.marks.get(meeting.id) for meeting in meetings]
    return [
        student.user.name,
        person.certificate_name,
        student.user.email,
        student.phone,
        person.profession,
        license_.jurisdiction if license_ else "",
        license_.number if license_ else "",
        STATE_LABELS[person.state],
        local_date(summary.joined_at, zone),
        *(mark.minutes if mark else None for mark in marks),
        summary.attended,
        summary.counted,
        summary.needed,
        standing(summary),
    ]


def _meeting_title(meeting: Sitting, zone: str) -> str:
    return f"{meeting.number}. {local(meeting.starts_at, zone):%Y-%m-%d %H:%M}"
