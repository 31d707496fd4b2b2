"""With a key: certificates are signed and carry a credential that software which is not ours can check."""

import base64
import gzip
import io
from dataclasses import replace

import jwt as pyjwt
import pikepdf
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from certificates import issuing
from certificates.badges import badge_picture, read_baked_png
from certificates.judging import Outcome, judge_pdf
from certificates.key_standing import history, key_files, published
from certificates.keyring import create_key, current_key, remember
from certificates.models import Certificate, CertificateState, RevocationReason
from certificates.revoking import revoke
from core import clock
from core.database import begin_write
from core.files import store
from core.school import current_school
from tests.certificates.signed import bought_key, issuer_key, renewed
from tests.certificates.test_issuing import finished_class
from tests.factories import NOW, make_user
from tests.helpers import sign_in


@pytest.fixture
def signed(session: Session, app: Flask) -> Certificate:
    """A certificate of a school that has a key."""
    create_key(app.extensions["settings"], "Tideway Bodywork Institute", now=clock.now())
    offering = finished_class(session, students=1)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    return session.scalars(sa.select(Certificate)).one()


def stored(row: Certificate) -> bytes:
    return store().get(row.pdf_sha256 or "")


def test_the_stored_file_is_signed_by_a_key_of_the_history(signed: Certificate, session: Session) -> None:
    known = [record.certificate_pem.encode() for record in history(session)]
    assert judge_pdf(stored(signed), known).outcome is Outcome.UNCHANGED
    assert judge_pdf(stored(signed) + b" ", known).outcome is Outcome.CHANGED


