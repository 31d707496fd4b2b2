"""Numbers without a gap and without a duplicate: certificates, invoices, receipts."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.database import Base, insert_for, locked


class NumberSeries(Base):
    """The last number given out in a series."""

    __tablename__ = "number_series"

    name: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    last: Mapped[int]


def take(session: Session, name: str) -> int:
    """The next number of a series, from 1. Its row stays locked until this transaction ends: no gap when it fails."""
    insert = insert_for(session)
    session.execute(insert(NumberSeries).values(name=name, last=0).on_conflict_do_nothing())
    series = locked(session, NumberSeries, name)
    if series is None:
        raise LookupError(name)
    series.last += 1
    session.flush()
    return series.last
