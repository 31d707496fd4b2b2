"""Which characters can be printed: what the shipped fonts and the installed ones cover."""

import subprocess
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path

from core.pdf.data import clean_text

FONTS = Path(__file__).with_name("assets") / "fonts"

MAX_NAME_LETTERS = 120
"""More can't be set on two lines of a certificate at a size that can be read."""
SMALLEST_READABLE_POINTS = 12.0
NAME_ROOM_MM = 166.0
"""The narrowest name line of the shipped certificates: quiet, upright A4."""


@dataclass(frozen=True, slots=True)
class InstalledFont:
    """A font that fontconfig knows, with the code points it covers as sorted ranges."""

    family: str
    style: str
    file: str
    index: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def covers(self, code: int) -> bool:
        """Say whether the font has a glyph for this code point."""
        i = bisect_right(self.starts, code) - 1
        return i >= 0 and code <= self.ends[i]


@cache
def installed_fonts() -> Sequence[InstalledFont]:
    """List the fonts that fontconfig finds, the Noto families first, then by family and style.

    One call of `fc-list`, kept for the life of the process. Without fontconfig the list is empty.
    """
    pattern = "%{family[0]}\t%{style[0]}\t%{file}\t%{index}\t%{charset}\n"
    try:
        listed = subprocess.run(  # noqa: S603  # a fixed command, no input
            ["fc-list", "--format", pattern],  # noqa: S607  # found by PATH, as any tool of the system
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = []
    for line in listed.splitlines():
        fields = line.split("\t")
        if len(fields) != 5 or not fields[4]:
            continue
        family, style, file, index, charset = fields
        ranges = [part.partition("-") for part in charset.split()]
        starts = tuple(int(low, 16) for low, _, _ in ranges)
        ends = tuple(int(high or low, 16) for low, _, high in ranges)
        # the high half of fontconfig's index names an instance of a variable font
        found.append(InstalledFont(family, style, file, int(index or 0) & 0xFFFF, starts, ends))
    return sorted(found, key=lambda f: (not f.family.startswith("Noto"), f.family, f.style, f.file))


@lru_cache(maxsize=64)
def shipped_coverage(font: str) -> frozenset[int]:
    """Code points of a shipped font, by file name in `assets/fonts`."""
    import uharfbuzz as hb  # what measures the name as well; fontTools would be five megabytes more in a web process

    return frozenset(hb.Face(hb.Blob.from_file_path(FONTS / font)).unicodes)


@lru_cache(maxsize=4096)
def _covered(code: int) -> bool:
    shipped = (shipped_coverage(path.name) for path in sorted(FONTS.glob("*.ttf")))
    return any(code in known for known in shipped) or any(f.covers(code) for f in installed_fonts())


def missing_glyphs(text: str) -> list[str]:
    """Return the characters of `text` that no font could print, each once, in order of appearance.

    Characters that are never printed (controls, bidi controls, private use: `clean_text` drops them
    from documents) are not missing; joiners and variation selectors need no glyph of their own.
    """
    invisible = chain(range(0x200C, 0x200E), range(0xFE00, 0xFE10))
    skip = {*invisible, 0x20}
    seen = dict.fromkeys(ch for ch in clean_text(text) if ord(ch) not in skip)
    return [ch for ch in seen if not _covered(ord(ch))]


def too_long_to_read(name: str) -> bool:
    """Say whether a name would be set smaller than 12 points, or is absurdly long.

    Measured in the widest setting of the shipped certificates that has the narrowest line.
    """
    from core.pdf.fonts import fit

    name = clean_text(name).strip()
    if len(name) > MAX_NAME_LETTERS:
        return True
    fitted = fit(name, "CormorantGaramond_600SemiBold.ttf", NAME_ROOM_MM, 43, 30, smallest=1)
    return fitted["pt"] < SMALLEST_READABLE_POINTS
