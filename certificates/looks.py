"""How a certificate looks, as plain values: what a design saves, a preview shows and a snapshot keeps."""

from dataclasses import dataclass
from typing import Any

from certificates.design_models import LAYOUTS


@dataclass(frozen=True, kw_only=True)
class Look:
    """A design as plain values: what is saved, previewed and printed. Empty texts mean the shipped ones."""

    layout: str = LAYOUTS[0]
    page_size: str = "A4"
    lang: str = "en"
    logo_sha256: str | None = None
    color_main: str = ""
    color_second: str = ""
    certify: str = ""
    completed: str = ""
    retention: str = ""
    disclaimer: str = ""
    html: str = ""
    css: str = ""
    version: int = 0

    def pictures(self) -> dict[str, str]:
        """The digests of its pictures in the file store, by the key that the page names them with."""
        return {"logo": self.logo_sha256} if self.logo_sha256 else {}

    def dress(self, document: dict[str, Any]) -> dict[str, Any]:
        """The same document with this design's logo, colors and texts."""
        school, certificate = dict(document["school"]), dict(document["certificate"])
        if self.logo_sha256:
            school["logo"] = "image:logo"
        if self.color_main and self.color_second:
            school["colors"] = {"main": self.color_main, "second": self.color_second}
        words = {"certify": self.certify, "completed": self.completed}
        certificate["words"] = {name: text for name, text in words.items() if text}
        certificate["retention"] = self.retention or certificate["retention"]
        certificate["disclaimer"] = self.disclaimer or certificate["disclaimer"]
        return document | {"school": school, "certificate": certificate}
