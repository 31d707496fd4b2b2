"""The small pictures that pages are made of, as inline SVG.

Each function returns finished markup that needs nothing but the stylesheet: colors and line widths live
there, sizes in SVG attributes, so that the content security policy can forbid inline styles. All but the
path picture are decoration and hidden from screen readers: the words stand beside them.
"""

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Literal

from flask import Flask
from markupsafe import Markup

from core.pathpicture import curriculum_path
from core.strokes import DISCS, ICONS, number, settling_wave

SealKind = Literal["ok", "stop", "none"]


@cache
def icon(name: str) -> Markup:
    """Return a 20-unit line icon; `name` is a key of `core.strokes.ICONS`, anything else raises KeyError."""
    return Markup(f'<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">{ICONS[name]}</svg>')


@cache
def mark(status: str) -> Markup:
    """Return the disc of an attendance status; its filled part is the part of the meeting attended.

    `status` is one of the attendance marks, or `none` (not marked) or `future` (not held yet).
    """
    return Markup(f'<svg class="mark" viewBox="0 0 20 20" aria-hidden="true">{DISCS[status]}</svg>')


@cache
def brandmark() -> Markup:
    """Return the sign of the house: a round window, the tide and a still point."""
    return Markup(
        '<svg viewBox="0 0 40 40" aria-hidden="true"><g fill="none" stroke="currentColor" stroke-width="1.7">'
        '<circle cx="20" cy="20" r="18.6"/>'
        '<path d="M2.6 26.5C7 20 11.5 20 15.5 25.2S23 30 27.5 28h10"/>'
        '<path d="M5.5 32.5h29" opacity=".55"/></g>'
        '<circle cx="20" cy="14.5" r="3.2" fill="currentColor"/></svg>'
    )


@cache
def tideline() -> Markup:
    """Return the line under the masthead: a wave that settles into a level line."""
    wave = settling_wave(0, 330, 11, 11, 5, 2400, 1.6)
    return Markup(
        '<svg class="tideline" viewBox="0 0 2400 22" preserveAspectRatio="xMinYMid slice" aria-hidden="true">'
        f'<path d="{wave}" fill="none" stroke="currentColor" stroke-width="1.3"/>'
        '<circle cx="330" cy="11" r="3.6"/></svg>'
    )


@cache
def still() -> Markup:
    """Return the wave of empty states."""
    wave = settling_wave(0, 300, 15, 13, 4, 520, 1.6)
    return Markup(
        '<svg class="still" viewBox="0 0 520 30" aria-hidden="true">'
        f'<path d="{wave}" fill="none" stroke="currentColor" stroke-width="1.4"/>'
        '<circle cx="300" cy="15" r="4"/></svg>'
    )


@cache
def door() -> Markup:
    """Return the drawing beside the sign-in form: thirteen tides settling on one point."""
    rows = []
    for i in range(13):
        wave = settling_wave(0, 430 + 10 * i, 44 + 25 * i, 40 - 2.7 * i, 6 - 0.36 * i, 720, 1.1 + 0.05 * i)
        width = 1.8 if i == 6 else 1
        rows.append(f'<path d="{wave}" stroke-width="{width}" opacity="{0.45 + 0.04 * i:.2f}"/>')
    return Markup(
        f'<svg class="door__art" viewBox="0 0 720 380" aria-hidden="true">{"".join(rows)}'
        '<circle cx="490" cy="194" r="8"/></svg>'
    )


def _rosette(petals: int, radius: float, swing: float, turns: int) -> str:
    """Return `turns` closed curves around (50, 50), each with `petals` swings, as on engraved paper."""
    out = []
    count = petals * 6
    for turn in range(turns):
        phase = 2 * math.pi * turn / turns / petals
        points = []
        for i in range(count):
            t = 2 * math.pi * i / count
            r = radius + swing * math.cos(petals * (t + phase))
            points.append((50 + r * math.cos(t), 50 + r * math.sin(t)))
        d = [f"M{number(points[0][0])} {number(points[0][1])}"]
        for i in range(count):  # closed Catmull-Rom spline, written as Bézier curves
            p0, p1, p2, p3 = points[i - 1], points[i], points[(i + 1) % count], points[(i + 2) % count]
            d.append(
                f"C{number(p1[0] + (p2[0] - p0[0]) / 6)} {number(p1[1] + (p2[1] - p0[1]) / 6)} "
                f"{number(p2[0] - (p3[0] - p1[0]) / 6)} {number(p2[1] - (p3[1] - p1[1]) / 6)} "
                f"{number(p2[0])} {number(p2[1])}"
            )
        out.append(f'<path d="{"".join(d)}Z"/>')
    return "".join(out)


_SEAL_MARKS: dict[SealKind, str] = {
    "ok": "m38 51 9 9 17-20",
    "stop": "m40 40 20 20M60 40 40 60",
    "none": "M44 43a6.5 6.5 0 1 1 8.5 6c-2 .8-2.5 2-2.5 4.5M50 60v.1",
}


@cache
def seal(kind: SealKind = "ok", large: bool = False) -> Markup:
    """Return the engraved rosette of a certificate: `ok` valid, `stop` revoked, `none` unknown."""
    if kind == "none":
        rings = "".join(f'<circle cx="50" cy="50" r="{r}" stroke-dasharray="2 3"/>' for r in (46, 36))
    elif large:
        rings = _rosette(12, 36, 11, 4) + _rosette(18, 25, 6, 2)
    else:
        rings = _rosette(9, 37, 9, 3)
    classes = "seal" + (" seal--lg" if large else "") + ("" if kind == "ok" else f" seal--{kind}")
    return Markup(
        f'<svg class="{classes}" viewBox="0 0 100 100" aria-hidden="true">{rings}'
        f'<circle class="seal__disc" cx="50" cy="50" r="{20 if large else 22}"/>'
        f'<path class="seal__mark" d="{_SEAL_MARKS[kind]}"/></svg>'
    )


