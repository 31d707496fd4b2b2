"""What goes out beside the moves of an enrollment: wishes to be told when a class opens, messages to a class."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import User
from core.database import Base, Key, LongText, ShortText
from courses.models import Course
from courses.offering_models import Offering
from students.models import Student


class OpeningWish(Base):
    """A student wants to be told when this class, or any class of this course, opens. Gone once they are told."""

    __tablename__ = "opening_wishes"
    __table_args__ = (
        sa.UniqueConstraint("student_id", "course_id"),
        sa.UniqueConstraint("student_id", "offering_id"),
        sa.CheckConstraint("(course_id IS NULL) <> (offering_id IS NULL)", name="course_or_class"),
    )

    id: Mapped[Key]
    student_id: Mapped[int] = mapped_column(sa.ForeignKey("students.id", ondelete="CASCADE"))
    course_id: Mapped[int | None] = mapped_column(sa.ForeignKey("courses.id"), index=True)
    offering_id: Mapped[int | None] = mapped_column(sa.ForeignKey("offerings.id"), index=True)
    created_at: Mapped[datetime]

    student: Mapped[Student] = relationship()
    course: Mapped[Course | None] = relationship()
    offering: Mapped[Offering | None] = relationship()


class ClassMessage(Base):
    """A message to everyone in a class, by an instructor or the office. Each gets a mail of their own."""

    __tablename__ = "class_messages"
    __table_args__ = (sa.CheckConstraint("subject <> '' AND body <> ''", name="says_something"),)

    id: Mapped[Key]
    offering_id: Mapped[int] = mapped_column(sa.ForeignKey("offerings.id"), index=True)
    sender_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    sent_at: Mapped[datetime]
    subject: Mapped[ShortText]
    body: Mapped[LongText]
    to_waiting: Mapped[bool]
    recipients: Mapped[int]

    offering: Mapped[Offering] = relationship()
    sender: Mapped[User] = relationship()
