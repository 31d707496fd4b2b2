"""Reads a catalog file and checks everything that the file alone can tell; ``courses.importing`` brings it in."""

import difflib
from pathlib import Path
from typing import Any

from flask_babel import gettext
from pydantic import ValidationError

from core.errors import RuleError
from courses.catalog_entries import CatalogEntries, Entry
from courses.marked_yaml import CatalogError, Marked, Path_, Problem, read_marked, read_text
from courses.scheduling import Sitting, parse_pattern


class CatalogFile:
    """A file that was read: its entries, the lines they stand on, and the text of its claims.

    ``claims`` are (where from, text) pairs; ``patterns`` the sittings of each daily pattern.
    """

    def __init__(self, path: Path, marked: Marked, entries: CatalogEntries) -> None:
        self.path = path
        self.marked = marked
        self.entries = entries
        self.claims: list[tuple[str, str]] = []
        self.patterns: dict[str, list[Sitting]] = {}

    def problem(self, path: Path_, text: object) -> Problem:
        """Something wrong at a place of this file."""
        return self.marked.problem(path, text)

    def email_of(self, login: str, domain: str) -> str:
        """The e-mail address of a login: itself, or at the school's own domain."""
        return login if "@" in login else f"{login}@{domain}"


def read_catalog(path: Path) -> CatalogFile:
    """Read a catalog file. Raises CatalogError that names line and key of everything that is wrong with it."""
    from courses.catalog_checks import own_problems

    marked = read_marked(read_text(path))
    if not isinstance(marked.data, dict):
        raise CatalogError(
            [Problem(1, "", gettext("the file must begin with sections like courses: or venues:"))]
        )
    try:
        entries = CatalogEntries.model_validate(marked.data)
    except ValidationError as error:
        raise CatalogError([_told(marked, item) for item in error.errors()]) from None
    file = CatalogFile(path, marked, entries)
    problems: list[Problem] = []
    for name, sittings in entries.daily_patterns.items():
        try:
            file.patterns[name] = parse_pattern("\n".join(sittings))
        except RuleError as error:
            problems.append(file.problem(("daily_patterns", name), error))
    problems += own_problems(file)
    problems += _read_claims(file)
    if problems:
        raise CatalogError(problems)
    return file


def _read_claims(file: CatalogFile) -> list[Problem]:
    claims = file.entries.claims
    if claims is None:
        return []
    try:
        lines = read_text(file.path.parent / claims.from_).splitlines()
    except CatalogError as error:
        return [file.problem(("claims", "from"), problem) for problem in error.problems]
    problems = []
    for number, line in enumerate(claims.lines):
        text = lines[line - 1].strip().lstrip("•*-– ").strip() if line <= len(lines) else ""
        if text:
            file.claims.append((f"{claims.from_}, line {line}", text))
        else:
            told = gettext("%(file)s has no text on line %(line)s", file=claims.from_, line=line)
            problems.append(file.problem(("claims", "lines", number), told))
    return problems


_KEYS = sorted(
    {field.alias or name for model in Entry.__subclasses__() for name, field in model.model_fields.items()}
)


def _told(marked: Marked, error: Any) -> Problem:
    """What pydantic found, in words, at its line."""
    path: Path_ = tuple(step for step in error["loc"] if step != "[key]")
    kind, given = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), _KEYS, 1)
        text = gettext("nobody knows the key %(key)s", key=path[-1])
        if near:
            text += gettext("; is %(key)s meant?", key=near[0])
        return Problem(marked.line(path), marked.where(path[:-1]), text)
    if kind == "missing":
        return marked.problem(path[:-1], gettext("%(key)s is missing", key=path[-1]))
    return marked.problem(path, _sentence(kind, given, error["msg"]))


def _sentence(kind: str, given: dict[str, Any], message: str) -> str:
    if kind in ("value_error", "assertion_error"):
        return str(given.get("error", message))
    if kind == "literal_error":
        return gettext("write one of %(choices)s", choices=str(given["expected"]).replace("'", ""))
    if kind in ("greater_than_equal", "less_than_equal", "greater_than", "less_than"):
        limit = next(iter(given.values()))
        return {
            "greater_than_equal": gettext("write %(limit)s or more", limit=limit),
            "less_than_equal": gettext("write %(limit)s or less", limit=limit),
            "greater_than": gettext("write more than %(limit)s", limit=limit),
            "less_than": gettext("write less than %(limit)s", limit=limit),
        }[kind]
    if kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        return gettext("this has too few or too many entries or characters")
    plain = {
        "string_type": gettext("write text, and numbers that are text in quotes"),
        "string_pattern_mismatch": gettext(
            "this has characters that do not belong here, or is not in the usual form"
        ),
        "int_type": gettext("write a whole number"),
        "bool_type": gettext("write true or false"),
        "list_type": gettext("write a list, like [one, two]"),
        "dict_type": gettext("write keys and values"),
        "model_type": gettext("write keys and values"),
        "model_attributes_type": gettext("write keys and values"),
        "date_type": gettext("write a date like 2027-03-12"),
    }
    return plain.get(kind, message)
