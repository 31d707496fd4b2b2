"""The catalog's list: filters, search, pages, and how much it asks the database."""

from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from core import clock
from core.database import begin_write, db
from courses.catalog import COURSES_PER_PAGE, Filters, listing
from courses.models import Course, CourseState, Delivery, Subject
from courses.offering_models import Offering, OfferingState
from tests.factories import NOW, add, make_course, make_offering, make_school, make_user, make_venue
from tests.helpers import statements

CHICAGO = {"name": "Lakeside Studio", "city": "Chicago", "region": "IL", "time_zone": "America/Chicago"}


def text_of(client: FlaskClient, path: str = "/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return unescape(answer.text).replace("\u00a0", " ")


def titles(session: Session, **filters: str) -> list[str]:
    return [card.title for card in listing(session, Filters.of(filters), page=1, now=NOW).courses]


@pytest.fixture
def three(session: Session) -> Session:
    """Three courses: anatomy online by Ivan in March, fascia in Chicago by Ines in April, ethics without a class."""
    make_school(session)
    ivan = make_user(session, Role.INSTRUCTOR, name="Ivan Petrov")
    ines = make_user(session, Role.INSTRUCTOR, name="Inês Batista")
    online = make_venue(session, name="Online classroom", city="", region="", country="", is_online=True)
    anatomy = make_course(
        session, code="ANA1", title="Anatomy of the Skull", level="Foundation", delivery=Delivery.LIVE_ONLINE
    )
    fascia = make_course(session, code="FAS1", title="Fascia, 100% gently", level="Advanced")
    make_course(session, code="ETH_1", title="Honest Claims", level="Level 2")
    make_offering(
        session, anatomy, venue=online, lead=ivan, code="ANA1-A", starts=datetime(2027, 3, 20, 17, tzinfo=UTC)
    )
    chicago = make_venue(session, **CHICAGO)
    # In Chicago this is still March 31, 21:00.
    make_offering(
        session, fascia, venue=chicago, lead=ines, code="FAS1-A", starts=datetime(2027, 4, 1, 2, tzinfo=UTC)
    )
    make_offering(
        session, fascia, venue=chicago, lead=ines, code="FAS1-B", starts=datetime(2027, 4, 20, 14, tzinfo=UTC)
    )
    return session


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["Anatomy of the Skull", "Fascia, 100% gently", "Honest Claims"]),
        ({"q": "skull"}, ["Anatomy of the Skull"]),
        ({"q": "ana1"}, ["Anatomy of the Skull"]),
        ({"q": "batista"}, ["Fascia, 100% gently"]),
        ({"q": "100%"}, ["Fascia, 100% gently"]),
        ({"q": "%"}, ["Fascia, 100% gently"]),
        ({"q": "eth_1"}, ["Honest Claims"]),
        ({"q": "_"}, ["Honest Claims"]),
        ({"q": "/"}, []),
        ({"q": "gently fascia"}, ["Fascia, 100% gently"]),
        ({"q": "skull fascia"}, []),
        ({"q": "'; DROP TABLE courses; --"}, []),
        ({"level": "Advanced"}, ["Fascia, 100% gently"]),
        ({"delivery": "live-online"}, ["Anatomy of the Skull"]),
        ({"delivery": "by-post"}, []),
        ({"subject": "Nothing"}, []),
        ({"place": "online"}, ["Anatomy of the Skull"]),
        ({"place": "Chicago"}, ["Fascia, 100% gently"]),
        ({"place": "Chicago", "month": "2027-05"}, []),
        ({"month": "2027-04"}, ["Fascia, 100% gently"]),
        ({"month": "2027-03"}, ["Anatomy of the Skull", "Fascia, 100% gently"]),
        ({"month": "2027-13"}, []),
        ({"month": "9999-12"}, []),
        ({"month": "soon"}, []),
        ({"q": "ivan", "place": "Chicago"}, []),
    ],
)
def test_filters_find_what_they_say(three: Session, filters: dict[str, str], found: list[str]) -> None:
    assert titles(three, **filters) == found


