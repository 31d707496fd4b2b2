"""A page as a picture, for looking at while something is set. Imported by the worker only."""

import io

from core.errors import RuleError


def first_page(pdf: bytes, *, width: int) -> bytes:
    """The first page as a PNG, ``width`` pixels wide. Raises RuleError when it cannot be drawn."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(pdf)
    except pypdfium2.PdfiumError as error:
        raise RuleError("This page cannot be drawn.") from error
    try:
        page = document[0]
        drawn = page.render(scale=width / page.get_width()).to_pil()
        target = io.BytesIO()
        drawn.convert("RGB").save(target, "PNG")
        page.close()
    finally:
        document.close()
    return target.getvalue()
