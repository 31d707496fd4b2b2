import io
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from certificates import signing
from certificates.judging import Outcome, judge_pdf
from certificates.key_faults import SigningKeyError
from certificates.keys import (
    SigningKey,
    create_demo_authority,
    create_issuer,
    load_signing_key,
    read_passphrase,
)
from certificates.signing import http_timestamper, make_cms, reserve, sign_pdf
from core.pdf import render_document
from tests.certificates.signed import (
    ISSUED,
    PASSPHRASE,
    SCHOOL,
    authority,
    issuer_file,
    issuer_key,
    signed_pdf,
    time_stamper,
    unsigned_pdf,
)
from tests.core.pdf.conformance import findings, qpdf_check, structure, text_of
from tests.core.pdf.samples import certificate


def _p256_key() -> SigningKey:
    key = ec.generate_private_key(ec.SECP256R1())
    return SigningKey(key, _certificate(key, ISSUED))


def _certificate(key: Any, start: datetime, days: int = 365, common_name: str = "Key") -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(days=1))
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.KeyUsage(True, True, False, False, False, False, False, False, False), True)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )


def _pkcs12(key: Any, certificate: x509.Certificate | None, passphrase: bytes = PASSPHRASE) -> bytes:
    encryption = serialization.BestAvailableEncryption(passphrase)
    return pkcs12.serialize_key_and_certificates(b"k", key, certificate, None, encryption)


def test_a_signed_certificate_keeps_its_text_tags_and_conformance(tmp_path: Path) -> None:
    before, after = unsigned_pdf(), signed_pdf()
    assert after.startswith(before)
    assert qpdf_check(after, tmp_path) == ""
    assert findings(after) == []
    assert text_of(after) == text_of(before)
    assert structure(after) == structure(before)


def test_poppler_finds_one_valid_signature_over_the_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "signed.pdf"
    file.write_bytes(signed_pdf())
    told = subprocess.run(["pdfsig", "-nocert", str(file)], capture_output=True, text=True).stdout
    assert told.count("Signature #") == 1
    assert "Signature is Valid" in told
    assert "Total document signed" in told
    assert "ETSI.CAdES.detached" in told
    assert "SHA-256" in told


def test_the_signature_states_the_given_time_name_and_reason() -> None:
    with pikepdf.open(io.BytesIO(signed_pdf())) as doc:
        value = doc.Root.AcroForm.Fields[0].V
        assert str(value.M).startswith("D:20270316180000")
        assert str(value.Name) == SCHOOL
        assert str(value.Reason) == "Certificate issued"
        assert value.SubFilter == "/ETSI.CAdES.detached"


def test_the_spliced_cms_is_the_one_that_pyhanko_makes() -> None:
    key = issuer_key()
    digest = bytes(range(32))
    whole = signing._made(key, digest, lambda data: signing.raw_signature(key.private_key, data))
    assert make_cms(digest, key) == whole


def test_a_p256_key_signs_too() -> None:
    key = _p256_key()
    for second in range(6):  # ECDSA signatures differ in length
        pdf = sign_pdf(unsigned_pdf(), key, signed_at=ISSUED + timedelta(seconds=second))
        assert judge_pdf(pdf, [key.certificate_pem.encode()]).outcome is Outcome.UNCHANGED


def test_every_signature_fits_its_room() -> None:
    for key in (issuer_key(), _p256_key()):
        assert len(make_cms(bytes(32), key)) <= reserve(key)


def test_a_signature_larger_than_its_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "reserve", lambda key, timestamped: 500)
    with pytest.raises(SigningKeyError, match="larger than the room"):
        sign_pdf(unsigned_pdf(), issuer_key(), signed_at=ISSUED)


def test_a_pdf_without_field_or_already_signed_is_refused() -> None:
    plain = render_document("certificate-engraved", certificate())
    for pdf in (plain, signed_pdf(), b"%PDF-1.7 nothing"):
        with pytest.raises(SigningKeyError, match="no empty signature field"):
            sign_pdf(pdf, issuer_key(), signed_at=ISSUED)


