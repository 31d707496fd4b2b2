"""Reads YAML and remembers the line of every key and item, so that whatever is wrong can be told with its line.

Stricter than YAML: a key may stand once, keys are text (YAML reads a bare ``on:`` as true), and there are no anchors,
aliases or tags, which a catalog never needs and which can blow a small file up into a huge one.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from flask_babel import gettext

from core.errors import RuleError

Path_ = tuple[str | int, ...]
TAGS = {
    f"tag:yaml.org,2002:{kind}" for kind in ["map", "seq", "str", "int", "float", "bool", "null", "timestamp"]
}
MAX_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong: the line (from 1; 0 when it belongs to no line), where, and a sentence."""

    line: int
    where: str
    text: str

    def __str__(self) -> str:
        place = gettext("line %(line)s", line=self.line) if self.line else ""
        head = ", ".join(part for part in (place, self.where) if part)
        return f"{head}: {self.text}" if head else self.text


class CatalogError(RuleError):
    """The file cannot be used; ``problems`` says all that is wrong with it, in the order of the lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass
class Marked:
    """Plain data, and for each path into it (keys and positions) the line on which it stands."""

    data: Any
    lines: dict[Path_, int] = field(default_factory=dict)

    def line(self, path: Path_) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def where(self, path: Path_) -> str:
        """The path in words: ``courses: CST2, price``. A list's item is called by its code, else by its number."""
        words: list[str] = []
        here = self.data
        for step in path:
            here = _child(here, step)
            if isinstance(step, int):
                name = here.get("code") or here.get("login") if isinstance(here, dict) else None
                words.append(str(name) if name else gettext("number %(number)s", number=step + 1))
            else:
                words.append(step)
        return words[0] + (": " + ", ".join(words[1:]) if words[1:] else "") if words else ""

    def problem(self, path: Path_, text: object) -> Problem:
        """A problem at a path."""
        return Problem(self.line(path), self.where(path), str(text))


def _child(here: Any, step: str | int) -> Any:
    if isinstance(here, dict):
        return here.get(step)
    if isinstance(here, list) and isinstance(step, int) and step < len(here):
        return here[step]
    return None


def read_text(path: Path) -> str:
    """The text of a file. Raises CatalogError when it cannot be read, is no text, or is far too large."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CatalogError([Problem(0, path.name, gettext("the file is larger than 2 MB"))])
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CatalogError([Problem(0, path.name, gettext("the file is not text in UTF-8"))]) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problem = Problem(0, str(path), gettext("the file cannot be read (%(reason)s)", reason=reason))
        raise CatalogError([problem]) from None


def read_marked(text: str) -> Marked:
    """Parse a YAML text. Raises CatalogError that names the lines of all that is wrong."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = gettext("this is not YAML: %(reason)s", reason=error.problem or error.context or "")
        raise CatalogError([Problem(mark.line + 1 if mark else 0, "", reason)]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise CatalogError([Problem(line, "", gettext("there is a character that no text has"))]) from None
    except RecursionError:
        raise CatalogError([Problem(0, "", gettext("the file is nested too deeply"))]) from None
    marked = Marked(None)
    if node is None:
        raise CatalogError([Problem(0, "", gettext("the file is empty"))])
    walk = _Walk(marked)
    try:
        marked.data = walk.value(node, ())
    except RecursionError:
        raise CatalogError([Problem(0, "", gettext("the file is nested too deeply"))]) from None
    if walk.problems:
        raise CatalogError(walk.problems)
    return marked


class _Walk:
    """Turns nodes into plain data."""

    def __init__(self, marked: Marked) -> None:
        self.marked = marked
        self.problems: list[Problem] = []
        self.seen: set[int] = set()
        self.scalars = yaml.constructor.SafeConstructor()

    def tell(self, node: yaml.Node, path: Path_, text: str) -> None:
        """Note a problem at a node."""
        where = ": ".join(str(step) for step in path if isinstance(step, str))
        self.problems.append(Problem(node.start_mark.line + 1, where, text))

    def value(self, node: yaml.Node, path: Path_) -> Any:
        """The plain data of a node."""
        self.marked.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self.seen:
            self.tell(node, path, gettext("anchors and aliases (& and *) are not used in this file"))
            return None
        self.seen.add(id(node))
        if node.tag not in TAGS:
            self.tell(node, path, gettext("tags (!) are not used in this file"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
        try:
            return self.scalars.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self.tell(node, path, gettext("%(value)s cannot be read as a value", value=repr(node.value)))
            return None

    def mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        """The dictionary of a mapping node; every key is text and stands once."""
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.tell(key_node, path, gettext("a key must be a word"))
                continue
            key = key_node.value
            if key_node.tag != "tag:yaml.org,2002:str":
                text = gettext(
                    "YAML does not read the key %(key)s as text; write it in quotes: '%(key)s'", key=key
                )
                self.tell(key_node, path, text)
                continue
            if key in found:
                first = self.marked.lines[(*path, key)]
                text = gettext(
                    "the key %(key)s stands here twice, first on line %(line)s", key=key, line=first
                )
                self.tell(key_node, path, text)
                continue
            self.marked.lines[(*path, key)] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, (*path, key))
        return found
