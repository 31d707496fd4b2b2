"""The mail outbox: which mail, for whom, about what. A row is written in the transaction of the change it tells of.

The worker renders and sends it after commit (``core.delivery``), so no request waits for mail and none is lost. A row is
unique per kind, event and recipient: saying the same thing twice sends it once.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import audit, jobs
from core.database import Base, Code, Key, ShortText, insert_for, one_of
from core.errors import RuleError

DELIVERY_JOB = "deliver-mail"


class MailState(StrEnum):
    """Where a mail is."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"  # given up
    DROPPED = "dropped"  # no longer true when it was about to be sent


class OutgoingMail(Base):
    """One mail to one recipient."""

    __tablename__ = "outgoing_mails"
    __table_args__ = (
        sa.UniqueConstraint("kind", "event", "recipient"),
        sa.Index("ix_outgoing_mails_due", "state", "next_attempt_at"),
        sa.CheckConstraint("recipient = lower(recipient)", name="recipient_lower"),
    )

    id: Mapped[Key]
    kind: Mapped[Code]
    event: Mapped[ShortText]
    recipient: Mapped[str] = mapped_column(sa.String(254))
    recipient_name: Mapped[ShortText] = mapped_column(default="")
    about_id: Mapped[int | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[MailState] = mapped_column(one_of(MailState, "mail_state"), default=MailState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    claim: Mapped[str | None] = mapped_column(sa.String(40))
    sent_at: Mapped[datetime | None]
    message_key: Mapped[str] = mapped_column(sa.String(40), unique=True)
    problem: Mapped[str | None] = mapped_column(sa.Text)


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    mime_type: str
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """A rendered mail."""

    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class MailKind:
    """A registered kind of mail. ``render`` returns None when there is nothing true left to say."""

    name: str
    render: Callable[[Session, OutgoingMail], Message | None]


_kinds: dict[str, MailKind] = {}

Renderer = Callable[[Session, OutgoingMail], "Message | None"]


def mail(name: str) -> Callable[[Renderer], Renderer]:
    """Register how a kind of mail is rendered. Called by the worker, in an application context, with a reading session."""

    def register(render: Renderer) -> Renderer:
        _kinds[name] = MailKind(name, render)
        return render

    return register


def kinds() -> dict[str, MailKind]:
    """All kinds of mail by name."""
    return dict(_kinds)


def enqueue(
    session: Session,
    kind: str,
    *,
    to: str,
    event: str,
    now: datetime,
    to_name: str = "",
    about_id: int | None = None,
    not_before: datetime | None = None,
    **details: Any,
) -> None:
    """Put a mail into the outbox, once per kind, event and recipient; it is sent after this transaction commits.

    ``event`` names what happened ("enrollment:17:offer:3"); ``details`` must be JSON and hold no secret.
    Raises LookupError when no such kind is registered.
    """
    if kind not in _kinds:
        raise LookupError(f"no mail called {kind} is registered")
    values: dict[str, Any] = {
        "kind": kind,
        "event": event,
        "recipient": to.lower(),
        "recipient_name": to_name,
        "about_id": about_id,
        "details": details,
        "state": MailState.QUEUED,
        "attempts": 0,
        "created_at": now,
        "next_attempt_at": not_before or now,
        "message_key": _message_key(kind, event, to),
    }
    session.flush()  # the insert goes to the table itself, which does not make the session write its rows first
    session.execute(insert_for(session)(OutgoingMail.__table__).on_conflict_do_nothing(), values)
    jobs.nudge(session, DELIVERY_JOB)


def send_again(session: Session, mail_id: int, *, actor: audit.Actor, now: datetime) -> OutgoingMail:
    """Try a mail again now that was given up, or waits for its next try. Raises RuleError for any other.

    One that has not been tried yet is left alone: a reminder goes out when it is due.
    """
    row = session.get(OutgoingMail, mail_id, with_for_update=True)
    tried = row is not None and row.state is MailState.QUEUED and row.attempts > 0
    if row is None or not (tried or row.state is MailState.FAILED):
        raise RuleError(_("This mail is sent, or on its way, or no longer needed."))
    row.state, row.attempts, row.next_attempt_at = MailState.QUEUED, 0, now
    row.claim, row.claimed_until = None, None
    audit.record(session, "core:mail:sent_again", row, actor=actor, now=now, kind=row.kind)
    jobs.nudge(session, DELIVERY_JOB)
    return row


def _message_key(kind: str, event: str, to: str) -> str:
    # Random part: two schools (or a school set up anew) never share a Message-ID.
    seed = f"{kind}\x1f{event}\x1f{to.lower()}\x1f{uuid4()}"
    return hashlib.sha256(seed.encode()).hexdigest()[:32]
