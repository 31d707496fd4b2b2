import hashlib
import io
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest

from core.pdf import Attachment, PdfError, render_document
from tests.core.pdf.conformance import findings, qpdf_check, structure, text_of
from tests.core.pdf.samples import CERTIFICATES, PAPERS, certificate, sample

NOTE = Attachment(
    "credential.json", b"{}", "application/vc+jwt", "A credential", datetime(2027, 3, 16, 18, tzinfo=UTC)
)


@pytest.mark.parametrize("template", ["certificate-engraved", "certificate-quiet"])
@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_is_one_valid_page(name: str, template: str, tmp_path: Path) -> None:
    _, data = sample(name)
    pdf = render_document(template, data, attachments=[NOTE], signature_field=True)
    assert findings(pdf) == []
    assert qpdf_check(pdf, tmp_path) == ""
    with pikepdf.open(io.BytesIO(pdf)) as doc:
        assert len(doc.pages) == 1
        assert str(doc.Root.Lang) == "en"
        assert "/Outlines" not in doc.Root
        assert [str(name) for name in doc.attachments] == ["credential.json"]
        assert len(doc.Root.AF) == 1
        assert doc.Root.AF[0].EF.F.Subtype == "/application/vc+jwt"
        assert [field.FT for field in doc.Root.AcroForm.Fields] == ["/Sig"]


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_of_the_office_is_valid_in_both_sizes(name: str, tmp_path: Path) -> None:
    template, data = sample(name)
    for size, height in (("A4", 842), ("Letter", 792)):
        pdf = render_document(template, data, page_size=size)
        assert findings(pdf) == []
        assert qpdf_check(pdf, tmp_path) == ""
        with pikepdf.open(io.BytesIO(pdf)) as doc:
            assert round(float(doc.pages[0].MediaBox[3])) == height


def test_the_facts_of_a_certificate_are_read_in_their_order() -> None:
    text = text_of(render_document("certificate-engraved", certificate()))
    facts = [
        "Tideway Bodywork Institute",
        "Certificate of Completion",
        "This is to certify that Maya Adaeze Okonjo",
        "Licensed massage therapist, Oregon, license 30962",
        "has completed the course Craniosacral Therapy 1",
        "12–15 March 2027",
        "24.0 contact hours",
        "Demonstration Board of Bodywork DEMO-0000 DEMO-CST1 28.5 CE hours",
        "TBI-27-0117",
        "Inês Carvalho, LMT",
        "Ruth Haldane",
        "not a license to practice",
    ]
    places = [text.index(fact) for fact in facts]
    assert places == sorted(places)


def test_the_structure_names_headings_tables_and_figures() -> None:
    tags = structure(render_document("certificate-quiet", certificate()))
    for tag in ("/H1", "/H2", "/Table", "/TH", "/TD", "/Figure", "/Link"):
        assert tag in tags


def test_the_same_input_gives_the_same_bytes() -> None:
    first = render_document("certificate-engraved", certificate(), attachments=[NOTE], signature_field=True)
    render_document("certificate-quiet", certificate(participant="Somebody Else"))
    again = render_document("certificate-engraved", certificate(), attachments=[NOTE], signature_field=True)
    assert first == again


def test_another_process_makes_the_same_bytes() -> None:
    code = (
        "import sys, hashlib; from core.pdf import render_document;"
        "from tests.core.pdf.samples import certificate;"
        "print(hashlib.sha256(render_document('certificate-engraved', certificate())).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = render_document("certificate-engraved", certificate())
    assert done.stdout.strip() == hashlib.sha256(here).hexdigest()


def test_the_bytes_of_a_name_with_an_emoji_do_not_depend_on_the_process_or_the_second() -> None:
    # the font of emoji is written anew by fontTools, which takes its time from this variable before it asks the clock
    code = (
        "import sys, hashlib; from core.pdf import render_document;"
        "from tests.core.pdf.samples import certificate;"
        "made = render_document('certificate-quiet', certificate(participant='Maya \\U0001f30a'));"
        "print(hashlib.sha256(made).hexdigest())"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": f"160000000{seed}"},
        )
        for seed in ("1", "2")
    ]
    first, second = [process.communicate(timeout=120)[0] for process in started]
    assert len(first) == 65
    assert first == second


def test_texts_that_do_not_fit_are_refused() -> None:
    data = certificate("certificate-5-lines")
    for line in data["certificate"]["credits"]:
        line["statement"] = "This statement goes on and on. " * 20
    with pytest.raises(PdfError, match="do not fit"):
        render_document("certificate-engraved", data)


def test_a_missing_field_is_an_error_and_not_a_blank() -> None:
    data = certificate()
    del data["certificate"]["number"]
    with pytest.raises(PdfError, match="number"):
        render_document("certificate-engraved", data)


def test_only_plain_data_are_taken() -> None:
    with pytest.raises(TypeError, match=r"data\.certificate\.number is object"):
        render_document("certificate-engraved", certificate(number=object()))


def test_an_unknown_paper_is_refused() -> None:
    with pytest.raises(PdfError, match="paper"):
        render_document("certificate-engraved", certificate(), page_size="A3")


def test_money_is_written_in_the_readers_language() -> None:
    template, data = sample("invoice")
    assert "$563.50" in text_of(render_document(template, data))
    assert "563,50" in text_of(render_document(template, data, lang="de"))


def test_importing_the_door_does_not_import_the_engine() -> None:
    code = (
        "import sys, core.pdf, core.pdf.render, core.pdf.glyphs;"
        "sys.exit(any(m in sys.modules for m in ('weasyprint', 'uharfbuzz', 'pikepdf', 'pyhanko')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
