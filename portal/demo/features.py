"""What the demo's office has under way beside the classes of its file: approval, a group, codes, a minimum, a refund.

Everything is done by the rules, some days ago, so that each page of the office has something to show.
"""

from dataclasses import fields, replace
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core.clock import local_date
from courses.offering_models import Offering
from courses.offerings import OfferingDetails, edit_offering
from portal.demo.payments import pay_fees
from students import discounts, groups, leaving, prerequisites
from students.enrollment import EnrollRequest, enroll
from students.models import Enrollment, Student

GROUP = "Clínica do Cais"
CODE = "EARLY10"


def request_of(offering: Offering, student: Student, **said: bool | str) -> EnrollRequest:
    """What a student sends who agrees to everything; ``said`` are further fields of the request."""
    license_ = student.licenses[0] if student.licenses else None
    request = EnrollRequest(
        certificate_name=student.certificate_name,
        profession=license_.profession if license_ else "OTHER",
        license_state=license_.jurisdiction if license_ else "",
        license_number=license_.number if license_ else "",
        policy_id=offering.policy_id,
        screening_set_id=offering.course.screening_set_id,
    )
    return replace(request, **said)  # type: ignore[arg-type]


def ask(
    session: Session, offering: Offering, student: Student, *, at: datetime, **said: bool | str
) -> Enrollment:
    """A student asks for a seat by themselves."""
    request = request_of(offering, student, **said)
    return enroll(session, offering, student, request, actor=student.user, now=at)


def needs_approval(
    session: Session, offering: Offering, students: list[Student], *, actor: User, now: datetime
) -> None:
    """The office decides about each seat; these students asked, one after the other, the first five days ago.

    What the course builds on they learned at another school, and the office has seen it.
    """
    _change(session, offering, actor=actor, now=now - timedelta(days=30), needs_approval=True)
    needs = prerequisites.check(session, offering.course_id, None, before=offering.starts_at).missing_required
    for days, student in zip((5, 1), students, strict=True):
        at = now - timedelta(days=days)
        for need in needs:
            prerequisites.grant(
                session,
                student,
                need.course,
                reason=_("Certificate of another school seen."),
                is_external=True,
                actor=actor,
                now=at,
            )
        ask(session, offering, student, at=at)


def needs_a_minimum(session: Session, offering: Offering, *, actor: User, now: datetime) -> None:
    """Four more are needed, and the office decides within four days."""
    day = local_date(now + timedelta(days=4), offering.time_zone)
    _change(
        session,
        offering,
        actor=actor,
        now=now - timedelta(days=30),
        minimum_to_run=offering.seats_taken + 4,
        decide_by=day,
    )


def booked_by_a_group(
    session: Session, offering: Offering, people: list[Student], *, actor: User, now: datetime
) -> None:
    """An employer holds four seats; its contact named these people, who have not read the safety list yet."""
    booking = groups.book(
        session,
        offering,
        organization=GROUP,
        contact_name="Marta Salgueiro",
        contact_email="marta@cais.example",
        seat_count=4,
        address="Rua do Cais 8\n1200-109 Lisboa",
        reference="PO-2214",
        actor=actor,
        now=now - timedelta(days=6),
    )
    for days, student in zip((4, 2), people, strict=True):
        person = groups.Person(student.user.name, student.user.email)
        groups.name_person(session, booking, person, actor=None, now=now - timedelta(days=days))


def came_and_went(
    session: Session, offering: Offering, stays: Student, leaves: Student, *, actor: User, now: datetime
) -> None:
    """One student used a code, wants to talk and needs help with access; another paid and left: a refund is due."""
    early = now - timedelta(days=20)
    until = local_date(now + timedelta(days=90), offering.time_zone)
    for code, percent, amount, uses, note in (
        (CODE, 10, None, 20, _("For whoever books early")),
        ("FAIR50", None, 5000, 1, _("Won at the fair")),
    ):
        discounts.make_code(
            session,
            code=code,
            percent=percent,
            amount_cents=amount,
            course=None,
            valid_until=until,
            most_uses=uses,
            note=note,
            actor=actor,
            now=early,
        )
    at = now - timedelta(days=3)
    said: dict[str, bool | str] = {"talk_to_instructor": True, "wants_access_help": True}
    ask(session, offering, stays, at=at, discount_code=CODE, **said)
    left = ask(session, offering, leaves, at=at)
    pay_fees(session, offering, unpaid=0, actor=actor, now=now - timedelta(days=2), only=left)
    leaving.withdraw(session, left, actor=leaves.user, now=now - timedelta(days=1))


def _change(session: Session, offering: Offering, *, actor: User, now: datetime, **values: object) -> None:
    details = OfferingDetails(**{f.name: getattr(offering, f.name) for f in fields(OfferingDetails)})
    edit_offering(session, offering, replace(details, **values), actor=actor, now=now)  # type: ignore[arg-type]
