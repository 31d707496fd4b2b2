"""What a long run of certificates costs in memory. What one costs in CPU is measured by script/benchmark."""

import resource

import pytest

from certificates.signing import sign_pdf
from core.pdf import render_document
from tests.certificates.signed import ISSUED, issuer_key
from tests.core.pdf.samples import certificate

NAMES = ("Maya Okonjo", "Tomasz Zieliński", "Renée Castañeda-Villalobos", "Quentin Beaulieu", "Ursula Brandt")


def _issue(number: int, template: str = "certificate-engraved") -> bytes:
    data = certificate(
        participant=NAMES[number % 5],
        number=f"TBI-27-{number:04d}",
        verify_url=f"https://tideway.example/verify/{number:05d}-q7mx4-tr2ke-9w3fa",
    )
    pdf = render_document(template, data, signature_field=True)
    return sign_pdf(pdf, issuer_key(), signed_at=ISSUED)


@pytest.mark.full
def test_memory_grows_by_less_than_50_kilobytes_per_certificate() -> None:
    """Nothing of it is Python's: Pango and its fonts keep about 30 kB. Workers are recycled."""
    for number in range(200):
        _issue(number)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(200, 2000):
        _issue(number)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 1800 * 50
