"""The one part of a signed file that no signature covers: whatever is changed in it is told.

A sweep over every bit of the CMS found two places that went unseen: the certificates that come along with a bought key, and
the time stamp. Both are held since. What is left is the envelope of a time stamp, which is its authority's own.
"""

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from asn1crypto import parser

from certificates import judging
from certificates.judging import Outcome
from certificates.keys import SigningKey
from certificates.pyhanko_modules import load_pyhanko
from certificates.signing import sign_pdf
from tests.certificates.signed import ISSUED, bought_key, issuer_key, time_stamper, unsigned_pdf

KINDS = ("own authority", "bought", "time stamp")


@cache
def _signed(kind: str) -> tuple[SigningKey, bytes]:
    load_pyhanko()
    key = bought_key() if kind == "bought" else issuer_key()
    stamper = time_stamper() if kind == "time stamp" else None
    return key, sign_pdf(unsigned_pdf(), key, signed_at=ISSUED, timestamper=stamper)


def _contents(pdf: bytes) -> tuple[int, int, bytes]:
    """Where the hexadecimal of the signature begins and ends, and the CMS in it."""
    start = pdf.index(b"/Contents <") + 11
    end = pdf.index(b">", start)
    room = bytes.fromhex(pdf[start:end].decode())
    return start, end, room[: parser.peek(room)]


def _judged(key: SigningKey, pdf: bytes) -> Outcome:
    """By the judge itself: the thread and the clock around it are for hostile files, and have their own tests."""
    try:
        return judging._judge(pdf, [judging._certificates(key.certificate_pem.encode())], None).outcome
    except Exception:
        return Outcome.DAMAGED


def _with(pdf: bytes, cms: bytes) -> bytes:
    start, end, _cms = _contents(pdf)
    return pdf[:start] + cms.hex().upper().encode().ljust(end - start, b"0") + pdf[end:]


def _unseen(kind: str, places: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """The bits (byte of the CMS, bit) that can be flipped and nobody sees it."""
    key, pdf = _signed(kind)
    _start, _end, cms = _contents(pdf)
    found = []
    for place, bit in places:
        spoiled = bytearray(cms)
        spoiled[place] ^= 1 << bit
        if _judged(key, _with(pdf, bytes(spoiled))) is Outcome.UNCHANGED:
            found.append((place, bit))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_signature_is_ours_as_it_is_made(kind: str) -> None:
    key, pdf = _signed(kind)
    assert _judged(key, pdf) is Outcome.UNCHANGED
    assert _with(pdf, _contents(pdf)[2]) == pdf


def test_a_bit_of_the_certificate_that_came_along_is_not_flipped_unseen() -> None:
    key, pdf = _signed("bought")
    from asn1crypto import x509 as asn1

    between = judging._certificates(key.certificate_pem.encode())[1]
    assert isinstance(between, asn1.Certificate)
    at, size = _contents(pdf)[2].index(between.dump()), len(between.dump())
    assert not _unseen("bought", ((place, 0) for place in range(at, at + size, 9)))


def test_a_certificate_more_or_less_is_told() -> None:
    key, pdf = _signed("bought")
    without = judging._certificates(key.certificate_pem.encode())[:1]
    assert judging._judge(pdf, [without], None).outcome is Outcome.CHANGED


def test_what_a_time_authority_signed_is_not_changed_unseen() -> None:
    """Its imprint of our signature, its time, its attributes, its signature: all but its envelope."""
    _key, pdf = _signed("time stamp")
    cms = _contents(pdf)[2]
    token = _token(pdf)
    info = token["signer_infos"][0]
    for part in (
        token["encap_content_info"]["content"].contents,
        info["signed_attrs"].contents,
        info["signature"].contents,
    ):
        at = cms.index(part)
        step = max(1, len(part) // 12)
        assert not _unseen("time stamp", ((place, 2) for place in range(at, at + len(part), step)))


def _token(pdf: bytes) -> Any:
    import io

    from pyhanko.pdf_utils.reader import PdfFileReader

    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures
    (attribute,) = signature.signer_info["unsigned_attrs"]
    return attribute["values"][0]["content"]


def test_anything_added_to_the_envelope_is_told() -> None:
    """Attributes that nobody signed, a list of revoked keys, another name of the algorithm, bytes behind the end."""
    from asn1crypto import cms as asn1
    from asn1crypto.core import Null

    key, pdf = _signed("own authority")
    cms = _contents(pdf)[2]

    def changed(name: str, value: Any, *, inside: bool) -> bytes:
        made = asn1.ContentInfo.load(cms)
        signed = made["content"]
        (signed["signer_infos"][0] if inside else signed)[name] = value
        return bytes(made.dump(force=True))

    nonsense = asn1.CMSAttribute({"type": "1.2.3.4", "values": [Null()]})
    for spoiled in (
        changed("unsigned_attrs", [nonsense], inside=True),
        changed("version", "v3", inside=False),
        changed("signature_algorithm", {"algorithm": "rsassa_pkcs1v15"}, inside=True),
        cms + b"\x05\x00",
    ):
        assert spoiled != cms
        assert _judged(key, _with(pdf, spoiled)) is Outcome.CHANGED


def test_the_letters_of_the_hexadecimal_and_the_room_behind_it_count() -> None:
    key, pdf = _signed("own authority")
    start, end, _cms = _contents(pdf)
    at = next(place for place in range(start, end) if pdf[place : place + 1] in b"ABCDEF")
    small = pdf[:at] + pdf[at : at + 1].lower() + pdf[at + 1 :]
    room = pdf[: end - 1] + b"1" + pdf[end:]
    spaced = pdf[: end - 2] + b"  " + pdf[end:]
    for spoiled in (small, room, spaced):
        assert _judged(key, spoiled) is not Outcome.UNCHANGED


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_no_byte_of_a_signature_can_be_spoiled_unseen(kind: str) -> None:
    """Every byte of the CMS, one bit each; of a time stamp every third, and not the envelope that its authority made."""
    _key, pdf = _signed(kind)
    cms = _contents(pdf)[2]
    places = range(0, len(cms), 3 if kind == "time stamp" else 1)
    unseen = _unseen(kind, ((place, random.Random(place).randrange(8)) for place in places))
    if kind == "time stamp":
        token = _token(pdf).contents
        begins = cms.index(token)
        assert all(begins <= place < begins + len(token) for place, _bit in unseen), unseen
        assert len(unseen) < 50, unseen
    else:
        assert not unseen


@pytest.mark.full
def test_no_bit_around_the_signature_can_be_flipped_unseen() -> None:
    key, pdf = _signed("own authority")
    start, end, _cms = _contents(pdf)
    for place in (*range(start - 120, start + 1), *range(end - 60, end + 120)):
        for bit in range(8):
            spoiled = bytearray(pdf)
            spoiled[place] ^= 1 << bit
            assert _judged(key, bytes(spoiled)) is not Outcome.UNCHANGED, (place, bit)
