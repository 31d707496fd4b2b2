"""Fixtures of the courses room."""

from pathlib import Path

import pytest

from tests.courses.catalogs import DEMO


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A copy of the demo school's file that a test may edit."""
    for name in ("catalog.yaml", "source-page.txt"):
        (tmp_path / name).write_text((DEMO / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path / "catalog.yaml"
