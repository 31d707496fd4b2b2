"""The catalog file: what is brought in, what is told, and that nothing is half done."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from core import audit
from core.clock import local
from core.database import begin_write, db
from core.school import School
from courses.marked_yaml import CatalogError
from courses.models import Approval, Body, Claim, Course, Policy, Prerequisite, PrerequisiteKind, ScreeningSet
from courses.offering_models import InstructorRole, Meeting, Offering, OfferingState, Venue
from courses.scheduling import DAILY_PATTERNS, daily_patterns
from tests.courses.catalogs import NOW, TODAY, count, edit, load, make_cast

pytestmark = pytest.mark.both_databases


def test_the_whole_catalog_comes_in(session: Session, catalog: Path) -> None:
    make_cast(session)
    result = load(session, catalog)
    session.commit()
    school = session.get(School, 1)
    assert school is not None
    assert (school.currency, school.is_demo, school.number_prefix) == ("USD", True, "TBI")
    assert (count(session, Course), count(session, Venue), count(session, Offering)) == (10, 4, 12)
    body = session.scalars(sa.select(Body).where(Body.code == "DEMO-CEU")).one()
    assert (body.minutes_per_unit, body.step_thousandths, body.provider_number) == (600, 100, "D-417")
    assert (body.renewal_months, body.renewal_units_thousandths) == (12, 2000)
    assert body.renewal_ends_on == date(2026, 12, 31)
    course = session.scalars(sa.select(Course).where(Course.code == "CST1")).one()
    assert (course.price_cents, course.contact_minutes, course.assistant_ratio) == (79500, 1440, 8)
    assert [(p.needs.code, p.kind) for p in course.prerequisites] == [("ANA1", PrerequisiteKind.RECOMMENDED)]
    approvals = {a.program_number: a for a in course.approvals}
    assert approvals["DEMO-CST1"].units_thousandths == 28500
    assert approvals["DEMO-CST1"].valid_from == TODAY - timedelta(days=400)
    assert approvals["DEMO-CST1"].valid_until == TODAY + timedelta(days=700)
    assert course.policy.refunds[0] == {"days_before": 30, "percent": 100, "fee": 5000}
    assert course.screening_set.do_not_receive[1] == "Recent skull fracture"
    assert list(audit.verify(session)) == []
    assert [warning.text for warning in result.warnings] == []


def test_classes_are_made_in_local_time_with_their_people(session: Session, catalog: Path) -> None:
    make_cast(session)
    offerings = load(session, catalog).offerings
    lisbon = offerings["CST1-LIS-A"]
    assert len(lisbon.meetings) == 16
    assert {local(m.starts_at, "Europe/Lisbon").hour for m in lisbon.meetings} == {9, 10, 13, 15}
    assert local(lisbon.starts_at, lisbon.time_zone).date() == TODAY + timedelta(days=40)
    assert sum(m.credit_minutes for m in lisbon.meetings) == 1440
    assert {(i.user.name, i.role) for i in offerings["CST1-CHI-A"].instructors} == {
        ("Ines", InstructorRole.LEAD),
        ("Ivan", InstructorRole.ASSISTANT),
        ("Theo", InstructorRole.ASSISTANT),
    }
    assert {offering.state for offering in offerings.values()} == {OfferingState.PUBLISHED}
    past = offerings["CST1-AST-A"]
    assert past.published_at is not None
    assert past.published_at < past.starts_at < NOW


def test_the_chicago_class_starts_at_nine_across_the_clock_change(session: Session, catalog: Path) -> None:
    make_cast(session)
    offering = load(session, catalog).offerings["CST1-CHI-DST"]
    zone = ZoneInfo("America/Chicago")
    firsts = [m.starts_at.astimezone(zone) for m in offering.meetings[::4]]
    assert [f"{first:%b %d %H:%M %Z}" for first in firsts] == [
        "Mar 12 09:00 CST",
        "Mar 13 09:00 CST",
        "Mar 14 09:00 CDT",
        "Mar 15 09:00 CDT",
    ]


@pytest.mark.both_databases(postgresql="full")
@pytest.mark.parametrize(
    "month", [2, 3, 8, 12, *(pytest.param(month, marks=pytest.mark.full) for month in (1, 5, 7, 9, 10, 11))]
)
def test_the_demo_loads_on_any_day_of_the_year(session: Session, catalog: Path, month: int) -> None:
    make_cast(session)
    session.commit()
    for day in (1, 9, 17, 25):
        begin_write(session)
        now = datetime(2027, month, day, 20, 0, tzinfo=UTC)
        offering = load(session, catalog, now.date(), now).offerings["CST1-CHI-DST"]
        offsets = {local(m.starts_at, offering.time_zone).utcoffset() for m in offering.meetings}
        assert len(offsets) == 2
        assert offering.starts_at > now
        session.rollback()


def test_claims_come_in_unpublished(session: Session, catalog: Path) -> None:
    make_cast(session)
    load(session, catalog)
    claims = session.scalars(sa.select(Claim).order_by(Claim.id)).all()
    assert len(claims) == 12
    assert claims[0].text.startswith("Healing, alleviating")
    assert claims[0].origin == "source-page.txt, line 5"
    assert {(claim.published_at, claim.approved_by_id, claim.evidence) for claim in claims} == {
        (None, None, "")
    }


def test_importing_again_changes_nothing(session: Session, catalog: Path) -> None:
    make_cast(session)
    load(session, catalog)
    session.commit()
    events = count(session, audit.AuditEvent)
    begin_write(session)
    again = load(session, catalog)
    session.commit()
    assert (again.made, again.changed) == ({}, {})
    assert count(session, audit.AuditEvent) == events
    assert (count(session, Course), count(session, Meeting), count(session, Claim)) == (10, 140, 12)


def test_importing_again_updates_by_code(session: Session, catalog: Path) -> None:
    make_cast(session)
    load(session, catalog)
    session.commit()
    begin_write(session)
    edit(catalog, "title: Gentle Fascia Techniques", "title: Fascia, Gently")
    edit(catalog, "{course: CST1, kind: required}", "{course: CST1, kind: recommended}")
    edit(catalog, "program: DEMO-CST2, hours: 28.5", "program: DEMO-CST2, hours: 28")
    edit(catalog, "pattern: long-afternoon, lead: ines", "pattern: long-afternoon, lead: theo")
    result = load(session, catalog)
    assert result.made == {}
    assert result.changed == {"courses": ["FAS1", "CST2"], "offerings": ["SAF1-NET-A"]}
    assert result.offerings["SAF1-NET-A"].instructors[0].user.name == "Theo"
    assert (
        session.scalar(sa.select(Approval.units_thousandths).where(Approval.program_number == "DEMO-CST2"))
        == 28000
    )
    kinds = session.scalars(
        sa.select(Prerequisite.kind).join(Prerequisite.needs).where(Course.code == "CST1")
    )
    assert kinds.all() == [PrerequisiteKind.RECOMMENDED]


def test_dates_that_count_from_the_import_stay_when_it_is_imported_later(
    session: Session, catalog: Path
) -> None:
    make_cast(session)
    before = load(session, catalog).offerings["CST1-LIS-A"].starts_at
    session.commit()
    begin_write(session)
    later = load(session, catalog, TODAY + timedelta(days=9), NOW + timedelta(days=9))
    assert later.offerings["CST1-LIS-A"].starts_at == before
    assert "offerings" not in later.changed


def test_a_stored_version_never_changes_and_a_new_one_stands_beside_it(
    session: Session, catalog: Path
) -> None:
    make_cast(session)
    first = load(session, catalog).offerings["CST1-LIS-A"].policy_id
    session.commit()
    begin_write(session)
    rule = "{minimum_percent: 100, grace_minutes_per_meeting: 10, excused_counts: false}\n    deposit: "
    edit(catalog, f"{rule}200", f"{rule}300")
    with pytest.raises(CatalogError, match="policies: standard: version 1 is stored already"):
        load(session, catalog)
    session.rollback()
    begin_write(session)
    line = "  standard:\n    version: 1"
    edit(catalog, line, "  standard:\n    version: 2")
    edit(catalog, "      - Recent skull fracture\n", "      - Recent fracture of the skull\n")
    edit(catalog, "  craniosacral:\n    version: 1", "  craniosacral:\n    version: 2")
    result = load(session, catalog)
    deposits = session.execute(
        sa.select(Policy.version, Policy.deposit_cents)
        .where(Policy.code == "standard")
        .order_by(Policy.version)
    ).all()
    assert [tuple(row) for row in deposits] == [(1, 20000), (2, 30000)]
    assert count(session, ScreeningSet) == 4
    assert result.offerings["CST1-LIS-A"].policy_id == first
    course = session.scalars(sa.select(Course).where(Course.code == "CST1")).one()
    assert (course.policy.version, course.screening_set.version) == (2, 2)


def test_fixed_dates_move_a_class_that_nobody_has_joined(session: Session, catalog: Path) -> None:
    make_cast(session)
    edit(catalog, "venue: AST, starts_in_days: 120", "venue: AST, starts_on: 2027-05-03")
    load(session, catalog)
    session.commit()
    begin_write(session)
    edit(catalog, "starts_on: 2027-05-03", "starts_on: 2027-05-10")
    moved = load(session, catalog).offerings["ADV1-AST-A"]
    session.commit()
    assert local(moved.starts_at, moved.time_zone).date() == date(2027, 5, 10)
    assert moved.calendar_sequence == 1
    assert [meeting.number for meeting in moved.meetings] == list(range(1, 21))
    begin_write(session)
    moved = session.get_one(Offering, moved.id)
    moved.seats_taken = 1
    edit(catalog, "starts_on: 2027-05-10", "starts_on: 2027-05-17")
    with pytest.raises(CatalogError, match="offerings: ADV1-AST-A: people are enrolled"):
        load(session, catalog)


def test_the_commands_check_and_import_a_file(app: Flask, catalog: Path) -> None:
    with app.app_context():
        begin_write(db.session)
        make_cast(db.session)
        db.session.commit()
    runner = app.test_cli_runner()
    checked = runner.invoke(args=["catalog", "check", str(catalog)])
    assert (checked.exit_code, "Nothing was changed." in checked.output) == (0, True)
    with app.app_context():
        assert count(db.session, Course) == 0
    imported = runner.invoke(args=["catalog", "import", str(catalog)])
    assert (imported.exit_code, "courses: 10 new: ANA1, CST1" in imported.output) == (0, True)
    with app.app_context():
        assert count(db.session, Course) == 10
    again = runner.invoke(args=["catalog", "import", str(catalog)])
    assert "Everything stands as the file says already." in again.output
    edit(catalog, "price: 1650", "price: -1")
    refused = runner.invoke(args=["catalog", "import", str(catalog)])
    assert refused.exit_code == 1
    assert re.search(r"line \d+, courses: ADV1, price: write 0 or more", refused.output)
    assert "nothing was changed" in refused.output


def test_a_living_school_does_not_become_a_demonstration(session: Session, catalog: Path) -> None:
    make_cast(session)
    edit(catalog, "  demo: true\n", "")
    load(session, catalog)
    session.commit()
    begin_write(session)
    edit(catalog, "  currency: USD\n", "  currency: USD\n  demo: true\n")
    with pytest.raises(CatalogError, match="provider: demo: this school is no demonstration"):
        load(session, catalog)


def test_a_small_file_may_refer_to_what_is_stored(session: Session, catalog: Path) -> None:
    make_cast(session)
    load(session, catalog)
    session.commit()
    begin_write(session)
    catalog.write_text(
        "offerings:\n- {code: FAS1-LIS-B, course: FAS1, venue: LIS, starts_on: 2027-09-04, pattern: full-day, lead: ines}\n",
        encoding="utf-8",
    )
    result = load(session, catalog)
    assert result.made == {"offerings": ["FAS1-LIS-B"]}
    assert result.offerings["FAS1-LIS-B"].price_cents == 42000


def test_the_patterns_of_the_file_are_those_that_the_office_chooses_from(
    session: Session, catalog: Path
) -> None:
    assert daily_patterns(session) == DAILY_PATTERNS
    make_cast(session)
    edit(
        catalog,
        '  evening: ["17:30-19:00", "19:10-20:40"]',
        '  evening: ["17:30-19:00", "19:10-20:40"]\n  dawn: ["5:00-6:30"]',
    )
    load(session, catalog)
    session.flush()
    assert daily_patterns(session)["dawn"] == ("05:00-06:30",)
    assert list(daily_patterns(session)) == ["full-day", "evening", "dawn", "long-afternoon"]
