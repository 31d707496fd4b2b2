"""Pictures that are drawn once and re-used in every later document. Imports WeasyPrint; worker only.

They reach WeasyPrint through its own image cache (a dict of address -> image), so nothing in it is
patched: an `<img>` keeps its box, its alternative text and its tag.
"""

import copy
import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import pydyf
from weasyprint.images import RasterImage, SVGImage

QR_QUIET_ZONE = 2
"""Modules of white around a QR code. The paper adds the other two that ISO/IEC 18004 asks for."""


def _content(stream: Any) -> bytes:
    return b"\n".join(pydyf._to_bytes(item) for item in stream.stream)


def freeze(obj: Any) -> Any:
    """Turn a tree of pydyf objects into a plain structure, its streams compressed once."""
    if isinstance(obj, pydyf.Stream):
        data, extra = _content(obj), {key: freeze(value) for key, value in obj.extra.items()}
        if "Filter" not in extra:
            data, extra["Filter"] = zlib.compress(data, 9), "/FlateDecode"
        return ("stream", data, extra)
    if isinstance(obj, dict):
        return {key: freeze(value) for key, value in obj.items()}
    if isinstance(obj, list):
        return [freeze(value) for value in obj]
    return obj


def thaw(obj: Any, colorspace: Any) -> Any:
    """Make new pydyf objects of what `freeze` kept, with the present document's color spaces."""
    if isinstance(obj, tuple) and obj[:1] == ("stream",):
        return pydyf.Stream([obj[1]], thaw(obj[2], colorspace), compress=False)
    if isinstance(obj, dict):
        return pydyf.Dictionary(
            {
                key: colorspace if key == "ColorSpace" and value is None else thaw(value, colorspace)
                for key, value in obj.items()
            }
        )
    if isinstance(obj, list):
        return pydyf.Array([thaw(value, colorspace) for value in obj])
    return copy.copy(obj)


class FrozenArt:
    """A shipped SVG, kept as one Form XObject per size."""

    def __init__(self, image: Any, name: str) -> None:
        self._image, self._name = image, name
        self._forms: dict[tuple[float, float], Any] = {}

    def get_intrinsic_size(self, resolution: float, font_size: float) -> Any:
        """As WeasyPrint's images: width, height, ratio."""
        return self._image.get_intrinsic_size(resolution, font_size)

    def draw(self, stream: Any, width: float, height: float, style: Any) -> None:
        """Paint the art in a box of this size, drawing it only the first time."""
        key = round(width, 2), round(height, 2)
        if key not in self._forms:
            kinds = ("ExtGState", "XObject", "Pattern", "Shading")
            resources = pydyf.Dictionary({kind: pydyf.Dictionary() for kind in kinds})
            resources.update({"ColorSpace": None, "Font": None})
            group = stream.clone(tags=None, resources=resources)
            box = pydyf.Array((0, 0, width, height))
            group.extra.update({"Type": "/XObject", "Subtype": "/Form", "BBox": box, "Resources": resources})
            self._image.draw(group, width, height, style)
            self._forms[key] = freeze(group)
        name = f"{self._name}-{key[0]:g}-{key[1]:g}".replace(".", "_")
        if name not in stream._resources["XObject"]:
            stream._resources["XObject"][name] = thaw(self._forms[key], stream._resources["ColorSpace"])
        stream.draw_x_object(name)


