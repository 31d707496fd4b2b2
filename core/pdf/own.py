"""A school's own template, tried in a process of its own: it may loop, recurse and multiply, and harm nobody.

A sandbox keeps a template from what it may not reach; what it may compute is bounded by the operating system here, so that
neither a server nor the worker ever runs one that has not ended well before.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from core.pdf.refusals import RefusedError

CPU_SECONDS = 3
MEMORY_BYTES = 1_000_000_000  # of address space: the libraries alone map a third of it
WALL_SECONDS = 30
LONGEST_PAGE = 300_000  # characters; the shipped certificates have 6,000


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
    try:
        done = subprocess.run(
            [sys.executable, "-m", "core.pdf.own"],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):  # killed by a limit, it says nothing
        raise RefusedError("too-much") from None
    if "refused" in answer:
        raise RefusedError(answer["refused"], **answer["values"])
    pages: list[str] = answer["pages"]
    return pages


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    with contextlib.suppress(ValueError, OSError):  # macOS bounds no address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    asked = json.load(sys.stdin)
    from core.pdf.render import page_html

    pages: list[str] = []
    answer: dict[str, Any] = {"pages": pages}
    try:
        for document in asked["documents"]:
            page = page_html(
                asked["template"],
                document,
                page_size=asked["page_size"],
                lang=asked["lang"],
                source=asked["source"],
            )
            if len(page) > LONGEST_PAGE:
                raise MemoryError
            pages.append(page)
    except RefusedError as error:
        answer = {"refused": error.kind, "values": error.values}
    except (MemoryError, RecursionError):
        answer = {"refused": "too-much", "values": {}}
    print(json.dumps(answer))


if __name__ == "__main__":
    _main()
