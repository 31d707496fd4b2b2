"""Keys and signed certificates that the tests share; made once in a run."""

from datetime import UTC, datetime
from functools import cache

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
