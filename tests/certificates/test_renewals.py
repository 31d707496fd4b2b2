"""Periods of bodies: until when, what was earned in one, what is to go."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
import sqlalchemy as sa
import time_machine
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy.orm import Session

from certificates import issuing
from certificates.models import Certificate
from certificates.renewals import period_end, periods_of
from courses.models import Body
from students.models import Student
from tests.certificates.test_issuing import finished_class
from tests.factories import NOW
from tests.helpers import sign_in

TODAY = NOW.date()  # March 1, 2027; the class was on February 19


@pytest.fixture
def holder(session: Session) -> Student:
    """Someone with 3.5 hours of a body that wants 24 in two years, until the end of August 2027."""
    offering = finished_class(session, students=1)
    body = session.scalars(sa.select(Body)).one()
    body.renewal_months, body.renewal_units_thousandths = 24, 24_000
    body.renewal_ends_on = date(2023, 8, 31)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    return session.scalars(sa.select(Certificate)).one().enrollment.student


def periods(
    session: Session, holder: Student, today: date = TODAY
) -> list[tuple[date | None, date | None, Fraction, Fraction]]:
    rows = list(session.scalars(sa.select(Certificate)))
    return [
        (item.first, item.last, item.earned, item.missing)
        for item in periods_of(session, holder, rows, today)
    ]


def test_what_was_earned_in_the_period_is_counted_against_what_the_body_wants(
    session: Session, holder: Student
) -> None:
    assert periods(session, holder) == [
        (date(2025, 9, 1), date(2027, 8, 31), Fraction("3.5"), Fraction("20.5"))
    ]
    later = date(2027, 9, 1)
    assert periods(session, holder, later) == [
        (date(2027, 9, 1), date(2029, 8, 31), Fraction(0), Fraction(24))
    ]


def test_without_a_day_of_its_own_the_period_ends_with_the_license(session: Session, holder: Student) -> None:
    body = session.scalars(sa.select(Body)).one()
    body.renewal_ends_on = None
    session.flush()
    ((first, last, earned, _missing),) = periods(session, holder)
    assert (first, last, earned) == (None, None, Fraction("3.5"))
    holder.licenses[0].expires_on = TODAY + timedelta(days=60)
    session.flush()
    assert periods(session, holder)[0][1] == TODAY + timedelta(days=60)


def test_a_body_without_a_period_is_left_out(session: Session, holder: Student) -> None:
    session.scalars(sa.select(Body)).one().renewal_months = None
    session.flush()
    assert periods(session, holder) == []


def test_the_page_shows_the_period(session: Session, client: FlaskClient, holder: Student) -> None:
    user = holder.user
    session.commit()
    with time_machine.travel(NOW, tick=False):
        sign_in(client, user)
        page = client.get("/my/certificates").text
    assert "3.5 of 24 CE hours earned with us in this period; 20.5 to go" in page
    assert "August 31, 2027" in page


@given(
    known=some.dates(date(1990, 1, 1), date(2060, 1, 1)),
    months=some.integers(1, 120),
    today=some.dates(date(2000, 1, 1), date(2050, 1, 1)),
)
def test_every_day_lies_in_one_period(known: date, months: int, today: date) -> None:
    end = period_end(known, months, today)
    assert end >= today
    assert period_end(known, months, end) == end
    assert period_end(known, months, end + timedelta(days=1)) > end
    assert (end - today).days <= months * 31
