"""The pages of a course and of a class, and a class as a calendar file."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy.orm import Session

from accounts.models import Role
from core import clock
from core.database import begin_write
from courses.models import Claim, CourseState, Prerequisite, PrerequisiteKind
from courses.offering_models import MeetingKind, OfferingState, Venue
from tests import calendars
from tests.courses.catalogs import NOW as LOADED
from tests.courses.catalogs import load, make_cast
from tests.factories import (
    NOW,
    make_course,
    make_offering,
    make_policy,
    make_school,
    make_screening,
    make_user,
    make_venue,
)
from tests.helpers import sign_in


@pytest.fixture
def demo(session: Session, catalog: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """The demo school's catalog, seen a minute after it was loaded."""
    make_cast(session)
    load(session, catalog)
    session.commit()
    monkeypatch.setattr(clock, "now", lambda: LOADED + timedelta(minutes=1))
    return session


def text_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", unescape(re.sub(r"<svg.*?</svg>", "", answer.text, flags=re.S)))


def test_a_course_page_says_what_is_taught_and_what_comes_before(demo: Session, client: FlaskClient) -> None:
    page = text_of(client, "/courses/CST2")
    for words in (
        "CST2 Craniosacral Therapy 2",
        "Assess and work with the hard palate",
        "Recent skull fracture",
        "24 contact hours",
        "28.5 CE hours",
        "DEMO-CST2",
        "2.4 CEU",
        "Ten practice sessions",
        "LMT, PT, OT, RN, DO, and DC",
        "$200.00 holds your seat",
        "Until 30 days before the class: the whole price, less $50.00.",
        "Later than that, nothing is refunded.",
        "The certificate asks for 95 percent of the contact hours",
        'CST2 needs <a href="/courses/CST1">CST1</a>',
        "No class is planned",
    ):
        assert words in page, words
    assert page.index("Recent skull fracture") < page.index("Coming classes")


def test_codes_may_be_written_in_lower_case(demo: Session, client: FlaskClient) -> None:
    assert "CST1 Craniosacral Therapy 1" in text_of(client, "/courses/cst1")
    assert "CST1-CHI-DST" in text_of(client, "/classes/cst1-chi-dst")
    assert client.get("/classes/cst1-chi-dst.ics").status_code == 200


def test_what_does_not_exist_is_404(demo: Session, client: FlaskClient) -> None:
    for path in (
        "/courses/NOPE",
        "/classes/NOPE",
        "/classes/NOPE.ics",
        "/courses/%00",
        "/classes/CST1-CHI-A/x",
        "/courses/ß",
    ):
        assert client.get(path).status_code == 404, path


def test_a_course_tells_search_engines_what_the_page_says(demo: Session, client: FlaskClient) -> None:
    answer = client.get("/courses/CST1")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', answer.text, re.S)
    assert found
    data = json.loads(found[1])
    assert (data["@type"], data["courseCode"], data["timeRequired"]) == ("Course", "CST1", "PT1440M")
    assert data["url"] == "https://school.test/courses/CST1"
    assert data["provider"]["name"] == "Tideway Bodywork Institute"
    dst = next(item for item in data["hasCourseInstance"] if item["url"].endswith("CST1-CHI-DST"))
    assert (dst["startDate"], dst["endDate"]) == ("2027-03-12T09:00-06:00", "2027-03-15T16:30-05:00")
    assert dst["location"]["address"]["addressLocality"] == "Chicago"
    assert (dst["offers"]["price"], dst["offers"]["priceCurrency"]) == ("795.00", "USD")
    assert dst["instructor"] == [{"@type": "Person", "name": "Theo"}]


