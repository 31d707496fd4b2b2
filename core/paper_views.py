"""The page of a paper: how far it is, then the file."""

from flask import Blueprint, Response, abort, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from core.database import db
from core.papers import Paper, PaperState, paper_store

blueprint = Blueprint("papers", __name__)


def _mine(paper_id: int) -> Paper:
    """The signed-in person's own paper; 404 for any other."""
    row = db.session.get(Paper, paper_id) if current_user.is_authenticated else None
    if row is None or row.asked_by_id != current_user.id:
        abort(404)
    return row


@blueprint.get("/papers/<int:paper_id>")
def show(paper_id: int) -> ResponseReturnValue:
    """How far the paper is; on to the file when it is ready. Asks again by itself, without JavaScript too."""
    row = _mine(paper_id)
    if row.state is PaperState.READY:
        return redirect(url_for("papers.file", paper_id=row.id), 303)
    status = 200 if row.state is PaperState.WAITING else 500
    headers = {"Refresh": "1"} if row.state is PaperState.WAITING else {}
    return render_template("core/paper.html", paper=row), status, headers


@blueprint.get("/papers/<int:paper_id>/file")
def file(paper_id: int) -> Response:
    """The file itself."""
    row = _mine(paper_id)
    if row.state is not PaperState.READY or row.sha256 is None:
        abort(404)
    path = paper_store().path(row.sha256)
    if not path.is_file():
        abort(404)
    inline = row.mime_type == "application/pdf"
    response = send_file(
        path, row.mime_type, as_attachment=not inline, download_name=row.file_name, max_age=0
    )
    response.cache_control.private = True
    return response
