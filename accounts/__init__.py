"""Who someone is and what they may do: users, roles, sign-in."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach this room's pages, jobs, mails and commands."""
    from accounts import mail, models, views  # noqa: F401 (registers mails, tables and pages)
    from accounts.access import init_access
    from accounts.blueprint import blueprint
    from accounts.commands import users_commands
    from accounts.lost import LINKS
    from core.lost_links import lost_links

    init_access(app)
    app.register_blueprint(blueprint)
    app.cli.add_command(users_commands)
    lost_links(app, *LINKS)
