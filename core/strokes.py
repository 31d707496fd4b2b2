"""The strokes that the pictures share: icon paths, attendance discs, the settling wave."""

import math

# Twenty units wide, drawn with a 1.7 line; see `.icon` in the stylesheet.
ICONS = {
    "check": '<path d="m4 10.5 4 4 8-9"/>',
    "x": '<path d="m5 5 10 10M15 5 5 15"/>',
    "clock": '<circle cx="10" cy="10" r="7.2"/><path d="M10 6v4.3l2.8 1.8"/>',
    "alert": '<path d="M10 3 2.5 16.5h15z"/><path d="M10 8v4M10 14.3v.1"/>',
    "info": '<circle cx="10" cy="10" r="7.2"/><path d="M10 9.2v4.3M10 6.5v.1"/>',
    "calendar": '<rect x="3" y="4.5" width="14" height="12.5" rx="1.5"/><path d="M3 8.5h14M7 2.5v4M13 2.5v4"/>',
    "download": '<path d="M10 3v9m-3.5-3.5L10 12l3.5-3.5M4 16.5h12"/>',
    "share": '<path d="M8 12 15.5 4.5M10.5 4h5.5v5.5M14 12v4H4V6h4"/>',
    "pin": '<path d="M10 17.5s5.5-5 5.5-9a5.5 5.5 0 0 0-11 0c0 4 5.5 9 5.5 9z"/><circle cx="10" cy="8.5" r="1.8"/>',
    "mail": '<rect x="2.5" y="4.5" width="15" height="11" rx="1.5"/><path d="m3 6 7 5.5L17 6"/>',
    "print": '<path d="M6 7V3h8v4M6 14H3V7.5h14V14h-3"/><path d="M6 11.5h8V17H6z"/>',
    "arrow": '<path d="M4 10h12m-4.5-4.5L16 10l-4.5 4.5"/>',
    "cloud": '<path d="M6 15.5h8.2a3.3 3.3 0 0 0 .5-6.6A5 5 0 0 0 5.2 9 3.3 3.3 0 0 0 6 15.5z"/>',
    "offline": '<path d="M3 8.2a10.5 10.5 0 0 1 14 0M6 11.5a6 6 0 0 1 8 0M10 15v.1M4 17 16 3"/>',
    "lock": '<rect x="4.5" y="9" width="11" height="8" rx="1.5"/><path d="M7 9V6.5a3 3 0 0 1 6 0V9"/>',
    "seal": '<circle cx="10" cy="8" r="5"/><path d="m7 12.5-1 5 4-2 4 2-1-5"/>',
    "hand": (
        '<path d="M6 10V5.5a1.2 1.2 0 0 1 2.4 0V9m0-.5V4a1.2 1.2 0 0 1 2.4 0v4.5m0 0V5a1.2 1.2 0 0 1'
        " 2.4 0v5m0-2.5a1.2 1.2 0 0 1 2.4 0V12a5.5 5.5 0 0 1-5.5 5.5c-2.5 0-3.5-1-5-3.5l-2-3.2"
        'c-.6-1.2.9-2 1.7-1.1L6 11"/>'
    ),
    "list": '<path d="M3.5 5.5h13M3.5 10h13M3.5 14.5h8"/>',
    "pencil": '<path d="m4 16 .8-3.5L13.5 4 16 6.5 7.5 15.2z"/>',
    "plus": '<path d="M10 4v12M4 10h12"/>',
    "user": '<circle cx="10" cy="7" r="3.5"/><path d="M3.5 17a6.5 6.5 0 0 1 13 0"/>',
}

# The filled part of the disc is the part of the meeting attended.
DISCS = {
    "present": '<circle class="full" cx="10" cy="10" r="8"/>',
    "late": '<circle cx="10" cy="10" r="7.2"/><path class="full" d="M10 2a8 8 0 0 1 0 16z"/>',
    "left_early": '<circle cx="10" cy="10" r="7.2"/><path class="full" d="M10 2a8 8 0 0 0 0 16z"/>',
    "absent": '<path d="m4.5 4.5 11 11M15.5 4.5l-11 11"/>',
    "excused": '<circle cx="10" cy="10" r="7.2" stroke-dasharray="3 2.6"/><path d="M7 10h6"/>',
    "none": '<circle class="full" cx="10" cy="10" r="2"/>',
    "future": '<path d="M7 10h6"/>',
}


def number(value: float) -> str:
    """Return `value` with at most one decimal, as short as it goes: 3.0 becomes "3"."""
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def path_data(*parts: str | float) -> str:
    """Return commands and coordinates written as the `d` of a path: ("M", 1, 2.04, "H", 9) becomes "M1 2H9"."""
    out = ""
    for part in parts:
        if isinstance(part, str):
            out += part
        else:
            out += ("" if out[-1:].isalpha() else " ") + number(part)
    return out


def settling_wave(
    x0: float, x1: float, middle: float, swing: float, waves: float, level_to: float = 0, decay: float = 2.6
) -> str:
    """Return the path data of a sine that dies out into a level line: the still point.

    From `x0` to `x1` it swings around `middle`, at first by `swing`, in `waves` full waves; then runs level to
    `level_to` (0 for not at all).
    """
    pieces = max(int(waves * 4), 1)
    length = x1 - x0

    def y(t: float) -> float:
        return middle - swing * math.exp(-decay * t) * (1 - t) * math.sin(2 * math.pi * waves * t)

    def slope(t: float) -> float:
        return (y(t + 1e-4) - y(t - 1e-4)) / 2e-4

    data = [f"M{number(x0)} {number(y(0))}"]
    third = 1 / pieces / 3
    for i in range(pieces):
        a, b = i / pieces, (i + 1) / pieces
        out_slope = 0.0 if i == pieces - 1 else slope(b)
        data.append(
            f"C{number(x0 + length * (a + third))} {number(y(a) + slope(a) * third)} "
            f"{number(x0 + length * (b - third))} {number(y(b) - out_slope * third)} "
            f"{number(x0 + length * b)} {number(y(b))}"
        )
    return "".join(data) + (f"H{number(level_to)}" if level_to else "")
