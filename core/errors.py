"""The errors a person can meet."""

from collections.abc import Sequence
from typing import Self

import click


class RuleError(Exception):
    """A rule said no. Its text is a sentence for the person who reads it; nothing was changed.

    ``field`` names the form field it belongs to, when there is one; ``also`` is what else is wrong with the same
    answer, so that a form tells all of it at once.
    """

    def __init__(self, message: object, *, field: str | None = None) -> None:
        super().__init__(str(message))
        self.field = field
        self.also: tuple[RuleError, ...] = ()

    def together_with(self, others: "Sequence[RuleError]") -> Self:
        """The same error, that tells the others too."""
        self.also = (*self.also, *others)
        return self


class SettingsError(click.ClickException):
    """A setting cannot be used. The text names it and says what to write; commands end with it and no traceback."""


class ThrottledError(RuleError):
    """Too many attempts. ``retry_after`` is in seconds."""

    def __init__(self, message: object, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
