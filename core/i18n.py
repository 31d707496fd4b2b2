"""The reader's language: the best match of what the browser asks for among the languages there are."""

from flask import has_request_context, request

LOCALES = ["en"]


def pick_locale() -> str:
    """The locale for this request; English outside one."""
    if not has_request_context():
        return LOCALES[0]
    return request.accept_languages.best_match(LOCALES) or LOCALES[0]
