"""Group bookings: an employer's contact reserves seats and names the people later."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.database import Base, Cents, Key, ShortText
from courses.models import Policy
from courses.offering_models import Offering


class GroupBooking(Base):
    """Seats of one class held for an organization.

    ``seats`` is how many the booking has, named or not; ``seats_open`` how many of them nobody is named for: those count
    in ``offerings.seats_taken`` by themselves, a named one by its enrollment. ``token`` is the private address of the
    contact's page. ``price_cents`` is what a seat cost on the day of booking.
    """

    __tablename__ = "group_bookings"
    __table_args__ = (
        sa.CheckConstraint("seats_open >= 0 AND seats_open <= seats", name="seats_open"),
        sa.CheckConstraint("price_cents >= 0", name="price_not_negative"),
        sa.CheckConstraint("contact_email = lower(contact_email)", name="email_lower"),
        sa.CheckConstraint("closed_at IS NULL OR seats_open = 0", name="closed_holds_nothing"),
    )

    id: Mapped[Key]
    offering_id: Mapped[int] = mapped_column(sa.ForeignKey("offerings.id"), index=True)
    organization: Mapped[ShortText]
    contact_name: Mapped[ShortText]
    contact_email: Mapped[str] = mapped_column(sa.String(254))
    address: Mapped[str] = mapped_column(sa.Text, default="")
    reference: Mapped[ShortText] = mapped_column(default="")
    token: Mapped[str] = mapped_column(sa.String(64), unique=True)
    seats: Mapped[int]
    seats_open: Mapped[int]
    price_cents: Mapped[Cents]
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policies.id"))
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    closed_at: Mapped[datetime | None]

    offering: Mapped[Offering] = relationship()
    policy: Mapped[Policy] = relationship()
