"""The subjects that courses are grouped by: add, rename, order, remove."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.database import flush_unique
from core.errors import RuleError
from core.formatting import listing
from courses.models import Course, Subject

# The unique index of the titles, as PostgreSQL and SQLite name it.
_TITLES = ("uq_subjects_title", "subjects.title")


def in_order(session: Session) -> list[tuple[Subject, int]]:
    """The subjects in the catalog's order, each with how many courses it has. One statement."""
    courses = sa.select(sa.func.count(Course.id)).where(Course.subject_id == Subject.id).scalar_subquery()
    rows = session.execute(sa.select(Subject, courses).order_by(Subject.position, Subject.id))
    return [(subject, count) for subject, count in rows]


def add_subject(session: Session, title: str, *, actor: User, now: datetime) -> Subject:
    """Add a subject at the end of the list. Raises RuleError (field ``title``) when there is one like it."""
    stored = lock_all(session)
    _check(stored, title)
    last = max((subject.position for subject in stored), default=-1)
    subject = Subject(title=title, position=last + 1)
    session.add(subject)
    flush_unique(session, _taken(), *_TITLES)
    audit.record(session, "courses:subject:added", subject, actor=actor, now=now, title=title)
    return subject


def rename_subject(session: Session, subject: Subject, title: str, *, actor: User, now: datetime) -> bool:
    """Give a subject another title; returns whether that changed anything. Raises RuleError as ``add_subject`` does."""
    stored = lock_all(session)
    if subject.title == title:
        return False
    _check([other for other in stored if other.id != subject.id], title)
    before, subject.title = subject.title, title
    flush_unique(session, _taken(), *_TITLES)
    audit.record(
        session, "courses:subject:renamed", subject, actor=actor, now=now, title=title, before=before
    )
    return True


def move_subject(session: Session, subject: Subject, by: int, *, actor: User, now: datetime) -> bool:
    """Move a subject up (-1) or down (1) in the catalog; returns whether it could go there."""
    stored = lock_all(session)
    place = stored.index(subject)
    if not 0 <= place + by < len(stored):
        return False
    stored.insert(place + by, stored.pop(place))
    for position, other in enumerate(stored):
        if other.position != position:
            other.position = position
    audit.record(
        session,
        "courses:subject:moved",
        subject,
        actor=actor,
        now=now,
        title=subject.title,
        place=place + by + 1,
    )
    return True


def remove_subject(session: Session, subject: Subject, *, actor: User, now: datetime) -> None:
    """Remove a subject that has no course. Raises RuleError with the courses that it has."""
    lock_all(session)
    query = sa.select(Course.code).where(Course.subject_id == subject.id).order_by(Course.code)
    if codes := session.scalars(query).all():
        raise RuleError(
            ngettext(
                "%(title)s has %(num)s course: %(codes)s. Give it another subject first.",
                "%(title)s has %(num)s courses: %(codes)s. Give them another subject first.",
                len(codes),
                title=subject.title,
                codes=listing([*codes[:5], "…"] if len(codes) > 5 else codes),
            )
        )
    audit.record(session, "courses:subject:removed", subject, actor=actor, now=now, title=subject.title)
    session.delete(subject)
    session.flush()


def lock_all(session: Session) -> list[Subject]:
    """All subjects, read again and locked, in the catalog's order: two who change the list at once see each other."""
    session.flush()
    query = sa.select(Subject).order_by(Subject.id).with_for_update()
    rows = session.scalars(query.execution_options(populate_existing=True))
    return sorted(rows, key=lambda subject: (subject.position, subject.id))


def _check(others: Sequence[Subject], title: str) -> None:
    if any(other.title.lower() == title.lower() for other in others):
        raise _taken()


def _taken() -> RuleError:
    return RuleError(_("There is a subject with this title already."), field="title")
