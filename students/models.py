"""Students, their licenses, and their enrollments."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import User
from core.database import Base, Cents, Code, Key, LongText, ShortText, one_of
from courses.models import Course, Policy, ScreeningSet
from courses.offering_models import Offering
from students.group_models import GroupBooking


class EnrollmentState(StrEnum):
    """DESIGN's states of an enrollment."""

    PENDING = "pending"
    WAITLISTED = "waitlisted"
    OFFERED = "offered"
    ENROLLED = "enrolled"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    NO_SHOW = "no_show"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
    LAPSED = "lapsed"
    TRANSFERRED = "transferred"
    CANCELLED = "cancelled"


# Live states hold or wait for a seat; one such enrollment per student and offering.
LIVE_STATES = frozenset(
    {
        EnrollmentState.PENDING,
        EnrollmentState.WAITLISTED,
        EnrollmentState.OFFERED,
        EnrollmentState.ENROLLED,
        EnrollmentState.COMPLETED,
        EnrollmentState.INCOMPLETE,
        EnrollmentState.NO_SHOW,
    }
)
# These always hold a seat; a pending one does when its ``holds_seat`` says so.
SEATED_STATES = LIVE_STATES - {EnrollmentState.PENDING, EnrollmentState.WAITLISTED}
# On the roll: whoever sits in the room.
ROLL_STATES = frozenset(
    {EnrollmentState.ENROLLED, EnrollmentState.COMPLETED, EnrollmentState.INCOMPLETE, EnrollmentState.NO_SHOW}
)
_GONE = "state NOT IN ('withdrawn', 'declined', 'lapsed', 'transferred', 'cancelled')"


class Source(StrEnum):
    """How an enrollment came about."""

    SELF = "self"
    STAFF = "staff"
    IMPORT = "import"
    TRANSFER = "transfer"
    GROUP = "group"
    DOOR = "door"


class Student(Base):
    """A person who takes classes: what the school keeps beyond the account. One per user."""

    __tablename__ = "students"

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), unique=True)
    certificate_name: Mapped[ShortText]
    profession: Mapped[Code] = mapped_column(default="")
    phone: Mapped[ShortText] = mapped_column(default="")
    wants_reminders: Mapped[bool] = mapped_column(default=True)
    # In the address of the private calendar feed; made anew when the student asks.
    calendar_token: Mapped[str] = mapped_column(sa.String(64), unique=True)
    # This record was merged into another one, which has everything now.
    merged_into_id: Mapped[int | None] = mapped_column(sa.ForeignKey("students.id"), index=True)

    user: Mapped[User] = relationship()
    merged_into: Mapped["Student | None"] = relationship(remote_side="Student.id")
    licenses: Mapped[list["License"]] = relationship(
        back_populates="student", cascade="all, delete-orphan", order_by="License.id"
    )


class KeptApart(Base):
    """The office's word that two records which look like one person are two: they are not suggested for merging again."""

    __tablename__ = "kept_apart"
    __table_args__ = (sa.CheckConstraint("first_id < second_id", name="in_order"),)

    first_id: Mapped[int] = mapped_column(sa.ForeignKey("students.id", ondelete="CASCADE"), primary_key=True)
    second_id: Mapped[int] = mapped_column(
        sa.ForeignKey("students.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    said_at: Mapped[datetime]
    said_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))

    first: Mapped[Student] = relationship(foreign_keys=first_id)
    second: Mapped[Student] = relationship(foreign_keys=second_id)
    said_by: Mapped[User] = relationship()


class License(Base):
    """A license to practice: profession, jurisdiction, number exactly as written, last day of validity."""

    __tablename__ = "licenses"
    __table_args__ = (sa.UniqueConstraint("student_id", "profession", "jurisdiction"),)

    id: Mapped[Key]
    student_id: Mapped[int] = mapped_column(sa.ForeignKey("students.id", ondelete="CASCADE"))
    profession: Mapped[Code]
    jurisdiction: Mapped[Code]
    number: Mapped[ShortText]
    expires_on: Mapped[date | None]

    student: Mapped[Student] = relationship(back_populates="licenses")


