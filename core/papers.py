"""Papers: PDFs and other files that the worker makes because someone asked (sign-in sheet, invoice, transcript).

No document is made inside a request. A view checks that the person may have it and calls ``request_paper``; the page of
the paper shows how far it is, then hands out the file. Papers are copies, not records: they are thrown away after a day.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import claims, clock, jobs
from core.audit import Actor
from core.database import Base, Code, Key, LongText, ShortText, db, one_of, writing
from core.files import FileStore

log = logging.getLogger("stillpoint.papers")

MAKING_JOB = "make-papers"
CLAIM = timedelta(minutes=5)
KEPT = timedelta(days=1)
TRIES = 3


class PaperState(StrEnum):
    """How far a paper is."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class Paper(Base):
    """A document someone asked for. ``details`` say about what; only the asker may fetch it."""

    __tablename__ = "papers"
    __table_args__ = (sa.Index("ix_papers_state", "state"),)

    id: Mapped[Key]
    kind: Mapped[Code]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[PaperState] = mapped_column(one_of(PaperState, "paper_state"), default=PaperState.WAITING)
    asked_by_id: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(index=True)
    claimed_until: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(sa.String(40))
    attempts: Mapped[int] = mapped_column(default=0)
    file_name: Mapped[ShortText] = mapped_column(default="")
    mime_type: Mapped[ShortText] = mapped_column(default="")
    sha256: Mapped[str | None] = mapped_column(sa.String(64))
    problem: Mapped[LongText] = mapped_column(default="")


@dataclass(frozen=True)
class MadePaper:
    """What a renderer returns: the bytes, the name to save them under, and their kind."""

    content: bytes
    file_name: str
    mime_type: str = "application/pdf"


Renderer = Callable[[Session, dict[str, Any]], MadePaper]
_renderers: dict[str, Renderer] = {}


def paper(kind: str) -> Callable[[Renderer], Renderer]:
    """Register what makes a kind of paper. It is called by the worker with a reading session and the details.

    A RuleError that it raises is shown to the person who asked.
    """

    def register(render: Renderer) -> Renderer:
        _renderers[kind] = render
        return render

    return register


def request_paper(session: Session, kind: str, *, actor: Actor, now: datetime, **details: Any) -> Paper:
    """Ask for a paper; the caller has checked that the actor may have it. Raises LookupError for an unknown kind."""
    if kind not in _renderers:
        raise LookupError(f"no paper called {kind} is registered")
    row = Paper(
        kind=kind, details=details, asked_by_id=actor.id, asked_at=now, state=PaperState.WAITING, attempts=0
    )
    session.add(row)
    session.flush()
    jobs.nudge(session, MAKING_JOB)
    return row


def paper_store() -> FileStore:
    """Where papers lie: apart from the records."""
    return FileStore(current_app.extensions["settings"].files_path / "papers")


@jobs.job(MAKING_JOB, every=1)
def make_waiting() -> int:
    """Make every paper that waits. Returns how many were made."""
    made = 0
    while not jobs.stopping() and (claimed := _claim(clock.now())) is not None:
        made += _make(claimed)
    return made


def _claim(now: datetime) -> int | None:
    due = sa.and_(
        Paper.state == PaperState.WAITING, sa.or_(Paper.claimed_until.is_(None), Paper.claimed_until <= now)
    )
    if db.session.scalar(sa.select(Paper.id).where(due).limit(1)) is None:
        db.session.rollback()
        return None
    db.session.rollback()
    with writing() as session:
        row = session.scalar(
            sa.select(Paper).where(due).order_by(Paper.id).limit(1).with_for_update(skip_locked=True)
        )
        if row is None:
            return None
        row.claimed_until, row.claimed_by = now + CLAIM, claims.claimant()
        row.attempts += 1
        return row.id


def _make(paper_id: int) -> int:
    from core.errors import RuleError

    with db.sessionmaker() as session:
        row = session.get_one(Paper, paper_id)
        kind, details, attempts = row.kind, row.details, row.attempts
        try:
            made = _renderers[kind](session, details)
            digest = paper_store().put(made.content)
        except RuleError as error:
            _mark(paper_id, state=PaperState.FAILED, problem=str(error))
            return 0
        except Exception:
            log.exception("paper %s (%s) could not be made", paper_id, kind)
            if attempts >= TRIES:
                _mark(paper_id, state=PaperState.FAILED, problem="")
            else:
                _mark(paper_id, claimed_until=clock.now() + timedelta(seconds=20), claimed_by=None)
            return 0
    _mark(
        paper_id,
        state=PaperState.READY,
        sha256=digest,
        file_name=made.file_name,
        mime_type=made.mime_type,
        claimed_until=None,
        claimed_by=None,
    )
    return 1


def _mark(paper_id: int, **values: object) -> None:
    with writing() as session:
        session.execute(sa.update(Paper).where(Paper.id == paper_id).values(**values))


@claims.gives_back
def _give_back(session: Session, worker: str) -> None:
    """Not after several tries: what kills every worker that takes it up waits for its time."""
    held = sa.and_(Paper.claimed_by == worker, Paper.state == PaperState.WAITING, Paper.attempts < TRIES)
    session.execute(sa.update(Paper).where(held).values(claimed_until=None, claimed_by=None))
    jobs.nudge(session, MAKING_JOB)


@jobs.job("forget-papers", every=60)
def forget_old() -> int:
    """Throw away papers older than a day, with their files. Returns how many."""
    with writing() as session:
        old = session.scalars(sa.select(Paper).where(Paper.asked_at < clock.now() - KEPT)).all()
        digests = {row.sha256 for row in old if row.sha256}
        for row in old:
            session.delete(row)
        session.flush()
        kept = set(session.scalars(sa.select(Paper.sha256).where(Paper.sha256.in_(digests))))
    for digest in digests - kept:
        paper_store().path(digest).unlink(missing_ok=True)
    return len(old)
