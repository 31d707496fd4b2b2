"""The audit log: one event for each change, in a hash chain.

``record`` notes an event beside the change; the chain is extended just before commit, so that its head (which all
writers share) is the last row locked and is held for the shortest time.

The chain covers a salted digest of each event's payload, not the payload: when the law asks for erasure, payload and
salt are removed (``erase``) and the chain still verifies. Nothing about anyone's health is ever recorded.
"""

import contextlib
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.database import Base, Code, Key

GENESIS = "0" * 64


class Actor(Protocol):
    """Who does something: a user. ``None`` stands for the system itself."""

    @property
    def id(self) -> int:
        """The user's id."""

    @property
    def name(self) -> str:
        """The name that people know them by."""


class AuditEvent(Base):
    """One change by one person (or by the system), linked to the event before it."""

    __tablename__ = "audit_events"
    __table_args__ = (sa.Index("ix_audit_events_subject", "subject_type", "subject_id"),)

    id: Mapped[Key]
    at: Mapped[datetime]
    actor_id: Mapped[int | None]
    action: Mapped[str] = mapped_column(sa.String(80))
    subject_type: Mapped[Code]
    subject_id: Mapped[int | None]
    payload: Mapped[dict[str, Any] | None]
    salt: Mapped[str | None] = mapped_column(sa.String(32))
    digest: Mapped[str] = mapped_column(sa.String(64))
    previous_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    hash: Mapped[str] = mapped_column(sa.String(64), unique=True)


class AuditHead(Base):
    """The last link of the chain: a single row that every writer locks last."""

    __tablename__ = "audit_head"
    __table_args__ = (sa.CheckConstraint("id = 1", name="single"),)

    id: Mapped[Key]
    last_id: Mapped[int]
    hash: Mapped[str] = mapped_column(sa.String(64))


# The chain is written by plain statements: every act does it, and the session need not follow these rows.
_EVENTS, _HEAD = (Base.metadata.tables[name] for name in ("audit_events", "audit_head"))
_LOCKED_HEAD = sa.select(_HEAD.c.last_id, _HEAD.c.hash).with_for_update()


@dataclass(frozen=True)
class _Noted:
    at: datetime
    actor_id: int | None
    action: str
    subject: Any
    subject_type: str
    subject_id: int | None
    payload: dict[str, Any]


def record(
    session: Session,
    action: str,
    subject: Base | None,
    *,
    actor: Actor | None,
    now: datetime,
    **details: Any,
) -> None:
    """Note that something happened; it is written with the transaction's commit, or not at all.

    ``action`` reads ``room:thing:verb``. ``subject`` is the changed row (its id may still be unknown). ``details`` must
    be JSON; the actor's name is kept with them, so that the log can be read after the account is gone.
    """
    payload = {"by": actor.name if actor else None, **details}
    noted = session.info.setdefault("audit", [])
    noted.append(
        _Noted(
            at=now,
            actor_id=actor.id if actor else None,
            action=action,
            subject=subject,
            subject_type=subject.__tablename__ if subject is not None else "",
            subject_id=None,
            payload=payload,
        )
    )


def _digest(salt: str, payload: Mapping[str, Any]) -> str:
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256((salt + text).encode()).hexdigest()


