"""What WeasyPrint leaves out of a PDF/A-3a that is also PDF/UA-1. Imports WeasyPrint; worker only.

Works on the objects that WeasyPrint hands to a finisher, before the file is written.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pydyf
from weasyprint.formatting_structure.boxes import TextBox
from weasyprint.layout.absolute import AbsolutePlaceholder

from core.pdf.data import Attachment

SIGNATURE_FIELD = "Signature"
# The scripts of India and their neighbours, whose vowels are drawn before the letter they follow.
# Right-to-left texts are left alone: readers sort them, and Poppler reverses their ActualText.
_REORDERED = re.compile("[\u0900-\u109f\u1780-\u17ff]")

# PDF/A-3 wants an extension schema for every XMP property that it does not know (ISO 19005-3, 6.6.2.3)
_UA_XMP = b"""<rdf:Description rdf:about=""
 xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#"><pdfaExtension:schemas><rdf:Bag>
<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>
<rdf:li rdf:parseType="Resource"><pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType><pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>PDF/UA part</pdfaProperty:description></rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description></rdf:RDF>"""


def _object(pdf: Any, reference: Any) -> Any:
    """Return the object that `b"12 0 R"` points to."""
    return pdf.objects[int(reference.split()[0])]


def declare_ua(pdf: Any) -> None:
    """Declare PDF/UA-1 next to PDF/A in the XMP packet, with its extension schema; the packet stays readable as text."""
    metadata = _object(pdf, pdf.catalog["Metadata"])
    metadata.compress = False
    metadata.stream = [b"".join(metadata.stream).replace(b"</rdf:RDF>", _UA_XMP)]


def describe_attachments(pdf: Any, attachments: Sequence[Attachment]) -> None:
    """Give embedded files their media type and list each associated file once.

    WeasyPrint guesses the type from the name and lists every file twice in the catalog's AF.
    """
    by_name = {attachment.name: attachment for attachment in attachments}
    for obj in list(pdf.objects):
        if isinstance(obj, dict) and obj.get("Type") == "/Filespec":
            attachment = by_name[obj["UF"].string]
            file = _object(pdf, obj["EF"]["F"])
            file.extra["Subtype"] = "/" + attachment.media_type.replace("/", "#2f").replace("+", "#2b")
    if "AF" in pdf.catalog:
        pdf.catalog["AF"] = pydyf.Array(dict.fromkeys(pdf.catalog["AF"]))


def one_annotation_per_link(pdf: Any) -> None:
    """Keep a link's own annotation and drop those of what stands in it.

    WeasyPrint makes one more for a picture or a span inside of an anchor; it belongs to no Link element, which PDF/UA-1
    forbids (ISO 14289-1, 7.18.5), and covers the same place with the same address.
    """
    numbers = _object(pdf, _object(pdf, pdf.catalog["StructTreeRoot"])["ParentTree"])["Nums"]
    elements = dict(zip(numbers[::2], numbers[1::2], strict=True))
    pages: list[Any] = [obj for obj in pdf.objects if isinstance(obj, dict) and obj.get("Type") == "/Page"]
    links: list[Any] = [obj for obj in pdf.objects if isinstance(obj, dict) and obj.get("Subtype") == "/Link"]
    for annotation in links:
        key = annotation["StructParent"]
        element = _object(pdf, elements[key])
        if element["S"] == "/Link" or not _stands_in_link(pdf, element):
            continue
        (pointer,) = (kid for kid in element["K"] if _points_to(pdf, kid, annotation))
        element["K"].remove(pointer)
        for page in pages:
            if annotation.reference in page.get("Annots", ()):
                page["Annots"].remove(annotation.reference)
        at = 2 * numbers[::2].index(key)
        del numbers[at : at + 2]
        # what nothing points to any more stays as empty objects: a number left out would shift those behind it
        annotation.clear()
        _object(pdf, pointer).clear()


def _stands_in_link(pdf: Any, element: Any) -> bool:
    while "P" in element:
        element = _object(pdf, element["P"])
        if element.get("S") == "/Link":
            return True
    return False


def _points_to(pdf: Any, kid: Any, annotation: Any) -> bool:
    target = _object(pdf, kid) if isinstance(kid, bytes) else None
    return isinstance(target, dict) and target.get("Obj") == annotation.reference


# a glyph whose letter another glyph of its group stands for: the vowel and the r of an Indic syllable
_NO_LETTER = re.compile(rb"(<[0-9a-fA-F]+>) <>")


def complete_unicode_maps(pdf: Any) -> None:
    """Give every glyph a letter: WORD JOINER, which is not seen, where another glyph says the whole group.

    An empty text is no entry of a ToUnicode map (ISO 32000-1, 9.10.3), and PDF/A-3a wants one for every glyph.
    """
    for obj in pdf.objects:
        if isinstance(obj, pydyf.Stream) and any(
            isinstance(part, bytes) and b"begincmap" in part for part in obj.stream
        ):
            obj.stream = [_NO_LETTER.sub(rb"\1 <2060>", b"\n".join(obj.stream))]


def scope_headers(pdf: Any) -> None:
    """Say what each heading of a table heads: those of the first row their column, those of a later row that row."""
    for obj in pdf.objects:
        if isinstance(obj, dict) and obj.get("S") == "/TH" and "ID" in obj:
            _table, row, _column = obj["ID"].string.split("-")
            obj["A"]["Scope"] = "/Column" if row == "0" else "/Row"


class _HexText(pydyf.Object):
    """A text string in hexadecimal UTF-16, which every reader takes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    @property
    def data(self) -> bytes:
        """The string as PDF writes it."""
        return b"<feff" + self._text.encode("utf-16-be").hex().encode() + b">"


