import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from markupsafe import Markup

from core.pathdrawing import text_width, wrap
from core.pathlayout import Layout, PathCourse, PathEdge, lay_out
from core.pathpicture import PathPicture, curriculum_path
from core.pictures import brandmark, door, icon, mark, meter, pips, seal, spark, still, tideline
from core.strokes import DISCS, ICONS, number, path_data, settling_wave
from tests.core.pages_app import COURSES, EDGES, make_app

APP = make_app()


def svg(markup: str) -> ET.Element:
    """Return the parsed picture; a picture that is not well-formed fails here."""
    return ET.fromstring(markup)


def count(markup: str, css_class: str) -> int:
    return sum(css_class in element.get("class", "").split() for element in svg(markup).iter())


def picture(here: str, courses: list[PathCourse] = COURSES, edges: list[PathEdge] = EDGES) -> PathPicture:
    with APP.test_request_context():
        return curriculum_path(courses, edges, here, lambda code: f"/courses/{code}")


def course(code: str, done: bool = False) -> PathCourse:
    return PathCourse(code, f"Title of {code}", "8 h", done)


def chain(*codes: str) -> list[PathEdge]:
    return [PathEdge(before, after) for before, after in itertools.pairwise(codes)]


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_is_well_formed_and_hidden_from_screen_readers(name: str) -> None:
    assert svg(icon(name)).get("aria-hidden") == "true"


def test_an_unknown_icon_is_an_error_for_the_builder() -> None:
    with pytest.raises(KeyError):
        icon("sparkles")


@pytest.mark.parametrize("status", ["present", "late", "left_early", "absent", "excused", "none", "future"])
def test_every_attendance_status_has_a_disc(status: str) -> None:
    assert svg(mark(status)).get("class") == "mark"
    assert set(DISCS) >= {status}


@pytest.mark.parametrize("draw", [brandmark, tideline, still, door])
def test_the_ornaments_are_well_formed(draw: object) -> None:
    assert callable(draw)
    assert isinstance(draw(), Markup)
    assert svg(draw()).get("aria-hidden") == "true"


@pytest.mark.parametrize(
    ("kind", "css_class"), [("ok", "seal"), ("stop", "seal--stop"), ("none", "seal--none")]
)
def test_a_seal_says_by_its_mark_and_class_what_it_seals(kind: str, css_class: str) -> None:
    small, large = seal(kind), seal(kind, True)
    assert css_class in str(svg(small).get("class"))
    assert "seal--lg" in str(svg(large).get("class"))
    assert count(small, "seal__mark") == 1


def boxes(taken: int, capacity: int, held: int = 0) -> tuple[int, int, int]:
    """Return how many boxes are drawn as taken, as held and as free."""
    groups = {g.get("class", ""): len(g) for g in svg(pips(taken, capacity, held))}
    return groups.get("pip pip--taken", 0), groups.get("pip pip--held", 0), groups.get("pip", 0)


def test_each_seat_is_one_box() -> None:
    assert boxes(4, 12) == (4, 0, 8)
    assert boxes(12, 14, 1) == (12, 1, 1)
    assert boxes(0, 24) == (0, 0, 24)


def test_more_seats_taken_than_there_are_fill_the_class_and_no_more() -> None:
    assert boxes(20, 14, 3) == (14, 0, 0)


def test_a_class_without_seats_draws_nothing() -> None:
    assert pips(0, 0) == ""


def test_many_seats_become_one_bar_filled_in_proportion() -> None:
    bar = pips(100, 200, 50)
    assert len(bar) < 600
    taken = next(e for e in svg(bar).iter() if e.get("class") == "pip--taken")
    assert float(taken.get("width", "0")) == 81


def test_a_meter_is_never_filled_beyond_its_end() -> None:
    widths = [float(e.get("width", "0")) for e in svg(meter([(0.7, "meter__fill"), (0.7, "meter__soft")]))]
    assert widths[1:] == [70, 30]


def test_a_meter_shows_what_is_needed_and_its_segments() -> None:
    drawn = meter([(0.5, "meter__fill")], need=0.9, split=4)
    assert count(drawn, "meter__need") == 1
    assert count(drawn, "meter__track") == 1 + 3


def test_a_meter_escapes_its_class() -> None:
    assert '"><script>' not in meter([(0.5, '"><script>')])


