"""The day of completion: the last meeting's, or that of what was made up later, each on the clock of its class."""

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from sqlalchemy.orm import Session

from attendance.finalize import finalize, reopen
from attendance.models import MarkStatus
from certificates import issuing, overriding
from certificates.completion import completion_date
from certificates.eligibility import judge_class, judge_one, load_offering
from certificates.hours import lines_of
from certificates.models import Certificate
from core.clock import local_date
from core.database import begin_write
from core.errors import RuleError
from core.school import current_school
from courses.models import Approval
from students.models import Enrollment
from tests.attendance.classes import NOW as MORNING
from tests.attendance.test_makeups import Two, at_home, make_two, marked_there, planned, signed_off
from tests.certificates.test_issuing import finished_class
from tests.factories import NOW, add, make_body
from tests.helpers import statements

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def _at_ten() -> Iterator[None]:
    with time_machine.travel(MORNING, tick=False):
        yield


def approved(session: Session, two: Two, *, last: date, units: int, program: str) -> None:
    """An approval that ends on a day; the next one begins on the day after."""
    body = session.scalar(sa.select(Approval.body_id)) or make_body(session, partial_credit=False).id
    first = session.scalar(sa.select(sa.func.max(Approval.valid_until)))
    add(
        session,
        Approval(
            course_id=two.home.offering.course_id,
            body_id=body,
            program_number=program,
            units_thousandths=units,
            valid_from=first + timedelta(days=1) if first else last - timedelta(days=300),
            valid_until=last,
        ),
    )


def test_who_made_a_meeting_up_completed_the_course_on_that_day(app: Flask, session: Session) -> None:
    two = make_two(session)
    signed_off(session, two)
    planned(session, two)
    marked_there(session, two, MarkStatus.PRESENT)
    begin_write(session)
    offering = load_offering(session, two.home.offering.id)
    ended = completion_date(offering)
    made_up = local_date(two.there.ends_at, two.host.time_zone)
    assert made_up == ended + timedelta(days=7)
    found = {verdict.enrollment.id: verdict for verdict in judge_class(session, offering)}
    assert found[two.enrollment.id].completed_on == made_up
    assert {verdict.completed_on for key, verdict in found.items() if key != two.enrollment.id} == {ended}
    assert at_home(app, two)[-1][1] == 90


def test_the_approval_of_the_day_of_completion_is_the_one_that_counts(app: Flask, session: Session) -> None:
    two = make_two(session)
    signed_off(session, two)
    planned(session, two)
    marked_there(session, two, MarkStatus.PRESENT)
    begin_write(session)
    ended = completion_date(two.home.offering)
    approved(session, two, last=ended, units=1000, program="OLD")
    enrollment = session.get_one(Enrollment, two.enrollment.id)
    session.expire(two.home.offering.course)
    (line,) = judge_one(session, enrollment).lines
    assert not line.granted
    assert "the approval was valid from" in line.reason
    approved(session, two, last=ended + timedelta(days=300), units=2000, program="NEW")
    session.expire(two.home.offering.course)
    (line,) = judge_one(session, enrollment).lines
    assert (line.approval.program_number, line.units) == ("NEW", Fraction(2))
    issuing.issue_class(session, two.home.offering, actor=None, now=NOW, only={enrollment.id})
    row = session.scalars(sa.select(Certificate)).one()
    assert row.snapshot["facts"]["completed_on"] == (ended + timedelta(days=7)).isoformat()
    assert str(ended.day + 7) in row.snapshot["document"]["certificate"]["completed"]


def test_days_of_completion_are_read_at_once(app: Flask, session: Session) -> None:
    two = make_two(session)
    offering = load_offering(session, two.home.offering.id)
    with statements(app) as seen:
        judge_class(session, offering)
    assert len([text for text in seen if "make_ups" in text]) == 1


def test_a_class_east_of_the_school_that_ends_on_new_years_day_is_in_the_report_of_that_year(
    session: Session,
) -> None:
    offering = finished_class(session, students=1)
    school = current_school(session)
    assert school is not None
    school.time_zone, offering.time_zone = "Pacific/Honolulu", "Pacific/Auckland"
    last = offering.meetings[-1]
    moved = NOW.replace(year=2027, month=1, day=1, hour=2) - last.ends_at  # noon of January 1 there
    for meeting in offering.meetings:
        meeting.starts_at, meeting.ends_at = meeting.starts_at + moved, meeting.ends_at + moved
    offering.starts_at, offering.ends_at = offering.meetings[0].starts_at, last.ends_at
    session.flush()
    issuing.issue_class(session, offering, actor=None, now=last.ends_at + timedelta(minutes=5))
    row = session.scalars(sa.select(Certificate)).one()
    assert (row.year, row.snapshot["facts"]["completed_on"]) == (2026, "2027-01-01")
    found = lines_of(session, body="", first=date(2027, 1, 1), last=date(2027, 12, 31))
    assert found == []  # it is being made
    issued = sa.update(Certificate).values(state="issued", pdf_sha256="0" * 64)
    session.execute(issued)
    session.expire_all()
    found = lines_of(session, body="", first=date(2027, 1, 1), last=date(2027, 12, 31))
    assert [line.certificate.id for line in found] == [row.id]


def test_a_class_that_was_opened_again_gives_no_certificate_until_it_is_signed_off_once_more(
    session: Session,
) -> None:
    two = make_two(session)
    signed_off(session, two)
    begin_write(session)
    offering, lead = two.home.offering, two.home.lead
    row = session.get_one(Enrollment, two.home.ids[1])
    overriding.allow(session, row, reason="why not", actor=two.office, now=MORNING)
    assert judge_one(session, row).eligible
    reopen(session, offering, reason="a mark was wrong", actor=lead, now=MORNING)
    session.flush()
    verdict = judge_one(session, row)
    assert not verdict.eligible
    assert not verdict.decidable
    assert "opened again" in verdict.reasons[0]
    with pytest.raises(RuleError, match="signed off"):
        overriding.allow(session, two.enrollment, reason="now", actor=two.office, now=MORNING)
    with pytest.raises(RuleError, match="waiting"):
        issuing.issue_class(session, offering, actor=None, now=MORNING)
    finalize(session, offering, actor=lead, now=MORNING + timedelta(days=1))
    assert judge_one(session, row).eligible
