"""The school's own look: logo, signature and colors, without touching HTML."""

import io
import zlib

import pikepdf
import pytest
from PIL import Image, ImageChops

from core.pdf import PdfError, render_document
from core.pdf.data import check_picture
from core.pdf.picture import first_page
from tests.core.pdf.conformance import findings
from tests.core.pdf.samples import certificate


def _picture(color: str, kind: str = "PNG", size: tuple[int, int] = (120, 60)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, format=kind)
    return out.getvalue()


def _pictures_in(pdf: bytes) -> set[bytes]:
    with pikepdf.open(io.BytesIO(pdf)) as doc:
        images = [o for o in doc.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]
        return {image.read_raw_bytes() for image in images}


def test_the_schools_logo_signature_and_colors_are_printed() -> None:
    data = certificate()
    data["school"]["logo"] = "image:logo"
    data["school"]["colors"] = {"main": "#004488", "second": "#226600"}
    data["school"]["signatory"]["signature"] = "image:signature"
    images = {"logo": _picture("red"), "signature": _picture("blue", "JPEG")}
    for template in ("certificate-engraved", "certificate-quiet"):
        pdf = render_document(template, data, images=images)
        assert findings(pdf) == []
        assert len(_pictures_in(pdf)) == 4  # logo, two signatures, the mask of the shipped one
        with pikepdf.open(io.BytesIO(pdf)) as doc:
            steps = pikepdf.parse_content_stream(doc.pages[0])
            colors = [
                tuple(round(float(v) * 255) for v in s.operands) for s in steps if str(s.operator) == "rg"
            ]
        assert (0x00, 0x44, 0x88) in colors
        assert (0x6D, 0x28, 0x57) not in colors


def test_two_schools_with_the_same_picture_names_do_not_mix() -> None:
    data = certificate()
    data["school"]["signatory"]["signature"] = "image:signature"
    red = render_document("certificate-quiet", data, images={"signature": _picture("red")})
    blue = render_document("certificate-quiet", data, images={"signature": _picture("blue")})
    again = render_document("certificate-quiet", data, images={"signature": _picture("red")})
    assert red == again
    assert _pictures_in(red) != _pictures_in(blue)


def test_a_picture_that_was_not_handed_over_is_refused() -> None:
    data = certificate()
    data["school"]["signatory"]["signature"] = "image:none"
    with pytest.raises(PdfError, match="may not use"):
        render_document("certificate-quiet", data)


def _png_of_claimed_size(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = side.to_bytes(4) + side.to_bytes(4) + b"\x08\x02\0\0\0"
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG or JPEG"),
        (b"GIF89a", "not a PNG or JPEG"),
        (b"", "not a PNG or JPEG"),
        (_picture("red")[:60], "not a PNG or JPEG"),
        (_png_of_claimed_size(5000), "more than 4000 pixels"),
        (b"\x89PNG" + bytes(2_000_001), "larger than 2 MB"),
    ],
    ids=["svg", "gif", "empty", "cut off", "huge", "heavy"],
)
def test_what_is_no_picture_is_told(data: bytes, words: str) -> None:
    with pytest.raises(PdfError, match=words):
        check_picture(data)


@pytest.mark.parametrize("template", ["certificate-engraved", "certificate-quiet"])
@pytest.mark.parametrize("name", ["certificate-1-line", "certificate-5-lines"])
def test_a_wide_logo_has_its_own_width(template: str, name: str) -> None:
    data = certificate(name)
    data["school"]["logo"] = "image:logo"
    pdf = render_document(template, data, images={"logo": _picture("#00ff00", size=(600, 120))})
    with Image.open(io.BytesIO(first_page(pdf, width=800))) as page:
        reds, greens, blues = page.split()
        only = ImageChops.subtract(greens, ImageChops.lighter(reds, blues)).point(lambda v: 255 * (v > 200))
        box = only.getbbox()
    assert box is not None
    width, height = box[2] - box[0], box[3] - box[1]
    assert width / 800 > 0.15
    assert width / height == pytest.approx(5, rel=0.1)