@pytest.mark.parametrize("series", [[], [3], [0, 2, 5], [0] * 30])
def test_a_spark_draws_any_series(series: list[int]) -> None:
    assert count(spark(series, 14, 6, low=True), "chart__dot--low") == 1


def test_a_spark_without_a_minimum_has_no_dotted_line() -> None:
    assert count(spark([1, 2], 14), "chart__min") == 0


def test_numbers_are_written_short() -> None:
    assert [number(v) for v in (3.0, 2.04, -0.01, 7.25)] == ["3", "2", "0", "7.2"]
    assert path_data("M", 1, 2.04, "H", 9) == "M1 2H9"


def test_a_wave_ends_level_on_its_middle() -> None:
    assert settling_wave(0, 100, 20, 9, 3, 150).endswith("100 20H150")


# ── the curriculum path ──


def place(layout: Layout) -> dict[str, tuple[int, int]]:
    return {code: (layout.columns[code], layout.rows[code]) for code in layout.columns}


def test_the_real_catalog_stands_in_one_line_with_one_branch() -> None:
    assert place(lay_out(COURSES, EDGES, "CST1")) == {
        "ANA1": (0, 0),
        "CST1": (1, 0),
        "CST2": (2, 0),
        "SER1": (3, 0),
        "SER2": (4, 0),
        "ADV1": (5, 0),
        "PED1": (3, 1),
    }


def test_a_branch_becomes_the_main_line_of_its_own_page() -> None:
    rows = lay_out(COURSES, EDGES, "PED1").rows
    assert [code for code, row in sorted(rows.items()) if row == 0] == ["ANA1", "CST1", "CST2", "PED1"]
    assert {rows["SER1"], rows["SER2"], rows["ADV1"]} == {1}


def test_courses_that_have_nothing_to_do_with_it_are_left_out() -> None:
    assert set(lay_out(COURSES, EDGES, "FAS1").columns) == {"FAS1"}


def test_a_large_neighborhood_is_cut_down_to_what_leads_here_and_what_follows() -> None:
    codes = [f"X{i}" for i in range(20)]
    edges = [*chain("X0", "X1", "X2"), *(PathEdge("X0", code) for code in codes[3:])]
    assert set(lay_out([course(c) for c in codes], edges, "X1").columns) == {"X0", "X1", "X2"}


def test_an_edge_that_closes_a_circle_is_left_out() -> None:
    layout = lay_out([course(c) for c in "ABC"], [*chain("A", "B", "C"), PathEdge("C", "A")], "B")
    assert [(e.before, e.after) for e in layout.edges] == [("A", "B"), ("B", "C")]


def test_a_course_that_needs_itself_and_an_edge_said_twice_do_no_harm() -> None:
    layout = lay_out(
        [course("A"), course("B")], [PathEdge("A", "A"), *chain("A", "B"), *chain("A", "B")], "A"
    )
    assert len(layout.edges) == 1


def test_an_edge_to_an_unknown_course_is_left_out() -> None:
    assert lay_out([course("A")], [PathEdge("GONE", "A")], "A").edges == ()


def test_an_unknown_course_is_an_error_for_the_builder() -> None:
    with pytest.raises(KeyError):
        lay_out(COURSES, EDGES, "NOPE")


def test_a_course_that_nothing_leads_to_stands_just_before_the_one_it_leads_to() -> None:
    layout = lay_out([course(c) for c in "ABCDE"], [*chain("A", "B", "C", "D"), PathEdge("E", "D")], "B")
    assert layout.columns["E"] == 2


def test_no_two_courses_share_a_place_and_lines_avoid_courses_where_they_can() -> None:
    codes = [f"N{i}" for i in range(12)]
    edges = [*chain("N0", "N1", "N2", "N3", "N4"), *chain("N1", "N5", "N6", "N4"), *chain("N2", "N7")]
    edges += [*chain("N8", "N1"), *chain("N9", "N3"), *chain("N1", "N10", "N11")]
    layout = lay_out([course(c) for c in codes], edges, "N1")
    places = list(place(layout).values())
    assert len(set(places)) == len(places) == 12
    # N1 leads down to three branches; none of the lines beside them runs through a course of another
    upright = {(layout.columns["N1"], row) for row in range(1, layout.height)}
    assert set(upright & set(places)) <= {place(layout)["N8"]}


