"""What import-linter cannot see: it looks at packages, and app.py is a module above them all (DESIGN, layers)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("core", "accounts", "courses", "students", "attendance", "certificates", "portal")
OUTSIDE = ("app", "tests", "script", "migrations")


def imported(path: Path) -> set[str]:
    """The first word of every module that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_the_roof_or_what_stands_outside(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    assert {
        str(path.relative_to(ROOT)): found for path in files if (found := imported(path) & set(OUTSIDE))
    } == {}


def test_the_roof_knows_the_rooms_and_nothing_of_the_tests() -> None:
    assert imported(ROOT / "app.py") >= set(ROOMS)
    assert not imported(ROOT / "app.py") & {"tests", "script"}
