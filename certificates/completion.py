"""The day on which a course was completed: what certificates print, and on which an approval has to be valid."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from attendance.makeup_models import MakeUp, MakeUpState
from attendance.models import AttendanceMark, MarkMethod
from core.clock import local_date
from courses.offering_models import Meeting, Offering
from students.models import Enrollment


def completion_date(offering: Offering) -> date:
    """The day of completion of a class: that of its last meeting, on the clock of the class."""
    return local_date(offering.ends_at, offering.time_zone)


def completion_dates(
    session: Session, offering: Offering, enrollments: Sequence[Enrollment]
) -> dict[int, date]:
    """The day of completion by enrollment id: the class's, or that of the last meeting made up later. One statement.

    Who made a meeting up in June had not completed the course in March (DOMAIN: NCBTMB, "date of completion", "missed time
    made up later"). A make-up counts where it is what stands on the roll at home.
    """
    query = (
        sa.select(MakeUp.enrollment_id, Meeting.ends_at, Offering.time_zone)
        .join(Meeting, Meeting.id == MakeUp.meeting_id)
        .join(Offering, Offering.id == Meeting.offering_id)
        .join(
            AttendanceMark,
            sa.and_(
                AttendanceMark.meeting_id == MakeUp.missed_meeting_id,
                AttendanceMark.enrollment_id == MakeUp.enrollment_id,
                AttendanceMark.is_current,
                AttendanceMark.method == MarkMethod.MAKE_UP,
            ),
        )
        .where(
            MakeUp.enrollment_id.in_([row.id for row in enrollments]),
            MakeUp.state == MakeUpState.CREDITED,
        )
    )
    days = {row.id: completion_date(offering) for row in enrollments}
    for enrollment_id, ends_at, zone in session.execute(query):
        days[enrollment_id] = max(days[enrollment_id], local_date(ends_at, zone))
    return days
