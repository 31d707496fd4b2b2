"""What is taught, when, where and by whom: catalog, offerings, meetings, scheduling."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the catalog's pages and commands."""
    from courses import models, offering_models, views  # noqa: F401
    from courses.blueprint import blueprint
    from courses.commands import catalog_commands
    from courses.office import (  # noqa: F401 (they attach their pages)
        body_views,
        claim_views,
        class_views,
        course_views,
        new_class,
        policy_views,
        safety_views,
        subject_views,
        venue_views,
    )

    app.register_blueprint(blueprint)
    app.cli.add_command(catalog_commands)
