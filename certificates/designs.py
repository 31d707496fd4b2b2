"""The design of certificates: choosing and saving a version, and what it does to a page."""

import json
import re
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from certificates.design_models import LAYOUTS, CertificateDesign
from certificates.looks import Look
from certificates.samples import SAMPLES, sample_document
from core import audit
from core.audit import Actor
from core.errors import RuleError
from core.i18n import LOCALES
from core.pdf.data import PAPERS, clean_text
from core.school import School

LONGEST_SOURCE = 60_000  # characters of HTML or CSS
MOST_TAGS = 1500  # the shipped certificates have about 100
DEEPEST = 60
MIN_CONTRAST = 4.5  # WCAG 2.2, 1.4.3: text on white
_URL = re.compile(r"url\(\s*['\"]?([^'\")]*)", re.IGNORECASE)
_OWN = ("doc:art/", "doc:fonts/", "image:", "qr:")
_FETCHING = {"src", "data", "poster", "background", "srcset", "action", "xlink:href"}


def current_look(session: Session) -> Look:
    """The design in use; the shipped one before anything was saved."""
    row = session.scalar(sa.select(CertificateDesign).order_by(CertificateDesign.id.desc()).limit(1))
    if row is None:
        return Look()
    values = {name: getattr(row, name) for name in Look.__dataclass_fields__ if name != "version"}
    return Look(**values, version=row.id)


def versions(session: Session, *, most: int = 20) -> list[CertificateDesign]:
    """The newest versions first, with who made them."""
    query = sa.select(CertificateDesign).options(joinedload(CertificateDesign.created_by))
    return list(session.scalars(query.order_by(CertificateDesign.id.desc()).limit(most)))


def save_look(session: Session, school: School, look: Look, *, actor: Actor, now: datetime) -> Look:
    """Save a new version, which is used from now on; the same as before saves nothing.

    Raises RuleError, with its field, for a color that is hard to read, a template that does not parse, and one that asks
    for anything but the shipped files and the school's own pictures.
    """
    check_look(school, look)
    before = current_look(session)
    if asdict(before) | {"version": 0} == asdict(look) | {"version": 0}:
        return before
    values = {name: value for name, value in asdict(look).items() if name != "version"}
    row = CertificateDesign(**values, created_at=now, created_by_id=actor.id)
    session.add(row)
    session.flush()
    old = asdict(before)
    changed = sorted(name for name, value in values.items() if old[name] != value)
    audit.record(session, "certificates:design:saved", row, actor=actor, now=now, changed=changed)
    return current_look(session)


def check_look(school: School, look: Look) -> None:
    """Raise RuleError for what must not be saved (``save_look`` says what).

    A school's own HTML and CSS cost seconds, once for the same words in a process: ask before a transaction begins to write.
    """
    if look.layout not in LAYOUTS or look.page_size not in PAPERS or look.lang not in LOCALES:
        raise RuleError(_("Choose a layout, a paper and a language from the lists."))
    for name in ("color_main", "color_second"):
        value = getattr(look, name)
        if value and not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise RuleError(_("A color is written as # and six digits, as in #6d2857."), field=name)
        if value and contrast_on_white(value) < MIN_CONTRAST:
            raise RuleError(_("This color is too light to be read on white paper."), field=name)
    if bool(look.color_main) is not bool(look.color_second):
        raise RuleError(_("Give both colors, or none."), field="color_second")
    for name in ("html", "css"):
        if len(getattr(look, name)) > LONGEST_SOURCE:
            raise RuleError(_("At most %(count)d characters fit here.", count=LONGEST_SOURCE), field=name)
    _check_css(look.css)
    if look.html.strip() or look.css.strip():
        documents = [look.dress(sample_document(school, sample)) for sample in SAMPLES]
        if look.html.strip():
            _check_html(look, documents)
        _check_layout(look, documents[0])


def contrast_on_white(color: str) -> float:
    """The contrast of a color (#rrggbb) with white, as WCAG computes it: 1 to 21."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def _check_css(css: str, name: str = "css") -> None:
    # An escape could spell url( or @import otherwise: none is needed in a stylesheet of plain addresses.
    if "\\" in css or re.search(r"@import", css, re.IGNORECASE):
        raise RuleError(_("The stylesheet may load nothing: leave out @import and backslashes."), field=name)
    for address in _URL.findall(css):
        _check_address(address, name)


def _check_address(address: str, name: str) -> None:
    if not address.strip().startswith(_OWN):
        raise RuleError(
            _(
                "A template may use the shipped files and the school's pictures only, not %(address)s.",
                address=address[:80],
            ),
            field=name,
        )


class _Page(HTMLParser):
    """Gathers what a page would fetch, the styles written into it, what it says, and how large it is."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.styles: list[str] = []
        self.texts: list[str] = []
        self.tags = 0
        self.open: list[str] = []
        self.deepest = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of one tag; a link is fetched, an anchor is not."""
        self.tags += 1
        self.open.append(tag)
        self.deepest = max(self.deepest, len(self.open))
        for name, value in attrs:
            if name in _FETCHING or (name == "href" and tag != "a"):
                self.fetched.append(value or "")
            elif name == "style":
                self.styles.append(value or "")

    def handle_data(self, data: str) -> None:
        """Note a text of the page, or that of a style element; a title is not printed."""
        if "style" in self.open:
            self.styles.append(data)
        elif "title" not in self.open:
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        """End an element, and those in it that were never ended."""
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def says(self, text: str) -> bool:
        """Whether a text stands on the page, however it is broken into lines."""
        return "".join(text.split()) in "".join("".join(self.texts).split())


@lru_cache(maxsize=4)
def _pages(layout: str, page_size: str, lang: str, html: str, documents: str) -> tuple[str, ...]:
    from core.pdf.own import tried_pages

    return tuple(tried_pages(layout, json.loads(documents), page_size=page_size, lang=lang, source=html))


@lru_cache(maxsize=4)
def _lay_out(layout: str, page_size: str, lang: str, html: str, css: str, document: str) -> None:
    from core.pdf.own import try_layout

    source = html or None
    try_layout(layout, json.loads(document), page_size=page_size, lang=lang, source=source, css=css)


def _check_html(look: Look, documents: list[dict[str, Any]]) -> None:
    try:
        pages = _pages(look.layout, look.page_size, look.lang, look.html, json.dumps(documents))
    except RuleError as error:
        raise RuleError(str(error), field="html") from error
    for document, text in zip(documents, pages, strict=True):
        found = _Page()
        found.feed(text)
        if found.tags > MOST_TAGS or found.deepest > DEEPEST:
            raise RuleError(_("This is too much for one page: use fewer elements."), field="html")
        for address in found.fetched:
            _check_address(address, "html")
        for style in found.styles:
            _check_css(style, "html")
        _check_says(found, document["certificate"])


def _check_layout(look: Look, document: dict[str, Any]) -> None:
    own = (look.html, look.css)
    try:
        _lay_out(look.layout, look.page_size, look.lang, *own, json.dumps(document))
    except RuleError as error:
        raise RuleError(str(error), field="css" if look.css else "html") from error


def _check_says(found: _Page, certificate: dict[str, Any]) -> None:
    """A certificate without its name or number proves nothing; without its address nobody can check it."""
    needed = {
        "participant": _("the name (certificate.participant)"),
        "number": _("the number (certificate.number)"),
        "verify_text": _("the address where it is checked (certificate.verify_text)"),
    }
    missing = [words for name, words in needed.items() if not found.says(clean_text(certificate[name]))]
    if missing:
        raise RuleError(_("This template does not print %(what)s.", what=", ".join(missing)), field="html")
