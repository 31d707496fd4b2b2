"""What is proven: eligibility, issue, PDF, signature, verification, transcript."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, jobs, mails and commands."""
    from certificates import models  # noqa: F401