def test_the_credential_inside_is_checked_by_another_library_with_the_published_key(
    signed: Certificate, client: FlaskClient
) -> None:
    with pikepdf.open(io.BytesIO(stored(signed))) as pdf:
        text = pdf.attachments["credential.jwt"].get_file().read_bytes().decode()
    assert text == signed.badge_jwt
    kid = pyjwt.get_unverified_header(text)["kid"]
    methods = client.get("/.well-known/did.json").get_json()["verificationMethod"]
    jwk = next(method["publicKeyJwk"] for method in methods if method["id"] == kid)
    bare = client.get("/badges/keys/" + kid.split("#")[1]).get_json()
    assert bare["n"] == jwk["n"]
    payload = pyjwt.decode(text, pyjwt.PyJWK(jwk).key, algorithms=["RS256"], options={"verify_nbf": False})
    assert payload["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
    assert payload["credentialSubject"]["achievement"]["name"] == signed.snapshot["facts"]["course_title"]
    assert client.get(f"/badges/credentials/{signed.token}").text == text


def test_a_revoked_certificate_has_its_bit_set_in_the_status_list(
    signed: Certificate, session: Session, client: FlaskClient
) -> None:
    assert not bit(client, signed.id)
    staff = make_user(session, Role.REGISTRAR)
    session.commit()
    begin_write(session)
    revoke(session, signed, reason=RevocationReason.OTHER, note="why", actor=staff, now=NOW)
    session.commit()
    assert bit(client, signed.id)
    assert not bit(client, signed.id + 1)


def bit(client: FlaskClient, index: int) -> bool:
    text = client.get("/badges/status/0").text
    kid = pyjwt.get_unverified_header(text)["kid"].split("#")[1]
    key = pyjwt.PyJWK(client.get(f"/badges/keys/{kid}").get_json()).key
    payload = pyjwt.decode(text, key, algorithms=["RS256"])
    packed = payload["credentialSubject"]["encodedList"].removeprefix("u")
    bits = gzip.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    return bool(bits[index // 8] & (0x80 >> index % 8))


def test_the_badge_is_a_picture_with_the_credential_baked_in(
    signed: Certificate, client: FlaskClient
) -> None:
    sign_in(client, signed.enrollment.student.user)
    answer = client.get(f"/certificates/{signed.number}.png")
    assert answer.mimetype == "image/png"
    assert read_baked_png(answer.data) == signed.badge_jwt


def test_an_uploaded_copy_is_told_from_a_changed_one(signed: Certificate, client: FlaskClient) -> None:
    def upload(content: bytes) -> str:
        data = {"file": (io.BytesIO(content), "certificate.pdf")}
        return client.post("/verify/file", data=data, content_type="multipart/form-data").text

    same = upload(stored(signed))
    assert "byte for byte what we issued" in same
    assert "This certificate is valid" in same
    assert "was changed after we signed it" in upload(stored(signed) + b"\n% more\n")
    assert "not a PDF" in upload(b"hello")
    nothing = client.post("/verify/file", data={}, content_type="multipart/form-data")
    assert nothing.status_code == 422
    assert "Choose the PDF file first" in nothing.text


def test_a_program_is_told_the_same_of_an_uploaded_file(signed: Certificate, client: FlaskClient) -> None:
    def upload(content: bytes) -> tuple[str, str]:
        data = {"file": (io.BytesIO(content), "certificate.pdf")}
        told = client.post("/verify/file", data=data, headers={"Accept": "application/json"}).get_json()
        return told["status"], told["file"]

    assert upload(stored(signed)) == ("valid", "as_issued")
    assert upload(stored(signed) + b"\n% more\n") == ("unknown", "signed_by_us_changed")


def test_a_new_key_leaves_old_certificates_valid(signed: Certificate, session: Session, app: Flask) -> None:
    before = current_key(clock.now())
    after = create_key(app.extensions["settings"], "Tideway Bodywork Institute", now=clock.now())
    assert before is not None
    assert before.fingerprint != after.fingerprint
    known = [record.certificate_pem.encode() for record in history(session)]
    assert judge_pdf(stored(signed), known).outcome is Outcome.UNCHANGED


def test_a_key_that_cannot_be_opened_stops_the_making_and_names_itself(session: Session, app: Flask) -> None:
    settings = app.extensions["settings"]
    create_key(settings, "Tideway Bodywork Institute", now=clock.now())
    offering = finished_class(session, students=1)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    key_files(settings).passphrase.write_text("wrong")
    assert issuing.make_waiting() == 0
    session.expire_all()
    row = session.scalars(sa.select(Certificate)).one()
    assert row.state is CertificateState.PREPARING
    assert "passphrase is wrong" in row.problem


def test_the_key_and_its_passphrase_are_readable_by_their_owner_only(signed: Certificate, app: Flask) -> None:
    files = key_files(app.extensions["settings"])
    for path in (files.key, files.passphrase, files.authority):
        assert path.stat().st_mode & 0o077 == 0


def test_a_lost_file_is_named_by_the_check_of_the_store(
    signed: Certificate, app: Flask, session: Session
) -> None:
    runner = app.test_cli_runner()
    assert "1 stored certificates read, 0 lost" in runner.invoke(args=["certificates", "check-store"]).output
    store().path(signed.pdf_sha256 or "").unlink()
    result = runner.invoke(args=["certificates", "check-store"])
    assert result.exit_code == 1
    assert f"{signed.number}: its file" in result.output


def test_a_certificate_renewed_for_the_same_key_joins_the_history(session: Session, app: Flask) -> None:
    """As bought certificates are renewed: the key stays, so does its name; both certificates are ours."""
    first = issuer_key()
    again = replace(first, certificate=renewed(first))
    for key in (first, again, first):
        remember(session, key, now=NOW)
    session.commit()
    assert [record.fingerprint for record in history(session)] == [first.fingerprint, again.fingerprint]
    assert len(published(session)) == 1


def test_the_certificates_above_a_bought_key_are_kept_with_it(session: Session) -> None:
    remember(session, bought_key(), now=NOW)
    (record,) = history(session)
    assert record.certificate_pem.count("BEGIN CERTIFICATE") == 3


def test_a_damaged_file_is_never_handed_out_and_is_named(
    signed: Certificate, app: Flask, session: Session, client: FlaskClient
) -> None:
    path = store().path(signed.pdf_sha256 or "")
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"?")
    sign_in(client, signed.enrollment.student.user)
    answer = client.get(f"/certificates/{signed.number}.pdf")
    assert answer.status_code == 503
    assert "its file cannot be read at the moment" in answer.text
    result = app.test_cli_runner().invoke(args=["certificates", "check-store"])
    assert f"{signed.number}: stored file" in result.output
    assert "is damaged" in result.output
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, rosa)
    address = f"/office/certificates/{signed.number}"
    assert "Its file is missing from the store, or damaged" in client.get(address).text
    assert store().put(good) == signed.pdf_sha256, "the same bytes from a backup make it whole"
    assert client.get(f"/certificates/{signed.number}.pdf").data == good
    assert "or damaged" not in client.get(address).text


def test_a_picture_that_is_lost_is_named_and_chosen_again(session: Session) -> None:
    offering = finished_class(session, students=1)
    school = current_school(session)
    assert school is not None
    content = badge_picture()
    school.signature_sha256 = store().put(content)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    store().path(school.signature_sha256).write_bytes(b"half of it")
    assert issuing.make_waiting() == 0
    session.expire_all()
    row = session.scalars(sa.select(Certificate)).one()
    assert row.problem.startswith("The school’s signature picture is lost or damaged")
    store().put(content)
    row.claimed_until = None
    session.commit()
    assert issuing.make_waiting() == 1
