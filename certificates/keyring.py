"""The school's signing key in use, and the history of keys: what was signed with a key of the history stays ours.

The key itself lies in a PKCS#12 file outside the database; the history keeps only certificates and public keys.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Session

from certificates.badges import key_name, public_jwk
from certificates.key_models import KeyRecord
from certificates.keys import (
    SigningKey,
    create_demo_authority,
    create_issuer,
    load_signing_key,
)
from core.database import insert_for
from core.settings import Settings


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


def current_key(now: datetime) -> SigningKey | None:
    """The key that signs now, checked for use; None when the school has none.

    Raises SigningKeyError (a RuleError) that says what is wrong with the file, the passphrase or the certificate.
    """
    settings: Settings = current_app.extensions["settings"]
    files = key_files(settings)
    try:
        changed = files.key.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    key = _opened(files.key, changed, _passphrase(settings, files))
    if not key.certificate.not_valid_before_utc <= now <= key.certificate.not_valid_after_utc:
        _opened.cache_clear()
        return load_signing_key(
            files.key.read_bytes(), _passphrase(settings, files), now=now
        )  # says what is wrong
    return key


@lru_cache(maxsize=2)
def _opened(path: Path, _changed: int, passphrase: bytes) -> SigningKey:
    from core import clock

    return load_signing_key(path.read_bytes(), passphrase, now=clock.now())


def _passphrase(settings: Settings, files: KeyFiles) -> bytes:
    if settings.signing_key_passphrase:
        return settings.signing_key_passphrase.encode()
    return files.passphrase.read_bytes().strip() if files.passphrase.exists() else b""


def create_key(settings: Settings, organization: str, *, now: datetime) -> SigningKey:
    """Make a yearly issuer certificate under the demo authority (made too when missing); a key in use is set aside.

    The passphrase is that of the settings, or a random one kept beside the key, readable by its owner only.
    """
    files = key_files(settings)
    files.key.parent.mkdir(parents=True, exist_ok=True)
    if not settings.signing_key_passphrase and not files.passphrase.exists():
        _write_private(files.passphrase, secrets.token_urlsafe(32).encode())
    passphrase = _passphrase(settings, files)
    if not files.authority.exists():
        _write_private(files.authority, create_demo_authority(organization, passphrase=passphrase, now=now))
    made = create_issuer(organization, files.authority.read_bytes(), passphrase=passphrase, now=now)
    if files.key.exists():
        files.key.rename(files.key.with_name(f"{files.key.stem}-until-{now:%Y%m%d%H%M%S}.p12"))
    _write_private(files.key, made)
    return load_signing_key(made, passphrase, now=now)


def _write_private(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.part")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def remember(session: Session, key: SigningKey, *, now: datetime) -> None:
    """Put a key into the history before it signs for the first time; again and again is harmless."""
    values = {
        "fingerprint": key.fingerprint,
        "name": key_name(key),
        "certificate_pem": key.certificate_pem,
        "jwk": public_jwk(key),
        "first_used_at": now,
    }
    session.execute(insert_for(session)(KeyRecord).values(values).on_conflict_do_nothing())


def history(session: Session) -> list[KeyRecord]:
    """Every key that has signed, oldest first."""
    return list(session.scalars(sa.select(KeyRecord).order_by(KeyRecord.id)))
