"""Being told when a class opens: one click, one mail, and it can be taken back."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from core import clock
from core.database import begin_write, db
from core.errors import RuleError
from core.outbox import OutgoingMail, kinds
from courses.models import Course
from courses.offering_models import Offering, OfferingState
from students import openings
from students.models import Student
from students.notice_models import OpeningWish
from tests.accounts.cast import mail_to, text_of
from tests.factories import make_course, make_offering, make_student
from tests.helpers import mails_to, sign_in

pytestmark = pytest.mark.both_databases


class Clock:
    """The time that views and jobs see."""

    def __init__(self) -> None:
        self.at = clock.now()

    def later(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "now", lambda: made.at)
    return made


def closed(session: Session, course: Course | None = None, **values: Any) -> Offering:
    """A class that opens in ten days."""
    now = clock.now()
    defaults: dict[str, Any] = {
        "starts": now + timedelta(days=60),
        "enrollment_opens_at": now + timedelta(days=10),
    }
    return make_offering(session, course, **(defaults | values))


def wishes(session: Session) -> int:
    session.rollback()
    return session.scalar(sa.select(sa.func.count(OpeningWish.id))) or 0


def test_one_click_on_the_class_and_one_mail_when_it_opens(
    app: Any, client: FlaskClient, session: Session, time: Clock, student: Student
) -> None:
    offering = closed(session)
    session.commit()
    email = student.user.email
    sign_in(client, student.user)
    address = f"/classes/{offering.code}"
    assert "Tell me when it opens" in text_of(client.get(address))
    for _twice in range(2):
        assert client.post(f"{address}/tell-me").location == address
    assert wishes(session) == 1
    assert "A mail tells you when it opens" in text_of(client.get(address))
    time.later(days=9)
    assert openings.tell() == 0
    time.later(days=1)
    assert [openings.tell() for _run in range(3)] == [1, 0, 0]
    assert wishes(session) == 0
    assert mails_to(email) == ["opened"]
    message = mail_to(app, email)
    assert f"/classes/{offering.code}" in message.text
    assert "you can enroll" in message.html


def test_it_can_be_taken_back(client: FlaskClient, session: Session, time: Clock, student: Student) -> None:
    offering = closed(session)
    session.commit()
    sign_in(client, student.user)
    client.post(f"/classes/{offering.code}/tell-me")
    listed = client.get("/my/details")
    assert "We tell you when these open" in text_of(listed)
    assert offering.code in listed.text
    back = {"off": "1", "next": "/my/details"}
    assert client.post(f"/classes/{offering.code}/tell-me", data=back).location == "/my/details"
    assert wishes(session) == 0
    time.later(days=11)
    assert openings.tell() == 0


def test_a_course_tells_of_the_next_class_that_opens(
    client: FlaskClient, session: Session, time: Clock, student: Student
) -> None:
    course = make_course(session)
    session.commit()
    sign_in(client, student.user)
    assert "Tell me when a class opens" in text_of(client.get(f"/courses/{course.code}"))
    client.post(f"/courses/{course.code}/tell-me")
    begin_write(session)
    draft = closed(session, course, state=OfferingState.DRAFT, enrollment_opens_at=None, published_at=None)
    session.commit()
    assert openings.tell() == 0
    begin_write(session)
    draft.state, draft.published_at = OfferingState.PUBLISHED, time.later(hours=1)
    session.commit()
    assert openings.tell() == 1
    assert mails_to(student.user.email) == ["opened"]


def test_a_full_class_that_was_there_before_is_no_news(
    session: Session, time: Clock, student: Student
) -> None:
    course = make_course(session)
    now = clock.now()
    full = make_offering(
        session,
        course,
        starts=now + timedelta(days=30),
        capacity=1,
        published_at=now - timedelta(days=9),
    )
    full.seats_taken = 1
    openings.wish_for_course(session, course, actor=student.user, now=clock.now())
    session.commit()
    time.later(days=1)
    assert openings.tell() == 0
    begin_write(session)
    closed(session, course, enrollment_opens_at=time.at, published_at=time.at)
    session.commit()
    time.later(minutes=5)
    assert openings.tell() == 1


def test_what_is_open_over_or_cancelled_cannot_be_waited_for(
    session: Session, time: Clock, student: Student
) -> None:
    now = clock.now()
    course = make_course(session)
    free = make_offering(session, course, starts=now + timedelta(days=30))
    with pytest.raises(RuleError, match=free.code):
        openings.wish_for_course(session, course, actor=student.user, now=now)
    with pytest.raises(RuleError, match="open already"):
        openings.wish_for_class(session, free, actor=student.user, now=now)
    for gone in (
        closed(session, state=OfferingState.CANCELLED),
        closed(session, starts=now - timedelta(days=2), enrollment_opens_at=None),
    ):
        with pytest.raises(RuleError, match="will not open any more"):
            openings.wish_for_class(session, gone, actor=student.user, now=now)


def test_a_mail_that_came_too_late_is_dropped(session: Session, time: Clock, student: Student) -> None:
    offering = closed(session)
    openings.wish_for_class(session, offering, actor=student.user, now=clock.now())
    session.commit()
    time.later(days=10)
    assert openings.tell() == 1
    begin_write(session)
    offering.state = OfferingState.CANCELLED
    session.commit()
    row = session.scalars(sa.select(OutgoingMail)).one()
    assert kinds()["opened"].render(db.session, row) is None


def test_many_are_told_in_batches(
    session: Session, time: Clock, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openings, "BATCH", 2)
    offering = closed(session)
    for _number in range(5):
        openings.wish_for_class(session, offering, actor=make_student(session).user, now=clock.now())
    session.commit()
    time.later(days=10)
    assert openings.tell() == 5
    assert openings.tell() == 0


def test_visitors_are_led_to_sign_in_and_unknown_things_are_not_found(
    client: FlaskClient, session: Session, student: Student
) -> None:
    offering = closed(session)
    session.commit()
    assert "Sign in to be told when it opens" in text_of(client.get(f"/classes/{offering.code}"))
    assert client.post(f"/classes/{offering.code}/tell-me").location.startswith("/accounts/login")
    assert client.get(f"/classes/{offering.code}/tell-me").status_code == 405
    sign_in(client, student.user)
    assert client.post("/classes/NONE-1/tell-me").status_code == 404
    assert client.post("/courses/NONE/tell-me").status_code == 404
