"""Tables for people's own programs: CSV and XLSX, in which no cell ever runs as a formula.

One description of the columns serves both. Cells are what the program knows (a date, a moment, a number of cents), not
texts: an XLSX gets real dates and numbers under a heading that stays in sight, a CSV gets ISO dates and plain decimals.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import IO, Any

import babel.numbers
from flask_babel import gettext as _

from core.clock import local
from core.errors import RuleError

CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What begins a formula in the common spreadsheets (OWASP, "CSV Injection"), full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LONGEST_CELL = 32_767  # characters; a limit of the XLSX format
_MOST_ROWS = 1_048_575  # below the heading; likewise
_CHUNK = 200  # rows of a CSV that are sent at a time


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    WHOLE = "whole"  # a whole number
    NUMBER = "number"  # int, float, Decimal or Fraction
    MONEY = "money"  # int, in the smallest unit of the column's currency
    DATE = "date"  # a date
    MOMENT = "moment"  # an aware datetime, shown on the clock of the table's zone, to the minute
    LOCAL = "local"  # an aware datetime, shown on the clock that it carries itself: that of its class


@dataclass(frozen=True)
class Column:
    """One column: its heading, what it holds, its width in characters (XLSX), and the currency of its amounts."""

    title: object
    kind: Kind = Kind.TEXT
    width: int = 0
    currency: str = "USD"

    @property
    def characters(self) -> int:
        """The width in characters."""
        if self.width:
            return self.width
        usual = {Kind.TEXT: 24, Kind.MOMENT: 17, Kind.LOCAL: 17}.get(self.kind, 12)
        return max(usual, min(len(str(self.title)) + 2, 30))

    @property
    def places(self) -> int:
        """Decimal places of the column's currency."""
        return babel.numbers.get_currency_precision(self.currency)


def safe_text(value: object) -> str:
    """A text that no spreadsheet takes for a formula: one that begins like it gets an apostrophe in front."""
    text = _clean(str(value))
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def write_csv(columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, zone: str) -> Iterator[bytes]:
    """A CSV in pieces, as UTF-8 with a byte order mark (so that spreadsheets read names right), RFC 4180 otherwise.

    ``rows`` may be a generator over any number of rows. ``zone`` is the IANA zone of moments.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow([safe_text(column.title) for column in columns])
    for number, row in enumerate(rows, 1):
        writer.writerow([_csv_cell(column, value, zone) for column, value in zip(columns, row, strict=True)])
        if number % _CHUNK == 0:
            yield _emptied(buffer)
    yield _emptied(buffer)


def csv_file(columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, zone: str) -> bytes:
    """The same in one piece."""
    return b"".join(write_csv(columns, rows, zone=zone))


def write_xlsx(
    target: IO[bytes],
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    *,
    title: str,
    zone: str,
    made_at: datetime,
) -> int:
    """Write an XLSX with one sheet into an open file, row by row in constant memory. Returns the number of rows.

    The heading is frozen and filters; dates, moments and numbers are real ones; texts never become formulas or links.
    Raises RuleError when there are more rows than the format holds (1,048,575).
    """
    import xlsxwriter

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(target, options)
    book.set_properties({"title": _clean(title), "created": made_at.replace(tzinfo=None)})
    sheet = book.add_worksheet(sheet_name(title))
    formats = [book.add_format(_format_of(column)) for column in columns]
    head = book.add_format({"bold": True, "bottom": 1, "valign": "top"})
    for index, column in enumerate(columns):
        sheet.set_column(index, index, column.characters)
        sheet.write_string(0, index, _clean(str(column.title)), head)
    sheet.freeze_panes(1, 0)
    written = 0
    for number, row in enumerate(rows, 1):
        if number > _MOST_ROWS:
            book.close()
            raise RuleError(_("A spreadsheet holds 1,048,575 rows. Choose a shorter time, or take the CSV."))
        for index, (column, value) in enumerate(zip(columns, row, strict=True)):
            _write_cell(sheet, number, index, column, value, formats[index], zone)
        written = number
    if columns:
        sheet.autofilter(0, 0, written, len(columns) - 1)
    book.close()
    return written


def xlsx_file(
    columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, title: str, zone: str, made_at: datetime
) -> bytes:
    """The same as bytes, for tables that fit into memory."""
    target = io.BytesIO()
    write_xlsx(target, columns, rows, title=title, zone=zone, made_at=made_at)
    return target.getvalue()


def sheet_name(title: str) -> str:
    """A name that every spreadsheet takes for a sheet: at most 31 characters, without [ ] : * ? / and a backslash."""
    kept = "".join(" " if char in "[]:*?/\\" else char for char in _clean(title)).strip(" '")
    return kept[:31].strip(" '") or "Sheet"


def _clean(text: str) -> str:
    # Control characters (but tab and line breaks) and lone surrogates have no place in XML.
    return "".join(c for c in text if c in "\t\r\n" or unicodedata.category(c) not in ("Cc", "Cs"))


def _emptied(buffer: io.StringIO) -> bytes:
    piece = buffer.getvalue().encode("utf-8")
    buffer.seek(0)
    buffer.truncate()
    return piece


def _csv_cell(column: Column, value: Any, zone: str) -> str:
    if value is None:
        return ""
    if column.kind is Kind.MOMENT:
        return local(_moment(value), zone).strftime("%Y-%m-%d %H:%M")
    if column.kind is Kind.LOCAL:
        return _moment(value).strftime("%Y-%m-%d %H:%M")
    if column.kind is Kind.DATE:
        return _day(value).isoformat()
    if column.kind is Kind.MONEY:
        return f"{Decimal(int(value)).scaleb(-column.places):f}"
    if column.kind is Kind.WHOLE:
        return str(int(value))
    if column.kind is Kind.NUMBER:
        return f"{_decimal(value):f}"
    return safe_text(value)


def _write_cell(sheet: Any, row: int, index: int, column: Column, value: Any, shape: Any, zone: str) -> None:
    if value is None or value == "":
        sheet.write_blank(row, index, None, shape)
    elif column.kind in (Kind.MOMENT, Kind.LOCAL):
        at = _moment(value) if column.kind is Kind.LOCAL else local(_moment(value), zone)
        at = at.replace(tzinfo=None, second=0, microsecond=0)
        sheet.write_datetime(row, index, at, shape)
    elif column.kind is Kind.DATE:
        sheet.write_datetime(row, index, datetime.combine(_day(value), datetime.min.time()), shape)
    elif column.kind is Kind.MONEY:
        sheet.write_number(row, index, Decimal(int(value)).scaleb(-column.places), shape)
    elif column.kind in (Kind.WHOLE, Kind.NUMBER):
        sheet.write_number(row, index, _decimal(value), shape)
    else:
        text = _clean(str(value))
        sheet.write_string(
            row, index, text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…", shape
        )


def _format_of(column: Column) -> dict[str, Any]:
    numbers = {
        Kind.DATE: "yyyy-mm-dd",
        Kind.MOMENT: "yyyy-mm-dd hh:mm",
        Kind.LOCAL: "yyyy-mm-dd hh:mm",
        Kind.WHOLE: "#,##0",
        Kind.NUMBER: "#,##0.##",
        Kind.MONEY: "#,##0" + ("." + "0" * column.places if column.places else ""),
        Kind.TEXT: "@",
    }
    return {"num_format": numbers[column.kind], "valign": "top"}


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Fraction):
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        return exact.quantize(Decimal("0.000001")).normalize()
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError("a moment is an aware datetime")
    return value


def _day(value: Any) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TypeError("a date is a date, without a time")
    return value
