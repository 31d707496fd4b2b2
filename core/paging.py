"""Long lists, a page at a time: two statements, one that counts and one that reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import request
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Paging:
    """Which page of how many entries this is. Pages count from 1; ``address`` is theirs when it is not the request's."""

    number: int
    size: int
    total: int
    address: str = ""

    @property
    def first(self) -> int:
        """The number of the first entry on this page; 0 when there is none."""
        return min((self.number - 1) * self.size + 1, self.total)

    @property
    def last(self) -> int:
        """The number of the last entry on this page."""
        return min(self.number * self.size, self.total)

    @property
    def earlier(self) -> str:
        """The address of the page before; empty on the first."""
        return self._address(self.number - 1) if self.number > 1 else ""

    @property
    def later(self) -> str:
        """The address of the page after; empty on the last."""
        return self._address(self.number + 1) if self.last < self.total else ""

    def _address(self, number: int) -> str:
        kept = [(key, value) for key, value in request.args.items(multi=True) if key != "page"]
        return f"{self.address or request.path}?{urlencode([*kept, ('page', str(number))])}"


def page_number() -> int:
    """The page asked for in the address; 1 when it is no number."""
    number = request.args.get("page", 1, type=int)
    return min(max(number, 1), 1_000_000)


def rows_of_page(
    session: Session, query: sa.Select[*tuple[Any, ...]], *, size: int, number: int, address: str = ""
) -> tuple[Sequence[sa.Row[*tuple[Any, ...]]], Paging]:
    """The rows of one page of a query, and where that page stands. A page past the end is the last one."""
    total = session.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).subquery())) or 0
    number = min(number, max(-(-total // size), 1))
    rows = session.execute(query.limit(size).offset((number - 1) * size)).all()
    return rows, Paging(number, size, total, address)
