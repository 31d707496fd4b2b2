"""What axe-core and a look at the width find on a page, on a phone and a desktop, light and dark."""

from collections.abc import Iterator
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import ConsoleMessage, Page

WIDTHS = (390, 1280)
RUN = "options => axe.run(document, options).then(found => found.violations)"
SCROLLS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
EVERYTHING: dict[str, Any] = {"resultTypes": ["violations"]}
# What dark changes is color, so there only contrast is looked at.
CONTRAST = EVERYTHING | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


def look_at(page: Page, address: str) -> list[str]:
    """Open an address in every look. Returns one line for each thing that keeps somebody from using the page.

    An answer of 500 or above is one, and so is what a page that answers 200 writes into the console.
    """
    told: list[str] = []

    def listen(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            told.append(said.text)

    page.on("console", listen)
    try:
        return [f"{address}: {text}" for text in _problems(page, address, told)]
    finally:
        page.remove_listener("console", listen)


def _problems(page: Page, address: str, told: list[str]) -> Iterator[str]:
    for dark in (False, True):
        page.set_viewport_size({"width": WIDTHS[0], "height": 850})
        page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        answer = page.goto(address)
        status = answer.status if answer else 0
        if status >= 500:
            yield f"answers {status}"
        page.evaluate(AXE_SCRIPT)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 850})
            found = page.evaluate(RUN, CONTRAST if dark else EVERYTHING)
            where = f"at {width}{' dark' if dark else ''}"
            yield from (f"{where}: {item['id']}: {item['nodes'][0]['html'][:120]}" for item in found)
            if page.evaluate(SCROLLS):
                yield f"{where}: scrolls sideways"
    if status == 200:
        yield from (f"console: {line}" for line in told)
