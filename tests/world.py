"""The small world of the table of addresses: who asks, and what stands behind the placeholders of ``tests/addresses.py``."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.orm import Session

from accounts.models import Role, User
from accounts.tokens import Purpose, make_link
from attendance import sheets
from attendance.codes import Way, door_key
from attendance.makeup_models import MakeUp, MakeUpState
from attendance.models import AttendanceMark, CheckIn, MarkStatus
from certificates import issuing
from certificates.badge_signing import key_name
from certificates.keyring import create_key
from certificates.models import Certificate
from core import clock
from core.clock import local_date
from core.database import begin_write, db
from core.outbox import MailState, OutgoingMail
from core.papers import Paper, PaperState, paper_store
from courses.models import Claim, CourseState, Evaluation
from courses.offering_models import Offering, OfferingState
from portal.importing import reading, running
from students import fees, groups, ledger
from students.ledger_models import DiscountCode, FeeDocument, Method
from students.models import Enrollment, EnrollmentState, PrerequisiteGrant
from tests import factories
from tests.accounts.cast import HASH, make_person
from tests.factories import add, make_course, make_offering, make_student, put_enrollment

# Who asks, in the order of the table's columns. "student" is enrolled in {running}, {done} and {coming}, and
# "instructor" leads them; "other student" and "other instructor" have nothing to do with them.
WHO = ("visitor", "student", "other student", "instructor", "other instructor", "registrar", "admin")


@dataclass(frozen=True)
class World:
    """The people by the table's columns (user ids and session versions), and the values of the placeholders."""

    people: dict[str, str]
    values: dict[str, Any]


def build_world(app: Flask) -> World:
    """Fill an empty, migrated database. New placeholders are added to ``values``, with a comment where it is not plain."""
    with app.app_context():
        session = db.session
        begin_write(session)
        factories.make_school(session)
        people = _people(session)
        values = _classes(session, people) | _people_values(session, people) | _desk(session, people)
        values |= _fees(session, people, values["withdrawable"])
        values |= _group(session, people["registrar"])
        sheet = reading.read(b"Name,Email\nNina New,nina@school.test\n")
        values["batch"] = running.keep(
            session, sheet, file_name="people.csv", actor=people["registrar"], now=clock.now()
        ).id
        session.commit()
        key = create_key(app.extensions["settings"], "Tideway Bodywork Institute", now=clock.now())
        issuing.make_waiting()  # the PDF of {certificate}
        session.expire_all()
        certificate = session.get_one(Certificate, values.pop("certificate_id"))
        values |= {"certificate": certificate.number, "token": certificate.token, "key": key_name(key)}
        found = World({who: user.get_id() for who, user in people.items()}, values)
        session.rollback()
        return found


def _people(session: Session) -> dict[str, User]:
    roles = {
        "student": Role.STUDENT,
        "other student": Role.STUDENT,
        "instructor": Role.INSTRUCTOR,
        "other instructor": Role.INSTRUCTOR,
        "registrar": Role.REGISTRAR,
        "admin": Role.ADMIN,
    }
    people = {who: make_person(session, role) for who, role in roles.items()}
    make_person(session, Role.ADMIN)  # so that the admin above is not the last one
    return people


def _people_values(session: Session, people: dict[str, User]) -> dict[str, Any]:
    unconfirmed = make_person(session, confirmed_at=None)
    invited = factories.make_user(session, password_hash=None, confirmed_at=None)
    double = make_student(session, make_person(session, name="Robin Twice"))
    moving = make_person(session, pending_email="moving@example.org")
    return {
        "person": people["other student"].id,
        "double": double.id,
        "invited": invited.id,
        "nobody": 999_999,
        "confirm": make_link(Purpose.CONFIRM, unconfirmed),
        "reset": make_link(Purpose.RESET, people["other student"]),
        "invitation": make_link(Purpose.INVITE, invited),
        "new_address": make_link(Purpose.NEW_ADDRESS, moving),
        "password_hash": HASH,
    }