def test_markup_in_a_course_cannot_leave_its_place(session: Session, client: FlaskClient) -> None:
    make_school(session)
    make_course(
        session,
        code="XSS",
        title="</script><script>alert(1)</script>",
        summary='"><img src=x>',
        outcomes=["<b>"],
    )
    session.commit()
    for path in ("/courses/XSS", "/"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<img" not in page


def test_a_class_page_gives_local_times_and_names_the_clock_change(
    demo: Session, client: FlaskClient
) -> None:
    page = text_of(client, "/classes/CST1-CHI-DST")
    assert page.count("9:00 AM – 10:30 AM") == 4
    assert "Between Sat, Mar 13 and Sun, Mar 14 clocks go forward by 60 minutes." in page
    for words in (
        "CST",
        "CDT",
        "Lakeside Studio, Chicago, IL, US",
        "Theo",
        "24 of 24 seats left",
        "$795.00",
        "Recent skull fracture",
        "If the school cancels the class, you get everything back.",
        "Mar 12 – 15, 2027",
    ):
        assert words in page, words
    assert "Clocks change" not in text_of(client, "/classes/CST1-CHI-A")


def test_an_online_class_does_not_ask_for_a_journey(demo: Session, client: FlaskClient) -> None:
    page = text_of(client, "/classes/SAF1-NET-A")
    assert "Live and online" in page
    assert "Before you lie on the table" not in page


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"capacity": 1, "seats_taken": 1, "waiting_count": 2}, "Full, 2 waiting"),
        ({"capacity": 2, "seats_taken": 1, "waiting_count": 1}, "Full, 1 waiting"),
        ({"enrollment_opens_at": NOW + timedelta(days=3)}, "Opens Mar 4, 2027"),
        ({"enrollment_closes_at": NOW}, "Enrollment is closed"),
        (
            {"starts": NOW + timedelta(hours=3), "capacity": 1, "seats_taken": 1},
            "Full, the waitlist is closed",
        ),
        ({"starts": NOW - timedelta(hours=1)}, "Enrollment is closed"),
        ({"starts": NOW - timedelta(days=3)}, "This class is over"),
        (
            {"state": OfferingState.CANCELLED, "cancel_reason": "The hall was flooded."},
            "The hall was flooded.",
        ),
    ],
)
def test_a_class_says_whether_one_can_get_in(
    session: Session,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, object],
    words: str,
) -> None:
    make_school(session)
    make_offering(session, code="ONE", **values)  # type: ignore[arg-type]
    session.commit()
    monkeypatch.setattr(clock, "now", lambda: NOW)
    assert words in text_of(client, "/classes/ONE")


def test_drafts_are_seen_by_the_office_and_their_instructors_only(
    session: Session, client: FlaskClient
) -> None:
    make_school(session)
    rosa, lead, other = (
        make_user(session, role) for role in (Role.REGISTRAR, Role.INSTRUCTOR, Role.INSTRUCTOR)
    )
    alice = make_user(session)
    course = make_course(session, code="DRAFT", state=CourseState.DRAFT)
    make_course(session, code="OLD", state=CourseState.RETIRED)
    make_offering(session, course, code="DRAFT-A", lead=lead)
    make_offering(
        session, make_course(session, code="NEW"), code="NEW-A", state=OfferingState.DRAFT, lead=lead
    )
    session.commit()
    wanted = {
        None: (404, 404, 404, 404, 404),
        alice: (404, 404, 404, 404, 404),
        other: (404, 404, 404, 404, 404),
        lead: (404, 404, 200, 200, 200),
        rosa: (200, 200, 200, 200, 200),
    }
    for user, statuses in wanted.items():
        reader = client.application.test_client()
        if user is not None:
            sign_in(reader, user)
        paths = ("/courses/DRAFT", "/courses/OLD", "/classes/DRAFT-A", "/classes/NEW-A", "/classes/NEW-A.ics")
        assert tuple(reader.get(path).status_code for path in paths) == statuses, user
    office = client.application.test_client()
    sign_in(office, rosa)
    assert "only the office sees this page" in office.get("/courses/DRAFT").text


def test_a_class_of_a_retired_course_keeps_its_address(session: Session, client: FlaskClient) -> None:
    make_school(session)
    make_offering(session, make_course(session, state=CourseState.RETIRED, code="OLD"), code="OLD-A")
    session.commit()
    page = client.get("/classes/OLD-A")
    assert page.status_code == 200
    assert 'href="/courses/OLD"' not in page.text


def test_the_path_leaves_out_what_is_not_published(session: Session, client: FlaskClient) -> None:
    make_school(session)
    secret = make_course(session, code="SECRET", state=CourseState.DRAFT)
    course = make_course(session, code="OPEN")
    session.add(Prerequisite(course_id=secret.id, needs_id=course.id, kind=PrerequisiteKind.REQUIRED))
    session.commit()
    assert "SECRET" not in client.get("/courses/OPEN").text


def test_a_calendar_file_has_one_entry_with_the_days_of_the_class(demo: Session, client: FlaskClient) -> None:
    answer = client.get("/classes/CST1-CHI-DST.ics")
    assert answer.headers["Content-Type"].startswith("text/calendar")
    method, entries = calendars.read(answer.data)
    assert (method, len(entries)) == ("PUBLISH", 1)
    begins = [begin.astimezone(UTC) for begin, _ in calendars.instances(entries)]
    assert begins[0] == datetime(2027, 3, 12, 15, tzinfo=UTC)
    assert begins[2] == datetime(2027, 3, 14, 14, tzinfo=UTC)
    assert len(begins) == 4
    assert (str(entries[0]["LOCATION"]), str(entries[0]["STATUS"])) == (
        "Lakeside Studio, Chicago, IL",
        "CONFIRMED",
    )
    assert str(entries[0]["URL"]) == "https://school.test/classes/CST1-CHI-DST"
    assert all(len(line) <= 75 for line in answer.data.split(b"\r\n"))


