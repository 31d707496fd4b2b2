"""What is taught: bodies, courses and their rules. Offerings stand in ``courses.offering_models``."""

from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.database import Base, Cents, Code, Key, LongText, Minutes, ShortText, one_of

UPPER_CODE = "code = upper(code)"


class Delivery(StrEnum):
    """How a course is given."""

    IN_PERSON = "in-person"
    LIVE_ONLINE = "live-online"


class CourseState(StrEnum):
    """Whether a course stands in the catalog."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class PrerequisiteKind(StrEnum):
    """How strongly a course is asked for before another."""

    REQUIRED = "required"
    RECOMMENDED = "recommended"
    INSTRUCTOR_APPROVAL = "instructor_approval"


class Evaluation(StrEnum):
    """Whether students say afterwards how a class was. ``required``: a certificate waits until they have."""

    NONE = "none"
    ASKED = "asked"
    REQUIRED = "required"


class Body(Base):
    """A board or council that approves courses, and how it counts. Units are whole thousandths (28.5 → 28500)."""

    __tablename__ = "bodies"
    __table_args__ = (
        sa.CheckConstraint("minutes_per_unit > 0", name="minutes_positive"),
        sa.CheckConstraint("step_thousandths > 0", name="step_positive"),
        sa.CheckConstraint("renewal_months > 0", name="renewal_months_positive"),
        sa.CheckConstraint("renewal_units_thousandths > 0", name="renewal_units_positive"),
    )

    id: Mapped[Key]
    code: Mapped[Code] = mapped_column(unique=True)
    title: Mapped[ShortText]
    unit: Mapped[ShortText]
    minutes_per_unit: Mapped[Minutes]
    # Units are rounded down to a multiple of this.
    step_thousandths: Mapped[int]
    partial_credit: Mapped[bool]
    # Which facts this body wants on a certificate: license_number, program, place, provider_number, instructor …
    requires: Mapped[list[str]]
    statement: Mapped[LongText] = mapped_column(default="")
    provider_number: Mapped[ShortText] = mapped_column(default="")
    retention_years: Mapped[int] = mapped_column(default=7)
    # How long a period of the body is, in months, and how many units it wants in each; None: it has none, or does not say.
    # A period ends on this day and every so many months before and after; None: with the license of whoever holds one.
    renewal_months: Mapped[int | None]
    renewal_units_thousandths: Mapped[int | None]
    renewal_ends_on: Mapped[date | None]

    @property
    def step(self) -> Fraction:
        """The step that units are rounded down to."""
        return Fraction(self.step_thousandths, 1000)


class Subject(Base):
    """A field that courses are grouped by."""

    __tablename__ = "subjects"

    id: Mapped[Key]
    title: Mapped[ShortText] = mapped_column(unique=True)
    position: Mapped[int] = mapped_column(default=0)


class ScreeningSet(Base):
    """The contraindications shown before enrolling: one row per version, never changed once shown."""

    __tablename__ = "screening_sets"
    __table_args__ = (sa.UniqueConstraint("code", "version"),)

    id: Mapped[Key]
    code: Mapped[Code]
    version: Mapped[int]
    source: Mapped[ShortText] = mapped_column(default="")
    do_not_receive: Mapped[list[str]]
    ask_first: Mapped[list[str]]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to acknowledge."""
        return not self.do_not_receive and not self.ask_first


class Policy(Base):
    """The school's terms and its attendance rule: one row per version, frozen onto each enrollment that agreed to it.

    ``refunds`` is a list of ``{days_before, percent, fee}``, most days first; ``fee`` is in cents.
    """

    __tablename__ = "policies"
    __table_args__ = (
        sa.UniqueConstraint("code", "version"),
        sa.CheckConstraint("minimum_percent BETWEEN 0 AND 100", name="percent"),
        sa.CheckConstraint("repeat_price_percent BETWEEN 0 AND 100", name="repeat_percent"),
    )

    id: Mapped[Key]
    code: Mapped[Code]
    version: Mapped[int]
    minimum_percent: Mapped[int]
    grace_minutes_per_meeting: Mapped[Minutes]
    excused_counts: Mapped[bool]
    deposit_cents: Mapped[Cents]
    balance_due_days: Mapped[int]
    refunds: Mapped[list[dict[str, Any]]]
    free_transfers: Mapped[int]
    repeat_price_percent: Mapped[int]
    seat_offer_hours: Mapped[int]
    waitlist_cutoff_hours: Mapped[int]
    created_at: Mapped[datetime]


