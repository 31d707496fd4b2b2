"""Which certificates someone may see: one lookup per subject, 404 for what they may not know exists."""

import sqlalchemy as sa
from flask import abort
from sqlalchemy.orm import Session, contains_eager

from accounts.models import User
from certificates.models import Certificate, CertificateState
from certificates.numbers import normal_number
from courses.offering_models import InstructorRole, Offering, OfferingInstructor
from students.models import Enrollment, Student


def certificate_for(session: Session, number: str, user: User) -> Certificate:
    """A certificate by its number, for its owner and for staff; 404 for everyone else."""
    query = (
        sa.select(Certificate)
        .join(Certificate.enrollment)
        .join(Enrollment.student)
        .where(Certificate.number == normal_number(number))
    )
    if not user.is_staff:
        query = query.where(Student.user_id == user.id)
    found = session.scalar(query)
    if found is None:
        abort(404)
    return found


def own_certificate(session: Session, number: str, user: User) -> Certificate:
    """One's own certificate by its number; 404 for everyone else, staff included."""
    query = (
        sa.select(Certificate)
        .join(Certificate.enrollment)
        .join(Enrollment.student)
        .where(Certificate.number == normal_number(number), Student.user_id == user.id)
    )
    found = session.scalar(query)
    if found is None:
        abort(404)
    return found


def class_for(session: Session, code: str, user: User) -> Offering:
    """A class by its code, for its instructors and for staff; 404 for everyone else."""
    query = sa.select(Offering).where(Offering.code == code.upper())
    if not user.is_staff:
        query = query.where(Offering.instructors.any(OfferingInstructor.user_id == user.id))
    found = session.scalar(query)
    if found is None:
        abort(404)
    return found


def may_issue(offering: Offering, user: User) -> bool:
    """Whether someone may issue the certificates of a class: staff and its lead instructor."""
    return user.is_staff or any(
        part.user_id == user.id and part.role is InstructorRole.LEAD for part in offering.instructors
    )


def certificates_of(session: Session, student_id: int) -> list[Certificate]:
    """A student's certificates, newest first; those that were superseded are left out."""
    query = (
        sa.select(Certificate)
        .join(Certificate.enrollment)
        .options(contains_eager(Certificate.enrollment))
        .where(
            Enrollment.student_id == student_id,
            Certificate.state.in_(
                [CertificateState.PREPARING, CertificateState.ISSUED, CertificateState.REVOKED]
            ),
        )
        .order_by(Certificate.id.desc())
    )
    return list(session.scalars(query))


def flagged(session: Session) -> list[Certificate]:
    """Valid certificates that rest on attendance which was corrected later: for the office to look at."""
    query = (
        sa.select(Certificate)
        .join(Certificate.enrollment)
        .options(contains_eager(Certificate.enrollment))
        .where(
            Certificate.state.in_([CertificateState.PREPARING, CertificateState.ISSUED]),
            Certificate.attendance_revision != Enrollment.attendance_revision,
        )
        .order_by(Certificate.id)
    )
    return list(session.scalars(query))