def _text_boxes(box: Any) -> Iterator[Any]:
    if isinstance(box, AbsolutePlaceholder):
        box = box._box
    if isinstance(box, TextBox):
        yield box
    for child in getattr(box, "children", ()):
        yield from _text_boxes(child)


def add_actual_text(document: Any, pdf: Any) -> None:
    """Say what Indic texts are, so that copying and searching find them.

    Their glyphs stand in the order of drawing. A run is found by its text matrix, which is the place
    of its box; its marked content gets an ActualText (ISO 32000-1, 14.9.4).
    """
    pages = [obj for obj in pdf.objects if isinstance(obj, dict) and obj.get("Type") == "/Page"]
    for page, dictionary in zip(document.pages, pages, strict=True):
        texts = {
            f"{box.position_x:.2f} {box.position_y + box.baseline:.2f}": box.text
            for box in _text_boxes(page._page_box)
            if _REORDERED.search(box.text)
        }
        if not texts:
            continue
        properties = None
        for item in _object(pdf, dictionary["Contents"]).stream:
            if isinstance(item, pydyf.Dictionary) and "MCID" in item:
                properties = item
            elif properties is not None and isinstance(item, bytes) and item.endswith(b" Tm"):
                *_, x, y, _ = item.split()
                text = texts.get(f"{float(x):.2f} {float(y):.2f}")
                if text:
                    properties["ActualText"] = _HexText(text)
                properties = None


def add_signature_field(pdf: Any, label: str) -> None:
    """Add an invisible, empty signature field that is part of the structure tree.

    The field is there before the signature, so signing changes nothing that is tagged.
    """
    page: Any = next(obj for obj in pdf.objects if isinstance(obj, dict) and obj.get("Type") == "/Page")
    root = _object(pdf, pdf.catalog["StructTreeRoot"])
    tree = _object(pdf, root["ParentTree"])
    document = _object(pdf, root["K"][0])
    key = max(tree["Nums"][::2]) + 1
    widget = pydyf.Dictionary(
        {
            "Type": "/Annot",
            "Subtype": "/Widget",
            "FT": "/Sig",
            "T": pydyf.String(SIGNATURE_FIELD),
            "TU": pydyf.String(label),
            "F": 132,  # printed and locked
            "Rect": pydyf.Array([0, 0, 0, 0]),
            "P": page.reference,
            "StructParent": key,
        }
    )
    pdf.add_object(widget)
    reference = pydyf.Dictionary({"Type": "/OBJR", "Obj": widget.reference, "Pg": page.reference})
    pdf.add_object(reference)
    form = pydyf.Dictionary(
        {
            "Type": "/StructElem",
            "S": "/Form",
            "P": document.reference,
            "Pg": page.reference,
            "K": pydyf.Array([reference.reference]),
        }
    )
    pdf.add_object(form)
    document["K"].append(form.reference)
    tree["Nums"] += [key, form.reference]
    page.setdefault("Annots", pydyf.Array()).append(widget.reference)
    pdf.catalog["AcroForm"] = pydyf.Dictionary({"Fields": pydyf.Array([widget.reference]), "SigFlags": 3})