def test_a_demo_authority_makes_a_key_for_each_year() -> None:
    this, following = issuer_key(), ISSUED + timedelta(days=365)
    next_file = create_issuer(SCHOOL, authority(), passphrase=PASSPHRASE, now=following)
    next_key = load_signing_key(next_file, PASSPHRASE, now=following)
    assert this.certificate.not_valid_after_utc > next_key.certificate.not_valid_before_utc
    assert "2028" in next_key.certificate.subject.rfc4514_string()
    next_key.certificate.verify_directly_issued_by(next_key.chain[0])
    assert next_key.fingerprint != this.fingerprint


def test_a_wrong_passphrase_or_file_is_told() -> None:
    for data, passphrase in ((issuer_file(), b"wrong"), (b"not a key", PASSPHRASE)):
        with pytest.raises(SigningKeyError, match="passphrase is wrong"):
            load_signing_key(data, passphrase, now=ISSUED)
    with pytest.raises(SigningKeyError, match="passphrase is wrong"):
        create_issuer(SCHOOL, b"junk", passphrase=PASSPHRASE, now=ISSUED)


@pytest.mark.parametrize(("days", "words"), [(500, "expired on"), (-30, "not valid yet")])
def test_a_key_outside_its_time_is_refused(days: int, words: str) -> None:
    with pytest.raises(SigningKeyError, match=words):
        load_signing_key(issuer_file(), PASSPHRASE, now=ISSUED + timedelta(days=days))


def test_keys_that_are_not_safe_or_not_for_signing_are_refused() -> None:
    short = rsa.generate_private_key(65537, 1024)
    p384, edwards = ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()
    p256 = ec.generate_private_key(ec.SECP256R1())
    cases = [
        (_pkcs12(short, _certificate(short, ISSUED)), "too short"),
        (_pkcs12(p384, _certificate(p384, ISSUED)), "RSA key or a P-256"),
        (_pkcs12(edwards, _certificate(edwards, ISSUED)), "RSA key or a P-256"),
        (_pkcs12(None, _certificate(p256, ISSUED)), "does not hold a key"),
        (authority(), "not made for signing"),
    ]
    for data, words in cases:
        with pytest.raises(SigningKeyError, match=words):
            load_signing_key(data, PASSPHRASE, now=ISSUED)


def test_an_authority_without_passphrase_is_not_made() -> None:
    with pytest.raises(SigningKeyError, match="needs a passphrase"):
        create_demo_authority(SCHOOL, passphrase=b"", now=ISSUED)


def test_the_passphrase_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(b"from a file\n")
    assert read_passphrase({"SIGNING_KEY_PASSPHRASE": "given"}) == b"given"
    assert read_passphrase({"SIGNING_KEY_PASSPHRASE_FILE": str(file)}) == b"from a file"
    with pytest.raises(SigningKeyError, match="not set"):
        read_passphrase({})
    with pytest.raises(SigningKeyError, match="can’t be read"):
        read_passphrase({"SIGNING_KEY_PASSPHRASE_FILE": str(tmp_path / "none")})


@pytest.fixture
def time_authority() -> Any:
    """An RFC 3161 authority on the loopback: pyHanko's dummy behind a small server."""
    from asn1crypto import tsp

    dummy = time_stamper()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = dummy.request_tsa_response(tsp.TimeStampReq.load(body)).dump()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_time_stamp_is_in_the_signature(time_authority: str) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader

    key = issuer_key()
    pdf = sign_pdf(unsigned_pdf(), key, signed_at=ISSUED, timestamper=http_timestamper(time_authority))
    signature = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures[0]
    attributes = {item["type"].native: item for item in signature.signer_info["unsigned_attrs"]}
    signed_data = attributes["signature_time_stamp_token"]["values"][0]["content"]
    token = signed_data["encap_content_info"]["content"].parsed
    assert token["gen_time"].native == ISSUED.astimezone(UTC)
    assert judge_pdf(pdf, [key.certificate_pem.encode()]).outcome is Outcome.UNCHANGED


def test_a_silent_time_authority_leaves_nothing_half_signed() -> None:
    stamper = http_timestamper("http://127.0.0.1:9/", timeout=2)
    with pytest.raises(SigningKeyError, match="did not answer"):
        sign_pdf(unsigned_pdf(), issuer_key(), signed_at=ISSUED, timestamper=stamper)


def test_importing_the_rules_does_not_import_pyhanko() -> None:
    code = (
        "import sys, certificates.keys, certificates.signing, certificates.judging;"
        "sys.exit(any(m in sys.modules for m in ('weasyprint', 'pyhanko', 'pikepdf')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
