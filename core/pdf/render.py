"""The door to printed documents: a template's name and plain data in, a PDF out."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from babel.core import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision
from babel.support import Translations
from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.pdf.data import PAPERS, Attachment, PdfError, plain_data
from core.pdf.fonts import fit
from core.pdf.refusals import RefusedError

ROOT = Path(__file__).resolve().parent.parent.parent
STYLESHEETS = {
    "certificate-engraved": ("documents.css", "certificate-engraved.css"),
    "certificate-quiet": ("documents.css", "certificate-quiet.css"),
}
OFFICE_STYLESHEETS = ("documents.css", "office.css")


def money(cents: int, currency: str, lang: str) -> str:
    """Format minor units (cents) of a currency in a language: 79500, "USD", "en" → "$795.00"."""
    amount = Decimal(cents).scaleb(-get_currency_precision(currency))
    return format_currency(amount, currency, locale=_locale(lang)).replace("-", "\u2212")


def web(url: str) -> str:
    """Return an http(s) address unchanged; refuse any other kind (`javascript:`, `file:`)."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise RefusedError("address")
    return url


def picture(url: str) -> str:
    """Return the address of a shipped picture or of one handed over with the data; refuse others."""
    if not re.fullmatch(r"(doc:art/|image:)[\w.-]+", url):
        raise RefusedError("picture")
    return url


def color(value: str) -> str:
    """Return a color as #rrggbb; refuse anything else, since it is written into a stylesheet."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise RefusedError("color")
    return value


def _locale(lang: str) -> Locale:
    try:
        return Locale.parse(lang.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@cache
def _translations(lang: str) -> NullTranslations:
    return Translations.load(ROOT / "translations", [str(_locale(lang)), _locale(lang).language])


@cache
def environment(lang: str) -> ImmutableSandboxedEnvironment:
    """Return the sandbox of one language: autoescape, undefined names are errors, texts translated."""
    env = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(ROOT / "templates" / "pdf"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_gettext_translations(_translations(lang), newstyle=True)  # type: ignore[attr-defined]
    env.filters["money"] = lambda cents, currency: money(cents, currency, lang)
    env.filters["web"] = web
    env.filters["picture"] = picture
    env.filters["color"] = color
    env.filters["qr"] = lambda url: "qr:" + web(url)
    env.globals["fit"] = fit
    return env


def _check_made_at(data: Mapping[str, Any]) -> None:
    """The document's date goes into its metadata, where WeasyPrint drops an odd one silently."""
    made_at = data.get("made_at")
    if made_at is not None and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(made_at)):
        raise RefusedError("time")


def page_html(
    template: str,
    data: Mapping[str, Any],
    *,
    page_size: str = "A4",
    lang: str = "en",
    source: str | None = None,
) -> str:
    """Return the HTML of a document. `source` is a school's own template text, for `template`'s styles."""
    if page_size not in PAPERS:
        raise RefusedError("paper", size=page_size)
    width, height = PAPERS[page_size]
    env = environment(lang)
    _check_made_at(data)
    values = plain_data(data) | {"lang": lang, "paper": page_size.lower(), "width": width, "height": height}
    try:
        page = env.from_string(source) if source is not None else env.get_template(f"{template}.html")
        return page.render(values)
    except SecurityError as error:
        raise RefusedError("forbidden") from error
    except PdfError:
        raise
    except TemplateNotFound as error:  # by itself it names folders of the server
        raise RefusedError("unusable", reason=str(error.name)) from error
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RefusedError("unusable", reason=str(error).rstrip(".")) from error


def render_document(
    template: str,
    data: Mapping[str, Any],
    *,
    page_size: str = "A4",
    lang: str = "en",
    attachments: Sequence[Attachment] = (),
    images: Mapping[str, bytes] | None = None,
    signature_field: bool = False,
    source: str | None = None,
    css: str = "",
) -> bytes:
    """Make a document: PDF/A-3a with PDF/UA-1 tags, the same bytes for the same input.

    `template` is a name in `templates/pdf` without its ending, `data` what `docs/documents.md` and
    `core.pdf.contracts` list for it. `page_size` is "A4" or "Letter". `images` are PNG or JPEG files
    that the data name as `image:<key>`. `signature_field` adds the empty field that
    `certificates.signing` fills. `source` and `css` are a school's own template and stylesheet, used
    in place of, and after, the shipped ones. Costs CPU and memory: call it in the worker.

    Raises PdfError with a sentence for the person who asked, TypeError for data that are not plain.
    """
    from core.pdf import engine

    html = page_html(template, data, page_size=page_size, lang=lang, source=source)
    label = environment(lang).from_string("{{ _('Digital signature of the issuer') }}").render()
    return engine.write(
        html,
        STYLESHEETS.get(template, OFFICE_STYLESHEETS),
        own_css=css,
        images=images,
        attachments=attachments,
        signature_label=label if signature_field else "",
        one_page=template.startswith("certificate-"),
    )
