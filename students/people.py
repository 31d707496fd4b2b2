"""Student records: what the school keeps of a person beyond the account, and their licenses."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload

from accounts.models import User
from core import audit
from core.errors import RuleError
from core.formatting import medium_date
from students.jurisdictions import jurisdiction_of
from students.models import Enrollment, EnrollmentState, License, Student

# Professions as the catalog's ``open_to`` writes them. Any other code an administrator uses there works as well.
PROFESSIONS = {
    "LMT": lazy_gettext("Massage therapist (LMT)"),
    "PT": lazy_gettext("Physical therapist (PT)"),
    "OT": lazy_gettext("Occupational therapist (OT)"),
    "RN": lazy_gettext("Nurse (RN)"),
    "DO": lazy_gettext("Osteopathic physician (DO)"),
    "DC": lazy_gettext("Chiropractor (DC)"),
    "OTHER": lazy_gettext("Another profession"),
    "NONE": lazy_gettext("Student, or not licensed"),
}
UNLICENSED = "NONE"
# What a student changes of their own data reaches these.
UNFINISHED = (
    EnrollmentState.PENDING,
    EnrollmentState.WAITLISTED,
    EnrollmentState.OFFERED,
    EnrollmentState.ENROLLED,
)
NAME_MAXIMUM = 100


@dataclass(frozen=True)
class LicenseEntry:
    """A license as written by its holder. The number is kept exactly so, save for spaces around it."""

    profession: str
    jurisdiction: str
    number: str
    expires_on: date | None = None


def profession_label(code: str) -> str:
    """The profession in words; an unknown code as it is."""
    return str(PROFESSIONS.get(code, code))


def profession_of(typed: str) -> str:
    """The code of a profession as people write it in files: "LMT", "massage therapist", "Nurse (RN)"; else in capitals."""
    plain = " ".join(typed.split()).casefold()
    for code, label in PROFESSIONS.items():
        words = str(label).casefold()
        if plain in (code.casefold(), words, words.partition(" (")[0]):
            return code
    return plain.upper()


def expiry_words(day: date | None, now: datetime) -> str:
    """Until when a license is good, or since when it is not, by the day in UTC; empty when no day is known."""
    if day is None:
        return ""
    if day < now.date():
        return _("expired %(day)s", day=medium_date(day))
    return _("expires %(day)s", day=medium_date(day))


_WITH_LICENSES = (
    sa.select(Student).where(Student.user_id == sa.bindparam("user_id")).options(joinedload(Student.licenses))
)


def find_student(session: Session, user_id: int) -> Student | None:
    """The student record of a user with the licenses, if there is one yet."""
    return session.scalars(_WITH_LICENSES, {"user_id": user_id}).unique().one_or_none()


def student_of(session: Session, user: User) -> Student:
    """The student record of a user; made when missing, also when two requests ask for it at once."""
    found = find_student(session, user.id)
    if found is not None:
        return found
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {
        "user_id": user.id,
        "certificate_name": user.name,
        "profession": "",
        "phone": "",
        "wants_reminders": True,
        "calendar_token": new_calendar_token(),
    }
    session.execute(insert(Student).values(values).on_conflict_do_nothing())
    made = find_student(session, user.id)
    if made is None:
        raise LookupError(f"user {user.id} has no student record")
    return made


def new_calendar_token() -> str:
    """A fresh secret for the address of a calendar feed: 192 random bits."""
    return secrets.token_urlsafe(24)


def checked_name(name: str) -> str:
    """A name for certificates, spaces tidied. Raises RuleError when it is empty or longer than fits on paper."""
    tidy = " ".join(name.split())
    if not tidy:
        raise RuleError(_("Write the name that your certificates carry."), field="certificate_name")
    if len(tidy) > NAME_MAXIMUM:
        raise RuleError(
            _("A certificate has room for %(count)d letters.", count=NAME_MAXIMUM), field="certificate_name"
        )
    return tidy


def change_details(
    session: Session,
    student: Student,
    *,
    certificate_name: str,
    phone: str,
    wants_reminders: bool,
    actor: User,
    now: datetime,
) -> None:
    """Change a student's own data. A new certificate name also reaches the enrollments that aren't finished yet.

    Raises RuleError for an empty or too long name.
    """
    name = checked_name(certificate_name)
    changed = [
        label
        for label, old, new in (
            ("certificate_name", student.certificate_name, name),
            ("phone", student.phone, phone.strip()),
            ("wants_reminders", student.wants_reminders, wants_reminders),
        )
        if old != new
    ]
    if not changed:
        return
    student.certificate_name = name
    student.phone = phone.strip()
    student.wants_reminders = wants_reminders
    session.execute(
        sa.update(Enrollment)
        .where(Enrollment.student_id == student.id, Enrollment.state.in_(UNFINISHED))
        .values(certificate_name=name)
    )
    audit.record(session, "students:student:changed", student, actor=actor, now=now, changed=changed)


def save_license(
    session: Session, student: Student, entry: LicenseEntry, *, actor: User | None, now: datetime
) -> License:
    """Add a license, or change the one of the same profession and jurisdiction. Returns it.

    Raises RuleError, with the field, when the number is missing, or the jurisdiction is or can't be one.
    """
    jurisdiction = jurisdiction_of(entry.jurisdiction)
    number = entry.number.strip()
    if not number:
        raise RuleError(_("Write the number of your license."), field="license_number")
    if len(number) > 60:
        raise RuleError(_("A license number has at most 60 characters."), field="license_number")
    for known in student.licenses:
        if (known.profession, known.jurisdiction) == (entry.profession, jurisdiction):
            if known.number != number or (entry.expires_on and known.expires_on != entry.expires_on):
                known.number = number
                known.expires_on = entry.expires_on or known.expires_on
                audit.record(session, "students:license:changed", known, actor=actor, now=now)
            return known
    added = License(
        profession=entry.profession, jurisdiction=jurisdiction, number=number, expires_on=entry.expires_on
    )
    student.licenses.append(added)
    audit.record(session, "students:license:added", added, actor=actor, now=now)
    return added


def enter_license(
    session: Session, student: Student, entry: LicenseEntry, *, actor: User, now: datetime
) -> License:
    """A student adds or corrects a license on their own page; raises as ``save_license`` does.

    Enrollments of that profession that have no license and aren't finished take it over: its holder may have removed it and
    written it anew.
    """
    license_ = save_license(session, student, entry, actor=actor, now=now)
    session.flush()
    session.execute(
        sa.update(Enrollment)
        .where(
            Enrollment.student_id == student.id,
            Enrollment.profession == entry.profession,
            Enrollment.license_id.is_(None),
            Enrollment.state.in_(UNFINISHED),
        )
        .values(license_id=license_.id)
    )
    return license_


def remove_license(
    session: Session, student: Student, license_id: int, *, actor: User, now: datetime
) -> None:
    """Remove one of the student's own licenses. Raises RuleError when it is not theirs or gone already."""
    for known in student.licenses:
        if known.id == license_id:
            student.licenses.remove(known)
            audit.record(
                session, "students:license:removed", student, actor=actor, now=now, license=license_id
            )
            return
    raise RuleError(_("That license is not on your list any more."))


def renew_calendar_token(session: Session, student: Student, *, actor: User, now: datetime) -> None:
    """Make the private calendar address anew; the old one stops working."""
    student.calendar_token = new_calendar_token()
    audit.record(session, "students:calendar:renewed", student, actor=actor, now=now)
