"""The verifier's pages: facts to compare, standing, one answer for unknown and mismatch, never anything private."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from certificates import issuing, replacing
from certificates.models import Certificate, RevocationReason
from certificates.revoking import revoke
from certificates.verification import comparable
from core import outbox
from core.database import begin_write
from core.errors import RuleError
from core.outbox import OutgoingMail
from tests.certificates.test_issuing import finished_class
from tests.factories import NOW, make_user
from tests.helpers import sign_in, statements


def issued(session: Session) -> Certificate:
    offering = finished_class(session, students=1)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    return session.scalars(sa.select(Certificate)).one()


def test_the_qr_address_shows_the_facts_and_nothing_private(session: Session, client: FlaskClient) -> None:
    row = issued(session)
    answer = client.get(f"/verify/{row.token}")
    assert answer.status_code == 200
    assert "This certificate is valid" in answer.text
    assert row.snapshot["facts"]["participant"] in answer.text
    assert "3.5 CE hours" in answer.text
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    student = row.enrollment.student
    assert student.user.email not in answer.text
    assert student.licenses[0].number not in answer.text


def test_a_program_gets_the_same_facts_as_json(session: Session, client: FlaskClient) -> None:
    row = issued(session)
    answer = client.get(f"/verify/{row.token}", headers={"Accept": "application/json"})
    assert answer.json is not None
    assert answer.json["status"] == "valid"
    assert answer.json["number"] == row.number
    assert "license" not in answer.text


def test_an_unknown_token_is_not_found(client: FlaskClient, session: Session) -> None:
    for token in ("0" * 26, "abc", "x" * 500):
        answer = client.get(f"/verify/{token}")
        assert answer.status_code == 404
        assert "We have no such certificate" in answer.text


def test_a_number_needs_the_family_name(session: Session, client: FlaskClient) -> None:
    row = issued(session)
    family = row.enrollment.student.user.family_name
    right = client.post("/verify/", data={"number": row.number.lower(), "family_name": f" {family.upper()} "})
    assert right.status_code == 200
    assert "This certificate is valid" in right.text
    whole = row.snapshot["facts"]["participant"]
    assert client.post("/verify/", data={"number": row.number, "family_name": whole}).status_code == 200
    wrong = client.post("/verify/", data={"number": row.number, "family_name": "Somebody"})
    unknown = client.post("/verify/", data={"number": "TBI-27-9999", "family_name": family})
    assert wrong.status_code == unknown.status_code == 404
    # the form's token tells the second in which the page was made
    wrong_text, unknown_text = (re.sub(r'name="csrf_token"[^>]*', "", page.text) for page in (wrong, unknown))
    assert wrong_text.replace(row.number, "N") == unknown_text.replace("TBI-27-9999", "N")


@pytest.mark.parametrize("missing", ["number", "family_name"])
def test_an_empty_field_is_named(session: Session, client: FlaskClient, missing: str) -> None:
    data = {"number": "TBI-27-0001", "family_name": "Person"} | {missing: ""}
    answer = client.post("/verify/", data=data)
    assert answer.status_code == 422
    kept = {"number": "Person", "family_name": "TBI-27-0001"}[missing]
    assert kept in answer.text


def test_a_revoked_certificate_says_so_with_its_date_and_category_only(
    session: Session, client: FlaskClient
) -> None:
    row = issued(session)
    staff = make_user(session, Role.REGISTRAR)
    session.commit()
    begin_write(session)
    revoke(session, row, reason=RevocationReason.IDENTITY, note="a private remark", actor=staff, now=NOW)
    session.commit()
    answer = client.get(f"/verify/{row.token}")
    assert "This certificate was revoked" in answer.text
    assert "March 1, 2027" in answer.text
    assert "identity on it was not right" in answer.text
    assert "a private remark" not in answer.text
    assert row.snapshot["facts"]["participant"] not in answer.text


def test_the_answer_for_a_program_says_no_more_than_the_page_and_dates_it_as_the_school_does(
    session: Session, client: FlaskClient
) -> None:
    row = issued(session)
    staff, facts = make_user(session, Role.REGISTRAR), row.snapshot["facts"]
    session.commit()
    evening = datetime(2027, 3, 2, 4, 30, tzinfo=UTC)  # March 1 in Los Angeles
    begin_write(session)
    revoke(session, row, reason=RevocationReason.OTHER, note="why", actor=staff, now=evening)
    session.commit()
    answer = client.get(f"/verify/{row.token}", headers={"Accept": "application/json"}).get_json()
    assert answer["revoked_on"] == "2027-03-01"
    assert answer["name"] is None
    assert not {"credits", "place", "attended_minutes", "valid_until"} & set(answer)
    assert "March 1, 2027" in client.get(f"/verify/{row.token}").text
    sign_in(client, row.enrollment.student.user)
    assert "Revoked on March 1, 2027" in client.get("/my/certificates").text
    mail = session.scalars(sa.select(OutgoingMail).where(OutgoingMail.kind == "certificate-revoked")).one()
    message = outbox.kinds()[mail.kind].render(session, mail)
    assert message is not None
    assert "was revoked on March 1, 2027" in message.text
    assert facts["participant"] not in str(answer)


def test_an_unknown_number_takes_the_same_steps_as_another_name(
    session: Session, client: FlaskClient, app: Flask
) -> None:
    row = issued(session)
    client.get("/verify/")
    taken = []
    for number in (row.number, "TBI-99-9999"):
        with statements(app) as seen:
            answer = client.post("/verify/", data={"number": number, "family_name": "Nobody"})
        assert answer.status_code == 404
        taken.append(seen)
    assert taken[0] == taken[1]
    known = {"number": "TBI-99-9999", "family_name": row.snapshot["facts"]["family_name"]}
    assert client.post("/verify/", data=known).status_code == 404, "the first certificate stands in for none"


def test_the_page_names_the_kind_of_delivery(session: Session, client: FlaskClient) -> None:
    row = issued(session)
    assert row.snapshot["document"]["certificate"]["delivery"] == "Live, in person"
    assert "Live, in person" in client.get(f"/verify/{row.token}").text


def test_revoking_twice_is_refused(session: Session) -> None:
    row = issued(session)
    staff = make_user(session, Role.REGISTRAR)
    session.commit()
    begin_write(session)
    revoke(session, row, reason=RevocationReason.OTHER, note="why", actor=staff, now=NOW)
    with pytest.raises(RuleError, match="not valid any more"):
        revoke(session, row, reason=RevocationReason.OTHER, note="why", actor=staff, now=NOW)


def test_what_is_being_made_is_said_to_be_and_not_called_invalid(
    session: Session, client: FlaskClient
) -> None:
    offering = finished_class(session, students=1)
    staff = make_user(session, Role.REGISTRAR)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    row = session.scalars(sa.select(Certificate)).one()
    sign_in(client, staff)
    for act in ("revoke", "replace"):
        answer = client.get(f"/office/certificates/{row.number}/{act}")
        assert answer.status_code == 422
        assert "is still being made" in answer.text


def test_a_replaced_certificate_names_its_successor(session: Session, client: FlaskClient) -> None:
    row = issued(session)
    begin_write(session)
    fresh = replacing.replace(
        session, row, certificate_name="New Name", actor=None, now=NOW, reason="married"
    )
    session.commit()
    answer = client.get(f"/verify/{row.token}")
    assert "This certificate was replaced" in answer.text
    assert fresh.number in answer.text


def test_a_chain_of_replacements_names_the_last_and_says_when_that_was_revoked(
    session: Session, client: FlaskClient
) -> None:
    first = issued(session)
    staff = make_user(session, Role.REGISTRAR)
    session.commit()
    row = first
    for name in ("Second Name", "Third Name"):
        begin_write(session)
        row = replacing.replace(session, row, certificate_name=name, actor=None, now=NOW, reason="again")
        session.commit()
        issuing.make_waiting()
        session.expire_all()
    page = client.get(f"/verify/{first.token}").text
    assert row.number in page
    assert "Ask for the newer one" in page
    begin_write(session)
    revoke(session, row, reason=RevocationReason.OTHER, note="why", actor=staff, now=NOW)
    session.commit()
    page = client.get(f"/verify/{first.token}").text
    assert "by a certificate that was revoked since" in page
    assert "Ask for the newer one" not in page
    answer = client.get(f"/verify/{first.token}", headers={"Accept": "application/json"}).get_json()
    assert (answer["superseded_by"], answer["superseded_by_revoked"]) == (row.number, True)


def test_an_expired_one_is_genuine_but_not_valid(session: Session, client: FlaskClient) -> None:
    offering = finished_class(session, students=1)
    offering.course.validity_months = 24
    session.flush()
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    row = session.scalars(sa.select(Certificate)).one()
    with time_machine.travel(NOW + timedelta(days=30)):
        assert "This certificate is valid" in client.get(f"/verify/{row.token}").text
    with time_machine.travel(NOW + timedelta(days=800)):
        assert "This certificate has expired" in client.get(f"/verify/{row.token}").text


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("nguyen", "Nguyễn"), ("O’BRIEN", "O'Brien"), ("van  der Berg", "Van der Berg"), ("Łucja", "łucja")],
)
def test_family_names_are_compared_without_accents_case_and_punctuation(typed: str, stored: str) -> None:
    assert comparable(typed) == comparable(stored)
