"""Links from mails that arrive damaged: what their page says instead of the general words for an unknown address.

A room names where its mailed addresses begin; an address below that leads nowhere gets the room's advice and a way on.
"""

from dataclasses import dataclass

from flask import Flask, current_app
from flask_babel import LazyString


@dataclass(frozen=True)
class LostLink:
    """``advice`` is for the person who pressed the link; the button ``label`` leads to ``endpoint``."""

    prefix: str
    advice: LazyString
    endpoint: str
    label: LazyString


def lost_links(app: Flask, *links: LostLink) -> None:
    """Register where mailed addresses begin. Of several that fit an address, the longest counts."""
    app.extensions.setdefault("lost_links", []).extend(links)


def lost_at(path: str) -> LostLink | None:
    """The advice for a path that leads nowhere, or None when no mailed address begins so."""
    known: list[LostLink] = current_app.extensions.get("lost_links", [])
    fitting = [link for link in known if path.startswith(link.prefix)]
    return max(fitting, key=lambda link: len(link.prefix), default=None)
