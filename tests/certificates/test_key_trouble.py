"""A key that is expired, wrong, unreadable or new: a clear sentence, nothing half-issued, and verifiers still served."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import jwt as pyjwt
import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from certificates import issuing, keyring
from certificates.key_models import KeyStanding
from certificates.key_standing import history, key_files, look, noted
from certificates.keyring import create_key
from certificates.models import Certificate, CertificateState
from core import clock
from tests.certificates.test_issuing import finished_class
from tests.certificates.test_views import lead_of
from tests.factories import make_school, make_user
from tests.helpers import sign_in
from tests.serving import ROOT, environment

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
    look(clock.now())  # as the worker does every minute
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
    look(clock.now())
    assert "signing key" not in client.get("/office/").text
    create_key(app.extensions["settings"], SCHOOL, now=clock.now() - timedelta(days=375))
    look(clock.now())
    page = client.get("/office/").text
    assert "The certificate of the signing key expires on" in page
    assert "Looked at on" in page
    with time_machine.travel(clock.now() + timedelta(days=26)):
        session.expire_all()
        sign_in(client, rosa)
        assert "The certificate of the signing key expired on" in client.get("/office/").text


def test_a_note_that_nobody_renews_says_so(
    session: Session, client: FlaskClient, app: Flask, key_file: Path
) -> None:
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, rosa)
    look(clock.now() - timedelta(minutes=55))
    assert "signing key" not in client.get("/office/").text
    session.execute(sa.update(KeyStanding).values(looked_at=clock.now() - timedelta(minutes=65)))
    session.commit()
    assert "The worker has not looked at the signing key since" in client.get("/office/").text
    look(clock.now())
    assert "signing key" not in client.get("/office/").text


def test_what_stays_the_same_is_not_noted_each_minute(session: Session, app: Flask, key_file: Path) -> None:
    now = clock.now()
    for minutes in (0, 1, 4, 5, 6):
        look(now + timedelta(minutes=minutes))
    row = noted(session)
    assert row is not None
    assert row.looked_at == now + timedelta(minutes=5)
    assert len(history(session)) == 1, "the key is known to verifiers before it signs"


def test_making_a_key_by_the_command_notes_it(session: Session, client: FlaskClient, app: Flask) -> None:
    make_school(session)
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    files = key_files(app.extensions["settings"])
    files.key.write_bytes(b"not a key")
    look(clock.now())
    sign_in(client, rosa)
    assert "its passphrase is wrong" in client.get("/office/").text
    done = app.test_cli_runner().invoke(args=["certificates", "create-key"])
    assert done.exit_code == 0, done.output
    assert "signing key" not in client.get("/office/").text


WEB = """
import sys
from app import create_app
from flask.testing import FlaskClient
app = create_app({}, {"WTF_CSRF_ENABLED": False})
client = app.test_client()
with client.session_transaction() as kept:
    kept.update(_user_id=sys.argv[1], _fresh=True)
for path in sys.argv[2:]:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
print([name for name in ("cryptography.hazmat", "joserfc") if name in sys.modules])
"""


def test_a_web_process_says_how_the_key_stands_and_hands_out_badges_without_opening_it(
    session: Session, app: Flask, key_file: Path
) -> None:
    offering = finished_class(session, students=1)
    rosa = make_user(session, Role.REGISTRAR)
    issuing.issue_class(session, offering, actor=None, now=clock.now())
    session.commit()
    look(clock.now())
    issuing.make_waiting()
    session.expire_all()
    row = session.scalars(sa.select(Certificate)).one()
    pages = ["/office/", "/office/certificates", "/.well-known/did.json", "/badges/issuer"]
    pages += [f"/certificates/{row.number}.png", f"/badges/credentials/{row.token}"]
    done = subprocess.run(
        [sys.executable, "-c", WEB, rosa.get_id(), *pages],
        env=environment(app, 1),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_issuing_trusts_the_note_only_while_the_files_are_the_same(
    session: Session, app: Flask, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offering = finished_class(session, students=1)
    session.commit()
    look(clock.now())
    opened: list[datetime] = []
    monkeypatch.setattr(keyring, "current_key", opened.append)
    issuing.issue_class(session, offering, actor=None, now=clock.now())
    assert opened == []
    session.rollback()
    _garble(key_file, app)
    issuing.issue_class(session, offering, actor=None, now=clock.now())
    assert len(opened) == 1


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
