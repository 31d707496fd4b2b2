"""Web processes and the worker are killed again and again during a rush with lapsing offers: nothing is lost or doubled."""

import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from flask import Flask
from sqlalchemy.orm import Session

from core import clock, jobs
from core.audit import verify
from core.database import begin_write
from core.outbox import MailState, OutgoingMail
from courses.offering_models import Offering
from students import leaving, waitlist
from students.models import LIVE_STATES, Enrollment, EnrollmentState
from tests import serving
from tests.factories import make_course, make_offering, make_policy, make_school, make_student
from tests.ports import free_port
from tests.students.acting import fill
from tests.students.invariants import check_invariants
from tests.students.test_races import FIELDS

pytestmark = [pytest.mark.full, pytest.mark.both_databases]
S = EnrollmentState
KILLS = 100  # on each of the two databases
STUDENTS = 120
WORKER_THREADS = 2  # WORKER_THREADS of the settings, as the workers here have it


class Post:
    """A mail server that remembers what it took."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        text = envelope.content.decode("utf-8", "replace")
        found = [line for line in text.splitlines() if line.lower().startswith("message-id:")]
        self.taken.append((found[0].split(":", 1)[1].strip(), envelope.rcpt_tos[0]))
        return "250 OK"


class Killer:
    """The web server and the worker, one of which dies every now and then."""

    def __init__(self, app: Flask, folder: Path, smtp_port: int) -> None:
        self.app, self.folder, self.port = app, folder, free_port()
        self.mail = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(smtp_port), "SMTP_SECURITY": "none"}
        self.web = serving.start_web(app, self.port, folder / "web.log", settings=self.mail)
        self.worker = self._new_worker()
        self.random = random.Random(20270301)
        self.kills = Counter[str]()

    def _new_worker(self) -> serving.Process:
        threads = {"WORKER_THREADS": str(WORKER_THREADS)}
        return serving.start_worker(self.app, self.port, self.folder / "worker.log", **self.mail, **threads)

    def strike(self) -> None:
        """Kill one web process (gunicorn starts another) or the worker (started again here)."""
        time.sleep(self.random.uniform(0.05, 0.8))
        if self.random.random() < 0.5:
            children = (
                Path(f"/proc/{self.web.popen.pid}/task/{self.web.popen.pid}/children").read_text().split()
            )
            if children:
                os.kill(int(self.random.choice(children)), signal.SIGKILL)
                self.kills["web"] += 1
        else:
            self.worker.kill()
            self.kills["worker"] += 1
            self.worker = self._new_worker()

    def stop(self) -> None:
        self.web.stop()
        self.worker.stop()


def prepare(session: Session) -> tuple[Offering, Offering, list[str]]:
    """A class for the rush, and one whose offers lapse at once, one after the other."""
    make_school(session)
    now = clock.now()
    rush = make_offering(session, capacity=30, starts=now + timedelta(days=40))
    hurried = make_policy(session, seat_offer_hours=0)
    lapsing = make_offering(
        session, make_course(session, policy_id=hurried.id), capacity=4, starts=now + timedelta(days=40)
    )
    seated = fill(session, lapsing, 104, now=now)
    for enrollment in seated[:4]:
        leaving.withdraw(session, enrollment, actor=enrollment.student.user, now=now)
    keys = [make_student(session).user.get_id() for _ in range(STUDENTS)]
    session.commit()
    return rush, lapsing, keys


def insist(client: serving.Client, address: str, ended: threading.Event) -> bool:
    """Ask until an answer comes; True when the server acknowledged the enrollment itself.

    Eight at a time, each after a pause, so that somebody asks at every moment at which something dies.
    """
    time.sleep(random.Random(client.cookie).uniform(0, 6))
    while True:
        try:
            if client.open(address) != 200:
                continue
            status, text = client.send("POST", address, FIELDS)
        except (OSError, HTTPException):
            assert not ended.is_set(), "the server stays away"
            time.sleep(0.1)
            continue
        if status == 303:
            return True
        # The answer to an earlier try was lost with the process that gave it.
        assert status == 422, text
        assert "already" in text
        return False


def wait_for_mail(session: Session, seconds: int) -> None:
    until = time.monotonic() + seconds
    unsent = sa.select(sa.func.count()).where(OutgoingMail.state.in_([MailState.QUEUED, MailState.SENDING]))
    unsent = unsent.where(OutgoingMail.next_attempt_at <= clock.now())
    while time.monotonic() < until:
        if session.scalar(unsent) == 0:
            return
        session.rollback()
        time.sleep(1)
    raise AssertionError(f"{session.scalar(unsent)} mails were not sent")


def test_kills_during_a_rush_lose_and_double_nothing(app: Flask, session: Session, tmp_path: Path) -> None:
    rush, lapsing, keys = prepare(session)
    address, rush_id, lapsing_id = f"/classes/{rush.code}/enroll", rush.id, lapsing.id
    session.rollback()
    post = Post()
    server = Controller(post, hostname="127.0.0.1", port=free_port(), ready_timeout=60)
    server.start()
    killer = Killer(app, tmp_path, server.port)
    ended = threading.Event()
    try:
        clients = [serving.Client(killer.port, serving.session_cookie(app, key)) for key in keys]
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(insist, client, address, ended) for client in clients]
            while sum(killer.kills.values()) < KILLS:
                jobs.send_nudge(waitlist.LAPSE_JOB)  # in the queue of the worker that is about to die
                killer.strike()
            ended.set()
            acknowledged = [answer.result(120) for answer in answers]
        while waitlist.lapse_offers():  # what the killed ones left undone
            pass
        killer.worker.kill()
        killer.kills["worker"] += 1
        killer.worker = killer._new_worker()  # which takes up at once what all the dead ones had claimed
        wait_for_mail(session, 180)
    finally:
        killer.stop()
        server.stop()
    assert min(killer.kills.values()) > KILLS // 5, killer.kills
    assert len(acknowledged) == STUDENTS
    session.rollback()
    begin_write(session)
    check_invariants(session)
    assert list(verify(session)) == []
    counted = Counter(session.scalars(sa.select(Enrollment.state).where(Enrollment.offering_id == rush_id)))
    assert counted == {S.ENROLLED: 30, S.WAITLISTED: STUDENTS - 30}
    live = sa.select(sa.func.count(Enrollment.id)).where(Enrollment.state.in_(LIVE_STATES))
    assert session.scalar(live.where(Enrollment.offering_id == rush_id)) == STUDENTS
    ended_there = Counter(
        session.scalars(sa.select(Enrollment.state).where(Enrollment.offering_id == lapsing_id))
    )
    assert ended_there == {S.WITHDRAWN: 4, S.LAPSED: 100}
    check_mail(session, post)
    # Twice only where a kill fell between the server's OK and our record: each of its threads had one mail in hand.
    doubled = len(post.taken) - len(dict(post.taken))
    assert doubled <= killer.kills["worker"] * WORKER_THREADS, (doubled, killer.kills)


def check_mail(session: Session, post: Post) -> None:
    """Each mail reached the server; what came twice came with the same Message-ID."""
    rows = session.execute(
        sa.select(OutgoingMail.message_key, OutgoingMail.recipient, OutgoingMail.state).where(
            OutgoingMail.next_attempt_at <= clock.now()
        )
    ).all()
    assert {row.state for row in rows} <= {MailState.SENT, MailState.DROPPED}
    sent = {f"<{row.message_key}@127.0.0.1>": row.recipient for row in rows if row.state is MailState.SENT}
    taken = dict(post.taken)
    assert set(sent) <= set(taken)
    assert all(taken[name] == recipient for name, recipient in sent.items())
    # A mail that was dropped may have been taken before, by a worker that died before it could say so.
    dropped = {f"<{row.message_key}@127.0.0.1>" for row in rows if row.state is MailState.DROPPED}
    assert set(taken) <= set(sent) | dropped
    assert len({row.message_key for row in rows}) == len(rows)
