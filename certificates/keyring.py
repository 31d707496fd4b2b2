"""The school's signing key in use: opening it, making it, and putting it into the history, whose keys stay ours.

The key itself lies in a PKCS#12 file outside the database; the history keeps only certificates and public keys. What web
processes ask of keys stands in ``certificates.key_standing``.
"""

import os
import secrets
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy.orm import Session

from certificates.badge_signing import key_name, public_jwk
from certificates.key_faults import KeyFaultError
from certificates.key_models import KeyRecord
from certificates.key_standing import KeyFiles, key_files
from certificates.keys import (
    SigningKey,
    check_time,
    create_demo_authority,
    create_issuer,
    load_signing_key,
    open_signing_key,
)
from core.database import insert_for
from core.settings import Settings


def current_key(now: datetime) -> SigningKey | None:
    """The key that signs now, checked for use; None when the school has none.

    Raises SigningKeyError (a RuleError) that says what is wrong with the file, the passphrase or the certificate.
    """
    key = key_at_hand()
    if key is not None:
        check_time(key, now)
    return key


def key_at_hand() -> SigningKey | None:
    """The key of the configured file, whatever its certificate's time; None when there is no file.

    The dates of a certificate bind PDF signatures. The list of revoked badges is trusted by the published key alone, and
    has to be readable after the certificate has run out. Raises SigningKeyError as ``current_key`` does.
    """
    settings: Settings = current_app.extensions["settings"]
    files = key_files(settings)
    try:
        return _opened(files.key, files.key.stat().st_mtime_ns, _passphrase(settings, files))
    except FileNotFoundError:
        return None
    except OSError as error:
        path = error.filename or files.key
        raise KeyFaultError("unreadable", path=str(path)) from error


@lru_cache(maxsize=2)
def _opened(path: Path, _changed: int, passphrase: bytes) -> SigningKey:
    return open_signing_key(path.read_bytes(), passphrase)


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


def name_and_jwk() -> dict[str, dict[str, Any]]:
    """The public key of the configured file by its name; empty without one. Raises SigningKeyError."""
    key = key_at_hand()
    return {} if key is None else {key_name(key): public_jwk(key)}
