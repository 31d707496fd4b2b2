"""The errors a person can meet."""

import click


class RuleError(Exception):
    """A rule said no. Its text is a sentence for the person who reads it; nothing was changed.

    ``field`` names the form field it belongs to, when there is one.
    """

    def __init__(self, message: object, *, field: str | None = None) -> None:
        super().__init__(str(message))
        self.field = field


class SettingsError(click.ClickException):
    """A setting cannot be used. The text names it and says what to write; commands end with it and no traceback."""


class ThrottledError(RuleError):
    """Too many attempts. ``retry_after`` is in seconds."""

    def __init__(self, message: object, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
