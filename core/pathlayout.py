"""Where each course of a curriculum stands in the path picture: columns by depth, rows by branch.

Nothing here draws. The graph may be anything that staff typed in: edges to unknown courses and edges that
would close a circle are left out, because a picture is no place to fail.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import Literal

EdgeKind = Literal["required", "recommended", "instructor_approval"]
BRANCHES_TRIED = 5  # in every order, 120 at most; more branches are stacked as they come
COURSES_AT_MOST = 12  # a larger neighborhood is cut down to what leads to the course and what follows from it


@dataclass(frozen=True)
class PathCourse:
    """One course in the picture. `note` is the short line under its title, "24 h" say, already formatted."""

    code: str
    title: str
    note: str = ""
    done: bool = False


@dataclass(frozen=True)
class PathEdge:
    """One prerequisite: the course `before` comes first, the course `after` follows. Both are codes."""

    before: str
    after: str
    kind: EdgeKind = "required"


@dataclass(frozen=True)
class Layout:
    """The courses in reading order, the edges kept, and a column and a row (both from 0) for each code."""

    courses: tuple[PathCourse, ...]
    edges: tuple[PathEdge, ...]
    columns: Mapping[str, int]
    rows: Mapping[str, int]
    main: tuple[str, ...]

    @property
    def width(self) -> int:
        """The number of columns."""
        return max(self.columns.values(), default=0) + 1

    @property
    def height(self) -> int:
        """The number of rows."""
        return max(self.rows.values(), default=0) + 1


def lay_out(courses: Iterable[PathCourse], edges: Iterable[PathEdge], here: str) -> Layout:
    """Place the courses that have to do with `here`: the longest way through it in row 0, branches below.

    Raises KeyError when `here` is not among `courses`.
    """
    by_code = {course.code: course for course in courses}
    by_code[here]
    known = tuple(e for e in edges if e.before in by_code and e.after in by_code)
    kept, columns, rows, main = _place(known, here)
    order = sorted(columns, key=lambda code: (columns[code], rows[code], code))
    return Layout(tuple(by_code[c] for c in order), kept, columns, rows, main)


@lru_cache(maxsize=256)
def _place(
    edges: tuple[PathEdge, ...], here: str
) -> tuple[tuple[PathEdge, ...], Mapping[str, int], Mapping[str, int], tuple[str, ...]]:
    """Return the edges kept, the columns, the rows and the main way. Kept: a catalog changes seldom."""
    graph = _Graph(edges)
    codes = graph.around(here)
    graph = _Graph([e for e in graph.edges if e.before in codes and e.after in codes])
    columns = graph.columns(codes)
    main = graph.longest_way_through(here)
    for code in sorted(codes):  # a course that nothing leads to stands just before the first one it leads to
        if not graph.before[code] and graph.after[code]:
            columns[code] = min(columns[after] for after in graph.after[code]) - 1
    return tuple(graph.edges), columns, _rows(graph, codes, columns, main), tuple(main)


class _Graph:
    """The edges without circles and duplicates, and who stands before and after whom."""

    def __init__(self, edges: Sequence[PathEdge]) -> None:
        self.before: dict[str, list[str]] = _Neighbors()
        self.after: dict[str, list[str]] = _Neighbors()
        self.edges: list[PathEdge] = []
        for edge in edges:
            if edge.before in self.after[edge.after] or edge.before in self.reach(edge.after, self.after):
                continue
            if edge.after in self.after[edge.before]:
                continue
            self.edges.append(edge)
            self.after[edge.before].append(edge.after)
            self.before[edge.after].append(edge.before)

    @staticmethod
    def reach(start: str, neighbors: Mapping[str, list[str]]) -> set[str]:
        """Return `start` and every code that can be reached from it."""
        seen, todo = {start}, [start]
        while todo:
            for code in neighbors[todo.pop()]:
                if code not in seen:
                    seen.add(code)
                    todo.append(code)
        return seen

    def around(self, here: str) -> set[str]:
        """Return the codes worth showing around `here`."""
        either = _Neighbors()
        for edge in self.edges:
            either[edge.before].append(edge.after)
            either[edge.after].append(edge.before)
        connected = self.reach(here, either)
        if len(connected) <= COURSES_AT_MOST:
            return connected
        return self.reach(here, self.before) | self.reach(here, self.after)

    def columns(self, codes: Iterable[str]) -> dict[str, int]:
        """Return for each code the length of the longest way that leads to it."""
        found: dict[str, int] = {}

        def depth(code: str) -> int:
            if code not in found:
                found[code] = max((depth(before) + 1 for before in self.before[code]), default=0)
            return found[code]

        for code in codes:
            depth(code)
        return found

    def longest_way_through(self, here: str) -> list[str]:
        """Return the codes on the longest way to `here` and on from it."""
        backward = self._longest(here, self.before)
        forward = self._longest(here, self.after)
        return backward[:0:-1] + forward

    def _longest(self, start: str, neighbors: Mapping[str, list[str]]) -> list[str]:
        found: dict[str, list[str]] = {}

        def way(code: str) -> list[str]:
            if code not in found:
                tails = sorted((way(c) for c in neighbors[code]), key=lambda tail: (-len(tail), tail))
                found[code] = [code, *(tails[0] if tails else [])]
            return found[code]

        return way(start)


class _Neighbors(dict[str, list[str]]):
    def __missing__(self, code: str) -> list[str]:
        return self.setdefault(code, [])


def _rows(graph: _Graph, codes: set[str], columns: Mapping[str, int], main: Sequence[str]) -> dict[str, int]:
    """Return a row for each code: 0 for the main way, then each branch in the first row with room for it.

    Which branch comes first decides whether lines run through courses, so orders are tried and compared.
    """
    branches = _branches(graph, codes, columns, main)
    orders = permutations(branches) if len(branches) <= BRANCHES_TRIED else [branches]
    tried = [_stacked(graph, columns, main, order) for order in orders]
    return min(tried, key=lambda rows: _clutter(graph, columns, rows))


def _branches(
    graph: _Graph, codes: set[str], columns: Mapping[str, int], main: Sequence[str]
) -> list[tuple[str, ...]]:
    """Return the ways that are left beside `main`, each as long as it goes."""
    seen = set(main)
    out = []
    while left := sorted(codes - seen, key=lambda code: (columns[code], code)):
        branch = [left[0]]
        while following := [c for c in graph.after[branch[-1]] if c not in seen]:
            branch.append(min(following, key=lambda code: (columns[code], code)))
        seen.update(branch)
        out.append(tuple(branch))
    return out


def _stacked(
    graph: _Graph, columns: Mapping[str, int], main: Sequence[str], branches: Iterable[tuple[str, ...]]
) -> dict[str, int]:
    rows = dict.fromkeys(main, 0)
    taken: dict[int, set[int]] = {}
    for branch in branches:
        ends = [columns[c] for code in branch for c in (*graph.before[code], *graph.after[code], code)]
        span = set(range(min(ends), max(ends) + 1))  # with the columns where its lines turn the corner
        row = next(r for r in range(1, len(columns) + 1) if not span & taken.get(r, set()))
        taken.setdefault(row, set()).update(span)
        rows.update(dict.fromkeys(branch, row))
    return rows


def _clutter(graph: _Graph, columns: Mapping[str, int], rows: Mapping[str, int]) -> int:
    """Return how untidy a stacking is: lines that run through a course weigh most, then height."""
    courses = {(rows[code], columns[code]) for code in rows}
    through = 0
    for edge in graph.edges:
        (r0, c0), (r1, c1) = (
            (rows[edge.before], columns[edge.before]),
            (rows[edge.after], columns[edge.after]),
        )
        upright, level = (c0, r1) if r1 > r0 else (c1, r0)
        crossed = {(row, upright) for row in range(min(r0, r1) + 1, max(r0, r1))}
        crossed |= {(level, column) for column in range(c0 + 1, c1)} if r0 != r1 else set()
        through += len(crossed & courses)
    return 100 * through + sum(rows.values())
