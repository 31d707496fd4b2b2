"""Certificates are kept as long as the bodies ask, then anonymised with an audit entry, never silently."""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from certificates import bundles, issuing, retention
from certificates.models import Certificate
from core.audit import AuditEvent, verify
from core.files import store
from courses.models import Body
from tests.certificates.test_issuing import finished_class
from tests.factories import NOW
from tests.helpers import sign_in

pytestmark = pytest.mark.both_databases


@pytest.fixture
def issued(session: Session) -> Certificate:
    """A certificate of 2027, whose body asks for six years."""
    offering = finished_class(session, students=1)
    session.scalars(sa.select(Body)).one().retention_years = 6
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    return session.scalars(sa.select(Certificate)).one()


def test_the_longest_of_the_bodies_counts_from_the_years_end() -> None:
    def facts(*bodies: str) -> dict[str, object]:
        return {"completed_on": "2027-02-19", "credits": [{"body": body} for body in bodies]}

    years = {"A": 4, "B": 6}
    assert retention.kept_until(facts("A"), years) == date(2031, 12, 31)
    assert retention.kept_until(facts("A", "B"), years) == date(2033, 12, 31)
    assert retention.kept_until(facts(), years) == date(2034, 12, 31)
    assert retention.kept_until(facts("A", "UNKNOWN"), years) == date(2034, 12, 31)
    assert retention.kept_until(facts("A") | {"valid_until": "2032-02-19"}, years) == date(2032, 2, 19)
    assert retention.kept_until(facts("A") | {"valid_until": "2029-02-19"}, years) == date(2031, 12, 31)


def test_nothing_is_due_on_the_last_day_and_all_on_the_next(session: Session, issued: Certificate) -> None:
    assert list(retention.due(session, date(2033, 12, 31))) == []
    (found,) = retention.due(session, date(2034, 1, 1))
    assert (found.number, found.kept_until) == (issued.number, date(2033, 12, 31))


def test_the_person_goes_and_the_number_stays(
    session: Session, client: FlaskClient, issued: Certificate
) -> None:
    facts, digest, token = issued.snapshot["facts"], issued.pdf_sha256 or "", issued.token
    name, number = facts["participant"], issued.number
    owner = issued.enrollment.student.user
    session.commit()
    with time_machine.travel(datetime(2034, 1, 2, 12, tzinfo=UTC)):
        assert retention.retain() == 1
        assert retention.retain() == 0
        session.expire_all()
        assert not store().exists(digest)
        assert name not in str(issued.snapshot)
        assert facts["license"]["number"] not in str(issued.snapshot)
        assert issued.badge_jwt is None
        noted = session.scalars(
            sa.select(AuditEvent).where(AuditEvent.action == "certificates:certificate:anonymised")
        ).one()
        assert noted.payload is not None
        assert noted.payload["number"] == number
        assert list(verify(session)) == []
        page = client.get(f"/verify/{token}")
        assert page.status_code == 200
        assert name not in page.text
        assert number in page.text
        assert "no longer kept" in page.text
        sign_in(client, owner)
        gone = client.get(f"/certificates/{number}.pdf")
        assert gone.status_code == 410
        assert number in gone.text
        assert client.get("/my/certificates").status_code == 200
        assert bundles._certificates(session, [issued.id]) == []


def test_a_run_killed_before_the_file_was_deleted_is_finished_by_the_next(
    session: Session, issued: Certificate
) -> None:
    digest = issued.pdf_sha256 or ""
    retention.anonymise(session, issued.id, now=datetime(2034, 1, 2, tzinfo=UTC))
    session.commit()
    assert store().exists(digest)
    with time_machine.travel(datetime(2034, 1, 2, tzinfo=UTC)):
        retention.retain()
    assert not store().exists(digest)


def test_the_dry_run_names_and_changes_nothing(app: Flask, session: Session, issued: Certificate) -> None:
    session.commit()
    number = issued.number
    session.rollback()
    with time_machine.travel(datetime(2034, 1, 2, 12, tzinfo=UTC)):
        told = app.test_cli_runner().invoke(args=["certificates", "retention", "--dry-run"])
    assert told.exit_code == 0, told.output
    assert f"{number}: had to be kept until 2033-12-31." in told.output
    assert "Nothing was changed" in told.output
    session.expire_all()
    assert issued.anonymised_at is None