class Enrollment(Base):
    """One student's one try at a seat in an offering. Coming back later is a new row.

    ``ticket`` is the place in the order of asking, per offering. ``holds_seat`` is true exactly while this row counts in
    ``offerings.seats_taken``. ``policy_id`` is the version agreed to. ``price_cents`` is the price at enrolling.
    """

    __tablename__ = "enrollments"
    __table_args__ = (
        sa.Index(
            "uq_enrollments_live",
            "offering_id",
            "student_id",
            unique=True,
            sqlite_where=sa.text(_GONE),
            postgresql_where=sa.text(_GONE),
        ),
        sa.UniqueConstraint("offering_id", "ticket"),
        sa.Index("ix_enrollments_offering_id_state", "offering_id", "state"),
        sa.Index("ix_enrollments_offer_expires_at", "offer_expires_at"),
        sa.CheckConstraint("(state = 'offered') = (offer_expires_at IS NOT NULL)", name="offer_deadline"),
        sa.CheckConstraint(
            "holds_seat = (state IN ('offered', 'enrolled', 'completed', 'incomplete', 'no_show'))"
            " OR state = 'pending'",
            name="holds_seat",
        ),
        sa.CheckConstraint("price_cents >= 0", name="price_not_negative"),
        sa.CheckConstraint("(group_booking_id IS NULL) = (named_as = '')", name="named_for_a_group"),
    )

    id: Mapped[Key]
    offering_id: Mapped[int] = mapped_column(sa.ForeignKey("offerings.id"))
    student_id: Mapped[int] = mapped_column(sa.ForeignKey("students.id"), index=True)
    state: Mapped[EnrollmentState] = mapped_column(one_of(EnrollmentState, "enrollment_state"))
    ticket: Mapped[int]
    holds_seat: Mapped[bool]
    source: Mapped[Source] = mapped_column(one_of(Source, "enrollment_source"), default=Source.SELF)
    certificate_name: Mapped[ShortText]
    profession: Mapped[Code] = mapped_column(default="")
    license_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("licenses.id", ondelete="SET NULL"), index=True
    )
    price_cents: Mapped[Cents]
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policies.id"))
    policy_agreed_at: Mapped[datetime | None]
    screening_set_id: Mapped[int | None] = mapped_column(sa.ForeignKey("screening_sets.id"))
    screening_acknowledged_at: Mapped[datetime | None]
    wants_talk: Mapped[bool] = mapped_column(default=False)
    # Asked for help with access: the office gets in touch. Only the tick is kept, and when the office did.
    wants_access_help: Mapped[bool] = mapped_column(default=False)
    access_help_done_at: Mapped[datetime | None]
    # Why the registrar must approve: "offering", "prerequisite", "profession" (several, comma-separated).
    approval_reasons: Mapped[ShortText] = mapped_column(default="")
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    offer_made_at: Mapped[datetime | None]
    offer_expires_at: Mapped[datetime | None]
    # The seat belongs to a group booking, which pays for it.
    group_booking_id: Mapped[int | None] = mapped_column(sa.ForeignKey("group_bookings.id"), index=True)
    # The name and address that were typed for that seat: all that the group's contact is shown of this person.
    named_as: Mapped[ShortText] = mapped_column(default="")
    named_email: Mapped[str] = mapped_column(sa.String(254), default="")
    # Its entry in calendars bears this enrollment's id, or that of the one it took over when the seat was moved, whose
    # numbers its own go on from.
    calendar_key: Mapped[int | None]
    calendar_offset: Mapped[int] = mapped_column(default=0)
    # Raised by every correction after finalize: whatever was printed before rests on older attendance.
    attendance_revision: Mapped[int] = mapped_column(default=0)

    offering: Mapped[Offering] = relationship()
    student: Mapped[Student] = relationship()
    license: Mapped[License | None] = relationship()
    policy: Mapped[Policy] = relationship()
    screening_set: Mapped[ScreeningSet | None] = relationship()
    group_booking: Mapped[GroupBooking | None] = relationship()
    history: Mapped[list["EnrollmentEvent"]] = relationship(
        back_populates="enrollment", order_by="EnrollmentEvent.id", cascade="all, delete-orphan"
    )

    @property
    def is_live(self) -> bool:
        """Whether it holds or waits for a seat."""
        return self.state in LIVE_STATES


class EnrollmentEvent(Base):
    """One move of an enrollment, with who and why: what the page explains a place or a promotion from."""

    __tablename__ = "enrollment_events"

    id: Mapped[Key]
    enrollment_id: Mapped[int] = mapped_column(
        sa.ForeignKey("enrollments.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime]
    from_state: Mapped[EnrollmentState | None] = mapped_column(one_of(EnrollmentState, "from_state"))
    to_state: Mapped[EnrollmentState] = mapped_column(one_of(EnrollmentState, "to_state"))
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    reason: Mapped[LongText] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)

    enrollment: Mapped[Enrollment] = relationship(back_populates="history")
    actor: Mapped[User | None] = relationship()


class PrerequisiteGrant(Base):
    """Staff's word that a student need not have taken a course here: a waiver, or another school's certificate."""

    __tablename__ = "prerequisite_grants"
    __table_args__ = (
        sa.UniqueConstraint("student_id", "course_id"),
        sa.CheckConstraint("reason <> ''", name="reason_given"),
    )

    id: Mapped[Key]
    student_id: Mapped[int] = mapped_column(sa.ForeignKey("students.id", ondelete="CASCADE"))
    # The course that counts as met.
    course_id: Mapped[int] = mapped_column(sa.ForeignKey("courses.id"), index=True)
    is_external: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[LongText]
    granted_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    granted_at: Mapped[datetime]

    student: Mapped[Student] = relationship()
    course: Mapped[Course] = relationship()
