"""Own checks of the PDF/A-3 and PDF/UA-1 rules that documents like ours could break.

They look closer at some points than the validator of ``test_standards`` does.
"""

import io
import re
import subprocess
from pathlib import Path
from typing import Any

import pikepdf
from fontTools.ttLib import TTFont


def findings(pdf: bytes) -> list[str]:
    """Return what is wrong, in words; an empty list when nothing was found."""
    bad: list[str] = []
    with pikepdf.open(io.BytesIO(pdf)) as doc:
        xmp = doc.Root.Metadata.read_bytes().decode()
        needed = ('pdfaid:part="3"', 'pdfaid:conformance="A"', 'pdfuaid:part="1"', "pdfaSchema:prefix")
        bad += [f"XMP lacks {text}" for text in needed if text not in xmp]
        if "/OutputIntents" not in doc.Root:
            bad.append("no output intent")
        if "/ID" not in doc.trailer:
            bad.append("no file identifier")
        if doc.is_encrypted:
            bad.append("encrypted")
        root: Any = doc.Root
        if root.get("/MarkInfo", {}).get("/Marked") is not True or "/StructTreeRoot" not in root:
            bad.append("not tagged")
        if not str(doc.Root.get("/Lang", "")):
            bad.append("no language")
        if root.get("/ViewerPreferences", {}).get("/DisplayDocTitle") is not True:
            bad.append("the title is not shown")
        for obj in doc.objects:
            if isinstance(obj, (pikepdf.Dictionary, pikepdf.Stream)):
                bad += _object_findings(obj)
        for number, page in enumerate(doc.pages):
            bad += _page_findings(doc, page, number)
    return sorted(set(bad))


def _object_findings(obj: Any) -> list[str]:
    bad = []
    if obj.get("/Subtype") == "/Image" and bool(obj.get("/Interpolate")):
        bad.append("a picture is interpolated")
    if obj.get("/Type") == "/Font" and obj.get("/Subtype") == "/CIDFontType2":
        bad += _font_findings(obj)
    if obj.get("/Type") == "/Font" and obj.get("/Subtype") in ("/Type1", "/TrueType"):
        bad.append(f"font {obj.get('/BaseFont')} may not be embedded")
    if obj.get("/Type") == "/Annot":
        flags, box = int(obj.get("/F", 0)), [float(v) for v in obj.Rect]
        if not flags & 4:
            bad.append(f"annotation {obj.Subtype} is not printed")
        if "/StructParent" not in obj:
            bad.append(f"annotation {obj.Subtype} is not in the structure tree")
        if obj.Subtype == "/Link":
            if "/Contents" not in obj:
                bad.append("a link has no description")
            if abs(box[2] - box[0]) < 1 or abs(box[3] - box[1]) < 1:
                bad.append("a link has no size")
    if obj.get("/Type") == "/StructElem" and obj.get("/S") == "/Figure" and not str(obj.get("/Alt", "")):
        bad.append("a figure has no alternative text")
    if obj.get("/Type") == "/Filespec" and ("/AFRelationship" not in obj or "/UF" not in obj):
        bad.append("an attached file lacks its relationship or name")
    if "/JS" in obj or obj.get("/S") in ("/JavaScript", "/Launch", "/SubmitForm"):
        bad.append("an action that PDF/A forbids")
    return bad


def _font_findings(font: Any) -> list[str]:
    if "/FontFile2" not in font.FontDescriptor and "/FontFile3" not in font.FontDescriptor:
        return [f"font {font.BaseFont} is not embedded"]
    if "/FontFile2" not in font.FontDescriptor:
        return []
    face = TTFont(io.BytesIO(font.FontDescriptor.FontFile2.read_bytes()), lazy=True)
    units, widths, order = face["head"].unitsPerEm, face["hmtx"].metrics, face.getGlyphOrder()
    listed, i, wrong = list(font.W), 0, 0
    while i < len(listed):
        first, second = int(listed[i]), listed[i + 1]
        if isinstance(second, pikepdf.Array):
            values, i = [float(v) for v in second], i + 2
        else:
            values, i = [float(listed[i + 2])] * (int(second) - first + 1), i + 3
        for offset, value in enumerate(values):
            if first + offset < len(order):
                real = widths[order[first + offset]][0] * 1000 / units
                wrong += bool(real and abs(value - real) > 1)
    return [f"{wrong} widths of {font.BaseFont} differ from the font"] if wrong else []


def _page_findings(doc: Any, page: Any, number: int) -> list[str]:
    bad = []
    depth, content = 0, []
    for instruction in pikepdf.parse_content_stream(page):
        operator = str(instruction.operator)
        if operator in ("BDC", "BMC"):
            depth += 1
            if len(instruction.operands) > 1 and "/MCID" in instruction.operands[1]:
                content.append(int(instruction.operands[1].MCID))
        elif operator == "EMC":
            depth -= 1
        elif operator in ("TJ", "Tj", "f", "S", "B", "Do", "f*", "b") and depth == 0:
            bad.append(f"content outside of the structure: {operator}")
    numbers = doc.Root.StructTreeRoot.ParentTree.Nums
    known = {int(numbers[i]): numbers[i + 1] for i in range(0, len(numbers), 2)}
    if sorted(content) != list(range(len(content))) or len(known[number]) != len(content):
        bad.append(f"page {number + 1} marks {len(content)} parts, the tree knows {len(known[number])}")
    return bad


def qpdf_check(pdf: bytes, folder: Path) -> str:
    """Return what `qpdf --check` complains about, empty when it is content."""
    file = folder / "checked.pdf"
    file.write_bytes(pdf)
    done = subprocess.run(["qpdf", "--check", str(file)], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def text_of(pdf: bytes, *, raw: bool = True) -> str:
    """Return the text as pdftotext copies it, its white space single.

    `raw` keeps the order of the file, which is the reading order; without it right-to-left is sorted.
    """
    mode = ["-raw"] if raw else []
    done = subprocess.run(["pdftotext", *mode, "-", "-"], input=pdf, capture_output=True, check=True)
    return re.sub(r"\s+", " ", done.stdout.decode())


def structure(pdf: bytes) -> list[str]:
    """Return the structure types of a document, depth first."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, pikepdf.Array):
            for kid in node:
                walk(kid)
        elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
            found.append(str(node.S))
            walk(node.get("/K", pikepdf.Array()))

    with pikepdf.open(io.BytesIO(pdf)) as doc:
        walk(doc.Root.StructTreeRoot.K)
    return found
