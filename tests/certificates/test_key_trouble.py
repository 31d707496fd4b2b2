"""A key that is expired, wrong, unreadable or new: a clear sentence, nothing half-issued, and verifiers still served."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import jwt as pyjwt
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from certificates import issuing
from certificates.keyring import create_key, key_files
from certificates.models import Certificate, CertificateState
from core import clock
from tests.certificates.test_issuing import finished_class
from tests.certificates.test_views import lead_of
from tests.factories import make_user
from tests.helpers import sign_in

SCHOOL = "Tideway Bodywork Institute"


@pytest.fixture
def key_file(session: Session, app: Flask) -> Path:
    """The file of a key that is good."""
    settings = app.extensions["settings"]
    create_key(settings, SCHOOL, now=clock.now())
    return key_files(settings).key


def _expire(path: Path, app: Flask) -> None:
    path.with_name("demo-authority.p12").unlink()
    create_key(app.extensions["settings"], SCHOOL, now=clock.now() - timedelta(days=500))


def _garble(path: Path, _app: Flask) -> None:
    path.write_bytes(b"not a key")


def _make_unreadable(path: Path, _app: Flask) -> None:
    path.unlink()
    path.mkdir()  # a test may run as root, who reads whatever the mode says


def _forget_passphrase(path: Path, _app: Flask) -> None:
    path.with_name("signing-key.passphrase").write_text("wrong")


BROKEN: dict[str, tuple[Callable[[Path, Flask], None], str]] = {
    "expired": (_expire, "expired on"),
    "garbled": (_garble, "not a PKCS#12 file, or its passphrase is wrong"),
    "unreadable": (_make_unreadable, "can’t be read"),
    "wrong passphrase": (_forget_passphrase, "its passphrase is wrong"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_key_that_cannot_sign_is_named_before_a_number_is_taken(
    name: str, session: Session, client: FlaskClient, app: Flask, key_file: Path
) -> None:
    offering = finished_class(session, students=1)
    lead, rosa = lead_of(session, offering), make_user(session, Role.REGISTRAR)
    session.commit()
    break_it, told = BROKEN[name]
    break_it(key_file, app)
    sign_in(client, lead)
    answer = client.post(f"/teaching/{offering.code}/certificates")
    assert answer.status_code == 422
    assert told in answer.text
    session.rollback()
    assert session.scalar(sa.select(sa.func.count(Certificate.id))) == 0
    sign_in(client, rosa)
    for address in ("/office/", "/office/certificates"):
        page = client.get(address)
        assert page.status_code == 200
        assert "signing key needs attention" in page.text
        assert told in page.text


def test_a_key_that_soon_expires_is_told_a_month_ahead(
    session: Session, client: FlaskClient, app: Flask, key_file: Path
) -> None:
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, rosa)
    assert "signing key" not in client.get("/office/").text
    create_key(app.extensions["settings"], SCHOOL, now=clock.now() - timedelta(days=375))
    assert "The certificate of the signing key expires on" in client.get("/office/").text


def _verified_status(client: FlaskClient) -> str:
    """The status list, checked by another library with the key that did.json publishes; returns its ``kid``."""
    answer = client.get("/badges/status/0")
    assert answer.status_code == 200
    kid = str(pyjwt.get_unverified_header(answer.text)["kid"])
    methods = {m["id"]: m for m in client.get("/.well-known/did.json").get_json()["verificationMethod"]}
    key = pyjwt.PyJWK(methods[kid]["publicKeyJwk"]).key
    assert pyjwt.decode(answer.text, key, algorithms=["RS256"])["type"][1] == "BitstringStatusListCredential"
    bare = client.get("/badges/keys/" + kid.split("#")[1])
    assert bare.get_json()["n"] == methods[kid]["publicKeyJwk"]["n"]
    return kid


def test_a_new_key_is_published_before_it_signs_its_first_certificate(
    session: Session, client: FlaskClient, app: Flask, key_file: Path
) -> None:
    finished_class(session, students=1)
    session.commit()
    before = _verified_status(client)
    create_key(app.extensions["settings"], SCHOOL, now=clock.now())
    assert _verified_status(client) != before


def test_the_list_of_revoked_badges_can_be_read_after_the_key_has_expired(
    session: Session, client: FlaskClient, app: Flask, key_file: Path
) -> None:
    finished_class(session, students=1)
    session.commit()
    _expire(key_file, app)
    _verified_status(client)


def test_without_a_readable_key_the_list_asks_to_come_back_and_the_pages_stand(
    session: Session, client: FlaskClient, app: Flask, key_file: Path
) -> None:
    finished_class(session, students=1)
    session.commit()
    _garble(key_file, app)
    assert client.get("/badges/status/0").status_code == 503
    assert client.get("/.well-known/did.json").status_code == 200


def test_what_could_not_be_made_is_told_apart_from_what_is_being_made_and_tried_again_at_once(
    session: Session, client: FlaskClient, app: Flask, key_file: Path
) -> None:
    offering = finished_class(session, students=2)
    lead, rosa = lead_of(session, offering), make_user(session, Role.REGISTRAR)
    session.commit()
    good = key_file.read_bytes()
    sign_in(client, lead)
    client.post(f"/teaching/{offering.code}/certificates", follow_redirects=True)
    _garble(key_file, app)
    assert issuing.make_waiting() == 0
    page = client.get(f"/teaching/{offering.code}/certificates")
    assert "2 certificates could not be made so far" in page.text
    assert "being made" not in page.text
    assert "Refresh" not in page.headers, "nothing is coming by itself"
    sign_in(client, rosa)
    assert "certificates could not be made" in client.get("/office/").text
    key_file.write_bytes(good)
    answer = client.post("/office/certificates/try-again", follow_redirects=True)
    assert "2 certificates are tried again" in answer.text
    assert issuing.make_waiting() == 2
    session.expire_all()
    rows = session.scalars(sa.select(Certificate)).all()
    assert {row.state for row in rows} == {CertificateState.ISSUED}
    assert sorted(row.sequence for row in rows) == [1, 2]
    assert (
        "has been made already" in client.post("/office/certificates/try-again", follow_redirects=True).text
    )
