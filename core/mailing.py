"""Mails from templates: ``templates/mail/<kind>/`` holds ``subject.txt``, ``body.txt`` and ``body.html``."""

from typing import Any

from flask import current_app, render_template
from flask_babel import force_locale

from core.database import db
from core.outbox import Attachment, Message
from core.school import current_school


def compose(
    kind: str, *, attachments: tuple[Attachment, ...] = (), locale: str = "en", **context: Any
) -> Message:
    """Render the three templates of a kind with the same context; ``school`` is always there.

    Works in an application context, without a request.
    """
    with force_locale(locale):
        context.setdefault("school", current_school(db.session))
        subject = " ".join(render_template(f"mail/{kind}/subject.txt", **context).split())
        text = render_template(f"mail/{kind}/body.txt", subject=subject, **context)
        html = render_template(f"mail/{kind}/body.html", subject=subject, **context)
    return Message(subject=subject, text=text, html=html, attachments=attachments)


def folder_of(kind: str) -> str:
    """Where the templates of a kind lie, from the project's root."""
    return f"{current_app.template_folder}/mail/{kind}"
