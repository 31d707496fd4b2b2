"""Who takes part: student records, licenses, enrollment, waitlist, fees."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, jobs, mails and commands."""
    from core.lost_links import lost_links
    from students import (  # noqa: F401 (they register tables, mails, pages and jobs)
        billing,
        group_mail,
        ledger_models,
        mail,
        models,
        notice_mail,
        notice_models,
        openings,
        reminders,
        talk_models,
        talks,
        views,
        waitlist,
    )
    from students.blueprint import blueprint
    from students.lost import LINKS
    from students.notes import init_notes

    app.register_blueprint(blueprint)
    init_notes(app)
    lost_links(app, *LINKS)