def _link(previous: str, at: datetime, actor_id: int | None, action: str, subject: str, digest: str) -> str:
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    parts = (previous, moment, str(actor_id or ""), action, subject, digest)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@event.listens_for(Session, "before_commit")
def _extend_chain(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint ends: the head stays free until the transaction itself does
    noted: list[_Noted] = session.info.pop("audit", [])
    if not noted:
        return
    session.flush()  # new subjects get their ids
    head = session.execute(_LOCKED_HEAD).one_or_none()
    if head is None:
        raise RuntimeError("the audit chain has no head; run: flask db upgrade")
    last_id, last_hash = head
    rows = []
    for item in noted:
        salt = secrets.token_hex(16)
        digest = _digest(salt, item.payload)
        subject_id = getattr(item.subject, "id", None)
        subject = f"{item.subject_type}:{subject_id or ''}"
        link = _link(last_hash, item.at, item.actor_id, item.action, subject, digest)
        last_id += 1
        rows.append(
            {
                "id": last_id,
                "at": item.at,
                "actor_id": item.actor_id,
                "action": item.action,
                "subject_type": item.subject_type,
                "subject_id": subject_id,
                "payload": item.payload,
                "salt": salt,
                "digest": digest,
                "previous_hash": last_hash,
                "hash": link,
            }
        )
        last_hash = link
    session.execute(sa.insert(_EVENTS), rows)
    session.execute(sa.update(_HEAD).values(last_id=last_id, hash=last_hash))


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop("audit", None)


def last_change(session: Session, subject: Base) -> tuple[str | None, datetime] | None:
    """Who changed something last (None: the system), and when; None when the log knows of no change."""
    query = (
        sa.select(AuditEvent)
        .where(
            AuditEvent.subject_type == subject.__tablename__,
            AuditEvent.subject_id == getattr(subject, "id", None),
        )
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    found = session.scalar(query)
    return ((found.payload or {}).get("by"), found.at) if found else None


def last_people(session: Session, subjects: Sequence[Base]) -> dict[int, tuple[str, datetime]]:
    """Who changed each of these rows (of one table) last, and when, by id; none where no person did. One statement."""
    if not subjects:
        return {}
    newest = (
        sa.select(sa.func.max(AuditEvent.id))
        .where(
            AuditEvent.subject_type == subjects[0].__tablename__,
            AuditEvent.subject_id.in_([getattr(subject, "id", None) for subject in subjects]),
            AuditEvent.actor_id.is_not(None),
        )
        .group_by(AuditEvent.subject_id)
    )
    found = session.scalars(sa.select(AuditEvent).where(AuditEvent.id.in_(newest)))
    return {
        item.subject_id: ((item.payload or {}).get("by") or "", item.at)
        for item in found
        if item.subject_id is not None
    }


def erase(session: Session, events: list[AuditEvent]) -> None:
    """Remove the payload of events because the law asks for it; digest and chain stay."""
    for item in events:
        item.payload = None
        item.salt = None


def verify(session: Session, first: int = 1, last: int | None = None) -> Iterator[str]:
    """Walk the chain; yield a sentence for each thing that is wrong with it. Nothing yielded: it is whole.

    ``first`` and ``last`` bound the walk to some events, both included; without ``last`` the chain's end is checked too.
    """
    before = session.get(AuditEvent, first - 1) if first > 1 else None
    if first > 1 and before is None:
        yield f"Event {first - 1} is missing."
    previous, count = before.hash if before else GENESIS, first - 1
    statement = sa.select(AuditEvent).where(AuditEvent.id >= first).order_by(AuditEvent.id)
    if last is not None:
        statement = statement.where(AuditEvent.id <= last)
    with contextlib.closing(session.scalars(statement.execution_options(yield_per=500))) as events:
        for item in events:
            count += 1
            if item.id != count:
                yield f"Event {count} is missing: the next one is {item.id}."
                count = item.id
            if count > first or first == 1 or before is not None:
                yield from _problems_of(item, previous)
            previous = item.hash
    if last is not None:
        return
    head = session.get(AuditHead, 1)
    if head is None:
        yield "The chain has no head."
    elif head.hash != previous or head.last_id != count:
        yield f"The chain ends at event {count}, but its head says {head.last_id}: events were cut off or added."


def _problems_of(item: AuditEvent, previous: str) -> Iterator[str]:
    if item.previous_hash != previous:
        yield f"Event {item.id} does not follow the event before it."
    subject = f"{item.subject_type}:{item.subject_id or ''}"
    if _link(item.previous_hash, item.at, item.actor_id, item.action, subject, item.digest) != item.hash:
        yield f"Event {item.id} was changed after it was written."
    if item.payload is not None and _digest(item.salt or "", item.payload) != item.digest:
        yield f"The details of event {item.id} were changed after they were written."
    if item.payload is None and item.salt is not None:
        yield f"The details of event {item.id} were removed, but not by an erasure."