class Course(Base):
    """A catalog entry."""

    __tablename__ = "courses"
    __table_args__ = (
        sa.CheckConstraint(UPPER_CODE, name="code_upper"),
        sa.CheckConstraint("contact_minutes > 0", name="minutes_positive"),
        sa.CheckConstraint("default_capacity > 0", name="capacity_positive"),
        sa.CheckConstraint("price_cents >= 0", name="price_not_negative"),
    )

    id: Mapped[Key]
    code: Mapped[Code] = mapped_column(unique=True)
    title: Mapped[ShortText]
    subject_id: Mapped[int] = mapped_column(sa.ForeignKey("subjects.id"), index=True)
    level: Mapped[ShortText]
    delivery: Mapped[Delivery] = mapped_column(one_of(Delivery, "delivery"))
    state: Mapped[CourseState] = mapped_column(one_of(CourseState, "course_state"), default=CourseState.DRAFT)
    summary: Mapped[LongText]
    outcomes: Mapped[list[str]]
    days: Mapped[int]
    contact_minutes: Mapped[Minutes]
    default_capacity: Mapped[int]
    assistant_ratio: Mapped[int | None]
    price_cents: Mapped[Cents]
    preparation: Mapped[LongText] = mapped_column(default="")
    # Professions that may enroll without the registrar's approval; ["anyone"] for all.
    open_to: Mapped[list[str]]
    screening_set_id: Mapped[int] = mapped_column(sa.ForeignKey("screening_sets.id"))
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policies.id"))
    # How long a certificate stays current, in months; None: it does not expire.
    validity_months: Mapped[int | None]
    evaluation: Mapped[Evaluation] = mapped_column(one_of(Evaluation, "evaluation"), default=Evaluation.NONE)

    subject: Mapped[Subject] = relationship()
    screening_set: Mapped[ScreeningSet] = relationship()
    policy: Mapped[Policy] = relationship()
    prerequisites: Mapped[list["Prerequisite"]] = relationship(
        foreign_keys="Prerequisite.course_id", back_populates="course", cascade="all, delete-orphan"
    )
    approvals: Mapped[list["Approval"]] = relationship(back_populates="course", cascade="all, delete-orphan")

    @property
    def is_open_to_anyone(self) -> bool:
        """Whether every profession may enroll."""
        return "anyone" in self.open_to


class Prerequisite(Base):
    """One course asked for before another."""

    __tablename__ = "prerequisites"
    __table_args__ = (sa.CheckConstraint("course_id <> needs_id", name="not_itself"),)

    course_id: Mapped[int] = mapped_column(sa.ForeignKey("courses.id", ondelete="CASCADE"), primary_key=True)
    needs_id: Mapped[int] = mapped_column(sa.ForeignKey("courses.id"), primary_key=True)
    kind: Mapped[PrerequisiteKind] = mapped_column(one_of(PrerequisiteKind, "prerequisite_kind"))

    course: Mapped[Course] = relationship(foreign_keys=[course_id], back_populates="prerequisites")
    needs: Mapped[Course] = relationship(foreign_keys=[needs_id])


class Approval(Base):
    """A body's approval of a course, valid on the days from ``valid_from`` to ``valid_until``, both included."""

    __tablename__ = "approvals"
    __table_args__ = (
        sa.CheckConstraint("valid_until >= valid_from", name="dates_in_order"),
        sa.CheckConstraint("units_thousandths > 0", name="units_positive"),
        sa.UniqueConstraint("course_id", "body_id", "valid_from"),
    )

    id: Mapped[Key]
    course_id: Mapped[int] = mapped_column(sa.ForeignKey("courses.id", ondelete="CASCADE"))
    body_id: Mapped[int] = mapped_column(sa.ForeignKey("bodies.id"), index=True)
    program_number: Mapped[ShortText]
    units_thousandths: Mapped[int]
    valid_from: Mapped[date]
    valid_until: Mapped[date]

    course: Mapped[Course] = relationship(back_populates="approvals")
    body: Mapped[Body] = relationship()

    @property
    def units(self) -> Fraction:
        """The units as approved."""
        return Fraction(self.units_thousandths, 1000)


class Claim(Base):
    """A statement about effects that the school makes. Shown only with a source and an approver (DOMAIN: health claims)."""

    __tablename__ = "claims"
    __table_args__ = (
        sa.CheckConstraint(
            "published_at IS NULL OR (evidence <> '' AND approved_by_id IS NOT NULL)", name="evidence_first"
        ),
    )

    id: Mapped[Key]
    text: Mapped[LongText]
    origin: Mapped[ShortText]
    evidence: Mapped[LongText] = mapped_column(default="")
    approved_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    published_at: Mapped[datetime | None]
