"""An uploaded file is told apart: ours, changed, borrowed names, someone else's, or nothing."""

import io
import random
import time
import zlib
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pikepdf
import pytest

from certificates import judging
from certificates.judging import Outcome, judge_pdf, sentence
from certificates.pyhanko_modules import load_pyhanko
from certificates.signing import sign_pdf
from tests.certificates.signed import ISSUED, SCHOOL, history, issuer_key, signed_pdf, unsigned_pdf


def _outcome(data: bytes, **options: Any) -> Outcome:
    return judge_pdf(data, history(), **options).outcome


def test_what_we_signed_is_ours_and_unchanged() -> None:
    judged = judge_pdf(signed_pdf(), history(), issued_at=ISSUED)
    assert judged.outcome is Outcome.UNCHANGED
    assert judged.signed_at == ISSUED
    assert SCHOOL in judged.signer
    assert judged.fingerprint == issuer_key().fingerprint


def test_a_past_key_of_the_history_still_counts_after_its_expiry() -> None:
    keys = [issuer_key(SCHOOL, 1).certificate_pem.encode(), *history()]
    assert judge_pdf(signed_pdf(), keys, issued_at=ISSUED + timedelta(days=30)).outcome is Outcome.UNCHANGED
    assert judge_pdf(signed_pdf(), keys).outcome is Outcome.UNCHANGED


def test_a_signature_outside_the_time_of_its_key_is_told() -> None:
    late = sign_pdf(unsigned_pdf(), issuer_key(), signed_at=ISSUED + timedelta(days=900))
    assert _outcome(late) is Outcome.OUT_OF_TIME
    assert _outcome(signed_pdf(), issued_at=ISSUED - timedelta(days=900)) is Outcome.OUT_OF_TIME


def _incremental(change: Callable[[Any], None]) -> bytes:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer: Any = IncrementalPdfFileWriter(io.BytesIO(signed_pdf()))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _overlay(writer: Any) -> None:
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.generic import pdf_name

    dictionary: Any = generic.DictionaryObject
    note = dictionary(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/FreeText"),
            pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (200, 300, 600, 400))),
            pdf_name("/Contents"): generic.TextStringObject("John Doe"),
            pdf_name("/DA"): generic.TextStringObject("/Helv 30 Tf"),
        }
    )
    writer.register_annotation(writer.root["/Pages"]["/Kids"].raw_get(0), writer.add_object(note))


def _other_text(writer: Any) -> None:
    from pyhanko.pdf_utils import generic

    reference = writer.root["/Pages"]["/Kids"][0].raw_get("/Contents")
    stream = generic.StreamObject(stream_data=b"BT /F1 40 Tf 10 50 Td (John Doe) Tj ET")
    writer.objects[(reference.generation, reference.idnum)] = stream


def _language(writer: Any) -> None:
    from pyhanko.pdf_utils import generic

    writer.root["/Lang"] = generic.TextStringObject("fr")
    writer.update_root()


def _signed_again() -> bytes:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields

    writer: Any = IncrementalPdfFileWriter(io.BytesIO(signed_pdf()))
    fields.append_signature_field(writer, fields.SigFieldSpec("Signature2"))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _resaved(change: Callable[[Any], None] = lambda doc: None) -> bytes:
    with pikepdf.open(io.BytesIO(signed_pdf())) as doc:
        change(doc)
        out = io.BytesIO()
        doc.save(out)
        return out.getvalue()


def _strip(doc: Any) -> None:
    del doc.Root.AcroForm
    doc.pages[0].Annots = doc.make_indirect(
        pikepdf.Array([note for note in doc.pages[0].Annots if note.Subtype != "/Widget"])
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda: signed_pdf() + b"\n",
        lambda: signed_pdf() + b"% note",
        lambda: _incremental(_overlay),
        lambda: _incremental(_other_text),
        lambda: _incremental(_language),
        lambda: _signed_again(),
        lambda: _resaved(),
    ],
    ids=["a byte", "a comment", "an overlay", "other text", "the language", "another field", "saved anew"],
)
def test_what_was_changed_after_signing_is_told(change: Callable[[], bytes]) -> None:
    assert _outcome(change()) is Outcome.CHANGED


