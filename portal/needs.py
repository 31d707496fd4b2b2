"""What needs the office: tasks are counted, in as many statements whatever there is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from attendance.door_models import WalkIn
from attendance.makeup_models import MakeUp, MakeUpState
from certificates import key_standing
from certificates.models import Certificate, CertificateState
from core.clock import local_date
from core.formatting import date_time, listing, money
from core.looks import has_endpoint
from core.outbox import MailState, OutgoingMail
from core.school import current_school
from core.worker import STALE_AFTER, WorkerHeartbeat
from courses.offering_models import Offering, OfferingState
from students import access_help, fee_lists, running
from students.models import Enrollment, EnrollmentState

SHOWN = 3
DRAFT_DAYS = 30
MAIL_LATE = timedelta(minutes=15)


@dataclass(frozen=True)
class Task:
    """Something to do: how many, what, where, and the page that does it."""

    count: int
    title: str
    text: str
    action: str
    endpoint: str
    code: str = ""


Rows = Sequence[tuple[str, int]]


def needs(session: Session, *, now: datetime, zone: str) -> list[Task]:
    """The tasks that there are, the most pressing first. ``zone`` is the school's: "today" ends there at midnight."""
    tomorrow = datetime.combine(
        now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1), time(), ZoneInfo(zone)
    )
    people = _by_class(
        session,
        pending=sa.and_(Enrollment.state == EnrollmentState.PENDING, Offering.ends_at > now),
        offers=sa.and_(
            Enrollment.state == EnrollmentState.OFFERED,
            Enrollment.offer_expires_at > now,
            Enrollment.offer_expires_at < tomorrow,
        ),
        help=access_help.waiting(now),
        certificates=_without_certificate(),
        corrected=_on_older_attendance(),
        unmade=_could_not_be_made(),
    )
    found = [
        _pending(people["pending"]),
        _undecided(session, now),
        _offers(people["offers"]),
        _access_help(people["help"]),
        *_door_and_make_ups(session),
        _to_finalize(session, now),
        _signing(session, now),
        _unmade(people["unmade"]),
        _corrected(people["corrected"]),
        _certificates(people["certificates"]),
        _fees(session, now, zone),
        _drafts(session, now),
        *_mail_and_worker(session, now, zone),
    ]
    return [task for task in found if task is not None and has_endpoint(task.endpoint)]


def _by_class(session: Session, **kinds: sa.ColumnElement[bool]) -> Mapping[str, Rows]:
    """How many enrollments of each kind each class has, the class that begins first at the head. One statement."""
    query = (
        sa.select(Offering.code, *(sa.func.count(sa.case((kind, 1))) for kind in kinds.values()))
        .join(Offering, Offering.id == Enrollment.offering_id)
        .where(sa.or_(*kinds.values()))
        .group_by(Offering.code, Offering.starts_at)
        .order_by(Offering.starts_at)
    )
    found: dict[str, list[tuple[str, int]]] = {kind: [] for kind in kinds}
    for code, *counts in session.execute(query):
        for kind, count in zip(kinds, counts, strict=True):
            if count:
                found[kind].append((str(code), int(count)))
    return found


def _places(codes: Sequence[str]) -> str:
    if len(codes) > SHOWN:
        return _("%(codes)s and %(n)s more", codes=", ".join(codes[:SHOWN]), n=len(codes) - SHOWN)
    return listing(codes)


def _total(rows: Rows) -> int:
    return sum(count for _code, count in rows)


def _codes(rows: Rows) -> list[str]:
    return [code for code, _count in rows]


def _roster() -> str:
    return "students.office_roster" if has_endpoint("students.office_roster") else "courses.office_class"


def _pending(rows: Rows) -> Task | None:
    if not rows:
        return None
    count = _total(rows)
    title = ngettext("enrollment waits for approval", "enrollments wait for approval", count)
    return Task(count, title, _places(_codes(rows)), _("Decide"), _roster(), rows[0][0])


def _undecided(session: Session, now: datetime) -> Task | None:
    codes = session.scalars(running.undecided(now).with_only_columns(Offering.code)).all()
    if not codes:
        return None
    title = ngettext("class has too few students", "classes have too few students", len(codes))
    return Task(len(codes), title, _places(codes), _("Decide"), "portal.class_decision", codes[0])


def _access_help(rows: Rows) -> Task | None:
    if not rows:
        return None
    count = _total(rows)
    title = ngettext("student asks for help with access", "students ask for help with access", count)
    return Task(count, title, _places(_codes(rows)), _("Get in touch"), "students.office_access")


def _offers(rows: Rows) -> Task | None:
    if not rows:
        return None
    count = _total(rows)
    title = ngettext("waitlist offer ends today", "waitlist offers end today", count)
    return Task(count, title, _places(_codes(rows)), _("Review offers"), _roster(), rows[0][0])


def _to_finalize(session: Session, now: datetime) -> Task | None:
    query = (
        sa.select(Offering.code)
        .where(
            Offering.state == OfferingState.PUBLISHED,
            Offering.ends_at <= now,
            Offering.finalized_at.is_(None),
            Offering.seats_taken > 0,
        )
        .order_by(Offering.ends_at)
    )
    codes = session.scalars(query).all()
    if not codes:
        return None
    title = ngettext("class is over and not signed off", "classes are over and not signed off", len(codes))
    return Task(len(codes), title, _places(codes), _("See the attendance"), "attendance.class_grid", codes[0])