PIPS_AT_MOST = 60


@lru_cache(maxsize=2048)
def pips(taken: int, capacity: int, held: int = 0) -> Markup:
    """Return one little box per seat, in rows of 15; more than `PIPS_AT_MOST` seats become one bar.

    `taken` seats are filled, then `held` ones (offered or reserved), the rest is free. More taken than there
    are seats, or no seats at all, draws what fits: a picture is no place to fail.
    """
    capacity = max(capacity, 0)
    taken = min(max(taken, 0), capacity)
    held = min(max(held, 0), capacity - taken)
    if capacity == 0:
        return Markup("")
    if capacity > PIPS_AT_MOST:
        return _seat_bar(taken, capacity, held)
    per_row = capacity if capacity <= 16 else 15
    groups = []
    for kind, first, last in (
        ("pip pip--taken", 0, taken),
        ("pip pip--held", taken, taken + held),
        ("pip", taken + held, capacity),
    ):
        boxes = [
            f'<rect x="{seat % per_row * 11}.5" y="{seat // per_row * 14}.5" width="7" height="10" rx="2"/>'
            for seat in range(first, last)
        ]
        if boxes:
            groups.append(f'<g class="{kind}">{"".join(boxes)}</g>')
    width, height = per_row * 11 - 3, -(-capacity // per_row) * 14 - 3
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return Markup(f'<svg {size} aria-hidden="true">{"".join(groups)}</svg>')


def _seat_bar(taken: int, capacity: int, held: int) -> Markup:
    width = 162.0
    filled, waiting = width * taken / capacity, width * held / capacity
    return Markup(
        f'<svg viewBox="0 0 {number(width)} 11" width="{number(width)}" height="11" aria-hidden="true">'
        f'<rect class="pip" x=".5" y=".5" width="{number(width - 1)}" height="10" rx="2"/>'
        f'<rect class="pip--taken" x="0" y="0" width="{number(filled)}" height="11" rx="2"/>'
        f'<rect class="pip--held" x="{number(filled)}" y="0" width="{number(waiting)}" height="11"/></svg>'
    )


def meter(
    parts: Sequence[tuple[float, str]], need: float | None = None, split: int = 0, height: int = 20
) -> Markup:
    """Return a bar filled from the left.

    `parts` are (fraction of the whole, class) pairs with class `meter__fill` or `meter__soft`; fractions
    are cut to what is left of 1. `need` draws a line at that fraction, `split` divides the bar into equal
    segments.
    """
    x, out = 0.0, [f'<rect class="meter__track" x=".2" y="1" width="99.6" height="{height - 2}" rx="1"/>']
    for fraction, css_class in parts:
        fraction = min(max(fraction, 0.0), 1.0 - x)
        out.append(
            Markup('<rect class="{}" x="{}" y="1" width="{}" height="{}"/>').format(
                css_class, number(x * 100), number(fraction * 100), height - 2
            )
        )
        x += fraction
    out += [
        f'<path d="M{100 * i / split:.2f} 1v{height - 2}" class="meter__track" fill="none"/>'
        for i in range(1, split)
    ]
    if need is not None:
        out.append(f'<path class="meter__need" d="M{number(min(max(need, 0), 1) * 100)} -3v{height + 6}"/>')
    return Markup(
        f'<svg viewBox="0 0 100 {height}" preserveAspectRatio="none" aria-hidden="true">{"".join(out)}</svg>'
    )


def spark(series: Sequence[int], capacity: int, minimum: int = 0, low: bool = False) -> Markup:
    """Return a small step chart of seats taken over time, oldest first.

    The dashed line is `capacity`, the dotted one `minimum` (left out when 0); `low` colors the last point.
    """
    values = list(series) or [0]
    top = max(capacity, *values, 1)
    width, height = 160, 76
    step = (width - 14) / max(len(values) - 1, 1)

    def y(value: float) -> str:
        return number(height - 4 - value * (height - 16) / top)

    line = f"M4 {y(values[0])}" + "".join(
        f"H{number(4 + i * step)}V{y(v)}" for i, v in enumerate(values) if i
    )
    last_x = number(4 + step * (len(values) - 1))
    floor = f'<path class="chart__min" d="M0 {y(minimum)}H{width}"/>' if minimum else ""
    return Markup(
        f'<svg viewBox="0 0 {width} {height}" aria-hidden="true">'
        f'<path class="chart__area" d="{line}V{height - 4}H4Z"/>'
        f'<path class="chart__base" d="M0 {height - 4}H{width}"/>'
        f'<path class="chart__cap" d="M0 {y(capacity)}H{width}"/>{floor}'
        f'<path class="chart__line" d="{line}"/>'
        f'<circle class="chart__dot{" chart__dot--low" if low else ""}"'
        f' cx="{last_x}" cy="{y(values[-1])}" r="3.6"/></svg>'
    )


def register_pictures(app: Flask) -> None:
    """Make every picture of this module callable in the templates of `app`."""
    for picture in (icon, mark, brandmark, tideline, still, door, seal, pips, meter, spark, curriculum_path):
        app.jinja_env.globals[picture.__name__] = picture
