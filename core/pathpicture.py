"""The curriculum path: how one course sits among those before and after it, in two drawings and in words.

The wide drawing reads from left to right, the narrow one from top to bottom; the stylesheet shows the one
that fits its column. A full line is required, dots are recommended, dashes need the instructor's approval;
the caption says the same in words and is what a screen reader reads.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from babel.lists import format_list
from flask_babel import get_locale, gettext
from markupsafe import Markup, escape

from core.pathdrawing import draw_narrow, draw_wide
from core.pathlayout import Layout, PathCourse, PathEdge, lay_out

COLUMNS_AT_MOST = (
    6  # deeper ways are drawn from top to bottom only: sideways their letters would be too small
)


@dataclass(frozen=True)
class PathPicture:
    """The parts of the picture, ready for `ui.path`. `wide` is empty when the way is too deep for it."""

    wide: Markup
    narrow: Markup
    caption: Markup


def curriculum_path(
    courses: Iterable[PathCourse],
    edges: Iterable[PathEdge],
    here: str,
    url: Callable[[str], str] | None = None,
) -> PathPicture:
    """Return the path picture around the course with code `here`.

    `courses` may be the whole catalog: only what is connected with `here` is drawn. With `url`, the codes in
    the caption link to `url(code)`. Raises KeyError when `here` is not among `courses`.
    """
    layout = lay_out(courses, edges, here)
    fits = layout.width <= COLUMNS_AT_MOST
    described = _described(layout)
    return PathPicture(
        wide=draw_wide(layout, here, described, gettext("This course")) if fits else Markup(""),
        narrow=draw_narrow(layout, here, described, gettext("this course"), only=not fits),
        caption=_caption(layout, here, url),
    )


def _described(layout: Layout) -> str:
    """Return every course with its full title, for readers who do not see the drawing."""
    return "; ".join(" ".join(part for part in (c.code, c.title, c.note) if part) for c in layout.courses)


def _caption(layout: Layout, here: str, url: Callable[[str], str] | None) -> Markup:
    def name(code: str) -> Markup:
        if url is None or code == here:
            return escape(code)
        return Markup('<a href="{}">{}</a>').format(url(code), code)

    def names(codes: list[str]) -> Markup:
        # the patterns of the locale hold no markup, and every name is escaped
        return Markup(format_list([str(name(code)) for code in codes], locale=get_locale() or "en"))

    sentences = []
    if not layout.edges:
        sentences.append(Markup(gettext("%(course)s stands on its own.")) % {"course": name(here)})
    for course in layout.courses:
        for kind, one, many in _SENTENCES:
            before = [e.before for e in layout.edges if e.after == course.code and e.kind == kind]
            if before:
                text = one() if len(before) == 1 else many()
                sentences.append(Markup(text) % {"course": name(course.code), "before": names(before)})
    done = [course.code for course in layout.courses if course.done and course.code != here]
    if done:
        sentences.append(Markup(gettext("You have completed %(courses)s.")) % {"courses": names(done)})
    return Markup(" ").join(sentences)


_SENTENCES: tuple[tuple[str, Callable[[], str], Callable[[], str]], ...] = (
    (
        "required",
        lambda: gettext("%(course)s needs %(before)s."),
        lambda: gettext("%(course)s needs %(before)s."),
    ),
    (
        "recommended",
        lambda: gettext("%(before)s is recommended before %(course)s."),
        lambda: gettext("%(before)s are recommended before %(course)s."),
    ),
    (
        "instructor_approval",
        lambda: gettext("%(course)s needs %(before)s or the instructor’s approval."),
        lambda: gettext("%(course)s needs each of %(before)s or the instructor’s approval."),
    ),
)
