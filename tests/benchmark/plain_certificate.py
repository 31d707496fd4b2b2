"""The plain way to make a certificate, for comparison: everything read, parsed and drawn anew for each document."""

import base64
import io
import re
from typing import Any

import segno

from core.files import store
from core.pdf.fetcher import FixedFetcher, shipped_files
from core.pdf.render import STYLESHEETS, page_html


def make_plainly(snapshot: dict[str, Any]) -> bytes:
    """The page of a snapshot by ``HTML().write_pdf()``: no shared fonts, styles or pictures, no tags, no signature."""
    from weasyprint import CSS, HTML

    pictures = {
        f"image:{name}": (store().get(digest), "image/png") for name, digest in snapshot["pictures"].items()
    }
    html = page_html(
        snapshot["template"], snapshot["document"], page_size=snapshot["page_size"], lang=snapshot["lang"]
    )
    html = re.sub(r'src="qr:([^"]+)"', lambda found: f'src="{_qr(found.group(1))}"', html)
    fetcher = _AlsoData(pictures)
    styles = [
        CSS(string=shipped_files()[f"doc:css/{name}"].read_text(), base_url="doc:", url_fetcher=fetcher)
        for name in STYLESHEETS[snapshot["template"]]
    ]
    return bytes(HTML(string=html, base_url="doc:", url_fetcher=fetcher).write_pdf(stylesheets=styles))


class _AlsoData(FixedFetcher):
    """The fixed files, and pictures written into the page."""

    def fetch(self, url: str, headers: Any = None) -> Any:
        """Serve a ``data:`` address; everything else as usual."""
        if url.startswith("data:image/svg+xml;base64,"):
            from weasyprint.urls import URLFetcherResponse

            return URLFetcherResponse(
                url, base64.b64decode(url.split(",", 1)[1]), {"Content-Type": "image/svg+xml"}
            )
        return super().fetch(url, headers)


def _qr(text: str) -> str:
    out = io.BytesIO()
    segno.make(text).save(out, kind="svg")
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()
