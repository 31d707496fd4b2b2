"""Draws a laid-out curriculum as SVG. `core.pathpicture` is the door, `core.pathlayout` lays out."""

import itertools

from markupsafe import Markup, escape

from core.pathlayout import Layout, PathCourse, PathEdge
from core.strokes import number, path_data, settling_wave

PITCH = 140  # between two columns of the wide drawing
LABEL_WIDTH = 126
LINE = 17  # between two lines of a label
ELBOW = 22
STEM = 24  # the first lane of the narrow drawing
LANE = 26
NARROW_WIDTH = 350
EDGE_CLASSES = {
    "required": "line",
    "recommended": "line line--recommended",
    "instructor_approval": "line line--approval",
}


def text_width(text: str, size: float) -> float:
    """Return about how wide `text` is in the sans face at `size`, rather too much than too little."""
    return sum(_letter_width(char) for char in text) * size * 1.04


def _letter_width(char: str) -> float:
    """Return the width of a letter in parts of the type size, by its kind."""
    if char in "iIjl.,:;'’|!·":
        return 0.24
    if char in " rtf()-–":
        return 0.34
    if char in "mwMW@%":
        return 0.86
    if ord(char) > 0x2E80:
        return 1.0
    return 0.68 if char.isupper() else 0.56


def wrap(text: str, width: float, size: float, lines: int = 3) -> list[str]:
    """Return `text` broken at spaces into at most `lines` lines of about `width`; a rest becomes "…"."""
    out: list[str] = []
    for word in text.split():
        if out and text_width(f"{out[-1]} {word}", size) <= width:
            out[-1] += f" {word}"
        else:
            out.append(word)
    if len(out) > lines:
        out = [*out[: lines - 1], out[lines - 1] + "…"]
    for i, line in enumerate(out):
        while text_width(line, size) > width + size and len(line) > 2:
            line = line.rstrip("…")[:-1] + "…"
        out[i] = line
    return out


def _svg(kind: str, box: tuple[float, float, float, float], described: str, body: list[str]) -> Markup:
    x, y, width, height = (number(v) for v in box)
    name = kind.split()[0]
    return Markup(
        f'<svg class="path {" ".join("path--" + k for k in kind.split())}" viewBox="{x} {y} {width} {height}"'
        f' width="{width}" height="{height}" role="img" aria-labelledby="path-cap"'
        f' aria-describedby="path-{name}-desc">'
        f'<desc id="path-{name}-desc">{escape(described)}</desc>{"".join(body)}</svg>'
    )


def _stop(x: float, y: float, course: PathCourse, here: str) -> str:
    if course.code == here:
        tick = f'<path class="tick" d="M{number(x - 5)} {number(y)}l3.5 3.5 6.5-7"/>' if course.done else ""
        return (
            f'<circle class="halo" cx="{number(x)}" cy="{number(y)}" r="17"/>'
            f'<circle class="stop stop--here" cx="{number(x)}" cy="{number(y)}" r="11"/>{tick}'
        )
    if course.done:
        return (
            f'<circle class="stop stop--done" cx="{number(x)}" cy="{number(y)}" r="9"/>'
            f'<path class="tick" d="M{number(x - 4)} {number(y)}l3 3 5.5-6"/>'
        )
    return f'<circle class="stop" cx="{number(x)}" cy="{number(y)}" r="8"/>'


def _edge_class(layout: Layout, edge: PathEdge, here: str) -> str:
    done = {course.code for course in layout.courses if course.done}
    walked = edge.before in done and (edge.after in done or edge.after == here)
    return EDGE_CLASSES[edge.kind] + (" line--done" if walked else "")


def _wave(layout: Layout, here: str) -> list[str]:
    """Return the codes along which the line ahead of `here` is drawn as one settling wave."""
    run = [here]
    ahead = layout.main[layout.main.index(here) :]
    done = {course.code for course in layout.courses if course.done}
    for before, after in itertools.pairwise(ahead):
        edge = next(e for e in layout.edges if (e.before, e.after) == (before, after))
        if edge.kind != "required" or (before in done and after in done):
            break
        run.append(after)
    return run