@pytest.mark.both_databases
def test_months_are_those_of_the_place_and_count_its_classes(three: Session) -> None:
    found = listing(three, Filters(), page=1, now=NOW)
    assert [(month.key, month.count) for month in found.months] == [("2027-03", 2), ("2027-04", 1)]
    assert (found.course_count, found.class_count) == (3, 3)
    april = listing(three, Filters(month="2027-04"), page=1, now=NOW)
    assert [card.code for course in april.courses for card in course.classes] == ["FAS1-B"]
    assert (april.course_count, april.class_count, len(april.months)) == (1, 1, 2)
    assert [month.key for month in listing(three, Filters(place="Chicago"), page=1, now=NOW).months] == [
        "2027-03",
        "2027-04",
    ]


@pytest.mark.both_databases
def test_only_what_is_published_and_to_come_is_listed(session: Session) -> None:
    course = make_course(session, title="Shown")
    make_course(session, title="Draft", state=CourseState.DRAFT)
    make_course(session, title="Retired", state=CourseState.RETIRED)
    for state in (OfferingState.DRAFT, OfferingState.CANCELLED):
        make_offering(session, course, state=state)
    make_offering(session, course, starts=NOW - timedelta(minutes=1))
    shown = make_offering(session, course, starts=NOW + timedelta(minutes=1))
    found = listing(session, Filters(), page=1, now=NOW)
    assert [(card.title, card.class_count) for card in found.courses] == [("Shown", 1)]
    assert [card.code for card in found.courses[0].classes] == [shown.code]


@pytest.mark.both_databases
def test_a_course_shows_its_next_classes_and_how_many_there_are(session: Session) -> None:
    course = make_course(session)
    made = [make_offering(session, course, starts=NOW + timedelta(days=30 - day)) for day in range(6)]
    card = listing(session, Filters(), page=1, now=NOW).courses[0]
    assert [shown.code for shown in card.classes] == [offering.code for offering in reversed(made)][:3]
    assert card.class_count == 6


@pytest.mark.both_databases
def test_a_class_keeps_the_local_day_on_which_it_begins(session: Session) -> None:
    venue = make_venue(session, **CHICAGO)
    offering = make_offering(session, venue=venue, starts=datetime(2027, 4, 1, 2, tzinfo=UTC))
    assert offering.starts_on == date(2027, 3, 31)
    offering.starts_at = datetime(2027, 4, 1, 1, tzinfo=UTC) - timedelta(days=1)
    session.flush()
    assert session.scalar(sa.select(Offering.starts_on)) == date(2027, 3, 30)


def test_the_page_shows_courses_by_subject_with_their_classes(three: Session, client: FlaskClient) -> None:
    three.commit()
    page = text_of(client)
    for words in (
        "Anatomy of the Skull",
        "3 of 3 seats left",
        "Chicago, Lakeside Studio",
        "Inês Batista",
        "6 contact hours",
        "In person",
        "Online, live",
        "$795.00",
        "No class is planned at the moment",
        "3 courses, 3 coming classes",
        'href="/courses/FAS1"',
        'href="/classes/FAS1-A"',
        "Mar 31 – Apr 1, 2027",
        "Wed to Thu, from 9:00 PM",
    ):
        assert words in page, words
    assert text_of(client, "/courses/") == page


def test_filters_are_kept_in_the_form_and_can_be_taken_away(three: Session, client: FlaskClient) -> None:
    three.commit()
    page = text_of(
        client, "/courses/?q=%3Cb%3E&level=Advanced&delivery=in-person&place=Chicago&month=2027-04"
    )
    assert 'value="<b>"' in page  # unescaped above; it stands escaped in the page
    assert "<option selected>Advanced</option>" in page
    assert '<option value="Chicago" selected>Chicago, IL</option>' in page
    assert "“<b>”" in page
    assert "No course matches" in page
    assert 'href="/courses/?level=Advanced&delivery=in-person&place=Chicago&month=2027-04"' in page
    assert "<b>" not in client.get("/courses/?q=%3Cb%3E").text.split("<form")[1]


def test_an_empty_catalog_says_so(app: Flask, client: FlaskClient) -> None:
    page = text_of(client)
    assert "No courses yet" in page


