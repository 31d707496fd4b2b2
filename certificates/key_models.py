"""The history of signing keys as a table. By itself, because what handles keys imports much that a web process needs
rarely (``certificates.keyring``)."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, Code, Key, LongText


class KeyRecord(Base):
    """A key that has signed: its certificate, and its public half as a JWK."""

    __tablename__ = "signing_keys"

    id: Mapped[Key]
    fingerprint: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[Code] = mapped_column(unique=True)
    certificate_pem: Mapped[LongText]
    jwk: Mapped[dict[str, Any]]
    first_used_at: Mapped[datetime]
