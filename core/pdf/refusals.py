"""Why a template or what is put into it is refused: each reason by a name, so that it can be said again elsewhere.

A school's own template is tried in a process that knows nothing of the person who asks (``core.pdf.own``). That process
hands back the name and the values; the sentence is made in the language of the reader, in the reader's process.
"""

from flask_babel import gettext as _

from core.pdf.data import PdfError


class RefusedError(PdfError):
    """A refusal that has a name. Raises KeyError for a name that is not in the list, and for a value that is missing."""

    def __init__(self, kind: str, **values: str) -> None:
        super().__init__(_sentences()[kind] % values)
        self.kind, self.values = kind, values


def _sentences() -> dict[str, str]:
    return {
        "paper": _("There is no paper of the size %(size)s."),
        "address": _("An address on this document is not a web address."),
        "picture": _("A picture on this document is not one of the school’s pictures."),
        "color": _("A color is written as # and six digits, as in #6d2857."),
        "time": _("The time when a document is made is written as 2027-03-16T18:00:00Z."),
        "forbidden": _("This template does something that templates may not do."),
        "unusable": _("This template can’t be used: %(reason)s."),
        "too-much": _("This template takes too much time or memory. Leave out loops that do not end soon."),
        "too-much-layout": _(
            "This page takes too much time or memory to lay out. Use fewer columns, elements and large sizes."
        ),
        "no-layout": _("This page can’t be laid out (%(reason)s). Make its HTML or CSS simpler."),
    }