def test_a_moved_or_cancelled_class_keeps_its_entries_names_and_raises_their_sequence(
    session: Session, client: FlaskClient
) -> None:
    make_school(session)
    offering = make_offering(session, code="ONE")
    session.commit()

    def entries() -> list[tuple[str, int, str]]:
        found = Calendar.from_ical(client.get("/classes/ONE.ics").data).walk("VEVENT")
        return [(str(entry["UID"]), int(str(entry["SEQUENCE"])), str(entry["STATUS"])) for entry in found]

    before = entries()
    begin_write(session)
    offering.calendar_sequence += 1
    session.commit()
    moved = entries()
    begin_write(session)
    offering.state = OfferingState.CANCELLED
    session.commit()
    gone = entries()
    assert [name for name, _, _ in before] == [name for name, _, _ in moved] == [name for name, _, _ in gone]
    assert before[0][1] < moved[0][1] < gone[0][1]
    assert gone[0][2] == "CANCELLED"


def test_policies_are_said_in_words(session: Session, client: FlaskClient) -> None:
    make_school(session)
    kind = make_policy(
        session,
        minimum_percent=90,
        grace_minutes_per_meeting=1,
        deposit_cents=0,
        balance_due_days=0,
        refunds=[{"days_before": 2, "percent": 100, "fee": 0}, {"days_before": 0, "percent": 25, "fee": 0}],
        free_transfers=2,
    )
    offering = make_offering(session, make_course(session, policy_id=kind.id), code="ONE")
    never = make_policy(session, refunds=[], repeat_price_percent=100, free_transfers=0)
    make_offering(session, make_course(session, policy_id=never.id), code="TWO")
    offering.meetings[1].kind = MeetingKind.EXAM
    session.commit()
    page = text_of(client, "/classes/ONE")
    for words in (
        "The certificate asks for 90 percent of the contact hours. Up to 1 minute missed in a meeting counts as attended.",
        "The price is due when the class begins.",
        "Until 2 days before the class: the whole price.",
        "Until the class begins: 25 percent of the price.",
        "another date of the course 2 times",
        "costs 50 percent of the price",
        "(exam)",
    ):
        assert words in page, words
    assert "nothing is refunded" not in page
    assert "Nothing is refunded when you withdraw." in text_of(client, "/classes/TWO")


def test_no_page_shows_a_claim(demo: Session, client: FlaskClient) -> None:
    claims = [re.sub(r"\s+", " ", text) for text in demo.scalars(sa.select(Claim.text))]
    assert len(claims) == 12
    seen, queue = set(), ["/", "/courses/"]
    while queue:
        path = queue.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(path)
        if answer.status_code >= 400 or not str(answer.mimetype).startswith(("text/", "application/")):
            continue
        page = re.sub(r"\s+", " ", unescape(answer.text))
        for claim in claims:
            assert claim.casefold() not in page.casefold(), (path, claim)
            assert claim[:60].casefold() not in page.casefold() or len(claim) < 20
        queue += [
            link
            for link in re.findall(r'href="(/[^"#]*)"', unescape(answer.text))
            if not link.startswith("/static/")
        ]
    assert {"/courses/CST1", "/classes/CST1-CHI-DST", "/courses/SER1"} <= seen


def test_screening_lists_stand_on_the_page(session: Session, client: FlaskClient) -> None:
    make_school(session)
    both = make_screening(session, do_not_receive=["Recent skull fracture"], ask_first=["Pregnancy"])
    make_offering(session, make_course(session, screening_set_id=both.id), code="ONE")
    session.commit()
    page = text_of(client, "/classes/ONE")
    assert "Do not receive the techniques with:" in page
    assert "Talk to the instructor first with:" in page
    assert page.index("Pregnancy") < page.index("Meetings")


def test_a_place_is_described(session: Session, client: FlaskClient) -> None:
    make_school(session)
    venue: Venue = make_venue(session, name="Net Loft", street="40 Pier Street", directions="Ring twice.")
    offering = make_offering(session, venue=venue, code="ONE", notes="Bring sheets.")
    assert offering.starts_on == date(2027, 4, 10)
    session.commit()
    page = text_of(client, "/classes/ONE")
    for words in (
        "Net Loft, 40 Pier Street, Astoria, OR, US",
        "Ring twice.",
        "Bring sheets.",
        "Not named yet",
    ):
        assert words in page, words