def draw_wide(layout: Layout, here: str, described: str, this_course: str) -> Markup:
    """Return the drawing that reads from left to right; the stylesheet may shrink it, never enlarge."""
    labels = {c.code: wrap(c.title, LABEL_WIDTH, 14) for c in layout.courses}
    arcs = _arcs(layout)
    heights, arc_floor = [], {}
    for row in range(layout.height):
        inside = [c for c in layout.courses if layout.rows[c.code] == row]
        above = max(21 + LINE * len(labels[c.code]) + (LINE if c.note else 0) for c in inside)
        mine = any(c.code == here for c in inside)
        nested = [depth for r, depth in arcs.values() if r == row]
        floor = (54 if mine else 30) if nested else 0  # how far below its row the first arc runs
        arc_floor[row] = floor
        below = max([26, 56 if mine else 0, *(floor + 24 + 12 * depth for depth in nested)])
        heights.append((above + 26, below))
    ys, top = [], 0.0
    for above, below in heights:
        ys.append(top + above)
        top += above + below
    at = {c.code: (float(layout.columns[c.code] * PITCH), ys[layout.rows[c.code]]) for c in layout.courses}

    wave = _wave(layout, here)
    waved = set(itertools.pairwise(wave))
    lines = []
    upright = False  # does a line leave or reach this course from below?
    for edge in layout.edges:
        if (edge.before, edge.after) in waved:
            continue
        (x0, y0), (x1, y1) = at[edge.before], at[edge.after]
        key = (edge.before, edge.after)
        if key in arcs:
            deep = y0 + arc_floor[arcs[key][0]] + 12 * arcs[key][1]
            data = path_data("M", x0, y0, "C", x0, deep, x0 + 10, deep, x0 + 50, deep, "H", x1 - 50)
            data += path_data("C", x1 - 10, deep, x1, deep, x1, y1)
            upright = upright or here in key
        elif y0 == y1:
            data = path_data("M", x0, y0, "H", x1)
        elif y1 > y0:
            data = path_data("M", x0, y0, "V", y1 - ELBOW, "Q", x0, y1, x0 + ELBOW, y1, "H", x1)
            upright = upright or here == edge.before
        else:
            data = path_data("M", x0, y0, "H", x1 - ELBOW, "Q", x1, y0, x1, y0 - ELBOW, "V", y1)
            upright = upright or here == edge.after
        lines.append(f'<path class="{_edge_class(layout, edge, here)}" d="{data}"/>')
    if len(wave) > 1:
        x0, y = at[here]
        x1 = at[wave[-1]][0]
        settle = x1 - x0 if len(wave) == 2 else (x1 - x0) - PITCH * 0.8
        # three half waves from one column to the next, so that each stop lies on the line
        data = settling_wave(x0, x0 + settle, y, -18, settle / PITCH * 1.5, x1, 1.5)
        lines.append(f'<path class="line" d="{data}"/>')

    words, left, right = [], 0.0, 0.0
    for course in layout.courses:
        x, y = at[course.code]
        words.append(_stop(x, y, course, here))
        base = y - 30
        for line in reversed([*labels[course.code], *([course.note] if course.note else [])]):
            words.append(_text("sub", x, base, line, "middle"))
            half = text_width(line, 14) / 2
            left, right = min(left, x - half), max(right, x + half)
            base -= LINE
        words.append(_text("code", x, base - 3, course.code, "middle"))
        half = text_width(course.code, 21) / 2
        left, right = min(left, x - half, x - 19), max(right, x + half, x + 19)
    x, y = at[here]
    if not upright:
        words.append(_text("here", x, y + 38, this_course, "middle"))
        left = min(left, x - text_width(this_course, 15) / 2)
        right = max(right, x + text_width(this_course, 15) / 2)
    elif layout.columns[here]:
        words.append(_text("here", x - 16, y + 36, this_course, "end"))
        left = min(left, x - 16 - text_width(this_course, 15))
    else:
        words.append(_text("here", x + 16, y + 36, this_course, "start"))
    return _svg("wide", (left - 2, 0, right - left + 4, top), described, lines + words)


def _text(css_class: str, x: float, y: float, words: str, anchor: str = "") -> str:
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{css_class}" x="{number(x)}" y="{number(y)}"{anchored}>{escape(words)}</text>'


def _arcs(layout: Layout) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the edges that pass over a course of their own row: (before, after) to (row, nesting from 0)."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    occupied = {(layout.rows[c.code], layout.columns[c.code]) for c in layout.courses}
    spans = sorted(layout.edges, key=lambda e: layout.columns[e.after] - layout.columns[e.before])
    for edge in spans:
        row = layout.rows[edge.before]
        between = range(layout.columns[edge.before] + 1, layout.columns[edge.after])
        if row == layout.rows[edge.after] and any((row, column) in occupied for column in between):
            found[edge.before, edge.after] = (row, sum(r == row for r, _ in found.values()))
    return found


def draw_narrow(layout: Layout, here: str, described: str, this_course: str, *, only: bool = False) -> Markup:
    """Return the drawing that reads from top to bottom, one course each; `only` when there is no wide one."""
    text_x = STEM + LANE * (layout.height - 1) + 28
    title_x = text_x + max(text_width(c.code, 21) for c in layout.courses) + 12
    labels = {c.code: wrap(c.title, NARROW_WIDTH - title_x, 15) for c in layout.courses}
    at: dict[str, tuple[float, float]] = {}
    y = 24.0
    for course in layout.courses:
        at[course.code] = (STEM + LANE * layout.rows[course.code], y)
        y += 32 + 18 * len(labels[course.code])
    body = []
    for edge in layout.edges:
        (x0, y0), (x1, y1) = at[edge.before], at[edge.after]
        passed = any(x == x0 == x1 and y0 < y_ < y1 for x, y_ in at.values())
        if passed:  # around the courses of the same lane, on the outside
            side = x0 - 18
            data = path_data("M", x0, y0, "C", x0 - 22, y0 + 26, side, y0 + 34, side, y0 + 46, "V", y1 - 46)
            data += path_data("C", side, y1 - 34, x0 - 22, y1 - 26, x1, y1)
        elif x1 > x0:
            data = path_data("M", x0, y0, "C", x0, y0 + 30, x1, y0 + 14, x1, y0 + 44, "V", y1)
        elif x1 < x0:
            data = path_data("M", x0, y0, "V", y1 - 44, "C", x0, y1 - 14, x1, y1 - 30, x1, y1)
        else:
            data = path_data("M", x0, y0, "V", y1)
        body.append(f'<path class="{_edge_class(layout, edge, here)}" d="{data}"/>')
    for course in layout.courses:
        x, y0 = at[course.code]
        body += [_stop(x, y0, course, here), _text("code", text_x, y0 + 6, course.code)]
        for i, line in enumerate(labels[course.code]):
            body.append(_text("title", title_x, y0 + 5 + 18 * i, line))
        under = " · ".join(part for part in (course.note, this_course if course.code == here else "") if part)
        css_class = "sub here" if course.code == here else "sub"
        body.append(_text(css_class, title_x, y0 + 5 + 18 * len(labels[course.code]), under))
    return _svg("narrow only" if only else "narrow", (0, 0, NARROW_WIDTH, y), described, body)
