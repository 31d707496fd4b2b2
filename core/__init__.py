"""What every room stands on: settings, database, clock, audit log, mail outbox, jobs, files, forms, security."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # whoever only wants the settings need not wait for Flask
    from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the ground floor: the look of all pages, error pages, health addresses, static addresses, commands."""
    from core import delivery, numbering, papers, throttle, worker  # noqa: F401 (registers jobs and tables)
    from core.commands import audit_commands, database_commands
    from core.health import blueprint
    from core.looks import register_looks
    from core.pages import init_pages
    from core.paper_views import blueprint as papers_blueprint

    init_pages(app)
    app.register_blueprint(blueprint)
    app.register_blueprint(papers_blueprint)
    app.cli.add_command(audit_commands)
    app.cli.add_command(database_commands)
    app.cli.add_command(worker.worker_command)
    register_looks(app)
