"""One certificate from the click to the verifier, opened by tools that are not ours."""

import subprocess
from pathlib import Path

import jwt as pyjwt
import pikepdf
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from openbadgeslib.ob3.verifier import OB3VerificationError, OB3Verifier
from sqlalchemy.orm import Session

from accounts.models import Role
from certificates import issuing
from certificates.keyring import create_key
from certificates.models import Certificate, RevocationReason
from certificates.revoking import revoke
from core import clock
from core.database import begin_write
from tests.certificates.test_issuing import finished_class
from tests.certificates.test_views import lead_of
from tests.conftest import PUBLIC_URL
from tests.factories import make_user
from tests.helpers import mails_to, sign_in


def told(*command: str | Path) -> str:
    """What a tool says; it must end well."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def path(app: Flask, session: Session, client: FlaskClient, tmp_path: Path) -> Path:
    """The file that the student downloads, of a certificate that the lead issued with one click."""
    create_key(app.extensions["settings"], "Tideway Bodywork Institute", now=clock.now())
    offering = finished_class(session, students=1)
    offering.course.validity_months = 24
    lead = lead_of(session, offering)
    session.commit()
    sign_in(client, lead)
    assert client.post(f"/teaching/{offering.code}/certificates").status_code == 303
    issuing.make_waiting()
    session.expire_all()
    row = session.scalars(sa.select(Certificate)).one()
    student = row.enrollment.student.user
    assert mails_to(student.email) == ["certificate"]
    address = f"/certificates/{row.number}.pdf"
    sign_in(client, student)
    file = tmp_path / "certificate.pdf"
    file.write_bytes(client.get(address).data)
    return file


def test_qpdf_poppler_and_pikepdf_find_it_whole(path: Path, session: Session) -> None:
    row = session.scalars(sa.select(Certificate)).one()
    facts = row.snapshot["facts"]
    assert "No syntax or stream encoding errors" in told("qpdf", "--check", path)
    text = " ".join(told("pdftotext", path, "-").split())
    wanted = [facts["participant"], facts["license"]["number"], facts["course_title"], "Board of Bodywork"]
    places = [text.find(fact) for fact in (*wanted, row.number)]
    assert -1 not in places
    assert places == sorted(places), "the facts stand in reading order"
    with pikepdf.open(path) as pdf:
        assert len(pdf.pages) == 1
        assert pdf.Root.MarkInfo.Marked
        assert list(pdf.attachments) == ["credential.jwt"]
        assert not pdf.open_outline().root


def test_pdfsig_finds_one_signature_over_the_whole_file(path: Path) -> None:
    said = told("pdfsig", "-nocert", path)
    assert said.count("Signature #") == 1
    assert "Signature is Valid" in said
    assert "Total document signed" in said


def test_another_library_verifies_the_badge_and_its_status(
    path: Path, session: Session, client: FlaskClient
) -> None:
    with pikepdf.open(path) as pdf:
        text = pdf.attachments["credential.jwt"].get_file().read_bytes().decode()
    kid = pyjwt.get_unverified_header(text)["kid"]
    jwk = client.get("/badges/keys/" + kid.split("#")[1]).get_json()
    verifier = OB3Verifier(pyjwt.PyJWK(jwk).key)

    def download(address: str) -> bytes:
        assert address.startswith(f"{PUBLIC_URL}/")
        content: bytes = client.get(address.removeprefix(PUBLIC_URL)).data
        return content

    row = session.scalars(sa.select(Certificate)).one()
    found = verifier.verify(text, check_status=True, download=download)
    assert found.recipient_id == row.snapshot["badge"]["subject"]
    picture = client.get(f"/certificates/{row.number}.png").data
    assert verifier.extract_token_from_png(picture) == text
    begin_write(session)
    staff = make_user(session, Role.REGISTRAR)
    row = session.get_one(Certificate, row.id)
    revoke(session, row, reason=RevocationReason.OTHER, note="a mistake", actor=staff, now=clock.now())
    session.commit()
    with pytest.raises(OB3VerificationError, match="revocation"):
        verifier.verify(text, check_status=True, download=download)
    head, body, signature = text.split(".")
    with pytest.raises(OB3VerificationError):
        verifier.verify(f"{head}.{body[:-4]}AAAA.{signature}")
