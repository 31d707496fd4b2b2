"""What a dead worker held comes free at once; what a living one holds is its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from certificates import issuing
from certificates.models import Certificate
from core import claims, clock, delivery, outbox, papers
from core.outbox import MailState, OutgoingMail
from core.papers import Paper
from core.settings import Settings
from tests.certificates.test_issuing import finished_class
from tests.factories import make_user
from tests.serving import ROOT

pytestmark = pytest.mark.both_databases

HOLDS = """
import sys
from pathlib import Path
from core import claims
claims.begin(Path(sys.argv[1]))
print(claims.claimant(), flush=True)
sys.stdin.read()
"""


def instance_of(app: Flask) -> Path:
    settings: Settings = app.extensions["settings"]
    return settings.instance_path


@contextmanager
def another_worker(instance: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A process that keeps a worker's lock, and its name."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(instance)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.communicate()


def hold_everything(session: Session, worker: str, *, attempts: int = 1) -> None:
    """As if a worker had claimed a certificate, a paper and a mail, some minutes before their time."""
    until = clock.now() + timedelta(minutes=5)
    issuing.issue_class(session, finished_class(session, students=1), actor=None, now=clock.now())
    papers.request_paper(session, "transcript", actor=make_user(session), now=clock.now())
    outbox.enqueue(session, "certificate", to="a@b.example", event="test", now=clock.now())
    values = {"claimed_until": until, "attempts": attempts}
    for table in (Certificate, Paper):
        session.execute(sa.update(table).values(claimed_by=worker, **values))
    session.execute(sa.update(OutgoingMail).values(state=MailState.SENDING, claim=worker, **values))
    session.commit()


def held(session: Session) -> list[str]:
    """Which tables have a claim that lasts."""
    session.rollback()
    later = clock.now() + timedelta(seconds=30)
    tables = (Certificate, Paper, OutgoingMail)
    return [
        table.__tablename__
        for table in tables
        if session.scalar(sa.select(sa.func.count()).where(table.claimed_until > later))
    ]


def test_what_a_killed_worker_held_is_taken_up_at_once_and_what_a_living_one_holds_is_not(
    app: Flask, session: Session
) -> None:
    instance = instance_of(app)
    with another_worker(instance) as (name, process):
        hold_everything(session, name)
        assert claims.give_back_of_dead(instance) == 0
        assert held(session) == ["certificates", "papers", "outgoing_mails"]
        process.kill()
        process.wait()
        assert claims.give_back_of_dead(instance) == 1
    assert held(session) == []
    assert issuing.claim_next(clock.now()) is not None
    assert delivery.claim_batch(clock.now()) != []
    session.rollback()
    assert set(session.scalars(sa.select(OutgoingMail.attempts))) == {1}  # the killed try does not count
    assert claims.give_back_of_dead(instance) == 0
    assert list((instance / claims.FOLDER).iterdir()) == []


def test_what_has_killed_several_workers_waits_for_its_time(app: Flask, session: Session) -> None:
    folder = instance_of(app) / claims.FOLDER
    folder.mkdir(exist_ok=True)
    (folder / "abc123").touch()  # nobody has it locked
    hold_everything(session, "abc123", attempts=issuing.TRIES)
    assert claims.give_back_of_dead(instance_of(app)) == 1
    assert held(session) == ["certificates", "papers"]  # a mail kills nobody


def test_a_worker_without_a_place_for_its_lock_works_all_the_same(tmp_path: Path) -> None:
    (tmp_path / claims.FOLDER).write_text("a file where the folder should be")
    before = claims.claimant()
    claims.begin(tmp_path)
    assert claims.claimant() == before
    assert claims.give_back_of_dead(tmp_path) == 0


def test_a_try_that_took_longer_than_its_claim_spoils_nothing(app: Flask, session: Session) -> None:
    issuing.issue_class(session, finished_class(session, students=1), actor=None, now=clock.now())
    session.commit()
    slow = issuing.claim_next(clock.now())
    assert slow is not None
    session.execute(sa.update(Certificate).values(claimed_until=None))
    session.commit()
    assert issuing.make_waiting() == 1  # another worker took it up and made it
    issuing._note_failure(slow, 1, OSError("the slow one failed in the end"))
    session.expire_all()
    row = session.get_one(Certificate, slow)
    assert (row.problem, row.claimed_until, row.pdf_sha256 is not None) == ("", None, True)
