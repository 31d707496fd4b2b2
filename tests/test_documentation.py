"""What an operator can set or run is described, and what is described exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
OF_FLASK_ITSELF = {"run", "shell", "routes"}


def in_first_column(text: str) -> set[str]:
    """What stands in backquotes at the start of a table's row."""
    return set(re.findall(r"^\| `([A-Z][A-Z_]+)` \|", text, re.MULTILINE))


def settings() -> set[str]:
    return {name.upper() for name in Settings.__dataclass_fields__}


def settings_of_the_web_server() -> set[str]:
    text = (ROOT / "gunicorn.conf.py").read_text(encoding="utf-8")
    return set(re.findall(r'environ\.get\("([A-Z_]+)"', text))


def commands(group: click.Group, prefix: str = "flask") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def test_every_setting_is_documented_and_no_other() -> None:
    assert in_first_column(OPERATING) == settings() | settings_of_the_web_server()


def test_every_command_and_its_options_are_documented(app: Flask) -> None:
    found = [
        (name, command)
        for name, command in commands(app.cli)
        if name.split()[1] not in OF_FLASK_ITSELF and not name.startswith("flask db ")
    ]
    assert "flask worker" in [name for name, _ in found]
    missing = [name for name, _ in found if f"`{name}" not in OPERATING]
    missing += [
        f"{name} {option}"
        for name, command in found
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--") and option not in OPERATING
    ]
    assert missing == []


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "script").iterdir() if path.is_file()))
def test_every_script_says_what_it_is_for(name: str) -> None:
    path = ROOT / "script" / name
    lines = path.read_text(encoding="utf-8").splitlines()

    assert any(line.startswith(("# ", '"""')) for line in lines[:3])
    assert bool(path.stat().st_mode & 0o111) == (not name.startswith("_")), (
        "commands are executable, parts of them not"
    )


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("docs/**/*.md")) + sorted(ROOT.glob("*.md")), ids=lambda path: path.name
)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        file, _, anchor = target.partition("#")
        other = (page.parent / file).resolve() if file else page
        if not other.exists() or (anchor and other.suffix == ".md" and anchor not in anchors(other)):
            broken.append(target)

    assert broken == []


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
