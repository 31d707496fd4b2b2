"""CSV and XLSX: real values, a heading that stays, and no cell that runs."""

import csv
import gc
import io
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from core.tables import Column, Kind, csv_file, safe_text, sheet_name, write_csv, write_xlsx, xlsx_file

MADE = datetime(2027, 3, 1, 18, 0, tzinfo=UTC)
COLUMNS = [
    Column("Name"),
    Column("Paid", Kind.MONEY, currency="USD"),
    Column("Yen", Kind.MONEY, currency="JPY"),
    Column("Hours", Kind.NUMBER),
    Column("Seats", Kind.WHOLE),
    Column("Completed", Kind.DATE),
    Column("Entered", Kind.MOMENT),
]
ROW = [
    "Zoë Nguyễn",
    123450,
    500,
    Fraction(57, 2),
    12,
    date(2027, 3, 12),
    datetime(2027, 3, 12, 17, 5, tzinfo=UTC),
]
EMPTY = ["", None, None, None, None, None, None]


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_csv_has_iso_dates_in_the_zone_and_plain_decimals() -> None:
    made = csv_file(COLUMNS, [ROW, EMPTY], zone="America/Chicago")
    assert made.startswith(b"\xef\xbb\xbfName,")
    assert rows_of(made)[1:] == [
        ["Zoë Nguyễn", "1234.50", "500", "28.5", "12", "2027-03-12", "2027-03-12 11:05"],
        [""] * 7,
    ]


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("x")', "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1"]
)
def test_what_begins_like_a_formula_is_text_in_a_csv(text: str) -> None:
    (cell,) = rows_of(csv_file([Column("x")], [[text]], zone="UTC"))[1]
    assert cell.startswith("'")
    assert safe_text("Anna - Maria =") == "Anna - Maria ="


def test_a_heading_is_escaped_too() -> None:
    assert rows_of(csv_file([Column("=1+1")], [], zone="UTC")) == [["'=1+1"]]


def test_a_negative_amount_stays_a_number() -> None:
    assert rows_of(csv_file([COLUMNS[1]], [[-500]], zone="UTC"))[1] == ["-5.00"]


def opened(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content)).active


def test_an_xlsx_has_real_dates_and_numbers_under_a_frozen_heading() -> None:
    sheet = opened(xlsx_file(COLUMNS, [ROW, EMPTY], title="Fees", zone="America/Chicago", made_at=MADE))
    assert [cell.value for cell in sheet[2]] == [
        "Zoë Nguyễn",
        1234.5,
        500,
        28.5,
        12,
        datetime(2027, 3, 12),  # noqa: DTZ001 — a spreadsheet knows no zones
        datetime(2027, 3, 12, 11, 5),  # noqa: DTZ001
    ]
    assert sheet["F2"].is_date
    assert sheet["B2"].number_format == "#,##0.00"
    assert sheet["C2"].number_format == "#,##0"
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:G3"
    assert all(cell.value is None for cell in sheet[3])


def test_no_cell_of_an_xlsx_is_a_formula_or_a_link() -> None:
    texts = ["=1+1", "http://evil.example", "12", "\x00\x1fbell\x07", "x" * 40_000]
    sheet = opened(xlsx_file([Column("x")], [[text] for text in texts], title="x", zone="UTC", made_at=MADE))
    assert [sheet.cell(row, 1).data_type for row in range(2, 7)] == ["s"] * 5
    assert [sheet.cell(row, 1).value for row in (2, 3, 4, 5)] == ["=1+1", "http://evil.example", "12", "bell"]
    assert all(cell.hyperlink is None for cell in sheet["A"])
    assert sheet["A6"].value.endswith("…")


def test_the_same_table_gives_the_same_bytes() -> None:
    first, second = (xlsx_file(COLUMNS, [ROW], title="Fees", zone="UTC", made_at=MADE) for _ in range(2))
    assert first == second


def test_a_sheet_takes_any_title() -> None:
    assert sheet_name("Fees: [all] / CST1*?'") == "Fees   all    CST1"
    assert len(sheet_name("x" * 80)) == 31
    assert sheet_name("///") == "Sheet"


def test_a_row_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        csv_file(COLUMNS, [["only one"]], zone="UTC")


def test_a_naive_time_is_nobodys_time() -> None:
    with pytest.raises(TypeError):
        csv_file([Column("At", Kind.MOMENT)], [[datetime(2027, 1, 1)]], zone="UTC")  # noqa: DTZ001
    with pytest.raises(TypeError):
        csv_file([Column("On", Kind.DATE)], [[MADE]], zone="UTC")


def many(count: int) -> Iterator[Sequence[Any]]:
    for number in range(count):
        yield [f"Student {number}", Decimal(number)]


def test_long_tables_are_written_piece_by_piece(tmp_path: Path) -> None:
    columns = [Column("Name"), Column("Hours", Kind.NUMBER)]
    assert sum(1 for _piece in write_csv(columns, many(1000), zone="UTC")) == 6
    with (tmp_path / "short.xlsx").open("wb") as target:  # the library is loaded, and not measured
        write_xlsx(target, columns, many(10), title="Short", zone="UTC", made_at=MADE)
    gc.collect()
    tracemalloc.start()
    with (tmp_path / "long.xlsx").open("wb") as target:
        assert write_xlsx(target, columns, many(20_000), title="Long", zone="UTC", made_at=MADE) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
