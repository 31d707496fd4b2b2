"""Who was there: rolls, marks, check-in, make-ups, minutes, sign-off."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, jobs, mails and commands."""
    from attendance import (  # noqa: F401 (they attach their pages)
        checkin_views,
        class_views,
        door_views,
        import_views,
        mail,
        makeup_upkeep,
        makeup_views,
        models,
        offline_views,
        paper_views,
        roll_views,
        sign_off_views,
    )
    from attendance.blueprint import blueprint

    app.register_blueprint(blueprint)
