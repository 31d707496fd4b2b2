"""The one part of a signed PDF that its signature does not cover: the CMS around the signature, held to the letter.

It is built once more from what the signature proves (its signed attributes and its value) and from what we know (our
certificates, our algorithms). Whatever else stands in its room is a change: other letters for the same hexadecimal, another
name of an algorithm, a flipped bit in a certificate that came along, something behind the end.
"""

from collections.abc import Sequence
from typing import Any


def as_we_write_it(data: bytes, signature: Any, above: Sequence[Any]) -> bool:
    """Say whether the signature's own text is ours to the letter.

    ``signature`` is pyHanko's, of the file ``data``; ``above`` are the certificates (asn1crypto) that came with our key. A
    time stamp is taken as it stands: its authority signs it, not we (``certificates.judging`` looks at it).
    """
    from asn1crypto import parser

    _zero, start, after, _rest = (int(number) for number in signature.byte_range)
    contents: bytes = signature.pkcs7_content
    der = contents[: parser.peek(contents)]
    return (
        data[start:after] == b"<" + contents.hex().upper().encode() + b">"
        and not contents[len(der) :].strip(b"\0")
        and _is_der(der)
        and der == _rebuilt(signature, above)
    )


def _rebuilt(signature: Any, above: Sequence[Any]) -> bytes | None:
    """The CMS as we make it around the same signed attributes and value; None when it has attributes that we never add."""
    from asn1crypto import algos, cms

    found, signer = signature.signer_info, signature.signer_cert
    digest = algos.DigestAlgorithm({"algorithm": "sha256"})
    algorithm = "sha256_ecdsa" if signer.public_key.algorithm == "ec" else "sha256_rsa"
    info = {
        "version": "v1",
        "sid": {
            "issuer_and_serial_number": {"issuer": signer.issuer, "serial_number": signer.serial_number},
        },
        "digest_algorithm": digest,
        "signed_attrs": found["signed_attrs"],
        "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": algorithm}),
        "signature": found["signature"].native,
    }
    extra = found["unsigned_attrs"]
    if extra.native is not None:
        if [(item["type"].native, len(item["values"])) for item in extra] != [
            ("signature_time_stamp_token", 1)
        ]:
            return None
        info["unsigned_attrs"] = extra
    along = [signer, *(one for one in above if one.self_signed == "no")]
    signed = {
        "version": "v1",
        "digest_algorithms": [digest],
        "encap_content_info": {"content_type": "data"},
        "certificates": [cms.CertificateChoices(name="certificate", value=one) for one in along],
        "signer_infos": [info],
    }
    made = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})
    return bytes(made.dump())


def _is_der(data: bytes) -> bool:
    """Say whether each element fills its room exactly, in the shortest form of its length (X.690, 10.1)."""
    at = 0
    while at < len(data):
        if len(data) - at < 2 or data[at] == 0:
            return False
        tag, size, head = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[head : head + count], "big")
            head += count
            if size < 0x80 or count != (size.bit_length() + 7) // 8:
                return False
        at = head + size
        if at > len(data) or (tag & 0x20 and not _is_der(data[head:at])):
            return False
    return True
