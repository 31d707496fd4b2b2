"""Limits on attempts, kept in the database so that they hold across processes and hosts.

A limit counts attempts within windows that begin at fixed times, per subject: an e-mail address, a network. Counting is
one statement (insert or add one), so two attempts at the same moment are two.
"""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask_babel import ngettext
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import clock, jobs
from core.database import Base, db, insert_for, writing
from core.errors import ThrottledError


class AttemptCounter(Base):
    """How often something was tried in the running window. The key is a hash: no address is kept readable."""

    __tablename__ = "attempt_counters"

    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    window: Mapped[int] = mapped_column(sa.BigInteger)
    count: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True)
class Limit:
    """At most ``limit`` attempts of the kind ``name`` by ``who`` within a window of ``seconds``."""

    name: str
    who: str
    limit: int
    seconds: int

    @property
    def key(self) -> str:
        """The key of its counter."""
        return hashlib.sha256(f"{self.name}\x1f{self.who}".encode()).hexdigest()

    def window(self, now: datetime) -> tuple[int, datetime]:
        """The number of the running window, and when it ends."""
        number = int(now.timestamp()) // self.seconds
        return number, datetime.fromtimestamp((number + 1) * self.seconds, tz=now.tzinfo)


def hit(name: str, who: str, *, limit: int, seconds: int, now: datetime) -> None:
    """Count an attempt, in a transaction of its own: call it before ``begin_write``, never inside.

    Raises ThrottledError when there were more than ``limit`` within the running window of ``seconds``.
    """
    hit_all([Limit(name, who, limit, seconds)], now=now)


def hit_all(limits: Iterable[Limit], *, now: datetime) -> None:
    """Count an attempt against several limits in one transaction of its own: never inside ``begin_write``.

    Raises ThrottledError when one of them is passed; the one that ends last says when to come back.
    """
    db.session.rollback()  # on SQLite an open reading transaction is fine, but a writing one would wait for itself
    with writing() as session:
        # In the order of their keys, so that two attempts never wait for each other.
        ordered = sorted(limits, key=lambda item: item.key)
        passed = [limit.window(now)[1] for limit in ordered if _count(session, limit, now) > limit.limit]
    if passed:
        raise too_many(max(passed), now)


def _count(session: Session, limit: Limit, now: datetime) -> int:
    window, ends = limit.window(now)
    insert = insert_for(session)
    statement = insert(AttemptCounter).values(key=limit.key, window=window, count=1, expires_at=ends)
    statement = statement.on_conflict_do_update(
        index_elements=[AttemptCounter.key],
        set_={
            "count": sa.case((AttemptCounter.window == window, AttemptCounter.count + 1), else_=1),
            "window": window,
            "expires_at": ends,
        },
    )
    count: int = session.scalars(statement.returning(AttemptCounter.count)).one()
    return count


def check(name: str, who: str, *, limit: int, seconds: int, now: datetime) -> None:
    """Refuse, without counting, when the limit of the running window is already reached. Raises ThrottledError."""
    asked = Limit(name, who, limit, seconds)
    window, ends = asked.window(now)
    row = db.session.get(AttemptCounter, asked.key)
    if row is not None and row.window == window and row.count >= limit:
        raise too_many(ends, now)


def clear(name: str, who: str) -> None:
    """Forget the attempts: the right answer was given. In a transaction of its own."""
    settle(forget=[Limit(name, who, 1, 1)])


def settle(
    *, forget: Iterable[Limit] = (), give_back: Iterable[Limit] = (), now: datetime | None = None
) -> None:
    """After the right answer, in one transaction of its own: forget all attempts, or give back only this one.

    A limit that many honest people share (a network address) gets the attempt back, so that it counts failures only,
    and someone who knows one right answer cannot wipe it out.
    """
    db.session.rollback()
    with writing() as session:
        settle_within(session, forget=forget, give_back=give_back, now=now)


def settle_within(
    session: Session,
    *,
    forget: Iterable[Limit] = (),
    give_back: Iterable[Limit] = (),
    now: datetime | None = None,
) -> None:
    """The same within a transaction that writes something else as well."""
    moment = now or clock.now()
    todo = [(limit, True) for limit in forget] + [(limit, False) for limit in give_back]
    for limit, wholly in sorted(todo, key=lambda item: item[0].key):
        mine = AttemptCounter.key == limit.key
        if wholly:
            session.execute(sa.delete(AttemptCounter).where(mine))
        else:
            running = AttemptCounter.window == limit.window(moment)[0]
            statement = sa.update(AttemptCounter).where(mine, running, AttemptCounter.count > 0)
            session.execute(statement.values(count=AttemptCounter.count - 1))


@jobs.job("forget-attempts", every=60)
def forget_expired() -> int:
    """Remove the counters whose window has ended. Returns how many there were."""
    now = clock.now()
    with writing() as session:
        gone = session.execute(
            sa.delete(AttemptCounter).where(AttemptCounter.expires_at <= now).returning(AttemptCounter.key)
        )
        return len(gone.all())


def network_of(address: str | None) -> str:
    """The network that an attempt comes from: an IPv4 address, or the /64 of an IPv6 address, which one person has whole."""
    try:
        parsed = ipaddress.ip_address((address or "").split("%")[0])
    except ValueError:
        return address or "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def too_many(ends: datetime, now: datetime) -> ThrottledError:
    """The error for the person who tried too often; ``ends`` is when the next try counts again."""
    seconds = max(1, -int(-(ends - now).total_seconds() // 1))
    minutes = -(-seconds // 60)
    return ThrottledError(
        ngettext(
            "Too many attempts. Try again in %(num)d minute.",
            "Too many attempts. Try again in %(num)d minutes.",
            minutes,
        ),
        retry_after=seconds,
    )
