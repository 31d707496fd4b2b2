"""The only way a document reaches a file: a fixed dictionary. Imports WeasyPrint; worker only."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from weasyprint.urls import URLFetcher, URLFetcherResponse

ASSETS = Path(__file__).with_name("assets")
MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".ttf": "font/ttf", ".css": "text/css"}


@cache
def shipped_files() -> Mapping[str, Path]:
    """Map `doc:<folder>/<name>` to each shipped font, stylesheet and picture."""
    return {
        f"doc:{folder}/{path.name}": path
        for folder in ("art", "css", "fonts")
        for path in sorted((ASSETS / folder).iterdir())
        if path.suffix in MEDIA_TYPES
    }


class FixedFetcher(URLFetcher):
    """Serve the shipped files and this document's own pictures; refuse everything else.

    WeasyPrint's default fetcher reads files and the network. A refusal is fatal on purpose
    (`FatalURLFetchingError`): a template that asks for more is broken or hostile.
    """

    def __init__(self, pictures: Mapping[str, tuple[bytes, str]] | None = None) -> None:
        super().__init__(allowed_protocols=("doc", "image"), allow_redirects=False, fail_on_errors=True)
        self._pictures = dict(pictures or {})

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        """Return the content of `url`; KeyError when it is not in the dictionary."""
        if url in self._pictures:
            data, media_type = self._pictures[url]
        else:
            path = shipped_files()[url]
            data, media_type = path.read_bytes(), MEDIA_TYPES[path.suffix]
        return URLFetcherResponse(url, data, {"Content-Type": media_type})