def _classes(session: Session, people: dict[str, User]) -> dict[str, Any]:
    now = clock.now()
    student = make_student(session, people["student"])
    other = make_student(session, people["other student"])
    course, lead = make_course(session), people["instructor"]
    running = make_offering(session, course, starts=now - timedelta(hours=3), meetings=6, lead=lead)
    done = make_offering(session, course, starts=now - timedelta(days=10), lead=lead)
    coming = make_offering(session, course, starts=now + timedelta(days=40), lead=lead)
    draft = make_offering(session, course, state=OfferingState.DRAFT, published_at=None)
    make_offering(session, course, lead=people["other instructor"])
    enrolled = put_enrollment(session, running, student)
    finished = put_enrollment(session, done, student, EnrollmentState.COMPLETED)
    course.evaluation = Evaluation.ASKED
    done.finalized_at, done.finalized_by_id = now - timedelta(days=9), lead.id
    _attended(session, done, finished)
    reserved, _left = issuing.issue_class(session, done, actor=lead, now=now)
    withdrawable = put_enrollment(session, coming, student)
    full = make_offering(session, course, starts=now + timedelta(days=30), capacity=1, lead=lead)
    offered = put_enrollment(session, full, student, EnrollmentState.OFFERED)
    offered.offer_made_at, offered.offer_expires_at = now, now + timedelta(hours=48)
    third = make_student(session)
    grant = PrerequisiteGrant(
        student_id=third.id, course_id=course.id, reason="Seen.", granted_by_id=lead.id, granted_at=now
    )
    session.add(grant)
    states = (EnrollmentState.PENDING, EnrollmentState.WAITLISTED, EnrollmentState.WITHDRAWN)
    pending, waiting, withdrawn = (
        put_enrollment(session, offering, third, state)
        for offering, state in zip((coming, full, running), states, strict=True)
    )
    session.flush()
    sheet = sheets.attach(session, running.meetings[0], b"%PDF-1.7 a scan", actor=lead, now=now)
    session.flush()
    here = add(
        session, CheckIn(meeting_id=running.meetings[0].id, enrollment_id=enrolled.id, way=Way.IN, at=now)
    )
    asked = add(
        session,
        MakeUp(
            enrollment_id=enrolled.id,
            missed_meeting_id=running.meetings[0].id,
            meeting_id=coming.meetings[0].id,
            state=MakeUpState.ASKED,
            asked_by_id=student.user_id,
            asked_at=now,
        ),
    )
    return {
        "check_in": here.id,
        "make_up": asked.id,
        "door": door_key(str(current_app.config["SECRET_KEY"]), running.meetings[1].id),
        "sheet": sheet.id,
        "pending": pending.id,
        "waiting": waiting.id,
        "withdrawn": withdrawn.id,
        "license": student.licenses[0].id,
        "grant": grant.id,
        "course": course.code,
        "draft_course": make_course(session, state=CourseState.DRAFT).code,
        "running": running.code,
        "done": done.code,
        "coming": coming.code,
        "full": full.code,
        "draft": draft.code,
        "venue": running.venue.code,
        "safety_list": running.course.screening_set.code,
        "subject": running.course.subject_id,
        "policy": running.policy.code,
        "body": factories.make_body(session).code.lower(),
        "enrollment": enrolled.id,
        "finished": finished.id,
        "withdrawable": withdrawable.id,
        "offered": offered.id,
        "student_id": student.id,
        "other_student_id": other.id,
        "calendar_token": student.calendar_token,
        "certificate_id": reserved[0].id,
    }


def _attended(session: Session, offering: Offering, enrollment: Enrollment) -> None:
    for meeting in offering.meetings:
        mark = AttendanceMark(
            meeting_id=meeting.id,
            enrollment_id=enrollment.id,
            status=MarkStatus.PRESENT,
            minutes=meeting.credit_minutes,
            made_at=meeting.ends_at,
            recorded_at=meeting.ends_at,
        )
        session.add(mark)
    session.flush()


def _fees(session: Session, people: dict[str, User], enrollment_id: int) -> dict[str, Any]:
    """The account of {withdrawable}: charged, partly paid, with a receipt."""
    now, registrar = clock.now(), people["registrar"]
    enrollment = session.get_one(Enrollment, enrollment_id)
    ledger.follow(session, enrollment, None, actor=people["student"], now=now, details={})
    account = ledger.account_of(session, enrollment_id)
    assert account is not None
    payment = fees.record_payment(
        session,
        account,
        amount_cents=10_000,
        made_on=local_date(now, "America/Los_Angeles"),
        method=Method.CASH,
        actor=registrar,
        now=now,
    )
    document = session.scalars(sa.select(FeeDocument)).one()
    code = add(session, DiscountCode(code="EARLY", percent=10, created_at=now))
    return {"account": account.id, "entry": payment.number, "fee_document": document.id, "code": code.id}


def _group(session: Session, registrar: User) -> dict[str, Any]:
    """A booking of three seats in a class of its own, one of them named."""
    now = clock.now()
    offering = make_offering(session, starts=now + timedelta(days=50), capacity=10)
    booking = groups.book(
        session,
        offering,
        organization="Harbor Clinic",
        contact_name="Sam Hill",
        contact_email="sam@clinic.example",
        seat_count=3,
        actor=registrar,
        now=now,
    )
    named = groups.name_person(
        session, booking, groups.Person(name="Kim Lee", email="kim@clinic.example"), actor=None, now=now
    )
    return {"group": booking.id, "group_token": booking.token, "group_person": named.id}


def _desk(session: Session, people: dict[str, User]) -> dict[str, Any]:
    now = clock.now()
    claim = add(session, Claim(text="What the school says.", origin="source-page.txt, line 5"))
    asked = {"kind": "sample", "asked_by_id": people["student"].id, "asked_at": now, "attempts": 0}
    waiting = add(session, Paper(**asked, state=PaperState.WAITING))
    digest = paper_store().put(b"%PDF-1.7 a sample")
    ready = add(
        session,
        Paper(
            **asked,
            state=PaperState.READY,
            sha256=digest,
            file_name="sample.pdf",
            mime_type="application/pdf",
        ),
    )
    mail = add(
        session,
        OutgoingMail(
            kind="account-known",
            event="world",
            recipient="gone@example.org",
            state=MailState.FAILED,
            created_at=now,
            next_attempt_at=now,
            message_key="world",
        ),
    )
    return {
        "claim": claim.id,
        "mail": mail.id,
        "paper": waiting.id,
        "ready_paper": ready.id,
    }
