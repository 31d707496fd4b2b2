"""Reads the tokens out of the stylesheet and checks every pair of colors that the components use (WCAG 2.2)."""

import re

import pytest

from tests.core.pages_app import ROOT

CSS = (ROOT / "static/stillpoint.css").read_text()
TEXT, GRAPHIC = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11
WASHES = ("plum", "tide", "ok", "wait", "stop")


def tokens(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", css))


LIGHT_CSS, DARK_CSS = CSS.split("@layer tokens {")[1].split("@media screen and (prefers-color-scheme: dark)")[
    :2
]
LIGHT = tokens(LIGHT_CSS)
DARK = {**LIGHT, **tokens(DARK_CSS.split("prefers-contrast")[0])}


def pairs() -> list[tuple[str, str, float]]:
    inks = ("ink", "ink-2", "ink-3", "plum", "plum-deep", "tide", "ok", "wait", "stop")
    graphics = ("line-strong", "tide-mid", "focus", "plum", "stop", "wait")
    found = []
    for paper in ("paper", "surface", "sunken"):
        found += [(ink, paper, TEXT) for ink in inks]
        found += [(graphic, paper, GRAPHIC) for graphic in graphics]
    for wash in WASHES:
        found += [(ink, f"{wash}-wash", TEXT) for ink in (wash, "ink", "ink-2")]
        found.append(("focus", f"{wash}-wash", GRAPHIC))
    found += [("plum", f"{wash}-wash", TEXT) for wash in ("wait", "ok", "tide")]
    found += [(ink, "plum-wash", TEXT) for ink in ("ok", "wait", "stop", "tide", "ink-3")]
    found += [("on-plum", "plum", TEXT), ("on-plum", "plum-deep", TEXT), ("on-toast", "toast", TEXT)]
    return [
        *found,
        ("paper", "ink", TEXT),
        ("tide-mid", "tide-wash", GRAPHIC),
        ("paper", "tide-mid", GRAPHIC),
    ]


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("palette", "name"), [(LIGHT, "light"), (DARK, "dark")], ids=["light", "dark"])
def test_every_pair_of_colors_can_be_read(palette: dict[str, str], name: str) -> None:
    poor = [
        f"{name}: {ink} on {paper} is {contrast(palette[ink], palette[paper]):.2f}, needs {least}"
        for ink, paper, least in pairs()
        if contrast(palette[ink], palette[paper]) < least
    ]
    assert poor == []


def test_the_dark_palette_is_a_palette_of_its_own() -> None:
    assert LIGHT["paper"] == "#f8f3f1"
    assert DARK["paper"] == "#191317"
    assert {name for name in LIGHT if LIGHT[name] == DARK[name]} == set()


def test_contrast_is_computed_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_every_color_is_a_token() -> None:
    """A color written beside the tokens would escape this test; black and gray are for paper."""
    rules = CSS.split("@layer base {")[1]
    screen, print_rules = rules.split("@media print")
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", screen)) == {"#000"}  # the mask of the navigation
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", print_rules)) <= {"#fff", "#000", "#333", "#999"}
