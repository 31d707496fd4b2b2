"""What is proven: eligibility, issue, PDF, signature, verification, transcript."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, jobs, mails and commands."""
    from certificates import (  # noqa: F401 (they register themselves)
        badge_views,
        body_use,
        bundles,
        class_views,
        design_views,
        evaluation_asking,
        evaluation_views,
        issuing,
        key_models,
        key_standing,
        mail,
        models,
        my_views,
        previewing,
        report_views,
        retention,
        transcript,
        upload_views,
        verify_views,
        views,
    )
    from certificates.blueprint import blueprint
    from certificates.commands import certificate_commands
    from certificates.lost import LINKS
    from core.lost_links import lost_links

    app.register_blueprint(blueprint)
    app.cli.add_command(certificate_commands)
    lost_links(app, *LINKS)
