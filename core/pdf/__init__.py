"""Printed documents: plain data in, PDF bytes out.

`core.pdf.render.render_document` is the door.  WeasyPrint, uharfbuzz and pikepdf are
imported when a document is made, never when this package is imported, so that web
processes do not pay for them.
"""

from core.pdf.data import Attachment, PdfError
from core.pdf.render import render_document

__all__ = ["Attachment", "PdfError", "render_document"]
