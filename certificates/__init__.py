"""What is proven: eligibility, issue, PDF, signature, verification, transcript."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, jobs, mails and commands."""
    from certificates import issuing, mail, models, verify_views, views  # noqa: F401 (they register themselves)
    from certificates.blueprint import blueprint

    app.register_blueprint(blueprint)
