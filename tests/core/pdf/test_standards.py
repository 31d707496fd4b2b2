"""PDF/A-3a and PDF/UA-1 by a validator that is not ours: ``page``, which passes veraPDF's corpus of test files."""

import re
from typing import Any

import page
import pytest

from certificates.signing import sign_pdf
from core.pdf import render_document
from tests.certificates.signed import ISSUED, SCHOOL, bought_key, issuer_key, time_stamper
from tests.core.pdf.samples import CERTIFICATES, PAPERS, certificate, sample
from tests.core.pdf.test_render import NOTE

NAMES = {
    "arabic": ("فاطمة الزهراء بنت محمد", "ar"),
    "chinese": ("欧阳明月", "zh-Hans"),
    "devanagari": ("प्रिया शर्मा", "hi"),
    "emoji": ("Maya 🌊", "en"),
    "hebrew": ("שירה כהן", "he"),
    "thai": ("สมชาย ใจดี", "th"),
    "vietnamese": ("Nguyễn Thị Minh Khai", "vi"),
}


def wrong(pdf: bytes) -> list[str]:
    """What the validator says against a document, by both standards; an empty list when it conforms."""
    told = []
    for profile in ("3a", "ua1"):
        report = page.validate_pdf_bytes(pdf, profile=profile)
        told += [f"{failure.rule_id}: {failure.message}" for failure in report.failures]
        assert report.is_compliant is not bool(report.failures)
        assert report.rules.total > 100
    return [text for text in told if not (text.startswith(LENGTH) and lengths_hold(pdf))]


# One compressed stream in 256 ends with a carriage return. With the line feed before ``endstream`` the validator takes both
# for the end of the line, and the length for one too many; ISO 19005-3, 6.1.7.1 allows either reading.
LENGTH = "PDFA3A-STREAM-LENGTH-001"
STREAM = re.compile(rb"/Length (\d+)\b(?!\s+\d+\s+R)[^\x80-\xff]{0,400}?>>\s*stream\r?\n")


def lengths_hold(pdf: bytes) -> bool:
    """Whether some stream ends with a carriage return, and each is as long as it says, to the byte."""
    ends = [found.end() + int(found[1]) for found in STREAM.finditer(pdf)]
    assert len(ends) == pdf.count(b"\nendstream")
    return b"\r\nendstream" in pdf and all(pdf[end : end + 10] == b"\nendstream" for end in ends)


@pytest.mark.parametrize("name", [*CERTIFICATES, *PAPERS])
def test_every_document_is_pdf_a_3a_and_pdf_ua_1(name: str) -> None:
    template, data = sample(name)
    assert not wrong(render_document(template, data))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("template", ["certificate-engraved", "certificate-quiet"])
def test_a_name_of_any_script_leaves_it_so(name: str, template: str) -> None:
    text, lang = NAMES[name]
    assert not wrong(render_document(template, certificate(participant=text, participant_lang=lang)))


def test_a_signed_certificate_with_its_credential_is_so() -> None:
    """Signing adds a revision: it leaves the metadata as they are."""
    drawn = render_document("certificate-engraved", certificate(), attachments=[NOTE], signature_field=True)
    assert not wrong(drawn)
    kinds: list[dict[str, Any]] = [
        {"key": issuer_key()},
        {"key": bought_key()},
        {"key": issuer_key(), "timestamper": time_stamper()},
    ]
    for options in kinds:
        assert not wrong(sign_pdf(drawn, signed_at=ISSUED, name=SCHOOL, **options))


def test_the_validator_sees_what_is_wrong() -> None:
    good = render_document("certificate-quiet", certificate())
    assert any("UA1" in told for told in wrong(good.replace(b"pdfuaid:part", b"pdfuaid:tarp")))
    assert any("3A" in told for told in wrong(good.replace(b'pdfaid:part="3"', b'pdfaid:part="9"')))