def test_a_flipped_bit_anywhere_is_never_unchanged() -> None:
    """One bit in each kind of object: page content, fonts, art, metadata, tags, tables, the CMS."""
    pdf = signed_pdf()
    cms = pdf.index(b"/Contents <") + 11
    room = pdf.index(b">", cms)
    places = [
        *range(cms, cms + 100, 2),
        cms + 900,
        room - 1,
        room - 30,
        pdf.index(b"/ByteRange") + 14,
        pdf.rindex(b"startxref") + 12,
        10,
    ]
    places += [found + 40 for found in _all(pdf, b"stream\n")[:-1]]
    places += random.Random(7).sample(range(len(pdf)), 40)
    for place in places:
        spoiled = bytearray(pdf)
        spoiled[place] ^= 1
        assert _outcome(bytes(spoiled)) is not Outcome.UNCHANGED, place


def test_a_flipped_bit_in_what_is_printed_is_a_change_and_not_damage() -> None:
    pdf = signed_pdf()
    streams = _all(pdf, b"stream\n")
    for place in streams[2:6]:
        spoiled = bytearray(pdf)
        spoiled[place + 200] ^= 1
        assert _outcome(bytes(spoiled)) is Outcome.CHANGED


def _all(data: bytes, part: bytes) -> list[int]:
    found, at = [], data.find(part)
    while at >= 0:
        found.append(at)
        at = data.find(part, at + 1)
    return found


def test_the_case_of_the_issuers_name_in_the_signature_counts() -> None:
    """Names are compared without case; the letters of the file are not."""
    pdf = signed_pdf()
    name = SCHOOL.encode().hex().upper().encode()
    spoiled = bytearray(pdf)
    spoiled[pdf.rindex(name) : pdf.rindex(name) + 2] = b"74"  # T → t
    assert _outcome(bytes(spoiled)) is Outcome.CHANGED


def test_an_older_revision_carries_no_signature() -> None:
    assert _outcome(unsigned_pdf()) is Outcome.UNSIGNED


def test_a_stripped_signature_is_no_signature() -> None:
    assert _outcome(_resaved(_strip)) is Outcome.UNSIGNED


def test_a_look_alike_authority_with_our_names_is_told() -> None:
    borrowed = sign_pdf(unsigned_pdf(), issuer_key(SCHOOL, 1), signed_at=ISSUED, name=SCHOOL)
    assert _outcome(borrowed) is Outcome.LOOK_ALIKE
    dressed = sign_pdf(unsigned_pdf(), issuer_key("TIDEWAY  Bodywork-Institute", 2), signed_at=ISSUED)
    assert _outcome(dressed) is Outcome.LOOK_ALIKE


def test_a_foreign_signature_is_told() -> None:
    theirs = sign_pdf(unsigned_pdf(), issuer_key("Elsewhere College"), signed_at=ISSUED, name=SCHOOL)
    assert _outcome(theirs) is Outcome.FOREIGN


def test_our_certificate_around_another_signature_is_not_ours() -> None:
    """Anyone can copy our certificate into a CMS; only the key can sign."""
    import dataclasses

    forged = dataclasses.replace(issuer_key(SCHOOL, 1), certificate=issuer_key().certificate)
    assert _outcome(sign_pdf(unsigned_pdf(), forged, signed_at=ISSUED)) is Outcome.CHANGED


def test_an_empty_history_owns_nothing() -> None:
    assert judge_pdf(signed_pdf(), []).outcome is Outcome.FOREIGN


def test_an_encrypted_file_is_told() -> None:
    with pikepdf.open(io.BytesIO(signed_pdf())) as doc:
        out = io.BytesIO()
        doc.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    assert _outcome(out.getvalue()) is Outcome.ENCRYPTED


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 a zip", b"\x89PNG\r\n", b"<html>%PDF", b"x" * 5000])
def test_what_is_no_pdf_is_told(data: bytes) -> None:
    assert _outcome(data) is Outcome.NOT_A_PDF


def test_a_truncated_file_is_damaged() -> None:
    for keep in (100, 5000, 100_000):
        assert _outcome(signed_pdf()[:keep]) in (Outcome.DAMAGED, Outcome.UNSIGNED)


def test_a_huge_file_is_refused_unread() -> None:
    began = time.process_time()
    assert _outcome(b"%PDF-1.7\n" + bytes(100_000_000)) is Outcome.TOO_LARGE
    assert time.process_time() - began < 0.5


def _with_stream(dictionary: bytes, data: bytes) -> bytes:
    """A file whose cross-reference table is the given stream."""
    head = b"%PDF-1.7\n"
    body = (
        b"1 0 obj\n<<" + dictionary + b"/Length %d>>\nstream\n" % len(data) + data + b"\nendstream\nendobj\n"
    )
    return head + body + b"startxref\n%d\n%%%%EOF\n" % len(head)


