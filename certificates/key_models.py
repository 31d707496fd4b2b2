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
    # Of the key, not of its certificate: a certificate that was renewed for the same key is another row of that name.
    name: Mapped[Code]
    # The certificate, and those above it that came with the key and stand in its signatures.
    certificate_pem: Mapped[LongText]
    jwk: Mapped[dict[str, Any]]
    first_used_at: Mapped[datetime]
