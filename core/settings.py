"""Every setting of Stillpoint, read once from the environment.

A setting named ``X`` may also come from a file named by ``X_FILE`` (a secret mounted by an orchestrator).
Each setting stands in ``docs/operating.md``; a test holds the two together.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from core.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings, with their meaning and default. Names are those of the environment, in lower case."""

    instance_path: Path = field(default=ROOT / "instance", metadata={"help": "Folder for all data."})
    database_url: str = field(
        default="", metadata={"help": "SQLAlchemy address; SQLite in the instance folder by default."}
    )
    files_path: Path | None = field(
        default=None, metadata={"help": "Stored files; instance/files by default."}
    )
    queue_url: str = field(
        default="",
        metadata={
            "help": "Where job nudges wait: postgresql://… or redis://…; SQLite beside the data by default."
        },
    )
    secret_key: str = field(default="", metadata={"help": "Signs cookies and links; made on first start."})
    public_url: str = field(default="", metadata={"help": "Base of everything printed or mailed."})
    demo: bool = field(default=False, metadata={"help": "A demonstration: loopback only, demo logins shown."})
    proxy_count: int = field(default=0, metadata={"help": "How many reverse proxies stand in front."})
    smtp_host: str = field(default="", metadata={"help": "Mail server; without one, mail goes into files."})
    smtp_port: int = field(default=587, metadata={"help": "Port of the mail server."})
    smtp_user: str = field(default="", metadata={"help": "Name to sign in with at the mail server."})
    smtp_password: str = field(default="", metadata={"help": "Password for it."})
    smtp_security: str = field(default="starttls", metadata={"help": "starttls, tls or none."})
    mail_from: str = field(default="", metadata={"help": "Sender; the school's own address by default."})
    signing_key_path: Path | None = field(
        default=None, metadata={"help": "PKCS#12 file that signs certificates; made by create-key."}
    )
    signing_key_passphrase: str = field(default="", metadata={"help": "Passphrase of that file."})
    tsa_url: str = field(
        default="", metadata={"help": "Time-stamp authority for signatures; none by default."}
    )
    worker_threads: int = field(default=2, metadata={"help": "Jobs that one worker runs at a time."})
    worker_memory_mb: int = field(
        default=500,
        metadata={"help": "Resident memory (MB) past which a worker starts itself anew; 0: never."},
    )
    log_level: str = field(default="INFO", metadata={"help": "DEBUG, INFO, WARNING or ERROR."})

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read all settings.

        Raises SettingsError with a sentence that names the setting when a value cannot be used.
        """
        source = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for setting in fields(cls):
            name = setting.name.upper()
            raw = source.get(name)
            if raw is None and (path := source.get(f"{name}_FILE")):
                try:
                    raw = Path(path).read_text(encoding="utf-8").strip()
                except OSError as error:
                    raise SettingsError(f"{name}_FILE: {path} cannot be read ({error.strerror}).") from None
            if raw is None or raw == "":
                continue
            values[setting.name] = _convert(name, raw, setting.type)
        return cls(**values).completed()

    def completed(self) -> "Settings":
        """The same settings with the defaults that depend on others filled in."""
        url = self.database_url or f"sqlite:///{self.instance_path / 'stillpoint.db'}"
        if url.startswith("postgres://"):
            raise SettingsError("DATABASE_URL: write postgresql+psycopg:// instead of postgres://.")
        if url.startswith("postgresql://"):
            url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise SettingsError("DATABASE_URL: only sqlite:/// and postgresql+psycopg:// are supported.")
        if self.smtp_security not in ("starttls", "tls", "none"):
            raise SettingsError("SMTP_SECURITY: write starttls, tls or none.")
        return replace(
            self,
            database_url=url,
            files_path=self.files_path or self.instance_path / "files",
            signing_key_path=self.signing_key_path or self.instance_path / "signing-key.p12",
            public_url=self.public_url.rstrip("/"),
            secret_key=self.secret_key or _kept_secret(self.instance_path),
        )


def _convert(name: str, raw: str, kind: Any) -> Any:
    if kind is bool:
        lowered = raw.strip().lower()
        if lowered in ("1", "true", "yes", "on"):
            return True
        if lowered in ("0", "false", "no", "off"):
            return False
        raise SettingsError(f"{name}: write 1 or 0, not {raw!r}.")
    if kind is int:
        try:
            return int(raw)
        except ValueError:
            raise SettingsError(f"{name}: write a whole number, not {raw!r}.") from None
    if kind is str:
        return raw
    return Path(raw)


def _kept_secret(instance: Path) -> str:
    """The secret key kept in the instance folder; made there the first time, readable by its owner only."""
    path = instance / "secret_key"
    try:
        kept = path.read_text(encoding="ascii").strip()
        if kept:
            return kept
    except FileNotFoundError:
        pass
    except OSError as error:
        raise SettingsError(f"INSTANCE_PATH: {path} cannot be read ({error.strerror}).") from None
    fresh = secrets.token_urlsafe(48)
    try:
        return _keep_secret(instance, path, fresh)
    except OSError as error:
        raise SettingsError(
            f"INSTANCE_PATH: nothing can be written in {instance} ({error.strerror}). Give the folder to the user who "
            "runs Stillpoint, or name another one."
        ) from None


def _keep_secret(instance: Path, path: Path, fresh: str) -> str:
    instance.mkdir(parents=True, exist_ok=True)
    # Written aside and linked: two processes starting at once end up with the same key.
    aside = instance / f".secret_key.{os.getpid()}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(fresh)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        fresh = path.read_text(encoding="ascii").strip()
    finally:
        aside.unlink()
    return fresh
