"""Fills an empty database with the demo school, by the same rules that the pages use, at the times when it would have
happened: enrolled before the class, marked at the meetings, signed off after the last one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import Role, User
from accounts.passwords import hash_password
from attendance.finalize import finalize
from attendance.marking import save_roll
from attendance.models import MarkStatus
from attendance.writing import Entry
from certificates.evaluation import Answers, fill_in, questions_of
from certificates.issuing import issue_class
from core import audit
from core.clock import local_date
from core.errors import RuleError
from core.files import store
from core.outbox import OutgoingMail
from core.pdf.signatures import drawn_signature
from core.school import School
from courses.catalog_entries import LicenseEntry, OfferingEntry, PersonEntry
from courses.catalog_file import CatalogFile, read_catalog
from courses.importing import load_catalog
from courses.models import Evaluation
from courses.offering_models import Meeting, Offering
from portal.demo import features
from portal.demo.payments import pay_fees
from portal.demo.people import MadeUpPerson, made_up_people
from students import seats
from students.models import Enrollment, EnrollmentState, License, Student
from students.people import new_calendar_token
from students.roster import on_roll

FILE = Path(__file__).with_name("catalog.yaml")
DOMAIN = "tideway.example"
PASSWORD = "tideway-demo"  # noqa: S105  (said on the sign-in page of the demo)


@dataclass
class Demo:
    """The loading under way."""

    session: Session
    now: datetime
    password_hash: str
    users: dict[str, User] = field(default_factory=dict)
    students: dict[str, Student] = field(default_factory=dict)
    crowd: Iterator[MadeUpPerson] = field(default_factory=made_up_people)
    met: list[Student] = field(default_factory=list)


def load_demo(session: Session, *, now: datetime, path: Path = FILE) -> Demo:
    """Load the whole demo school in the running transaction. Certificates are reserved; the worker makes them.

    Raises RuleError when the database already has users, CatalogError when the catalog file does not fit.
    """
    if session.scalar(sa.select(User.id).limit(1)) is not None:
        raise RuleError(
            _("This database already has users. The demo school is only loaded into an empty one.")
        )
    file = read_catalog(path)
    demo = Demo(session, now, hash_password(PASSWORD))
    for person in file.entries.cast:
        _cast(demo, person)
    session.flush()
    zone = file.entries.provider.time_zone if file.entries.provider else "UTC"
    actor = demo.users["rosa"]
    imported = load_catalog(session, file, today=local_date(now, zone), now=now, actor=actor)
    _dress_school(demo, imported.school)
    session.flush()
    seats.lock_several(session, {row.id for row in imported.offerings.values()})
    entries = {entry.code: entry for entry in file.entries.offerings}
    rosters: dict[str, list[Student]] = {}
    for offering in sorted(imported.offerings.values(), key=lambda row: row.starts_at):
        rosters[offering.code] = _fill(demo, file, offering, entries[offering.code], rosters)
        unpaid = entries[offering.code].balance_unpaid
        pay_fees(session, offering, unpaid=unpaid, actor=actor, now=now)
        _hold(demo, offering, entries[offering.code])
    _under_way(demo, imported.offerings, actor)
    # What lies in the past was told in the past: no mail goes out for it.
    session.execute(sa.delete(OutgoingMail))
    audit.record(session, "portal:demo:loaded", None, actor=None, now=now, people=len(demo.students))
    return demo


def _under_way(demo: Demo, classes: Mapping[str, Offering], actor: User) -> None:
    """What the office has in hand beside the classes, as far as the file has those that it is shown with."""
    session, now = demo.session, demo.now
    if offering := classes.get("ADV1-AST-A"):
        asking = [_newcomer(demo) for _number in range(2)]
        features.needs_approval(session, offering, asking, actor=actor, now=now)
    if offering := classes.get("SAF1-NET-A"):
        features.needs_a_minimum(session, offering, actor=actor, now=now)
    if offering := classes.get("CST1-LIS-A"):
        people = [_newcomer(demo) for _number in range(4)]
        features.booked_by_a_group(session, offering, people[:2], actor=actor, now=now)
        features.came_and_went(session, offering, *people[2:], actor=actor, now=now)
        _twice(demo, people[2])


def _twice(demo: Demo, student: Student) -> None:
    """Somebody who registered again with another address: found under Duplicates by the license."""
    known = student.licenses[0]
    user = _user(demo, f"{student.user.email.partition('@')[0]}-old", student.user.name, "", Role.STUDENT)
    user.family_name = student.user.family_name
    again = License(profession=known.profession, jurisdiction=known.jurisdiction, number=known.number)
    _student(demo, user.email, user, [again])


def _user(demo: Demo, login: str, name: str, family_name: str, role: Role) -> User:
    row = User(
        email=f"{login}@{DOMAIN}",
        name=name,
        family_name=family_name,
        role=role,
        password_hash=demo.password_hash,
        created_at=demo.now - timedelta(days=500),
        confirmed_at=demo.now - timedelta(days=500),
    )
    demo.session.add(row)
    demo.users[login] = row
    return row


def _cast(demo: Demo, person: PersonEntry) -> None:
    login = person.login.removesuffix(f"@{DOMAIN}")
    user = _user(demo, login, person.name, person.name.split()[-1], Role(person.role))
    if user.role is Role.STUDENT:
        _student(demo, login, user, [_license(demo, entry) for entry in person.licenses])
    if user.role is Role.INSTRUCTOR:
        user.signature_sha256 = store().put(drawn_signature(person.name))


def _license(demo: Demo, entry: LicenseEntry) -> License:
    expires = (demo.now + timedelta(days=entry.expires_in_days)).date() if entry.expires_in_days else None
    return License(
        profession=entry.profession, jurisdiction=entry.state, number=entry.number, expires_on=expires
    )


def _student(demo: Demo, login: str, user: User, licenses: list[License]) -> Student:
    row = Student(
        user=user,
        certificate_name=user.name,
        profession=licenses[0].profession if licenses else "",
        calendar_token=new_calendar_token(),
        licenses=licenses,
    )
    demo.session.add(row)
    demo.students[login] = row
    return row


def _newcomer(demo: Demo) -> Student:
    person = next(demo.crowd)
    user = _user(demo, person.login, person.name, person.family_name, Role.STUDENT)
    license_ = License(
        profession=person.profession,
        jurisdiction=person.jurisdiction,
        number=person.license_number,
        expires_on=(demo.now + timedelta(days=300)).date(),
    )
    student = _student(demo, person.login, user, [license_])
    demo.session.flush()
    demo.met.append(student)
    return student


def _dress_school(demo: Demo, school: School) -> None:
    signatory = demo.users["admin"]
    school.signatory = school.signatory or signatory.name
    school.signatory_role = _("Director of education")
    school.signature_sha256 = store().put(drawn_signature(school.signatory))


def _fill(
    demo: Demo,
    file: CatalogFile,
    offering: Offering,
    entry: OfferingEntry,
    rosters: dict[str, list[Student]],
) -> list[Student]:
    """Enroll the cast and the crowd; those who wait come last. Returns who sits in the class."""
    cast = file.entries.cast
    seated = [demo.students[person.login] for person in cast if entry.code in person.in_]
    waiting = [demo.students[person.login] for person in cast if entry.code in person.waiting]
    pool = _pool(demo, entry, rosters)
    while len(seated) < entry.enrolled:
        student = next(pool)
        if student not in seated and student not in waiting:
            seated.append(student)
    while len(waiting) < entry.waitlisted:
        waiting.append(_newcomer(demo))
    # Asked for one after the other, over the weeks before the class (or before today).
    last = min(offering.starts_at, demo.now) - timedelta(days=3)
    if offering.enrollment_closes_at:
        last = min(last, offering.enrollment_closes_at - timedelta(hours=1))
    everyone = [*seated, *waiting]
    for number, student in enumerate(everyone):
        when = last - timedelta(days=16) * (1 - (number + 1) / len(everyone))
        features.ask(demo.session, offering, student, at=when)
    demo.session.flush()
    return seated


def _pool(demo: Demo, entry: OfferingEntry, rosters: dict[str, list[Student]]) -> Iterator[Student]:
    """Who fills the seats: finishers of an earlier class, people who came before (to open courses), newcomers."""
    if entry.from_:
        yield from _finishers(demo, entry.from_, rosters[entry.from_])
    elif not entry.course.startswith("CST"):
        known = list(demo.met)
        start = sum(map(ord, entry.code)) % max(len(known), 1)
        yield from known[start:]
    while True:
        yield _newcomer(demo)


def _finishers(demo: Demo, code: str, students: list[Student]) -> list[Student]:
    """Those of the students who finished the class of this code (another class does not count), or sit in it still."""
    finished = set(
        demo.session.scalars(
            sa.select(Enrollment.student_id)
            .join(Offering, Offering.id == Enrollment.offering_id)
            .where(
                Offering.code == code,
                Enrollment.student_id.in_([student.id for student in students]),
                Enrollment.state.in_([EnrollmentState.COMPLETED, EnrollmentState.ENROLLED]),
            )
        )
    )
    return [student for student in students if student.id in finished]


def _hold(demo: Demo, offering: Offering, entry: OfferingEntry) -> None:
    """Mark the meetings that are over; sign a finished class off and reserve its certificates."""
    lead = demo.users[entry.lead] if entry.lead else demo.users["rosa"]
    held = [meeting for meeting in offering.meetings if meeting.ends_at <= demo.now]
    if entry.state != "finished":
        held = held[:-1]  # whoever tries the demo has a roll to take, whatever the hour
    roll = on_roll(demo.session, offering.id)
    for meeting in held:
        entries = [Entry(e.id, *_happened(number, meeting)) for number, e in enumerate(roll)]
        if entries:
            save_roll(demo.session, meeting, entries, actor=lead, now=meeting.ends_at)
    if entry.state != "finished":
        return
    signed = offering.ends_at + timedelta(hours=1)
    finalize(demo.session, offering, actor=lead, now=signed)
    demo.session.flush()
    _evaluate(demo, offering, signed)
    if entry.certificates == "issued":
        issue_class(demo.session, offering, actor=lead, now=signed + timedelta(hours=1), accept_missing=True)


HELPED = ("The quiet pace.", "Working in pairs with a mirror.", "Clear words for what we felt.", "", "")
CHANGE = ("", "A longer lunch break.", "", "More time for questions on the last day.")


def _evaluate(demo: Demo, offering: Offering, when: datetime) -> None:
    """What the students say of a class that asks for it; the first of the cast has not come to it yet."""
    if offering.course.evaluation is Evaluation.NONE:
        return
    cast = demo.students["alice"].id
    roll = [row for row in on_roll(demo.session, offering.id) if row.student_id != cast]
    for number, row in enumerate(roll):
        if row.state is not EnrollmentState.COMPLETED or number % 6 == 5:
            continue
        answers = Answers(
            ratings={key: 5 - (number * place) % 3 // 2 for place, key in enumerate(questions_of(offering))},
            outcomes=[5 - (number + place) % 4 // 2 for place in range(len(offering.course.outcomes))],
            helped=HELPED[number % len(HELPED)],
            change=CHANGE[number % len(CHANGE)],
        )
        fill_in(demo.session, row, answers, actor=row.student.user, now=when + timedelta(minutes=number))


def _happened(number: int, meeting: Meeting) -> tuple[MarkStatus, int | None]:
    """What happened to the n-th student: most were there; a few came late, left early, missed a day or never came."""
    if number == 4 and meeting.number == 2:
        return MarkStatus.LATE, meeting.credit_minutes - 8
    if number == 7 and meeting.number == 4:
        return MarkStatus.LEFT_EARLY, meeting.credit_minutes - 35
    if number == 9 and meeting.number in (1, 2):
        return MarkStatus.ABSENT, None
    if number == 16 and meeting.number == 3:
        return MarkStatus.EXCUSED, None
    if number == 17:
        return MarkStatus.ABSENT, None
    return MarkStatus.PRESENT, None
