from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

import pytest

from core.pdf.contracts import CONTRACTS
from core.pdf.render import ROOT
from tests.core.pdf.samples import CERTIFICATES, PAPERS, sample


def _differences(value: Any, kind: Any, path: str) -> list[str]:
    """Compare plain data with a TypedDict: missing and unknown keys, at every depth."""
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        keys = set(value)
        bad = [f"{path}.{key} is missing" for key in kind.__required_keys__ - keys]
        bad += [f"{path}.{key} is unknown" for key in keys - set(hints)]
        for key in keys & set(hints):
            bad += _differences(value[key], hints[key], f"{path}.{key}")
        return bad
    if isinstance(value, list):
        return [text for item in value for text in _differences(item, get_args(kind)[0], f"{path}[]")]
    if isinstance(value, dict):
        kinds = [arg for arg in get_args(kind) if is_typeddict(arg)]
        return _differences(value, kinds[0], path) if kinds else []
    plain = [arg for arg in (get_args(kind) or (kind,)) if isinstance(arg, type) and not is_typeddict(arg)]
    return [] if isinstance(value, tuple(plain)) else [f"{path} is {type(value).__name__}"]


@pytest.mark.parametrize("name", [*CERTIFICATES, *PAPERS])
def test_the_sample_data_keep_the_contract(name: str) -> None:
    template, data = sample(name)
    assert _differences(data, CONTRACTS[template], name) == []


def test_each_template_has_a_contract_and_a_place_in_the_documentation() -> None:
    templates = {path.stem for path in (ROOT / "templates" / "pdf").glob("*.html")} - {"base"}
    assert templates == set(CONTRACTS)
    text = (ROOT / "docs" / "documents.md").read_text()
    assert all(f"`{name}`" in text for name in templates)


def test_each_field_of_a_contract_is_documented() -> None:
    text = (ROOT / "docs" / "documents.md").read_text()
    for kind in CONTRACTS.values():
        for field in get_type_hints(kind):
            assert field in text, field


def test_each_fixed_text_of_a_template_can_be_translated() -> None:
    from babel.messages.extract import extract

    found = set()
    for path in Path(ROOT / "templates" / "pdf").glob("*.html"):
        with path.open("rb") as file:
            keywords: Any = {"_": None, "pgettext": ((1, "c"), 2)}
            options = {"trim_blocks": "true", "lstrip_blocks": "true"}
            for _, message, _, _ in extract("jinja2.ext:babel_extract", file, keywords, (), options):
                found.add(message if isinstance(message, str) else message[-1])
    assert {"This is to certify that", "Verify at", "Balance", "Signature on arrival"} <= found
