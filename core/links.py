"""Addresses that are printed or mailed: they start with PUBLIC_URL, whatever host a request came in by."""

from typing import Any
from urllib.parse import urlsplit

from flask import current_app

from core.errors import SettingsError
from core.settings import Settings


def public_base() -> str:
    """PUBLIC_URL without a slash at its end. Raises SettingsError when it is not set."""
    settings: Settings = current_app.extensions["settings"]
    if not settings.public_url:
        raise SettingsError(
            "PUBLIC_URL is not set: nothing can be printed or mailed without the address of this site."
        )
    return settings.public_url


def absolute(endpoint: str, **values: Any) -> str:
    """The full public address of an endpoint; needs an application context, not a request."""
    base = urlsplit(public_base())
    adapter = current_app.url_map.bind(base.netloc, script_name=base.path or "/", url_scheme=base.scheme)
    return adapter.build(endpoint, values, force_external=True)
