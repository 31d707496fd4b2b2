"""Who someone is and what they may do: users, roles, sign-in."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, jobs, mails and commands."""
    from accounts import models  # noqa: F401
    from accounts.access import init_access

    init_access(app)