def _door_and_make_ups(session: Session) -> list[Task]:
    """People at the door who wait for the office, and make-ups that were asked for. One statement."""
    door = sa.select(sa.func.count()).select_from(WalkIn).where(WalkIn.settled_at.is_(None))
    asked = sa.select(sa.func.count()).select_from(MakeUp).where(MakeUp.state == MakeUpState.ASKED)
    waiting, requests = session.execute(sa.select(door.scalar_subquery(), asked.scalar_subquery())).one()
    found = []
    if waiting:
        title = ngettext(
            "person at the door was not enrolled", "people at the door were not enrolled", waiting
        )
        said = _("Noted by the instructor, with the reason.")
        found.append(Task(waiting, title, said, _("Settle"), "attendance.office_walk_ins"))
    if requests:
        title = ngettext("make-up is asked for", "make-ups are asked for", requests)
        said = _("The student waits for an answer.")
        found.append(Task(requests, title, said, _("Decide"), "attendance.office_makeups"))
    return found


def _without_certificate() -> sa.ColumnElement[bool]:
    # whose certificate was revoked gets another on purpose, or none: nothing waits there
    any_at_all = sa.select(Certificate.id).where(Certificate.enrollment_id == Enrollment.id).exists()
    completed = Enrollment.state == EnrollmentState.COMPLETED
    return sa.and_(completed, Offering.finalized_at.is_not(None), ~any_at_all)


def _on_older_attendance() -> sa.ColumnElement[bool]:
    """As ``certificates.lookups.flagged``: what is printed is no longer what was marked."""
    older = (
        sa.select(Certificate.id)
        .where(
            Certificate.enrollment_id == Enrollment.id,
            Certificate.state.in_([CertificateState.PREPARING, CertificateState.ISSUED]),
            Certificate.attendance_revision != Enrollment.attendance_revision,
        )
        .exists()
    )
    return sa.and_(Enrollment.attendance_revision > 0, older)


def _could_not_be_made() -> sa.ColumnElement[bool]:
    return (
        sa.select(Certificate.id)
        .where(
            Certificate.enrollment_id == Enrollment.id,
            Certificate.state == CertificateState.PREPARING,
            Certificate.problem != "",
        )
        .exists()
    )


def _unmade(rows: Rows) -> Task | None:
    if not rows:
        return None
    count = _total(rows)
    title = ngettext("certificate could not be made", "certificates could not be made", count)
    return Task(
        count, title, _places(_codes(rows)), _("See why, and try again"), "certificates.office_certificates"
    )


def _signing(session: Session, now: datetime) -> Task | None:
    told = key_standing.trouble(session, now)
    if not told:
        return None
    title = _("signing key needs attention")
    return Task(1, title, told, _("See the certificates"), "certificates.office_certificates")


def _corrected(rows: Rows) -> Task | None:
    if not rows:
        return None
    count = _total(rows)
    title = ngettext(
        "certificate rests on attendance that was corrected",
        "certificates rest on attendance that was corrected",
        count,
    )
    endpoint = "certificates.office_certificates"
    return Task(count, title, _places(_codes(rows)), _("Replace or revoke"), endpoint)


def _certificates(rows: Rows) -> Task | None:
    if not rows:
        return None
    count = _total(rows)
    title = ngettext("student has no certificate yet", "students have no certificate yet", count)
    return Task(
        count,
        title,
        _places(_codes(rows)),
        _("Review and issue"),
        "certificates.class_certificates",
        rows[0][0],
    )


def _fees(session: Session, now: datetime, zone: str) -> Task | None:
    counted = fee_lists.sums(session, today=local_date(now, zone))
    overdue, cents = counted[fee_lists.View.OVERDUE]
    if not overdue:
        return None
    school = current_school(session)
    total = money(cents, school.currency) if school else str(cents)
    title = ngettext("balance is overdue", "balances are overdue", overdue)
    return Task(overdue, title, _("%(sum)s in total", sum=total), _("See who owes"), "students.office_fees")


def _drafts(session: Session, now: datetime) -> Task | None:
    query = (
        sa.select(Offering.code)
        .where(
            Offering.state == OfferingState.DRAFT,
            Offering.starts_at > now,
            Offering.starts_at < now + timedelta(days=DRAFT_DAYS),
        )
        .order_by(Offering.starts_at)
    )
    codes = session.scalars(query).all()
    if not codes:
        return None
    title = ngettext("draft begins within 30 days", "drafts begin within 30 days", len(codes))
    return Task(len(codes), title, _places(codes), _("Look at it"), "courses.office_class", codes[0])


def _mail_and_worker(session: Session, now: datetime, zone: str) -> list[Task]:
    """Mail that did not go out, and a worker that has stopped: without one no mail, paper or certificate is made."""
    late = sa.and_(
        OutgoingMail.state.in_([MailState.QUEUED, MailState.SENDING]),
        OutgoingMail.created_at < now - MAIL_LATE,
        OutgoingMail.next_attempt_at < now,
    )
    failed = OutgoingMail.state == MailState.FAILED
    counts = sa.select(
        sa.func.coalesce(sa.func.sum(sa.case((failed, 1), else_=0)), 0),
        sa.func.coalesce(sa.func.sum(sa.case((late, 1), else_=0)), 0),
        sa.select(sa.func.max(WorkerHeartbeat.at)).scalar_subquery(),
    ).where(sa.or_(failed, late))
    given_up, waiting, last_seen = session.execute(counts).one()
    found = []
    if last_seen is not None and last_seen < now - STALE_AFTER:
        text = _(
            "Mail, papers and certificates wait since %(time)s. Whoever looks after the server starts it again.",
            time=date_time(last_seen, zone),
        )
        found.append(Task(1, _("worker has stopped"), text, _("See the mail"), "portal.office_mail"))
    if given_up + waiting:
        title = ngettext("mail has not been sent", "mails have not been sent", given_up + waiting)
        text = _("%(failed)s given up, %(late)s late", failed=given_up, late=waiting)
        found.append(Task(given_up + waiting, title, text, _("See the mail"), "portal.office_mail"))
    return found
