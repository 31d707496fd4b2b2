"""A certificate's PDF from its snapshot. Only the worker imports this: it costs half a second and 60 MB."""

from datetime import datetime
from typing import Any

from core.files import store
from core.pdf import render_document


def render_certificate(snapshot: dict[str, Any], _issued_at: datetime) -> bytes:
    """The PDF of a snapshot: the same snapshot gives the same page.

    Raises PdfError with a sentence, and OSError when a signature picture is gone from the file store.
    """
    pictures = {name: store().get(digest) for name, digest in snapshot["pictures"].items()}
    return render_document(
        snapshot["template"],
        snapshot["document"],
        page_size=snapshot["page_size"],
        lang=snapshot["lang"],
        images=pictures,
    )
