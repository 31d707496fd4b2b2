"""How wide a text really is, and the size at which it fits: CSS has no fit-to-width.

Texts are shaped by HarfBuzz, the engine that WeasyPrint's Pango uses, so kerning, ligatures and
joined scripts count. uharfbuzz is imported when something is measured.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any, TypedDict

from core.pdf.glyphs import FONTS, installed_fonts, shipped_coverage

POINTS_PER_MM = 72 / 25.4
# the order of --noto in the stylesheets; what Pango falls back to after the shipped fonts
FALLBACK_FAMILIES = {
    "serif": ("Noto Serif", "Noto Naskh Arabic", "Noto Serif Hebrew", "Noto Serif Devanagari",
              "Noto Serif CJK SC"),
    "sans": ("Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari",
             "Noto Sans CJK SC"),
}  # fmt: skip


class Fitted(TypedDict):
    """A size in points, and the text on one line or two."""

    pt: float
    lines: list[str]


@lru_cache(maxsize=48)
def _face(file: str, index: int) -> tuple[Any, int]:
    import uharfbuzz as hb

    face = hb.Face(hb.Blob.from_file_path(file), index)
    return hb.Font(face), face.upem


@lru_cache(maxsize=4096)
def _fallback(ch: str, kind: str, weight: str) -> tuple[str, int] | None:
    """The installed font that most likely draws `ch`: the stylesheet's families, then any."""
    wanted = FALLBACK_FAMILIES[kind]

    def rank(font: Any) -> tuple[int, bool, bool]:
        place = wanted.index(font.family) if font.family in wanted else len(wanted)
        return place, font.style != weight, font.style != "Regular"

    fonts = [font for font in installed_fonts() if font.covers(ord(ch))]
    best = min(fonts, key=rank, default=None)
    return (best.file, best.index) if best else None


def _runs(text: str, font: str) -> Iterator[tuple[tuple[str, int] | None, str]]:
    """Split a text where the font changes; combining marks and joiners stay with their base."""
    own = (str(FONTS / font), 0)
    known = shipped_coverage(font)
    kind = "sans" if font.startswith("Figtree") else "serif"
    weight = "SemiBold" if "600" in font else "Regular"
    last: tuple[str, int] | None = own

    def font_of(ch: str) -> tuple[str, int] | None:
        nonlocal last
        if unicodedata.combining(ch) or ch in "\u200c\u200d":
            return last
        last = own if ord(ch) in known else _fallback(ch, kind, weight)
        return last

    for file, chars in groupby([(font_of(ch), ch) for ch in text], key=lambda pair: pair[0]):
        yield file, "".join(ch for _, ch in chars)


@lru_cache(maxsize=4096)
def em_width(text: str, font: str) -> float:
    """Width of a shaped text in em; `font` is a file name in `assets/fonts`."""
    width = 0.0
    for file, run in _runs(text, font):
        if file is None:
            width += len(run)  # nothing draws it; leave a full em for each
            continue
        import uharfbuzz as hb

        face, units = _face(*file)
        buffer = hb.Buffer()
        buffer.add_str(run)
        buffer.guess_segment_properties()
        hb.shape(face, buffer)
        width += sum(position.x_advance for position in buffer.glyph_positions) / units
    return width


def fit(
    text: str, font: str, width_mm: float, biggest: float, one_line_min: float, smallest: float = 9.0
) -> Fitted:
    """Return the size in points at which a text fills at most `width_mm`, and its lines.

    One line, from `biggest` down to `one_line_min` points; below that two lines balanced by width,
    not under `smallest`. A text of one word stays on one line.
    """
    covered = all(ord(ch) in shipped_coverage(font) for ch in text)
    room = width_mm * POINTS_PER_MM * (0.985 if covered else 0.96)
    pt = min(biggest, room / (em_width(text, font) or 1))
    words = text.split()
    if pt >= one_line_min or len(words) < 2:
        return {"pt": _tenth(max(pt, smallest)), "lines": [text]}

    def widest(cut: int) -> float:
        return max(em_width(" ".join(words[:cut]), font), em_width(" ".join(words[cut:]), font))

    cut = min(range(1, len(words)), key=widest)
    pt = min(one_line_min, room / (widest(cut) or 1))
    return {
        "pt": _tenth(max(pt, smallest)),
        "lines": [" ".join(words[:cut]), " ".join(words[cut:])],
    }


def _tenth(pt: float) -> float:
    """Round down, so that rounding never makes a line too wide."""
    return int(pt * 10 + 1e-6) / 10
