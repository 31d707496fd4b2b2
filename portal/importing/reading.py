"""Read a file of people: CSV (UTF-8, or UTF-16 with its mark) or XLSX. What can't be read is told with its line."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _

from core.errors import RuleError
from core.typed import clean_text
from students.jurisdictions import jurisdiction_of
from students.people import profession_of

MOST_ROWS = 2_000
_MOST_UNPACKED = 60 * 1024 * 1024  # bytes; an XLSX is a zip, and a small one can hold a huge one
_MOST_COLUMNS = 100  # read of a sheet, which may claim 16,384
_MOST_LINES = 50_000  # with or without people
_COLUMNS = {
    "name": ("name", "full name", "student"),
    "given": ("first name", "given name"),
    "family": ("last name", "family name", "surname"),
    "email": ("email", "e-mail", "email address", "e-mail address", "mail"),
    "phone": ("phone", "telephone", "mobile"),
    "profession": ("profession", "license type"),
    "license_state": ("license state", "state", "jurisdiction"),
    "license_number": ("license number", "license", "license no", "license no."),
    "class_code": ("class", "class code", "offering"),
}
EXAMPLE = ("Name", "Email", "Phone", "Profession", "License state", "License number", "Class")


@dataclass(frozen=True)
class Row:
    """One person as written, cleaned. ``line`` is where it stands in the file; ``problem`` why it can't be taken."""

    line: int
    name: str = ""
    email: str = ""
    phone: str = ""
    profession: str = ""
    license_state: str = ""
    license_number: str = ""
    class_code: str = ""
    problem: str = ""

    def plain(self) -> dict[str, Any]:
        """For the file store."""
        return asdict(self)


@dataclass(frozen=True)
class Sheet:
    """What was read: the rows, and headings that mean nothing here."""

    rows: list[Row]
    ignored: list[str]


def read(content: bytes) -> Sheet:
    """Read a file, whatever its name. Raises RuleError with what to do when it is no table of people."""
    if not content:
        raise RuleError(_("The file is empty."), field="file")
    if content.startswith(b"PK\x03\x04"):
        return _sheet(_xlsx_lines(content))
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise RuleError(_("This is an old XLS file. Save it as XLSX or CSV."), field="file")
    return _sheet(_csv_lines(_decoded(content)))


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RuleError(
            _("Line %(line)d is not written in UTF-8. Save the file as “CSV UTF-8”, or as XLSX.", line=line),
            field="file",
        ) from None
    if "\0" in text:
        raise RuleError(_("This is not a CSV file."), field="file")
    return text


def _csv_lines(text: str) -> Iterable[tuple[int, list[Any]]]:
    head = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max((",", ";", "\t"), key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, list(cells)
    except csv.Error:
        raise RuleError(
            _(
                "Line %(line)d can't be read: a quotation mark is missing or stands alone.",
                line=reader.line_num,
            ),
            field="file",
        ) from None


def _xlsx_lines(content: bytes) -> Iterable[tuple[int, list[Any]]]:
    import openpyxl

    unreadable = RuleError(
        _("This spreadsheet can't be read. Save it anew as XLSX, or as CSV."), field="file"
    )
    too_large = RuleError(
        _("This spreadsheet is too large. Keep only the sheet with the people."), field="file"
    )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            if sum(part.file_size for part in parts.infolist()) > _MOST_UNPACKED:
                raise too_large
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    except RuleError:
        raise
    except Exception:
        raise unreadable from None
    try:
        if book.active is None:
            raise unreadable
        book.active.reset_dimensions()  # what a file claims of its size may be wrong: people below would be lost
        lines, before = 0, None
        for number, cells in enumerate(book.active.iter_rows(max_col=_MOST_COLUMNS), 1):
            if cells is before:
                continue  # a line that is not in the file: one and the same row stands for all of a gap
            before, lines = cells, lines + 1
            if lines > _MOST_LINES:
                raise too_large
            yield number, [_Formula() if cell.data_type == "f" else cell.value for cell in cells]
    except RuleError:
        raise
    except Exception:
        raise unreadable from None
    finally:
        book.close()


class _Formula:
    """A cell that computes."""


def _sheet(lines: Iterable[tuple[int, list[Any]]]) -> Sheet:
    places: dict[str, int] = {}
    ignored: list[str] = []
    width = 0
    rows: list[Row] = []
    for line, cells in lines:
        if all(cell is None or cell == "" for cell in cells):
            continue
        if not places:
            places, ignored, width = _headings(cells)
            continue
        if len(rows) == MOST_ROWS:
            raise RuleError(
                _("A file holds at most %(most)d people. Split it.", most=MOST_ROWS), field="file"
            )
        rows.append(_row(line, cells, places, width))
    if not rows:
        raise RuleError(
            _("There is nobody in this file: it needs a line of headings, then one line a person."),
            field="file",
        )
    return Sheet(rows, ignored)


def _headings(cells: Sequence[Any]) -> tuple[dict[str, int], list[str], int]:
    places: dict[str, int] = {}
    ignored = []
    for index, cell in enumerate(cells):
        heading = clean_text(str(cell or "")).casefold().replace("_", " ")
        found = next((key for key, names in _COLUMNS.items() if heading in names), None)
        if found is not None and found not in places:
            places[found] = index
        elif heading:
            ignored.append(clean_text(str(cell))[:60])
    named = "name" in places or {"given", "family"} <= places.keys()
    if "email" not in places or not named:
        raise RuleError(
            _("The first line must name the columns; Name and Email are needed. The example shows how."),
            field="file",
        )
    return places, ignored, len(cells)


def _row(line: int, cells: Sequence[Any], places: dict[str, int], width: int) -> Row:
    given = {key: cells[index] if index < len(cells) else None for key, index in places.items()}
    if any(isinstance(value, _Formula) or is_formula(value) for value in given.values()):
        return Row(line, problem=_("A cell holds a formula. Write its value instead."))
    texts = {key: _text(value) for key, value in given.items()}
    name = texts.get("name") or " ".join(part for part in (texts.get("given"), texts.get("family")) if part)
    problem = (
        _("The line has more cells than the headings.") if len(cells) > width and any(cells[width:]) else ""
    )
    return Row(
        line=line,
        name=name[:200],
        email=texts.get("email", "").lower()[:254],
        phone=texts.get("phone", "")[:200],
        profession=profession_of(texts.get("profession", ""))[:40],
        license_state=_state(texts.get("license_state", "")),
        license_number=texts.get("license_number", "")[:200],
        class_code=texts.get("class_code", "").upper()[:40],
        problem=problem,
    )


def _state(typed: str) -> str:
    """A state as licenses keep it, so that known ones are found; what is none stays, for the preview to refuse."""
    try:
        return jurisdiction_of(typed)
    except RuleError:
        return typed.upper()[:200]


def is_formula(value: Any) -> bool:
    """Whether a cell, or a line, begins like a formula of a spreadsheet."""
    # A phone number or a license may begin with + or -; a formula goes on with something else.
    return isinstance(value, str) and re.match(r"\s*(=|@|[+-](?![\d (]))", value) is not None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a spreadsheet's 28417 is 28417.0
    if isinstance(value, datetime | date):
        return value.strftime("%Y-%m-%d")
    return clean_text(str(value))
