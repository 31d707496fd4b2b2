"""WeasyPrint, kept warm: fonts registered, stylesheets parsed and art drawn once. Worker only.

One document at a time in a process (Pango and the font configuration are shared): `write` holds a
lock. Several workers are several processes.
"""

import gc
import hashlib
import io
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from flask_babel import gettext as _
from weasyprint import CSS, HTML
from weasyprint import Attachment as EmbeddedFile
from weasyprint.css import ColorProfile
from weasyprint.document import Page
from weasyprint.formatting_structure.boxes import BlockBox
from weasyprint.layout.background import layout_box_backgrounds
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError

from core.pdf import finish
from core.pdf.data import Attachment, PdfError, check_picture
from core.pdf.fetcher import FixedFetcher, shipped_files
from core.pdf.frozen import DocumentImages, FrozenStore
from core.pdf.mends import mend

_LOCK = threading.RLock()
_STORE = FrozenStore()


@cache
def font_configuration() -> Any:
    """Return the fonts of this process; registering them again for each document costs 60 ms."""
    made = FontConfiguration()
    mend(made)
    return made


@cache
def _shipped_css(name: str) -> Any:
    text = shipped_files()[f"doc:css/{name}"].read_text()
    return _parse(text)


@lru_cache(maxsize=16)
def _own_css(text: str) -> Any:
    return _parse(text)


class _FixedProfile(ColorProfile):
    """The sRGB profile as it is shipped: a profile that was looked into is written differently."""

    content = b""
    name = ""

    def __init__(self) -> None:
        self.content = files("weasyprint.pdf").joinpath("sRGB2014.icc").read_bytes()
        super().__init__(
            io.BytesIO(self.content), "sRGB2014.icc", "relative-colorimetric", (["r"], ["g"], ["b"])
        )
        self.name = str(self._profile.profile.model or self._profile.profile.profile_description)


@cache
def _color_profile() -> Any:
    return _FixedProfile()


def _parse(text: str) -> Any:
    return CSS(string=text, base_url="doc:", url_fetcher=FixedFetcher(), font_config=font_configuration())


def write(
    html: str,
    stylesheets: Sequence[str],
    *,
    own_css: str = "",
    images: Mapping[str, bytes] | None = None,
    attachments: Sequence[Attachment] = (),
    signature_label: str = "",
    one_page: bool = False,
    finisher: Callable[[Any, Any], None] | None = None,
) -> bytes:
    """Lay out one HTML page set and return the bytes of a tagged PDF/A-3a that is also PDF/UA-1.

    `stylesheets` are shipped names, `own_css` a template's own text, `images` the pictures that the
    page may name as `image:<key>`. With `signature_label` an empty signature field of that label is
    added. `one_page` refuses what does not fit on one page. `finisher` sees the finished objects last.
    PdfError says in plain words what a person can change.
    """
    pictures = {f"image:{key}": (data, check_picture(data)) for key, data in (images or {}).items()}
    identities = {url: "sha256:" + hashlib.sha256(data).hexdigest() for url, (data, _) in pictures.items()}
    fetcher = FixedFetcher(pictures)
    embedded = [_embedded(attachment, fetcher) for attachment in attachments]

    def finish_all(document: Any, pdf: Any) -> None:
        finish.declare_ua(pdf)
        finish.one_annotation_per_link(pdf)
        finish.scope_headers(pdf)
        finish.complete_unicode_maps(pdf)
        finish.add_actual_text(document, pdf)
        finish.describe_attachments(pdf, attachments)
        if signature_label:
            finish.add_signature_field(pdf, signature_label)
        if finisher:
            finisher(document, pdf)

    with _LOCK:
        try:
            css = [_shipped_css(name) for name in stylesheets]
            if own_css:
                css.append(_own_css(own_css))
            source = HTML(string=html, base_url="doc:", url_fetcher=fetcher)
            # the profile is handed over, since WeasyPrint opens its own copy anew for each document
            profiles = {"srgb": _color_profile()}
            for _round in range(2):
                drawn = DocumentImages(_STORE, identities)
                options = {"pdf_variant": "pdf/a-3a", "cache": drawn}
                document = source.render(
                    font_config=font_configuration(), stylesheets=css, color_profiles=profiles, **options
                )
                if not drawn.froze:  # the first use of a picture differs from all later ones
                    break
            if one_page:
                spread(document, drawn)
            written = document.write_pdf(
                attachments=embedded, finisher=finish_all, output_intent="handed over", **options
            )
        except FatalURLFetchingError as error:
            raise PdfError(_("This template asks for a file that it may not use.")) from error
    _settle()
    return bytes(written)


@cache
def _settle() -> None:
    """After the first document: what was loaded and drawn for it stays, so the garbage collector need not look at it again.

    Each document makes enough objects for several full collections, and each of these would walk through all the libraries
    (a tenth of a certificate's CPU).
    """
    gc.collect()
    gc.freeze()


def _embedded(attachment: Attachment, fetcher: FixedFetcher) -> Any:
    from datetime import UTC

    when = attachment.made_at.astimezone(UTC)
    return EmbeddedFile(
        file_obj=_Named(attachment.data),
        name=attachment.name,
        description=attachment.description,
        relationship=attachment.relationship,
        created=when,
        modified=when,
        url_fetcher=fetcher,
    )


class _Named:
    """The least of a file that WeasyPrint reads an attachment from; it has no name to guess by."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        return self._data


def spread(document: Any, images: Mapping[str, Any]) -> None:
    """Share the spare height of a certificate's `.stage` between its groups, as a flex column would.

    WeasyPrint lays the content of a flex column out many times (50 ms of a certificate's CPU), so
    the groups are laid out as plain blocks and moved apart afterwards. What is higher or wider than
    the stage is refused: CSS would let it run over the edge without a word.
    """
    too_much = PdfError(_("These texts do not fit on one page. Shorten the statements or the title."))
    if len(document.pages) != 1:
        raise too_much
    page_box = document.pages[0]._page_box
    for stage in page_box.descendants():
        if stage.element is None or "stage" not in stage.element.get("class", "").split():
            continue
        groups = [box for box in stage.children if box.is_in_normal_flow()]
        last = groups[-1]
        spare = stage.content_box_y() + stage.height - (last.position_y + last.margin_height())
        right = stage.position_x + stage.margin_width() + 1
        wide = any(
            box.element is not None and box.position_x + box.margin_width() > right
            for group in groups
            for box in group.descendants()
            if isinstance(box, BlockBox)
        )
        if spare < -1 or wide:
            raise too_much
        for i, group in enumerate(groups[1:], 1):
            group.translate(dy=max(spare, 0) * i / (len(groups) - 1))
            # backgrounds keep the place that they were given, so they are placed again
            layout_box_backgrounds(page_box, group, lambda url, **_: images[url])
    document.pages[0] = Page(page_box)  # links are gathered from the moved boxes
