"""The sample documents: the data that the templates are drawn for."""

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_name("data")
CERTIFICATES = ("certificate-1-line", "certificate-2-lines", "certificate-5-lines")
PAPERS = ("invoice", "receipt", "roster", "schedule", "sign-in", "transcript")


def sample(name: str) -> tuple[str, dict[str, Any]]:
    """Return a sample's template and its data, the school included."""
    data = _load(name)
    data["school"] = json.loads((DATA / "school.json").read_text())
    return data.pop("template"), data


def _load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    base = data.pop("extends", None)
    return _load(base.removesuffix(".json")) | data if base else data


def certificate(name: str = "certificate-2-lines", **fields: Any) -> dict[str, Any]:
    """Return the data of a certificate, some of its fields replaced."""
    _, data = sample(name)
    data["certificate"] |= fields
    return data
