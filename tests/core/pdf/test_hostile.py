"""Hostile texts in every field change letters on paper and nothing else."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pikepdf
import pytest

from core.pdf import PdfError, render_document
from core.pdf.fetcher import FixedFetcher
from tests.core.pdf.conformance import findings, text_of
from tests.core.pdf.samples import certificate, sample

TEXTS = [
    '<img src="file:///etc/passwd">',
    '"><link rel=attachment href=file:///etc/passwd>',
    "' onload=x style='background:url(http://127.0.0.1/x)",
    '</p><style>@import "file:///etc/passwd";</style>',
    "{{ 7*7 }}",
    "{% for x in [].__class__.__base__.__subclasses__() %}x{% endfor %}",
    "&lt;b&gt; &amp;amp;",
    "<svg onload=1><script>1</script>",
    "]]><!--",
    "<meta http-equiv=refresh><base href=file:///>",
    "\u202e<gpj.exe",
    "A\u0000B",
    "%(number)s %s %d %%",
    "</style><style>*{display:none}</style>",
    "<link rel=stylesheet href=http://127.0.0.1/x.css>",
    "<a href='javascript:app.alert(1)'>x</a>",
    "<object data=file:///etc/passwd></object>",
    "<embed src=file:///etc/passwd>",
    "<iframe src=file:///etc/passwd></iframe>",
    "<input type=file>",
    "url(file:///etc/passwd)",
    "\\0000201; content: attr(x)",
    "(unbalanced \\( PDF string",
    ") /JS (app.alert(1)) /S /JavaScript",
    "endobj 1 0 obj <</Type /Catalog>>",
    "stream\nendstream",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    "</rdf:RDF><rdf:RDF>",
    "@@title@@ @@url@@",
    "%SLOT name 1 1",
    "{{ config }}{{ self.__init__.__globals__ }}",
    "{# comment #}",
    "{% include 'base.html' %}",
    "{% extends '/etc/passwd' %}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "'; DROP TABLE students; --",
    "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301",
    "\ufeff\u200b\u2060zero",
    "\ud800 lone surrogate".encode("utf-16", "surrogatepass").decode("utf-16", "ignore") + "x",
    "qr:https://evil.example/",
    "doc:fonts/../../render.py",
    "image:../../etc/passwd",
    "data:text/html,<script>1</script>",
    "<p style='position:fixed;top:0;font-size:500pt'>x</p>",
    "<br><br><br><br><hr>",
    "<table><tr><td>x",
    "&#x202e;&#0;&#65;",
    "<math><mtext></mtext></math>",
    "<xmp><plaintext>",
    "=cmd|' /C calc'!A0",
]


def _spoiled(text: str) -> dict[str, Any]:
    """A certificate with the text in each kind of field: heading, table, alternative text, title."""
    data = certificate("certificate-1-line", participant=f"Ann {text}", place=text, number=f"1 {text}")
    data["certificate"]["course"] = {"code": "X", "title": text}
    data["certificate"]["instructor"]["name"] = text
    data["certificate"]["credits"][0] |= {"statement": text, "body": text}
    data["school"] |= {"address": text}
    return data


def _links(pdf: bytes) -> Iterator[str]:
    with pikepdf.open(io.BytesIO(pdf)) as doc:
        for page in doc.pages:
            for note in page.get("/Annots", []):
                yield str(note.A.URI) if "/A" in note else ""


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    fetch = FixedFetcher.fetch

    def listen(self: FixedFetcher, url: str, headers: Any = None) -> Any:
        asked.append(url)
        return fetch(self, url, headers)

    monkeypatch.setattr(FixedFetcher, "fetch", listen)
    return asked


def _spread(texts: list[str]) -> dict[str, Any]:
    """A certificate with five texts, each in another kind of field."""
    data = certificate("certificate-1-line", participant=f"Ann {texts[0]}", place=texts[1])
    data["certificate"]["course"] = {"code": "X", "title": texts[2]}
    data["certificate"]["instructor"]["name"] = texts[3]
    data["certificate"]["credits"][0] |= {"statement": texts[4]}
    return data


def _stays_text(data: dict[str, Any], texts: list[str], links: set[str]) -> None:
    pdf = render_document("certificate-quiet", data)
    with pikepdf.open(io.BytesIO(pdf)) as doc:
        assert len(doc.attachments) == 0, texts
        assert len(doc.pages) == 1, texts
    assert set(_links(pdf)) == links, texts
    printed = re.sub(r"[^!-~]", "", text_of(pdf))
    for text in texts:
        assert re.sub(r"[^!-~]", "", text) in printed, text


def test_fifty_hostile_texts_stay_texts(fetched: list[str]) -> None:
    plain = render_document("certificate-quiet", certificate("certificate-1-line"))
    allowed, links = set(fetched), set(_links(plain))
    assert len(TEXTS) >= 50
    for start in range(0, len(TEXTS), 5):
        texts = TEXTS[max(0, min(start, len(TEXTS) - 5)) :][:5]
        _stays_text(_spread(texts), texts, links)
    assert set(fetched) <= allowed | {url for url in fetched if url.startswith("doc:fonts/")}


@pytest.mark.full
def test_fifty_hostile_texts_in_every_field_stay_texts(fetched: list[str]) -> None:
    plain = render_document("certificate-quiet", certificate("certificate-1-line"))
    allowed, links = set(fetched), set(_links(plain))
    for text in TEXTS:
        _stays_text(_spoiled(text), [text], links)
    assert set(fetched) <= allowed | {url for url in fetched if url.startswith("doc:fonts/")}


@pytest.mark.full
@pytest.mark.parametrize(
    "name", ["invoice", "roster", "schedule", "sign-in", "transcript", "certificate-1-line"]
)
def test_hostile_texts_do_no_harm_on_any_paper(name: str, fetched: list[str]) -> None:
    template, data = sample(name)
    skip = {"url", "roll_url", "pay_url", "currency", "kind", "made_at"}
    for text in TEXTS[::4]:

        def spoil(value: Any, key: str = "", text: str = text) -> Any:
            if isinstance(value, dict):
                return {k: spoil(v, k) for k, v in value.items()}
            if isinstance(value, list):
                return [spoil(v, key) for v in value]
            return text if isinstance(value, str) and key not in skip | {"signature", "verify_url"} else value

        try:
            pdf = render_document(template, spoil(data))
        except PdfError:
            continue
        assert findings(pdf) == [], text
        with pikepdf.open(io.BytesIO(pdf)) as doc:
            assert len(doc.attachments) == 0, text
    assert all(url.startswith("doc:") for url in fetched)


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "file:///etc/passwd", "qr:x", "//evil.example/", "", "data:text/html,x"],
)
def test_only_web_addresses_become_links(address: str) -> None:
    with pytest.raises(PdfError, match="not a web address"):
        render_document("certificate-engraved", certificate(verify_url=address))


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "http://127.0.0.1/",
        "data:image/png;base64,AAAA",
        "doc:fonts/x.ttf",
        "image:a/../b",
    ],
)
def test_only_own_pictures_are_drawn(address: str) -> None:
    data = certificate()
    data["school"]["signatory"]["signature"] = address
    with pytest.raises(PdfError, match="not one of the school’s pictures"):
        render_document("certificate-engraved", data)


@pytest.mark.parametrize("color", ["red", "#12345", "#6d2857; background: url(http://x)", "</style>"])
def test_only_plain_colors_reach_the_stylesheet(color: str) -> None:
    data = certificate()
    data["school"]["colors"] = {"main": color, "second": "#205962"}
    with pytest.raises(PdfError, match="six digits"):
        render_document("certificate-engraved", data)


@pytest.mark.parametrize(
    "source",
    [
        '<html lang="en"><link rel=attachment href="file:///etc/passwd"><p>x',
        '<html lang="en"><img alt="x" src="http://127.0.0.1:9/x.png">',
        '<html lang="en"><style>@import "file:///etc/passwd";</style>',
        '<html lang="en"><style>p { background: url(file:///etc/passwd) }</style><p>x',
        '<html lang="en"><img alt="x" src="data:image/svg+xml,<svg/>">',
        '<html lang="en"><base href="file:///etc/"><link rel=stylesheet href="passwd">',
    ],
)
def test_a_template_that_fetches_is_refused(source: str) -> None:
    with pytest.raises(PdfError, match="may not use"):
        render_document("letter", {}, source=source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ school.signatory.update({'name': 'x'}) }}",
        "{{ fit.__globals__ }}",
        "{% include '../../core/pdf/render.py' %}",
        "{{ nothing_like_this }}",
        "{% if %}",
        "{{ range(999999999)|list }}",
    ],
)
def test_a_template_that_breaks_out_or_does_not_parse_is_refused(source: str) -> None:
    with pytest.raises(PdfError):
        render_document("letter", certificate(), source=source)
