"""When and where it is taught, and by whom: venues, offerings, meetings, instructors."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import User
from core.clock import local_date
from core.database import Base, Cents, Code, Key, LongText, Minutes, ShortText, one_of
from courses.models import Course, Policy


class OfferingState(StrEnum):
    """Where an offering stands. Only published ones are seen by students."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


class InstructorRole(StrEnum):
    """What an instructor does in an offering."""

    LEAD = "lead"
    ASSISTANT = "assistant"


class MeetingKind(StrEnum):
    """What kind of sitting a meeting is."""

    TEACHING = "teaching"
    PRACTICE = "practice"
    EXAM = "exam"


class Venue(Base):
    """A place, with its own time zone and as many seats as the room holds."""

    __tablename__ = "venues"
    __table_args__ = (sa.CheckConstraint("seats > 0", name="seats_positive"),)

    id: Mapped[Key]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[ShortText]
    street: Mapped[ShortText] = mapped_column(default="")
    city: Mapped[ShortText] = mapped_column(default="")
    region: Mapped[ShortText] = mapped_column(default="")
    country: Mapped[ShortText] = mapped_column(default="")
    time_zone: Mapped[ShortText]
    seats: Mapped[int]
    is_online: Mapped[bool] = mapped_column(default=False)
    directions: Mapped[LongText] = mapped_column(default="")

    @property
    def place(self) -> str:
        """City and region (or country), or the venue's name when it has no city."""
        parts = [part for part in (self.city, self.region or self.country) if part]
        return ", ".join(parts) or self.name


class DailyPattern(Base):
    """The sittings of a usual day, written like ``09:00-10:30``, on the clock of whatever place a class is in."""

    __tablename__ = "daily_patterns"

    id: Mapped[Key]
    code: Mapped[Code] = mapped_column(unique=True)
    sittings: Mapped[list[str]]


class Offering(Base):
    """One scheduled run of a course; "class" on pages.

    ``seats_taken`` and ``waiting_count`` are kept by the room above (students); the CHECK is the last guard against
    overselling. ``guest_places`` are the guests of its fullest meeting, who make up something there and need a chair beside
    the class; kept by attendance. ``starts_at`` and ``ends_at`` are those of the first and the last meeting.
    """

    __tablename__ = "offerings"
    __table_args__ = (
        sa.CheckConstraint("code = upper(code)", name="code_upper"),
        sa.CheckConstraint("seats_taken >= 0 AND seats_taken <= capacity", name="seats"),
        sa.CheckConstraint("capacity > 0", name="capacity_positive"),
        sa.CheckConstraint("waiting_count >= 0", name="waiting_not_negative"),
        sa.CheckConstraint("guest_places >= 0", name="guests_not_negative"),
        sa.CheckConstraint("ends_at > starts_at", name="times_in_order"),
        sa.CheckConstraint("enrollment_closes_at > enrollment_opens_at", name="enrollment_times_in_order"),
        sa.CheckConstraint("minimum_to_run > 0", name="minimum_positive"),
        sa.CheckConstraint("(minimum_to_run IS NULL) = (decide_by IS NULL)", name="minimum_with_its_day"),
        sa.Index("ix_offerings_course_id_starts_at", "course_id", "starts_at"),
    )

    id: Mapped[Key]
    code: Mapped[Code] = mapped_column(unique=True)
    course_id: Mapped[int] = mapped_column(sa.ForeignKey("courses.id"))
    venue_id: Mapped[int] = mapped_column(sa.ForeignKey("venues.id"), index=True)
    state: Mapped[OfferingState] = mapped_column(
        one_of(OfferingState, "offering_state"), default=OfferingState.DRAFT
    )
    time_zone: Mapped[ShortText]
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    # The day on which it begins in its own zone: kept by itself (below), so that a month can be asked for and counted.
    starts_on: Mapped[date] = mapped_column(index=True)
    capacity: Mapped[int]
    seats_taken: Mapped[int] = mapped_column(default=0)
    waiting_count: Mapped[int] = mapped_column(default=0)
    guest_places: Mapped[int] = mapped_column(default=0)
    next_ticket: Mapped[int] = mapped_column(default=1)
    price_cents: Mapped[Cents]
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policies.id"))
    enrollment_opens_at: Mapped[datetime | None]
    enrollment_closes_at: Mapped[datetime | None]
    needs_approval: Mapped[bool] = mapped_column(default=False)
    approval_holds_seat: Mapped[bool] = mapped_column(default=True)
    # Enroll the head of the waitlist at once instead of offering the seat.
    promotes_at_once: Mapped[bool] = mapped_column(default=False)
    issues_on_finalize: Mapped[bool] = mapped_column(default=False)
    # Mail everyone enrolled 7 days and 1 day before it begins (each student may switch that off).
    sends_reminders: Mapped[bool] = mapped_column(default=True)
    # With fewer enrolled the office decides by this day, in the class's zone, whether it runs; and when it said it does.
    minimum_to_run: Mapped[int | None]
    decide_by: Mapped[date | None]
    runs_since: Mapped[datetime | None]
    notes: Mapped[LongText] = mapped_column(default="")
    # Rises with every change of times or place: the SEQUENCE of calendar entries (RFC 5545, 3.8.7.4).
    calendar_sequence: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[LongText] = mapped_column(default="")
    finalized_at: Mapped[datetime | None]
    finalized_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    course: Mapped[Course] = relationship()
    venue: Mapped[Venue] = relationship()
    policy: Mapped[Policy] = relationship()
    meetings: Mapped[list["Meeting"]] = relationship(
        back_populates="offering", order_by="Meeting.number", cascade="all, delete-orphan"
    )
    instructors: Mapped[list["OfferingInstructor"]] = relationship(
        back_populates="offering", cascade="all, delete-orphan", order_by="OfferingInstructor.role.desc()"
    )

    @property
    def seats_left(self) -> int:
        """Seats that nobody holds."""
        return self.capacity - self.seats_taken

    @property
    def is_full(self) -> bool:
        """Whether a newcomer would have to wait: no seat is free, or somebody waits already."""
        return self.seats_left <= 0 or self.waiting_count > 0


