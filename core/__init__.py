"""What every room stands on: settings, database, clock, audit log, mail outbox, jobs, files, forms, security."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the ground floor: error pages, health addresses, static addresses, commands."""
    from core import delivery, worker  # noqa: F401 (registers its job)
    from core.commands import audit_commands
    from core.health import blueprint
    from core.pages import init_pages

    app.register_blueprint(blueprint)
    app.cli.add_command(audit_commands)
    app.cli.add_command(worker.worker_command)
    init_pages(app)
