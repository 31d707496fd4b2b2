"""How the signing key stands, as the worker last saw it.

Opening a key loads eleven megabytes of libraries. So the worker looks, every minute and whenever a key was made, and notes
what it saw; web processes read the note, and say when it was taken. Only where a wrong answer would cost something (before
a number is given out, and what verifiers are told) is the key opened by the web process itself, when its files have changed
since.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.key_faults import KeyFaultError, SigningKeyError, sentence
from certificates.key_models import KeyRecord, KeyStanding
from core import clock, jobs
from core.database import db, writing
from core.formatting import date_time, long_date
from core.school import current_school
from core.settings import Settings

WARN_AHEAD = timedelta(days=30)  # a yearly key from create-key overlaps the next by as much
NOTED_EVERY = timedelta(minutes=5)  # what stays the same is not written down each time
OLD = timedelta(hours=1)


@dataclass(frozen=True)
class KeyFiles:
    """Where the key, its passphrase and the demo authority lie."""

    key: Path
    passphrase: Path
    authority: Path


def key_files(settings: Settings) -> KeyFiles:
    """The files beside the configured key."""
    path = settings.signing_key_path or settings.instance_path / "signing-key.p12"
    return KeyFiles(path, path.with_name("signing-key.passphrase"), path.with_name("demo-authority.p12"))


def _mark() -> str:
    """What tells the files of the key from others or later ones, without opening them."""
    files = key_files(current_app.extensions["settings"])
    return " ".join(_mark_of(path) for path in (files.key, files.passphrase))


def _mark_of(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError:
        return "none"
    except OSError:
        return "unknown"
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def look(now: datetime) -> None:
    """Open the key and note how it stands; it joins the history, so that verifiers know it before it signs.

    In a transaction of its own. Costs the libraries: for the worker and for commands.
    """
    from certificates.keyring import key_at_hand, remember

    mark, seen = _mark(), dict[str, Any](fault="", values={}, valid_from=None, valid_until=None)
    key = None
    try:
        key = key_at_hand()
    except KeyFaultError as error:
        seen |= {"fault": error.fault, "values": error.values}
    if key is not None:
        certificate = key.certificate
        seen |= {
            "valid_from": certificate.not_valid_before_utc,
            "valid_until": certificate.not_valid_after_utc,
        }
    row = noted(db.session)
    same = row is not None and row.mark == mark and all(getattr(row, name) == seen[name] for name in seen)
    recent = row is not None and timedelta() <= now - row.looked_at < NOTED_EVERY
    db.session.rollback()
    if same and recent:
        return
    with writing() as session:
        if key is not None:
            remember(session, key, now=now)
        session.merge(KeyStanding(id=1, looked_at=now, mark=mark, **seen))


@jobs.job("look-at-signing-key", every=1)
def look_again() -> None:
    """Note how the key stands: it may have been put in place, or have become unreadable."""
    look(clock.now())


def noted(session: Session) -> KeyStanding | None:
    """The note; None before anybody has looked."""
    return session.get(KeyStanding, 1)


def is_current(row: KeyStanding | None) -> bool:
    """Whether the files are those that the note is about."""
    return row is not None and row.mark == _mark()


def fault_of(row: KeyStanding, now: datetime) -> tuple[str, dict[str, str]] | None:
    """What keeps the key of a note from signing now, by its name; None when nothing does, and when there is no key."""
    if row.fault:
        return row.fault, row.values
    if row.valid_until is not None and now > row.valid_until:
        return "expired", {"date": row.valid_until.date().isoformat()}
    if row.valid_from is not None and now < row.valid_from:
        return "early", {}
    return None


def refuse_unusable(session: Session, now: datetime) -> None:
    """Raise SigningKeyError when nothing can be signed now. Opens the key only when its files are not those of the note."""
    row = noted(session)
    if row is None or not is_current(row):
        from certificates.keyring import current_key

        current_key(now)
    elif fault := fault_of(row, now):
        raise KeyFaultError(fault[0], **fault[1])


def trouble(session: Session, now: datetime) -> str:
    """What keeps certificates from being signed, or will within ``WARN_AHEAD``, and when that was seen; empty: nothing.

    A note that nobody has renewed for an hour says that, not that all is well.
    """
    row = noted(session)
    if row is None:
        return ""
    school = current_school(session)
    when = date_time(row.looked_at, school.time_zone if school else "UTC")
    if fault := fault_of(row, now):
        told = sentence(*fault)
    elif row.valid_until is not None and row.valid_until - now <= WARN_AHEAD:
        until = long_date(row.valid_until.date())
        told = _(
            "The certificate of the signing key expires on %(date)s. Make or buy the next one.", date=until
        )
    elif now - row.looked_at > OLD:
        return str(
            _("The worker has not looked at the signing key since %(when)s. Is it running?", when=when)
        )
    else:
        return ""
    return f"{told} {_('Looked at on %(when)s.', when=when)}"


def published(session: Session) -> dict[str, dict[str, Any]]:
    """Every public key that verifiers may meet, as a JWK by name: the history, and the key that signs next.

    A key that was just put in place signs the list of revoked badges before it signs a certificate.
    """
    keys = {record.name: record.jwk for record in history(session)}
    if not is_current(noted(session)):
        from certificates.keyring import name_and_jwk

        try:
            keys |= name_and_jwk()
        except SigningKeyError:
            return keys
    return keys


def history(session: Session) -> list[KeyRecord]:
    """Every key that has signed or is about to, oldest first."""
    return list(session.scalars(sa.select(KeyRecord).order_by(KeyRecord.id)))
