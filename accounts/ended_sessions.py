"""Sessions that ended by signing out. A session lives in its cookie, and a copy of the cookie would outlive signing out, so
what has ended is kept here until any copy has expired by itself."""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import clock, jobs
from core.database import Base, insert_for, writing

# The name that each session gets at sign-in, within its cookie.
NAME = "sid"


class EndedSession(Base):
    """A session that was signed out of: a hash of its name, and when every copy of its cookie has expired."""

    __tablename__ = "ended_sessions"

    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    forget_at: Mapped[datetime] = mapped_column(index=True)


def new_name() -> str:
    """A name for a session that begins: 128 random bits."""
    return secrets.token_urlsafe(16)


def key_of(name: str) -> str:
    """What the database knows a session by."""
    return hashlib.sha256(name.encode()).hexdigest()


def end(session: Session, name: str, *, lifetime: timedelta, now: datetime) -> None:
    """End a session. ``lifetime`` is how long its cookie lives without being used. Twice is once."""
    values = {"key": key_of(name), "forget_at": now + lifetime}
    session.execute(insert_for(session)(EndedSession).values(values).on_conflict_do_nothing())


@jobs.job("forget-sessions", every=60)
def forget_expired() -> int:
    """Remove what has expired by itself. Returns how many there were."""
    with writing() as session:
        gone = session.execute(
            sa.delete(EndedSession).where(EndedSession.forget_at <= clock.now()).returning(EndedSession.key)
        )
        return len(gone.all())