BOMB = zlib.compress(bytes(200_000_000), 9)
XREF = b"/Type/XRef/Size 3/W[1 4 2]/Root 2 0 R"
HOSTILE = {
    "a bomb as table": _with_stream(XREF + b"/Filter/FlateDecode", BOMB),
    "a double bomb": _with_stream(XREF + b"/Filter[/FlateDecode/FlateDecode]", zlib.compress(BOMB, 9)),
    "a huge table": _with_stream(XREF.replace(b"/Size 3", b"/Size 2147483647"), bytes(70)),
    "a hidden huge table": _with_stream(b"/Type/XRef/S#69ze 2147483647/W[0 0 0]/Root 2 0 R", bytes(70)),
    "deep nesting": b"%PDF-1.7\n1 0 obj\n" + b"[" * 400_000 + b"\nendobj\ntrailer\n<</Root 1 0 R>>\n",
    "deep dictionaries": b"%PDF-1.7\n1 0 obj\n" + b"<</A " * 200_000 + b"\nstartxref\n9\n%%EOF",
    "many objects": b"%PDF-1.7\n" + b"1 0 obj\n<<>>\nendobj\n" * 200_000,
    "many revisions": b"%PDF-1.7\n" + b"startxref\n0\n%%EOF\n" * 200_000,
    "a loop of tables": b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 1/Root 1 0 R/Prev 9>>\n"
    b"startxref\n9\n%%EOF",
    "brackets": b"%PDF-1.7\n" + b"(" * 3_000_000 + b"startxref\n9\n%%EOF",
    "digits": b"%PDF-1.7\n" + b"9" * 3_000_000 + b" 0 obj\nstartxref\n9\n%%EOF",
    "spaces": b"%PDF-1.7\n" + b" " * 4_000_000 + b"startxref\n9\n%%EOF",
    "junk": b"%PDF-1.7\n" + random.Random(1).randbytes(1_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_little_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MAX_SECONDS", 0.2)
    began = time.process_time()
    assert _outcome(HOSTILE[name]) in (Outcome.DAMAGED, Outcome.UNSIGNED)
    assert time.process_time() - began < 10  # unbounded it would be an hour


def test_a_bomb_costs_little_memory() -> None:
    import tracemalloc

    tracemalloc.start()
    try:
        _outcome(HOSTILE["a double bomb"])
        _outcome(HOSTILE["a bomb as table"])
        assert tracemalloc.get_traced_memory()[1] < 80_000_000
    finally:
        tracemalloc.stop()


def test_each_outcome_has_its_own_sentence() -> None:
    sentences = [sentence(outcome) for outcome in Outcome]
    assert len(set(sentences)) == len(Outcome)
    assert all(text.endswith(".") for text in sentences)


def _flipped(pdf: bytes, place: int, bit: int) -> None:
    """One bit, by the judge itself: the thread and the clock around it are for hostile files and have their own tests.

    The keys of a run are made anew, so a failure says which bit of which signature it was.
    """
    spoiled = bytearray(pdf)
    spoiled[place] ^= 1 << bit
    try:
        outcome = judging._judge(bytes(spoiled), _known(), None).outcome
    except Exception:
        return  # damaged
    start = pdf.index(b"/Contents <")
    told = f"bit {bit} of byte {place} (the signature begins at {start}): {pdf[start : start + 9000]!r}"
    assert outcome is not Outcome.UNCHANGED, told


@cache
def _known() -> list[Any]:
    load_pyhanko()
    return [judging._certificates(known) for known in history()]


@pytest.mark.full
def test_no_bit_of_a_thousand_can_be_flipped_unseen() -> None:
    pdf = signed_pdf()
    for place in random.Random(11).sample(range(len(pdf)), 1000):
        _flipped(pdf, place, random.Random(place).randrange(8))


def test_a_busy_machine_makes_no_good_file_a_damaged_one() -> None:
    """The limit is of the thread’s own work, not of the clock on the wall."""

    def wait(seconds: float) -> str:
        time.sleep(seconds)
        return "read"

    assert judging.within(0.3, lambda: wait(0.4)) == "read"
    assert judging.within(0.1, lambda: wait(1.5)) is None, "ten times as long is too long"


def test_work_that_never_ends_is_stopped() -> None:
    def spin() -> None:
        while True:
            pass

    began = time.process_time()
    assert judging.within(0.1, spin) is None
    assert time.process_time() - began < 10  # unbounded it would be an hour
