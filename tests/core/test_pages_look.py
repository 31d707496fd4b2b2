"""Every page stands on base.html and the macros; these tests draw them all."""

import re
from pathlib import Path

import pytest
from html5lib import HTMLParser

from tests.core.pages_app import ROOT, make_app, person

PAGES = sorted((ROOT / "templates").rglob("*.html"))
# Mail clients know no stylesheet, and papers are not served as pages.
FOR_BROWSERS = [p for p in PAGES if p.relative_to(ROOT / "templates").parts[0] not in ("mail", "pdf")]


@pytest.mark.parametrize("path", FOR_BROWSERS, ids=lambda p: str(p.relative_to(ROOT / "templates")))
def test_no_page_carries_style_or_script_inside_itself(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", source, re.IGNORECASE)
    for script in re.findall(r"<script\b[^>]*>", source):
        assert "src=" in script or 'type="application/ld+json"' in script, script


def test_the_parts_page_draws_every_part_as_valid_html() -> None:
    page = make_app(person("student")).test_client().get("/parts").text
    parser = HTMLParser(strict=False)
    parser.parse(page)
    assert [error for error in parser.errors if error[1] != "unknown-doctype"] == []
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
