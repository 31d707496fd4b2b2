"""Keys and signed certificates that the tests share; made once in a run."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certificates.keys import SigningKey, create_demo_authority, create_issuer, load_signing_key
from certificates.signing import sign_pdf
from core.pdf import render_document
from tests.core.pdf.samples import certificate

SCHOOL = "Tideway Bodywork Institute"
PASSPHRASE = b"tide and stone"
ISSUED = datetime(2027, 3, 16, 18, tzinfo=UTC)


@cache
def authority(organization: str = SCHOOL, number: int = 0) -> bytes:
    return create_demo_authority(organization, passphrase=PASSPHRASE, now=ISSUED)


@cache
def issuer_file(organization: str = SCHOOL, number: int = 0) -> bytes:
    return create_issuer(organization, authority(organization, number), passphrase=PASSPHRASE, now=ISSUED)


@cache
def issuer_key(organization: str = SCHOOL, number: int = 0) -> SigningKey:
    """An issuer key; another `number` is another key of the same names."""
    return load_signing_key(issuer_file(organization, number), PASSPHRASE, now=ISSUED)


@cache
def unsigned_pdf(name: str = "Maya Adaeze Okonjo") -> bytes:
    return render_document("certificate-engraved", certificate(participant=name), signature_field=True)


@cache
def signed_pdf(name: str = "Maya Adaeze Okonjo") -> bytes:
    return sign_pdf(
        unsigned_pdf(name), issuer_key(), signed_at=ISSUED, name=SCHOOL, reason="Certificate issued"
    )


def history() -> list[bytes]:
    return [issuer_key().certificate_pem.encode()]


@cache
def bought_key() -> SigningKey:
    """A P-256 key as it is bought: its certificate, the authority between, the root."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    names = [_common_name(name) for name in ("Root of trust", "Authority between", SCHOOL)]
    made = []
    for position, (key, name) in enumerate(zip(keys, names, strict=True)):
        above = max(position - 1, 0)
        constraints = x509.BasicConstraints(ca=position < 2, path_length=None)
        builder = _builder(key, name, names[above]).add_extension(constraints, critical=True)
        made.append(builder.sign(keys[above], hashes.SHA256()))
    root, between, own = made
    return SigningKey(keys[2], own, (between, root))


def renewed(key: SigningKey) -> x509.Certificate:
    """Another certificate for the same key, made by itself."""
    name = key.certificate.subject
    return _builder(key.private_key, name, name).sign(key.private_key, hashes.SHA256())


def time_stamper() -> Any:
    """pyHanko's dummy of a time stamp authority, with a certificate of its own."""
    from asn1crypto import keys
    from asn1crypto import x509 as asn1
    from pyhanko.sign.timestamps import DummyTimeStamper

    key = rsa.generate_private_key(65537, 2048)
    name = _common_name("Time")
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    made = _builder(key, name, name).add_extension(usage, critical=True).sign(key, hashes.SHA256())
    der, pkcs8 = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(der, pkcs8, serialization.NoEncryption())
    return DummyTimeStamper(
        asn1.Certificate.load(made.public_bytes(der)), keys.PrivateKeyInfo.load(private), fixed_dt=ISSUED
    )


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(key: Any, subject: x509.Name, issuer: x509.Name) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ISSUED - timedelta(days=1))
        .not_valid_after(ISSUED + timedelta(days=365))
    )
