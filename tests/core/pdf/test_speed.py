"""What a long run of certificates costs in memory. What one costs in CPU is measured by script/benchmark."""

import gc
import resource

import pytest
import weasyprint

from certificates.signing import sign_pdf
from core.pdf import mends, render_document
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


def test_the_mend_is_for_the_version_of_weasyprint_that_is_locked() -> None:
    """A newer one may have mended it itself: look at ``Layout.setup`` of weasyprint/text/line_break.py, then drop ours."""
    assert weasyprint.__version__ == mends.MENDED


def test_another_font_configuration_in_the_same_process_keeps_working() -> None:
    _issue(1)
    html = (
        "<style>p { font-variant-numeric: lining-nums; word-spacing: 2pt }</style>"
        + "<p>The year 1987</p>" * 50
    )
    for _time in range(3):
        assert weasyprint.HTML(string=html).write_pdf().startswith(b"%PDF")
        gc.collect()
        _issue(2)


@pytest.mark.full
def test_memory_stays_flat_over_two_thousand_certificates() -> None:
    for number in range(200):
        _issue(number)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(200, 2000):
        _issue(number)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 1800 * 3
