"""Papers: asked for in a request, made by the worker, fetched by the asker."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from core import clock, papers
from core.errors import RuleError
from core.papers import MadePaper, Paper, PaperState
from tests.factories import make_user
from tests.helpers import sign_in


@papers.paper("test-paper")
def make_test_paper(session: Session, details: dict[str, Any]) -> MadePaper:
    if details.get("refuse"):
        raise RuleError("Nobody is enrolled yet.")
    if details.get("break"):
        raise ZeroDivisionError
    return MadePaper(b"%PDF-1.7 test", "test.pdf")


def ask(session: Session, client: FlaskClient, **details: Any) -> int:
    user = make_user(session)
    row = papers.request_paper(session, "test-paper", actor=user, now=clock.now(), **details)
    session.commit()
    sign_in(client, user)
    return row.id


def test_the_page_waits_and_then_shows_the_file(session: Session, client: FlaskClient) -> None:
    number = ask(session, client)
    waiting = client.get(f"/papers/{number}")
    assert waiting.status_code == 200
    assert waiting.headers["Refresh"] == "1"
    assert papers.make_waiting() == 1
    with client.get(f"/papers/{number}", follow_redirects=True) as ready:
        assert ready.data == b"%PDF-1.7 test"
        assert ready.mimetype == "application/pdf"
        assert ready.cache_control.private


def test_nobody_else_may_fetch_it(session: Session, client: FlaskClient) -> None:
    number = ask(session, client)
    other = make_user(session)
    session.commit()
    papers.make_waiting()
    sign_in(client, other)
    assert client.get(f"/papers/{number}").status_code == 404
    assert client.get(f"/papers/{number}/file").status_code == 404
    client.delete_cookie("stillpoint")
    assert client.get(f"/papers/{number}/file").status_code == 404


def test_a_rule_that_says_no_is_shown_to_the_asker(session: Session, client: FlaskClient) -> None:
    number = ask(session, client, refuse=True)
    papers.make_waiting()
    assert "Nobody is enrolled yet." in client.get(f"/papers/{number}").text


def test_what_keeps_breaking_is_given_up(session: Session, client: FlaskClient) -> None:
    ask(session, client, **{"break": True})
    for minutes in range(papers.TRIES):
        session.rollback()
        with time_machine.travel(clock.now() + timedelta(minutes=minutes * 10)):
            papers.make_waiting()
    session.expire_all()
    assert session.scalars(sa.select(Paper.state)).all() == [PaperState.FAILED]


def test_old_papers_are_thrown_away_with_their_files(session: Session, client: FlaskClient) -> None:
    ask(session, client)
    papers.make_waiting()
    session.expire_all()
    digest = session.scalar(sa.select(Paper.sha256)) or ""
    session.rollback()
    assert papers.paper_store().exists(digest)
    with time_machine.travel(clock.now() + timedelta(days=2)):
        assert papers.forget_old() == 1
    assert not papers.paper_store().exists(digest)
