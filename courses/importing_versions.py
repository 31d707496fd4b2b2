"""Brings policies and screening sets of a catalog file in, and says which version a course takes.

A version that is stored never changes; the office may have added some since the file was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask_babel import gettext
from sqlalchemy.orm import Session

from courses.catalog_entries import PolicyEntry, ScreeningEntry
from courses.models import Policy, ScreeningSet

if TYPE_CHECKING:
    from courses.importing import Import


def load_screening_sets(work: Import) -> None:
    """Store the versions that are new."""
    rows = {(row.code, row.version): row for row in work.session.scalars(sa.select(ScreeningSet))}
    for code, entry in work.file.entries.screening_sets.items():
        _version(
            work, "screening_sets", code, rows.get((code, entry.version)), ScreeningSet, entry.model_dump()
        )


def load_policies(work: Import) -> None:
    """Store the versions that are new."""
    rows = {(row.code, row.version): row for row in work.session.scalars(sa.select(Policy))}
    for code, entry in work.file.entries.policies.items():
        here = ("policies", code)
        values = (
            entry.model_dump(exclude={"attendance", "deposit", "refunds"}) | entry.attendance.model_dump()
        )
        values["deposit_cents"] = work.cents(entry.deposit, (*here, "deposit"))
        values["refunds"] = [
            {
                "days_before": tier.days_before,
                "percent": tier.percent,
                "fee": work.cents(tier.fee, (*here, "refunds", number, "fee")),
            }
            for number, tier in enumerate(entry.refunds)
        ]
        row = rows.get((code, entry.version))
        _version(work, "policies", code, row, Policy, values, created_at=work.now)


def _version(
    work: Import,
    section: str,
    code: str,
    row: Policy | ScreeningSet | None,
    model: type[Policy] | type[ScreeningSet],
    values: dict[str, Any],
    **once: Any,
) -> None:
    """Store a new version; one that is stored already never changes."""
    if row is None:
        work.put(section, code, model(code=code, **once), made=True, **values)
    elif any(getattr(row, name) != value for name, value in values.items()):
        told = gettext(
            "version %(version)s is stored already and says something else; give the change a new version number",
            version=row.version,
        )
        work.tell((section, code), told)


class Versions:
    """The stored versions of policies or of screening sets, and the one that a course takes. One statement."""

    def __init__(
        self,
        session: Session,
        model: type[Policy] | type[ScreeningSet],
        said: Mapping[str, PolicyEntry] | Mapping[str, ScreeningEntry],
    ) -> None:
        rows = session.execute(sa.select(model.id, model.code, model.version).order_by(model.version))
        self._stored: dict[int, tuple[str, int]] = {row.id: (row.code, row.version) for row in rows}
        self._newest = {code: key for key, (code, _version) in self._stored.items()}
        self._said = {code: entry.version for code, entry in said.items()}
        self.names = {
            key: gettext("%(code)s, version %(version)s", code=code, version=version)
            for key, (code, version) in self._stored.items()
        }

    def choose(self, current: int | None, code: str) -> int:
        """The newest of a code; a course that has it already, and is not behind the file, keeps its own."""
        if current is not None:
            has, version = self._stored[current]
            if has == code and version >= self._said.get(code, 0):
                return current
        return self._newest[code]
