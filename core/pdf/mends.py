"""Two things that WeasyPrint 70 does not do well enough for certificates. Another version is left as it is.

It forgets to give back to Pango 30 kB with each certificate, for as long as the process lives. Each piece of text with a
font feature (lining figures, no ligatures) makes a list of attributes that is never released, and an attribute that is
thrown away when the same features were asked for before. Here each list owns its attribute, and the layout is the only one
that owns the list, so both go with it. (A worker with another version starts itself anew when it has grown:
WORKER_MEMORY_MB.)

And it writes the second of the clock into a font of emoji, whose pictures it takes out by fontTools: the same name gave
other bytes a second later. Here the font keeps the time that its makers gave it.
"""

from functools import partial
from typing import Any

import weasyprint
from weasyprint.pdf import fonts
from weasyprint.text import line_break
from weasyprint.text.ffi import ffi, pango

MENDED = "70.0"


class OwnFeatures(dict[bytes, Any]):
    """WeasyPrint's cache of attributes by their features, which keeps none: an attribute belongs to one list."""

    def setdefault(self, key: bytes, default: Any = None) -> Any:
        """Hand out the attribute that was just made."""
        return default


def mend(font_configuration: Any) -> None:
    """Let the texts of this font configuration give back what they took, and fonts keep their time. Once in a process."""
    if weasyprint.__version__ != MENDED:
        return
    font_configuration.font_features = OwnFeatures()
    line_break.Layout.setup = _releasing(line_break.Layout.setup)
    fonts.TTFont = partial(fonts.TTFont, recalcTimestamp=False)


def _releasing(setup: Any) -> Any:
    def released(layout: Any, style: Any) -> None:
        setup(layout, style)
        if not isinstance(style.font_config.font_features, OwnFeatures):
            return  # fonts of somebody else in this process, whose lists share their attributes
        attributes = pango.pango_layout_get_attributes(layout.layout)
        if attributes != ffi.NULL:
            pango.pango_attr_list_unref(attributes)  # the layout holds it as well, and goes on to

    return released
