"""What is this PDF? Judging an uploaded file against the keys that the school has signed with.

A file whose SHA-256 is on record is the issued one, byte for byte; the caller knows that first. This
tells the others apart. pyHanko reads and validates; its decoding limits and a size limit bound the
work. Imported when a file is judged, not when a web process starts.
"""

import contextlib
import ctypes
import enum
import io
import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from flask_babel import gettext as _

from certificates.envelope import as_we_write_it
from certificates.pyhanko_modules import load_pyhanko

MAX_BYTES = 5_000_000
MAX_OBJECTS = 20_000
MAX_REVISIONS = 20
MAX_SECONDS = 3.0
DECODED_BYTES = 32 * 1024 * 1024
# a cross-reference table that claims a million objects or more
_HUGE_TABLE = re.compile(rb"/(?:Size|N)\s*\d{7}|/Index\s*\[[\d\s]*\d{7}|xref\s+\d+\s+\d{7}")


T = TypeVar("T")


class Outcome(enum.StrEnum):
    """What an uploaded file turned out to be."""

    UNCHANGED = "signed_by_us_unchanged"
    CHANGED = "signed_by_us_changed"
    OUT_OF_TIME = "signed_outside_key_validity"
    LOOK_ALIKE = "look_alike_signature"
    FOREIGN = "foreign_signature"
    UNSIGNED = "no_signature"
    ENCRYPTED = "encrypted"
    NOT_A_PDF = "not_a_pdf"
    TOO_LARGE = "too_large"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome; who signed, and when by its own word (UTC), where there is one signature."""

    outcome: Outcome
    signer: str = ""
    signed_at: datetime | None = None
    fingerprint: str = ""


def sentence(outcome: Outcome) -> str:
    """Say an outcome in plain words."""
    return {
        Outcome.UNCHANGED: _("This file was signed by us and has not been changed since."),
        Outcome.CHANGED: _("This file carries our signature, but it was changed after we signed it."),
        Outcome.OUT_OF_TIME: _("This file was signed with a key of ours outside the time of that key."),
        Outcome.LOOK_ALIKE: _("This file is signed in our name, but not with our key. It is not ours."),
        Outcome.FOREIGN: _("This file is signed by someone else. It is not ours."),
        Outcome.UNSIGNED: _("This file carries no signature, so nothing says that it is ours."),
        Outcome.ENCRYPTED: _("This file is encrypted. Our certificates never are."),
        Outcome.NOT_A_PDF: _("This file is not a PDF."),
        Outcome.TOO_LARGE: _("This file is too large to be one of our certificates."),
        Outcome.DAMAGED: _("This file is damaged: it can’t be read as one of our certificates."),
    }[outcome]


@lru_cache(maxsize=64)
def _certificates(pem_or_der: bytes) -> tuple[Any, ...]:
    """A key's certificate, and those above it that came with the key (PEM one after the other)."""
    from asn1crypto import pem
    from asn1crypto import x509 as asn1

    if not pem.detect(pem_or_der):
        return (asn1.Certificate.load(pem_or_der),)
    return tuple(
        asn1.Certificate.load(der) for _kind, _headers, der in pem.unarmor(pem_or_der, multiple=True)
    )


def judge_pdf(
    data: bytes,
    key_history: Sequence[bytes],
    *,
    issued_at: datetime | None = None,
    max_bytes: int = MAX_BYTES,
) -> Judgement:
    """Judge a file's bytes against our certificates, PEM (with those above, one after the other) or DER, past ones included.

    Unchanged means: exactly one signature, over the whole file, intact, by a certificate of the
    history, valid at `issued_at` (aware) or, without it, at the time that the signature states, and what
    stands around the signature as we write it. A yearly key that has expired since does not spoil what it
    signed. Of a time stamp all is held that its authority signed; its envelope is the authority's own.
    Never raises for a bad file.
    """
    if len(data) > max_bytes:
        return Judgement(Outcome.TOO_LARGE)
    if b"%PDF-" not in data[:1024]:
        return Judgement(Outcome.NOT_A_PDF)
    if data.count(b" obj") > MAX_OBJECTS or data.count(b"startxref") > MAX_REVISIONS:
        return Judgement(Outcome.DAMAGED)
    if _HUGE_TABLE.search(data):
        return Judgement(Outcome.DAMAGED)
    history = [_certificates(known) for known in key_history]
    load_pyhanko()  # before the clock runs
    return within(MAX_SECONDS, lambda: _judge(data, history, issued_at)) or Judgement(Outcome.DAMAGED)


class _TooLongError(BaseException):
    """Thrown into a judging thread that has used up its time."""


