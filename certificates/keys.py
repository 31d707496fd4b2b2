"""The school's signing keys: loading a PKCS#12 file, and making a demo authority with yearly issuers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID, ObjectIdentifier
from flask_babel import gettext as _

from certificates.key_faults import KeyFaultError, SigningKeyError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
ISSUER_DAYS = 400
"""A yearly key overlaps the next by a month."""
AUTHORITY_YEARS = 20
SMALLEST_RSA_BITS = 2048
RSA_BITS = 3072


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its certificate and the certificates above it."""

    private_key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hexadecimal: how the key history names it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def certificate_pem(self) -> str:
        """The certificate as the key history keeps it, followed by those above it: signatures carry them too."""
        certificates = (self.certificate, *self.chain)
        return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


def read_passphrase(
    environ: Mapping[str, str] = os.environ, *, name: str = "SIGNING_KEY_PASSPHRASE"
) -> bytes:
    """Return the passphrase from the variable `name`, or from the file that `<name>_FILE` names.

    One line end at the file's end is dropped. SigningKeyError when neither is set or the file can't
    be read.
    """
    if environ.get(name):
        return environ[name].encode()
    file = environ.get(f"{name}_FILE")
    if not file:
        raise SigningKeyError(
            _("The passphrase of the signing key is not set. Set %(name)s or %(name)s_FILE.", name=name)
        )
    try:
        return Path(file).read_bytes().removesuffix(b"\n").removesuffix(b"\r")
    except OSError as error:
        raise SigningKeyError(_("The file that %(name)s_FILE names can’t be read.", name=name)) from error


def load_signing_key(data: bytes, passphrase: bytes, *, now: datetime) -> SigningKey:
    """Open a PKCS#12 file and return its key, checked for use at `now` (aware).

    SigningKeyError says which is wrong: what `open_signing_key` and `check_time` say.
    """
    key = open_signing_key(data, passphrase)
    check_time(key, now)
    return key


def check_time(key: SigningKey, now: datetime) -> None:
    """Raise SigningKeyError when the key's certificate is expired or not yet valid at `now` (aware)."""
    if now > key.certificate.not_valid_after_utc:
        date = key.certificate.not_valid_after_utc.date().isoformat()
        raise KeyFaultError("expired", date=date)
    if now < key.certificate.not_valid_before_utc:
        raise KeyFaultError("early")


def open_signing_key(data: bytes, passphrase: bytes) -> SigningKey:
    """Open a PKCS#12 file and return its key, whatever the time.

    SigningKeyError says which is wrong: not a PKCS#12 file or the passphrase, no key or certificate
    inside, a kind or size of key that is not safe, a certificate of another key, or not made for signing.
    """
    try:
        private_key, certificate, others = pkcs12.load_key_and_certificates(data, passphrase)
    except ValueError as error:
        raise KeyFaultError("closed") from error
    if private_key is None or certificate is None:
        raise KeyFaultError("incomplete")
    if not isinstance(private_key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise KeyFaultError("kind")
    if isinstance(private_key, rsa.RSAPrivateKey) and private_key.key_size < SMALLEST_RSA_BITS:
        raise KeyFaultError("short")
    if isinstance(private_key, ec.EllipticCurvePrivateKey) and not isinstance(
        private_key.curve, ec.SECP256R1
    ):
        raise KeyFaultError("kind")
    if certificate.public_key() != private_key.public_key():
        raise KeyFaultError("foreign")
    if not _may_sign(certificate):
        raise KeyFaultError("purpose")
    return SigningKey(private_key, certificate, tuple(others))


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.content_commitment or usage.digital_signature


def create_demo_authority(organization: str, *, passphrase: bytes, now: datetime) -> bytes:
    """Make the school's own certificate authority and return it as an encrypted PKCS#12 file.

    PDF readers do not know it and say "unknown signer": the verification page is the authority. A
    school that wants more buys a document-signing certificate and gives its file instead.
    """
    key = rsa.generate_private_key(65537, RSA_BITS)
    name = _name(organization, f"{organization} Documents")
    start = now.astimezone(UTC).replace(microsecond=0)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(days=1))
        .not_valid_after(start + timedelta(days=365 * AUTHORITY_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _packed(b"authority", key, certificate, [], passphrase)


def create_issuer(organization: str, authority: bytes, *, passphrase: bytes, now: datetime) -> bytes:
    """Make a year's issuer key under an authority from `create_demo_authority`.

    Returns an encrypted PKCS#12 file with the authority's certificate in it. SigningKeyError when the
    authority can't be opened.
    """
    try:
        above_key, above, _others = pkcs12.load_key_and_certificates(authority, passphrase)
    except ValueError as error:
        raise KeyFaultError("closed") from error
    if above is None or not isinstance(above_key, rsa.RSAPrivateKey):
        raise KeyFaultError("incomplete")
    key = rsa.generate_private_key(65537, RSA_BITS)
    start = now.astimezone(UTC).replace(microsecond=0)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(organization, f"{organization} Certificates {start.year}"))
        .issuer_name(above.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(days=1))
        .not_valid_after(min(start + timedelta(days=ISSUER_DAYS), above.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([DOCUMENT_SIGNING]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(above_key.public_key()), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(above_key, hashes.SHA256())
    )
    return _packed(b"issuer", key, certificate, [above], passphrase)


def _name(organization: str, common_name: str) -> x509.Name:
    # X.520 ends both at 64 characters
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[-64:]),
        ]
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _packed(
    name: bytes,
    key: PrivateKey,
    certificate: x509.Certificate,
    chain: list[x509.Certificate],
    passphrase: bytes,
) -> bytes:
    if not passphrase:
        raise SigningKeyError(_("A signing key needs a passphrase."))
    encryption = serialization.BestAvailableEncryption(passphrase)
    return pkcs12.serialize_key_and_certificates(name, key, certificate, chain, encryption)
