"""A signature drawn from a name in the shipped script font: for demonstrations and for schools without scanned ones.

It says no more than the typed name does; what proves a certificate is the digital signature and the register.
"""

from io import BytesIO
from pathlib import Path

FONT = Path(__file__).with_name("assets") / "fonts" / "PinyonScript_400Regular.ttf"
INK = (38, 27, 74, 255)


def drawn_signature(name: str) -> bytes:
    """A PNG of the name in script, dark blue on nothing, cut to its edges."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(str(FONT), 150)
    left, top, right, bottom = font.getbbox(name)
    margin = 12
    size = (int(right - left) + 2 * margin, int(bottom - top) + 2 * margin)
    picture = Image.new("RGBA", size, (255, 255, 255, 0))
    ImageDraw.Draw(picture).text((margin - left, margin - top), name, font=font, fill=INK)
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