def test_both_drawings_hold_every_course_and_are_well_formed() -> None:
    drawn = picture("CST1")
    for drawing in (drawn.wide, drawn.narrow):
        text = " ".join("".join(e.itertext()) for e in svg(drawing))
        assert all(c.code in text for c in COURSES if c.code != "FAS1")
        assert svg(drawing).get("role") == "img"
        assert count(drawing, "stop--here") == 1
        assert count(drawing, "stop--done") == 1
        assert count(drawing, "line--recommended") == 1
        assert count(drawing, "line--approval") == 1


def test_the_way_walked_is_drawn_as_done() -> None:
    assert count(picture("CST1").wide, "line--done") == 1
    assert count(picture("ADV1").wide, "line--done") == 0


@pytest.mark.parametrize("here", [c.code for c in COURSES])
def test_nothing_is_drawn_outside_the_picture(here: str) -> None:
    for drawing in (picture(here).wide, picture(here).narrow):
        x, y, width, height = (float(v) for v in str(svg(drawing).get("viewBox")).split())
        for element in svg(drawing).iter():
            if "text" in element.tag:
                size = 21 if element.get("class") == "code" else 14
                half = text_width(element.text or "", size) / 2
                left = {"middle": half, "end": 2 * half}.get(element.get("text-anchor", ""), 0)
                start = float(element.get("x", "0")) - left
                assert start >= x - 1
                assert start + 2 * half <= x + width + 12  # the estimate is rather too wide
                assert y + 10 <= float(element.get("y", "0")) <= y + height


def test_two_labels_of_one_row_do_not_touch() -> None:
    for code in ("CST1", "PED1"):
        layout, drawing = lay_out(COURSES, EDGES, code), svg(picture(code).wide)
        assert layout.width == 6
        spans: dict[float, list[tuple[float, float]]] = {}
        for e in drawing.iter():
            if e.get("class") in ("sub", "code"):
                half = text_width(e.text or "", 14) / 2
                x = float(e.get("x", "0"))
                spans.setdefault(float(e.get("y", "0")), []).append((x - half, x + half))
        for row in spans.values():
            row.sort()
            assert all(left[1] <= right[0] for left, right in itertools.pairwise(row))


def test_a_deep_curriculum_is_drawn_from_top_to_bottom_only() -> None:
    codes = [f"C{i}" for i in range(9)]
    drawn = picture("C3", [course(c) for c in codes], chain(*codes))
    assert drawn.wide == ""
    assert "path--only" in str(svg(drawn.narrow).get("class"))


def test_a_single_course_stands_on_its_own() -> None:
    drawn = picture("FAS1")
    assert drawn.caption == "FAS1 stands on its own."
    assert count(drawn.wide, "line") == 0


def test_the_caption_says_in_words_what_the_lines_mean() -> None:
    words = re.sub(r"<[^>]+>", "", picture("CST1").caption)
    assert words == (
        "ANA1 is recommended before CST1. CST2 needs CST1. SER1 needs CST2. PED1 needs CST2. SER2 needs SER1. "
        "ADV1 needs SER1. ADV1 needs SER2 or the instructor’s approval. You have completed ANA1."
    )


def test_several_prerequisites_are_listed_in_one_sentence() -> None:
    drawn = picture("C", [course(c) for c in "ABCD"], [PathEdge("A", "C"), PathEdge("B", "C")])
    assert "C needs" in drawn.caption
    assert re.sub(r"<[^>]+>", "", drawn.caption) == "C needs A and B."


def test_the_caption_links_to_the_other_courses_only() -> None:
    caption = picture("CST1").caption
    assert '<a href="/courses/CST2">CST2</a>' in caption
    assert ">CST1</a>" not in caption


def test_hostile_titles_and_codes_are_escaped_everywhere() -> None:
    bad = '"><script>alert(1)</script>'
    drawn = picture(bad, [PathCourse(bad, bad, bad), course("B")], chain(bad, "B"))
    for part in (drawn.wide, drawn.narrow, drawn.caption):
        assert "<script" not in part


def test_a_long_title_is_broken_into_lines_and_a_longer_one_is_cut() -> None:
    assert wrap("Anatomy of the Craniosacral System", 126, 14) == ["Anatomy of the", "Craniosacral", "System"]
    lines = wrap("Word " * 40, 126, 14)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert text_width(wrap("W" * 60, 126, 14)[0], 14) < 145
