"""The reader's language: the best match of what the browser asks for among the languages there are."""

from functools import lru_cache

from babel import Locale
from babel.support import NullTranslations
from flask import g, has_app_context, has_request_context, request
from flask_babel import Domain

LOCALES = ["en"]
_parsed = lru_cache(maxsize=None)(Locale.parse)


def pick_locale() -> Locale:
    """The locale for this request; English outside one. One object per language: whatever is kept by it is found quickly."""
    best = request.accept_languages.best_match(LOCALES) if has_request_context() else None
    return _parsed(best or LOCALES[0])


class RequestDomain(Domain):
    """The texts of the reader's language, looked up once per request: a page says hundreds of things."""

    def get_translations(self) -> NullTranslations:
        """The translations. ``force_locale`` and ``refresh`` of Flask-Babel empty and restore what is kept here."""
        kept = g.get("_flask_babel") if has_app_context() else None
        found: NullTranslations | None = getattr(kept, "babel_translations", None)
        if found is None:
            found = super().get_translations()
            if kept is not None:
                kept.babel_translations = found
        return found
