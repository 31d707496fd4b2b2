"""What goes into a document: plain data, cleaned text, pictures and attached files."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from core.errors import RuleError

MAX_PICTURE_BYTES = 2_000_000
MAX_PICTURE_SIDE = 4000
PAPERS: dict[str, tuple[float, float]] = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
"""Width and height of each paper in millimetres, upright."""

# The joiners shape Persian and Indic names; every other format character only hides something.
_KEPT_FORMAT_CHARACTERS = "\u200c\u200d"
_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co"}


class PdfError(RuleError):
    """A document that can't be made; the text is a sentence for the person who asked for it."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the PDF (PDF/A-3 associated file). `made_at` is aware; it is printed in UTC."""

    name: str
    data: bytes
    media_type: str
    description: str
    made_at: datetime
    relationship: str = "Source"


def _is_none(code: int) -> bool:
    """Whether a code point is a noncharacter: the last two of each plane, and 32 in between (Unicode, 23.7)."""
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def clean_text(text: str) -> str:
    """Return `text` without control, bidi-control, private-use and surrogate characters, and those that are none.

    What this Python calls unassigned stays: its tables are years old, and a newer ideograph is part of a name all the same.
    No font has what is really unassigned, which is told before a certificate is issued (`core.pdf.glyphs`). Line breaks and
    tabs become spaces; the result is in normalization form C, so that letters with
    combining marks find their precomposed glyphs.
    """
    kept = (
        " " if ch in "\t\n\r\x0b\x0c\x85\u2028\u2029" else ch
        for ch in text
        if ch in "\t\n\r\x0b\x0c\x85" + _KEPT_FORMAT_CHARACTERS
        or (unicodedata.category(ch) not in _DROPPED_CATEGORIES and not _is_none(ord(ch)))
    )
    return unicodedata.normalize("NFC", "".join(kept))


def plain_data(value: Any, path: str = "data") -> Any:
    """Return a cleaned copy of plain data: dicts with text keys, lists, text, numbers, booleans, None.

    Anything else (a model object, a function, markup) raises TypeError naming the place: templates
    get facts, not things they could call.
    """
    if isinstance(value, str):
        return clean_text(value)
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"{path} has a key that is not text")
        return {str(key): plain_data(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(item, f"{path}[{i}]") for i, item in enumerate(value)]
    raise TypeError(f"{path} is {type(value).__name__}, not plain data")


def check_picture(data: bytes) -> str:
    """Return the media type of a PNG or JPEG picture; raise PdfError for anything else.

    Reads the header first, so a small file that unpacks to a huge picture is refused unopened.
    """
    import io

    from PIL import Image, UnidentifiedImageError

    if len(data) > MAX_PICTURE_BYTES:
        raise PdfError(_("This picture is larger than 2 MB."))
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            if max(picture.size) > MAX_PICTURE_SIDE:
                raise PdfError(
                    _("This picture is more than %(side)s pixels wide or high.", side=MAX_PICTURE_SIDE)
                )
            if (
                picture.mode == "CMYK"
            ):  # PDF/A-3 wants one color space for the screen, and readers draw it inverted
                raise PdfError(_("This picture is in the colors of a printing press (CMYK). Save it in RGB."))
            media_type = "image/png" if picture.format == "PNG" else "image/jpeg"
            picture.load()
            # said here, since WeasyPrint tells Pillow to take truncated files
            if not data.rstrip(b"\0\n").endswith((b"IEND\xaeB`\x82", b"\xff\xd9")):
                raise OSError("truncated")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise PdfError(_("This file is not a PNG or JPEG picture.")) from error
    return media_type