def test_long_catalogs_come_in_pages(session: Session, client: FlaskClient) -> None:
    make_school(session)
    first = make_course(session)
    for _ in range(COURSES_PER_PAGE):
        make_course(
            session,
            subject=session.get(Subject, first.subject_id),
            policy_id=first.policy_id,
            screening_set_id=first.screening_set_id,
        )
    session.commit()
    page = text_of(client, "/?level=Level+1")
    assert f"1 to {COURSES_PER_PAGE} of {COURSES_PER_PAGE + 1} courses" in page
    assert 'href="/courses/?level=Level+1&page=2"' in page
    assert text_of(client, "/?page=2").count('class="course"') == 1
    for wrong in ("3", "0", "-1", "x", "1e9", "99999999999999999999", "²"):
        assert client.get("/", query_string={"page": wrong}).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
@pytest.mark.parametrize(
    "path", ["/", "/courses/", "/courses/ANA1", "/classes/ANA1-A", "/classes/ANA1-A.ics"]
)
def test_pages_are_only_read(three: Session, client: FlaskClient, path: str, method: str) -> None:
    three.commit()
    assert getattr(client, method)(path).status_code == 405


@pytest.mark.both_databases
def test_a_seat_taken_shows_at_once(
    three: Session, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    three.commit()
    assert text_of(client, "/?q=skull").count("3 of 3 seats left") == 1
    begin_write(three)
    offering = three.scalars(sa.select(Offering).where(Offering.code == "ANA1-A")).one()
    offering.seats_taken = 2
    three.commit()
    assert text_of(client, "/?q=skull").count("1 of 3 seats left") == 1
    begin_write(three)
    offering.seats_taken, offering.waiting_count = 3, 4
    three.commit()
    assert "Full, 4 waiting" in text_of(client, "/?q=skull")


def fill(session: Session, count: int) -> None:
    """So many courses and classes, with instructors, and one course before each."""
    make_school(session)
    lead = make_user(session, Role.INSTRUCTOR)
    venue = make_venue(session)
    first = make_course(session, code="AAA")
    subject = session.get(Subject, first.subject_id)
    rows = [
        Course(
            code=f"B{number:04}",
            title=f"Course {number}",
            subject=subject,
            level="Level 1",
            delivery=Delivery.IN_PERSON,
            state=CourseState.PUBLISHED,
            summary="What is taught.",
            outcomes=["One."],
            days=1,
            contact_minutes=60,
            default_capacity=4,
            price_cents=100,
            open_to=["anyone"],
            screening_set_id=first.screening_set_id,
            policy_id=first.policy_id,
        )
        for number in range(count)
    ]
    session.add_all(rows)
    session.flush()
    make_offering(session, first, venue=venue, lead=lead, code="AAA-A")
    for number in range(count):
        course = rows[0] if number % 2 else rows[number]
        starts = NOW + timedelta(days=400 + number)
        add(
            session,
            Offering(
                code=f"{course.code}-{number}",
                course=course,
                venue=venue,
                state=OfferingState.PUBLISHED,
                time_zone=venue.time_zone,
                starts_at=starts,
                ends_at=starts + timedelta(hours=1),
                capacity=4,
                price_cents=100,
                policy_id=first.policy_id,
                created_at=NOW,
            ),
        )
    session.commit()


@pytest.mark.parametrize(
    "path", ["/", "/?q=course", "/?month=2028-04", "/courses/B0000", "/classes/AAA-A", "/classes/AAA-A.ics"]
)
def test_the_number_of_statements_does_not_grow(app: Flask, client: FlaskClient, path: str) -> None:
    counts = []
    for count in (10, 1000):
        with app.app_context():
            begin_write(db.session)
            for table in (
                "meetings",
                "offering_instructors",
                "offerings",
                "courses",
                "subjects",
                "school",
                "venues",
                "users",
            ):
                db.session.execute(sa.text(f"DELETE FROM {table}"))
            db.session.commit()
            begin_write(db.session)
            fill(db.session, count)
        with statements(app) as seen:
            assert client.get(path).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 12
