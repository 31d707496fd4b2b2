"""How every page looks around its own content: pictures, navigation, language, all callable in templates."""

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, request, url_for
from flask_babel import get_locale, gettext

from core.forms import error_list
from core.pictures import register_pictures


@dataclass(frozen=True)
class NavItem:
    """One entry of the main navigation."""

    endpoint: str
    url: str
    label: str
    current: bool


def has_endpoint(endpoint: str) -> bool:
    """Return whether the application answers at `endpoint`, so that a page may link there."""
    return endpoint in current_app.view_functions


def home_url() -> str:
    """Return the address of the catalog, where every visitor is at home."""
    return url_for("courses.catalog") if has_endpoint("courses.catalog") else "/"


def page_language() -> str:
    """Return the reader's language as an HTML `lang` value, such as "en" or "pt-BR"."""
    return str(get_locale() or "en").replace("_", "-")


def page_direction() -> str:
    """Return "rtl" where the reader's language runs from right to left, else "ltr"."""
    locale = get_locale()
    return str(locale.text_direction) if locale else "ltr"


def _entries(user: Any) -> list[tuple[str, str]]:
    """Return (endpoint, label) for what this person may use; None stands for nobody signed in."""
    known = bool(user is not None and user.is_authenticated)
    entries = []
    if known and user.is_staff:
        entries.append(("portal.office", gettext("Office")))
    if known and user.is_instructor:
        entries.append(("portal.teaching", gettext("Teaching")))
    entries.append(("courses.catalog", gettext("Courses")))
    if known and (user.is_student or user.is_instructor):  # an instructor may take classes too
        entries.append(("portal.my", gettext("My classes")))
    entries.append(("certificates.verify_start", gettext("Check a certificate")))
    return entries


# The first part of an address says which entry of the navigation it belongs to.
_AREAS = {
    "": "courses.catalog",
    "courses": "courses.catalog",
    "classes": "courses.catalog",
    "my": "portal.my",
    "teaching": "portal.teaching",
    "office": "portal.office",
    "verify": "certificates.verify_start",
}


def nav_items(user: Any, section: str | None = None) -> list[NavItem]:
    """Return the main navigation for `user` (None or anonymous for a visitor).

    Only endpoints that exist are listed. The current entry follows from the address; a page that lives
    elsewhere names it with `section`, an endpoint.
    """
    current = section or _AREAS.get(request.path.strip("/").split("/")[0])
    return [
        NavItem(endpoint, url_for(endpoint), label, endpoint == current)
        for endpoint, label in _entries(user)
        if has_endpoint(endpoint)
    ]


def register_looks(app: Flask) -> None:
    """Give the templates of `app` the pictures and the helpers of this module; call it in the factory."""
    register_pictures(app)
    for helper in (has_endpoint, home_url, nav_items, page_language, page_direction):
        app.jinja_env.globals[helper.__name__] = helper
    app.jinja_env.globals["form_errors"] = error_list
