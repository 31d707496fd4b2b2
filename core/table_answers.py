"""A table as the answer to a request: XLSX or CSV, to be saved."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from flask import Response

from core.tables import CSV_TYPE, XLSX_TYPE, Column, csv_file, xlsx_file


def table_answer(
    form: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    *,
    title: str,
    name: str,
    zone: str,
    made_at: datetime,
) -> Response:
    """The table as "xlsx" or "csv"; ``name`` is the file's name without its ending. Raises RuleError for too many rows."""
    if form == "xlsx":
        body, kind = xlsx_file(columns, rows, title=title, zone=zone, made_at=made_at), XLSX_TYPE
    else:
        body, kind = csv_file(columns, rows, zone=zone), CSV_TYPE
    answer = Response(body, mimetype=kind)
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}.{form}")
    return answer
