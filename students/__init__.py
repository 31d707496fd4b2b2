"""Who takes part: student records, licenses, enrollment, waitlist, fees."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, jobs, mails and commands."""
    from students import ledger_models, mail, models, waitlist  # noqa: F401 (they register tables, mails and jobs)