class FrozenPicture:
    """A PNG or JPEG whose PDF stream and mask were made once."""

    def __init__(self, image: Any, name: str) -> None:
        self.id = name
        self.width, self.height, self.ratio = image.width, image.height, image.ratio
        # Interpolate must be false in PDF/A (ISO 19005-3, 6.2.8)
        made = image.get_x_object(False, 1)
        self._mask = freeze(made.extra.pop("SMask")) if "SMask" in made.extra else None
        self._stream = freeze(made)

    def get_intrinsic_size(self, resolution: float, font_size: float) -> tuple[float, float, float]:
        """As WeasyPrint's images: width, height, ratio."""
        return self.width / resolution, self.height / resolution, self.ratio

    def draw(self, stream: Any, width: float, height: float, style: Any) -> None:
        """Paint the picture in a box of this size."""
        name = stream.add_image(self, False, 1)
        stream.transform(width, 0, 0, -height, 0, height)
        stream.draw_x_object(name)

    def get_x_object(self, interpolate: bool, ratio: float) -> Any:
        """Return a new image object; WeasyPrint asks once per document."""
        made = thaw(self._stream, None)
        if self._mask is not None:
            made.extra["SMask"] = thaw(self._mask, None)
        return made


class QRCode:
    """A QR code painted as rectangles straight from segno's matrix, error correction M."""

    def __init__(self, text: str, color: tuple[float, float, float] = (0x29 / 255, 0x1B / 255, 0x26 / 255)):
        import segno

        self._rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
        self._color = color

    def get_intrinsic_size(self, resolution: float, font_size: float) -> tuple[None, None, int]:
        """Return a square of any size."""
        return None, None, 1

    def operators(self, width: float) -> list[bytes]:
        """PDF operators that paint the code in a square of this width, y pointing down."""
        unit = width / (len(self._rows) + 2 * QR_QUIET_ZONE)
        out = [b"%.4g %.4g %.4g rg" % self._color, b"%.5f 0 0 %.5f 0 0 cm" % (unit, unit)]
        for y, row in enumerate(self._rows, QR_QUIET_ZONE):
            x = 0
            while x < len(row):
                if not row[x]:
                    x += 1
                    continue
                end = x + 1
                while end < len(row) and row[end]:
                    end += 1
                out.append(b"%d %d %d 1 re" % (x + QR_QUIET_ZONE, y, end - x))
                x = end
        return [*out, b"f"]

    def draw(self, stream: Any, width: float, height: float, style: Any) -> None:
        """Paint the code."""
        with stream.stacked():
            stream.stream.extend(self.operators(width))


class FrozenStore:
    """Frozen images by identity: the shipped address, or the SHA-256 of a document's own picture."""

    def __init__(self, limit: int = 96) -> None:
        self._images: OrderedDict[str, Any] = OrderedDict()
        self._limit = limit

    def get(self, identity: str) -> Any | None:
        """Return the frozen image, marking it as used."""
        if identity in self._images:
            self._images.move_to_end(identity)
        return self._images.get(identity)

    def add(self, identity: str, image: Any) -> Any:
        """Freeze `image`; the least used one is forgotten past the limit."""
        # named by what it is, not by when it came: the same document has the same bytes
        name = hashlib.sha256(identity.encode()).hexdigest()[:12]
        if isinstance(image, SVGImage):
            image = FrozenArt(image, f"Art-{name}")
        elif isinstance(image, RasterImage):
            image = FrozenPicture(image, name)
        self._images[identity] = image
        while len(self._images) > self._limit:
            self._images.popitem(last=False)
        return image


class DocumentImages(dict[str, Any]):
    """The `cache` of one document: frozen images from the store, QR codes made on the spot.

    `identities` maps an address in this document to what the store knows it by.
    """

    def __init__(self, store: FrozenStore, identities: Mapping[str, str]) -> None:
        super().__init__()
        self._store, self._identities = store, identities
        self.froze = False
        """An image was frozen in this document, which itself got the image as it was before."""

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key):
            return True
        if not isinstance(key, str):
            return False
        if key.startswith("qr:"):
            super().__setitem__(key, QRCode(key.removeprefix("qr:")))
            return True
        found = self._store.get(self._identities.get(key, key))
        if found is not None:
            super().__setitem__(key, found)
        return found is not None

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, (SVGImage, RasterImage)):
            value = self._store.add(self._identities.get(key, key), value)
            self.froze = True
        super().__setitem__(key, value)