def within(seconds: float, work: Callable[[], T]) -> T | None:
    """Return what `work` returns, or None when it fails or takes more than `seconds` of processor time.

    The work runs in a thread of its own, which is stopped by an exception: a table that claims two
    thousand million entries would keep the reader busy for an hour. A hostile file may break the
    reader anywhere; that is an answer, not an error. The time is the thread's own, so that a busy
    machine does not make a good file a damaged one; ten times as much may pass on the wall.
    """
    results: list[T] = []
    ending, done = threading.Lock(), threading.Event()
    clocks: list[int] = []

    def run() -> None:
        with contextlib.suppress(_TooLongError, AttributeError):  # macOS has no such clock
            clocks.append(time.pthread_getcpuclockid(threading.get_ident()))
        with contextlib.suppress(Exception, _TooLongError):
            results.append(work())
        while not done.is_set():
            # what was thrown before `done` arrives here at the latest: outside it would end up in the log
            with contextlib.suppress(_TooLongError), ending:
                done.set()
                time.sleep(0)

    thread = threading.Thread(target=run, name="judging", daemon=True)
    began = time.monotonic()
    thread.start()
    thread.join(seconds)
    while thread.is_alive():
        late = time.monotonic() - began > 10 * seconds
        if late or _used(clocks, began) > seconds:
            with ending:
                if not done.is_set():
                    ident = ctypes.c_ulong(thread.ident or 0)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_TooLongError))
        thread.join(min(0.5, seconds))
    return results[0] if results else None


def _used(clocks: Sequence[int], began: float) -> float:
    """The seconds of processor time that a thread has used by its clock; those on the wall without one."""
    try:
        return time.clock_gettime(clocks[0])
    except (IndexError, OSError):  # not begun, or over
        return time.monotonic() - began


def _judge(data: bytes, history: Sequence[tuple[Any, ...]], issued_at: datetime | None) -> Judgement:
    # it logs a traceback for each odd signature; here an odd signature is an answer
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    from pyhanko.pdf_utils.decode_limits import DecodeLimits, DocumentDecodeBudget, StreamDecodeLimits
    from pyhanko.pdf_utils.reader import PdfFileReader

    limits = DecodeLimits(
        per_stream=StreamDecodeLimits(max_output_size=DECODED_BYTES),
        document_budget=DocumentDecodeBudget(base_allowance=DECODED_BYTES, max_ratio=1),
    )
    reader = PdfFileReader(io.BytesIO(data), strict=True, decode_limits=limits)
    if reader.encrypted:
        return Judgement(Outcome.ENCRYPTED)
    signatures = reader.embedded_signatures
    if not signatures:
        return Judgement(Outcome.UNSIGNED)
    known = {certificate.sha256: above for certificate, *above in history}
    ours = [found for found in signatures if found.signer_cert.sha256 in known]
    if not ours:
        return _foreign(signatures[0], [certificate for certificate, *_above in history])
    about, above = _about(ours[0]), known[ours[0].signer_cert.sha256]
    if len(signatures) != 1 or not as_we_write_it(data, ours[0], above):
        return Judgement(Outcome.CHANGED, **about)
    return Judgement(_validate(ours[0], issued_at), **about)


def _validate(signature: Any, issued_at: datetime | None) -> Outcome:
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    when = issued_at or signature.self_reported_timestamp
    context = ValidationContext(trust_roots=[signature.signer_cert], moment=when, allow_fetching=False)
    # the comparison of revisions is skipped: a second revision is refused by its coverage
    status = validate_pdf_signature(signature, context, skip_diff=True)
    stamp = (
        status.timestamp_validity
    )  # trust in its authority is the reader's own; that it is whole is ours to say
    whole = status.intact and status.valid and (stamp is None or (stamp.intact and stamp.valid))
    if not whole or status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        return Outcome.CHANGED
    # a certificate of the history is its own anchor, whose time the validator does not look at
    valid = signature.signer_cert["tbs_certificate"]["validity"]
    in_time = when and valid["not_before"].native <= when <= valid["not_after"].native
    return Outcome.UNCHANGED if status.trusted and in_time else Outcome.OUT_OF_TIME


def _foreign(signature: Any, history: Sequence[Any]) -> Judgement:
    """Tell someone else's signature from one that borrows our names."""
    signer = signature.signer_cert
    names = {_plain(part) for known in history for part in (known.subject, known.issuer)}
    borrowed = {_plain(signer.subject), _plain(signer.issuer)} & names
    return Judgement(Outcome.LOOK_ALIKE if borrowed else Outcome.FOREIGN, **_about(signature))


def _plain(name: Any) -> str:
    """A name as a person compares it: the organization, letters and digits only."""
    native = name.native
    text = str(native.get("organization_name") or native.get("common_name") or name.human_friendly)
    return "".join(ch for ch in text.casefold() if ch.isalnum())


def _about(signature: Any) -> dict[str, Any]:
    when = signature.self_reported_timestamp
    return {
        "signer": signature.signer_cert.subject.human_friendly,
        "signed_at": when.astimezone(UTC) if when else None,
        "fingerprint": signature.signer_cert.sha256.hex(),
    }