@event.listens_for(Offering, "before_insert")
@event.listens_for(Offering, "before_update")
def _keep_local_date(_mapper: object, _connection: object, offering: Offering) -> None:
    offering.starts_on = local_date(offering.starts_at, offering.time_zone)


class Meeting(Base):
    """One sitting of an offering, in UTC; ``credit_minutes`` is what full attendance counts."""

    __tablename__ = "meetings"
    __table_args__ = (
        sa.UniqueConstraint("offering_id", "number"),
        sa.CheckConstraint("ends_at > starts_at", name="times_in_order"),
        sa.CheckConstraint("credit_minutes >= 0", name="credit_not_negative"),
        sa.Index("ix_meetings_starts_at", "starts_at"),
    )

    id: Mapped[Key]
    offering_id: Mapped[int] = mapped_column(sa.ForeignKey("offerings.id", ondelete="CASCADE"))
    number: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    kind: Mapped[MeetingKind] = mapped_column(
        one_of(MeetingKind, "meeting_kind"), default=MeetingKind.TEACHING
    )
    credit_minutes: Mapped[Minutes]

    offering: Mapped[Offering] = relationship(back_populates="meetings")


class OfferingInstructor(Base):
    """An instructor's part in an offering; one lead each."""

    __tablename__ = "offering_instructors"
    __table_args__ = (
        sa.Index(
            "uq_offering_instructors_lead",
            "offering_id",
            unique=True,
            sqlite_where=sa.text("role = 'lead'"),
            postgresql_where=sa.text("role = 'lead'"),
        ),
    )

    offering_id: Mapped[int] = mapped_column(
        sa.ForeignKey("offerings.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[InstructorRole] = mapped_column(one_of(InstructorRole, "instructor_role"))

    offering: Mapped[Offering] = relationship(back_populates="instructors")
    user: Mapped[User] = relationship()
