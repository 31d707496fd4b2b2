"""What needs several rooms at once: the desks, reports, imports, retention, the demo school."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, jobs, mails and commands."""
    from portal import (  # noqa: F401 (they attach their pages)
        class_decision,
        class_message,
        class_talks,
        duplicates,
        mail_previews,
        my,
        office,
        office_audit,
        office_classes,
        office_mail,
        office_school,
        report_views,
        teaching,
    )
    from portal.blueprint import blueprint
    from portal.demo.commands import demo_commands
    from portal.importing import models, running, views  # noqa: F401 (tables, the job, pages)

    app.register_blueprint(blueprint)
    app.cli.add_command(demo_commands)
