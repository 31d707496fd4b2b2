"""The reader's language: the best match of what the browser asks for among the languages there are."""

from babel.support import NullTranslations
from flask import g, has_app_context, has_request_context, request
from flask_babel import Domain

LOCALES = ["en"]


def pick_locale() -> str:
    """The locale for this request; English outside one."""
    if not has_request_context():
        return LOCALES[0]
    return request.accept_languages.best_match(LOCALES) or LOCALES[0]


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
