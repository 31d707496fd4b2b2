"""What is taught, when, where and by whom: catalog, offerings, meetings, scheduling."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach the catalog's pages and commands."""
    from courses import models, offering_models  # noqa: F401
    from courses.blueprint import blueprint

    app.register_blueprint(blueprint)
