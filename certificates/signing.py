"""Signing a PDF: an invisible PAdES B-B signature in the empty field that the document was made with.

pyHanko writes the revision and makes the CMS over its byte range; the private key is loaded once and
kept. Imported in the worker: pyHanko is loaded when something is signed.
"""

import asyncio
import functools
import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from flask_babel import gettext as _

from certificates.key_faults import SigningKeyError
from certificates.keys import PrivateKey, SigningKey
from certificates.pyhanko_modules import load_pyhanko

if TYPE_CHECKING:
    from cryptography import x509
    from pyhanko.sign.timestamps import TimeStamper

FIELD = "Signature"
TIMESTAMP_BYTES = 12_000
"""Room for a time stamp token with its certificates; RFC 3161 tokens are 3 to 7 kB."""
SLACK_BYTES = 64


def raw_signature(key: PrivateKey, data: bytes) -> bytes:
    """Sign bytes with SHA-256: RSASSA-PKCS1-v1_5 or ECDSA (DER)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashes.SHA256()))
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _asn1(certificate: "x509.Certificate") -> Any:
    from asn1crypto import x509 as asn1

    return asn1.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def _signer(key: SigningKey, sign: Callable[[bytes], bytes]) -> Any:
    """pyHanko's signer around a key that stays loaded: its own signer parses it each time, 10 ms."""
    load_pyhanko()
    from asn1crypto import algos
    from pyhanko.sign.signers import Signer
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    class LoadedSigner(Signer):
        async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
            return sign(data)

    registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    registry.register_multiple([_asn1(above) for above in key.chain])
    algorithm = "sha256_ecdsa" if _elliptic(key) else "sha256_rsa"
    return LoadedSigner(
        signing_cert=_asn1(key.certificate),
        cert_registry=registry,
        embed_roots=False,  # whoever trusts our authority has it; in here it would be unprotected bytes
        signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": algorithm}),
    )


def _elliptic(key: SigningKey) -> bool:
    return isinstance(key.private_key, ec.EllipticCurvePrivateKey)


def _made(key: SigningKey, digest: bytes, sign: Callable[[bytes], bytes], timestamper: Any = None) -> bytes:
    made = _signer(key, sign).async_sign(digest, "sha256", use_pades=True, timestamper=timestamper)
    return bytes(asyncio.run(made).dump())


@lru_cache(maxsize=32)
def _cms_template(key: SigningKey, signature_length: int) -> tuple[list[bytes], list[bytes]] | None:
    """Return pyHanko's CMS and its signed attributes with holes for digest and signature.

    Without a time stamp nothing else differs from document to document, and taking it apart once
    saves 7 ms of each. None when a hole is not found exactly once: then pyHanko makes each CMS whole.
    """
    digest = hashlib.sha256(b"hole for the digest").digest()
    signature = hashlib.shake_256(b"hole for the signature").digest(signature_length)
    attributes: list[bytes] = []

    def sign(data: bytes) -> bytes:
        attributes.append(data)
        return signature

    made = _made(key, digest, sign)
    if len(attributes) != 1 or attributes[0].count(digest) != 1:
        return None
    if made.count(digest) != 1 or made.count(signature) != 1 or made.index(digest) > made.index(signature):
        return None
    before, rest = made.split(digest)
    return [before, *rest.split(signature)], attributes[0].split(digest)


def make_cms(digest: bytes, key: SigningKey, *, timestamper: "TimeStamper | None" = None) -> bytes:
    """Return the DER of a detached PAdES B-B CMS for the SHA-256 `digest` of a byte range."""
    whole = functools.partial(raw_signature, key.private_key)
    attributes = _cms_template(key, _longest_signature(key)) if timestamper is None else None
    if attributes is None:
        return _made(key, digest, whole, timestamper)
    signature = whole(digest.join(attributes[1]))
    template = _cms_template(key, len(signature))  # ECDSA signatures differ by a byte or two
    if template is None:
        return _made(key, digest, whole)
    before, between, after = template[0]
    return b"".join((before, digest, between, signature, after))


def _longest_signature(key: SigningKey) -> int:
    return 72 if _elliptic(key) else key.private_key.key_size // 8


@lru_cache(maxsize=8)
def reserve(key: SigningKey, *, timestamped: bool = False) -> int:
    """Return how many bytes the CMS of this key may take, with some to spare."""
    longest = bytes(_longest_signature(key))
    size = len(_made(key, bytes(32), lambda _data: longest))
    return size + SLACK_BYTES + (TIMESTAMP_BYTES if timestamped else 0)


def http_timestamper(url: str, *, timeout: int = 10) -> "TimeStamper":
    """Return a client of an RFC 3161 time stamp authority; `timeout` in seconds."""
    load_pyhanko()
    from pyhanko.sign.timestamps import HTTPTimeStamper

    return HTTPTimeStamper(url, timeout=timeout)


def sign_pdf(
    pdf: bytes,
    key: SigningKey,
    *,
    signed_at: datetime,
    name: str = "",
    reason: str = "",
    timestamper: "TimeStamper | None" = None,
) -> bytes:
    """Return the PDF with a signature by `key` in its field "Signature".

    `pdf` comes from `render_document(..., signature_field=True)`. `signed_at` (aware) is what the
    signature says of its time; only a time stamp proves it. SigningKeyError when there is no empty
    field, when the time stamp authority does not answer, or when the signature does not fit its room;
    nothing is half signed.
    """
    load_pyhanko()
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.misc import PdfError as PyHankoError
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
    from pyhanko.sign.signers.pdf_byterange import SignatureObject
    from pyhanko.sign.timestamps import TimestampRequestError

    class SigningWriter(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            """Leave the metadata alone: pyHanko would write them anew, compressed and in a form that PDF/A-3 refuses."""

    room = reserve(key, timestamped=timestamper is not None)
    try:
        writer = SigningWriter(io.BytesIO(pdf))
        steps = PdfCMSEmbedder().write_cms(FIELD, writer, existing_fields_only=True)
        next(steps)
        placeholder = SignatureObject(
            timestamp=signed_at.astimezone(UTC),
            subfilter=SigSeedSubFilter.PADES,
            name=name or None,
            reason=reason or None,
            bytes_reserved=2 * room,
        )
        steps.send(SigObjSetup(sig_placeholder=placeholder))
        prepared, output = steps.send(SigIOSetup(md_algorithm="sha256"))
        cms = make_cms(prepared.document_digest, key, timestamper=timestamper)
        if len(cms) > room:
            raise SigningKeyError(_("The signature is larger than the room left for it."))
        steps.send(cms)
    except TimestampRequestError as error:
        raise SigningKeyError(_("The time stamp authority did not answer.")) from error
    except (SigningError, PyHankoError) as error:
        raise SigningKeyError(_("This PDF has no empty signature field to sign.")) from error
    return bytes(output.getvalue())
