"""Signing keys as tables: the history, and how the key in use stands. By themselves, because what handles keys imports much
that a web process needs rarely (``certificates.keyring``)."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, Code, Key, LongText, ShortText


class KeyRecord(Base):
    """A key that has signed, or is in place to: its certificate, and its public half as a JWK."""

    __tablename__ = "signing_keys"

    id: Mapped[Key]
    fingerprint: Mapped[str] = mapped_column(sa.String(64), unique=True)
    # Of the key, not of its certificate: a certificate that was renewed for the same key is another row of that name.
    name: Mapped[Code]
    # The certificate, and those above it that came with the key and stand in its signatures.
    certificate_pem: Mapped[LongText]
    jwk: Mapped[dict[str, Any]]
    first_used_at: Mapped[datetime]


class KeyStanding(Base):
    """What the worker saw when it last looked at the key in use (``certificates.key_standing``): one row."""

    __tablename__ = "signing_key_standing"
    __table_args__ = (sa.CheckConstraint("id = 1", name="single"),)

    id: Mapped[Key]
    looked_at: Mapped[datetime]
    # Which files it saw: their numbers, sizes and times.
    mark: Mapped[ShortText]
    # What is wrong, by its name in ``certificates.key_faults``, and the values of that sentence. Empty: it opens, or
    # there is none.
    fault: Mapped[Code] = mapped_column(default="")
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
