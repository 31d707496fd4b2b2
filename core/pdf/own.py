"""A school's own template and stylesheet, tried in a process of its own: they may loop and multiply, and harm nobody.

A sandbox keeps a template from what it may not reach; what it may compute is bounded by the operating system here, so that
neither a server nor the worker ever runs one that has not ended well before. The layout is tried too: one line of CSS can
keep it busy for an hour.
"""

import base64
import contextlib
import json
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from core.pdf.refusals import RefusedError

log = logging.getLogger("stillpoint.pdf")

# Of processor time. The texts of all samples take a third of a second, a page laid out one or two.
PAGES_SECONDS = 3
LAYOUT_SECONDS = 8
MEMORY_BYTES = 1_000_000_000  # of address space: the libraries alone map a third of it
WALL_SECONDS = 60
LONGEST_PAGE = 300_000  # characters; the shipped certificates have 6,000

# What a layout needs to know of its surroundings: where libraries and fonts lie. No password, no database.
_SURROUNDINGS = (
    "PATH",
    "HOME",
    "XDG_CACHE_HOME",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
)

# Stands for each picture of the school: one pixel.
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAGtm2uwAAAABJRU5ErkJggg=="
)
_PICTURES = ("logo", "provider", "instructor")


def tried_pages(
    template: str, documents: Sequence[Mapping[str, Any]], *, page_size: str, lang: str, source: str
) -> list[str]:
    """The HTML of each document by a school's own template text. Costs a second: a new Python is started.

    Raises RefusedError, a PdfError in the reader's language, when the template cannot be used or takes more than its share.
    """
    asked = {
        "template": template,
        "documents": list(documents),
        "page_size": page_size,
        "lang": lang,
        "source": source,
    }
    pages: list[str] = _ask("pages", asked, PAGES_SECONDS, "too-much")["pages"]
    return pages


def try_layout(
    template: str, document: Mapping[str, Any], *, page_size: str, lang: str, source: str | None, css: str
) -> None:
    """Lay one document out with a school's own HTML, CSS or both. Costs two seconds: a new Python is started.

    Raises RefusedError when that takes more than its share or breaks the layout. What only looks wrong is left to whoever
    looks at the page.
    """
    asked = {
        "template": template,
        "document": document,
        "page_size": page_size,
        "lang": lang,
        "source": source,
        "css": css,
    }
    _ask("layout", asked, LAYOUT_SECONDS, "too-much-layout")


def surroundings() -> dict[str, str]:
    """The environment of the process that tries a design."""
    found = {name: os.environ[name] for name in _SURROUNDINGS if name in os.environ}
    return found | {"PYTHONPATH": os.pathsep.join(sys.path)}


def _ask(what: str, asked: Mapping[str, Any], seconds: int, too_much: str) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603  # a fixed command; what is tried comes as its input
            [sys.executable, "-m", "core.pdf.own", what, str(seconds)],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
            env=surroundings(),
        )
    except subprocess.TimeoutExpired:
        raise RefusedError(too_much) from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:  # killed by a limit, it says nothing
        if done.returncode > 0:  # it ended by itself: a library that is missing, say
            log.warning("a design could not be tried: %s", done.stderr.decode(errors="replace")[-300:])
        raise RefusedError(too_much) from None
    if "refused" in answer:
        raise RefusedError(answer["refused"], **answer["values"])
    return answer


def _main(what: str, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    with contextlib.suppress(ValueError, OSError):  # macOS bounds no address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    asked = json.load(sys.stdin)
    try:
        answer = _pages(**asked) if what == "pages" else _layout(**asked)
    except RefusedError as error:
        answer = {"refused": error.kind, "values": error.values}
    except (MemoryError, RecursionError):
        answer = {"refused": "too-much" if what == "pages" else "too-much-layout", "values": {}}
    print(json.dumps(answer))


def _pages(*, documents: Sequence[Mapping[str, Any]], **how: Any) -> dict[str, Any]:
    from core.pdf.render import page_html

    pages = []
    for document in documents:
        page = page_html(data=document, **how)
        if len(page) > LONGEST_PAGE:
            raise MemoryError
        pages.append(page)
    return {"pages": pages}


def _layout(*, document: Mapping[str, Any], **how: Any) -> dict[str, Any]:
    from core.pdf.data import PdfError
    from core.pdf.render import render_document

    try:
        render_document(data=document, images=dict.fromkeys(_PICTURES, _PIXEL), **how)
    except PdfError:
        pass  # said where the page is looked at, with what to change
    except (MemoryError, RecursionError):
        raise
    except Exception as error:  # the layout's own, which an odd stylesheet may find
        raise RefusedError("no-layout", reason=f"{type(error).__name__}: {error}"[:200]) from error
    return {}


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
