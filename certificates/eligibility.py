"""Who gets a certificate, with which bodies' lines, and why not.

The school's policy decides whether there is a certificate: the enrollment is ``completed`` once the class is finalized.
Each body's rule decides whether its line is on it. Nothing is decided here that the page cannot explain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload, selectinload

from attendance.minutes import Summary, rule_of, summaries
from certificates.completion import completion_dates
from certificates.evaluation import missing_reasons
from certificates.models import Certificate, CertificateOverride, CertificateState
from certificates.overriding import is_decidable
from certificates.payment import unpaid_reasons
from core.formatting import hours, long_date, number
from courses.models import Approval, Course
from courses.offering_models import InstructorRole, Offering, OfferingInstructor
from students.models import ROLL_STATES, Enrollment, EnrollmentState
from students.roster import on_roll


@dataclass(frozen=True)
class Line:
    """One body's line: the units earned, or why the line is not there and what would change it."""

    approval: Approval
    units: Fraction
    reason: str = ""
    # The facts that the body asks for and that are not there, though attendance would earn the line.
    missing: tuple[str, ...] = ()
    # The approval was not valid on the day of completion.
    outdated: bool = False

    @property
    def fixable(self) -> bool:
        """Whether it is something to mend (a license number, say), as opposed to attendance that was not there."""
        return bool(self.missing)

    @property
    def granted(self) -> bool:
        """Whether the line is printed."""
        return self.units > 0 and not self.reason


@dataclass(frozen=True)
class Verdict:
    """What one enrollment gets. ``reasons`` say why there is no certificate (none: there is one)."""

    enrollment: Enrollment
    attended_minutes: int
    total_minutes: int
    completed_on: date
    lines: tuple[Line, ...] = ()
    reasons: tuple[str, ...] = ()
    live: Certificate | None = None
    # One that was revoked and has no successor: another is issued on purpose, never together with the rest.
    revoked: Certificate | None = None
    # The office decided that there is one although these reasons speak against it.
    override: CertificateOverride | None = None
    set_aside: tuple[str, ...] = ()

    @property
    def eligible(self) -> bool:
        """Whether a certificate may be issued now."""
        return not self.reasons and self.live is None

    @property
    def decidable(self) -> bool:
        """Whether the office may decide that there is a certificate nevertheless."""
        return bool(self.reasons) and self.live is None and is_decidable(self.enrollment)

    @property
    def granted(self) -> tuple[Line, ...]:
        """The lines to print."""
        return tuple(line for line in self.lines if line.granted)

    @property
    def problems(self) -> tuple[str, ...]:
        """What a body asks for and is missing, though attendance would earn its line: mend it before issuing."""
        return tuple(line.reason for line in self.lines if line.fixable)

    @property
    def lacks_license(self) -> bool:
        """Whether a body asks for a license number that the enrollment does not have."""
        return any("license_number" in line.missing for line in self.lines)


def load_offering(session: Session, offering_id: int) -> Offering:
    """The offering with all that a verdict and a certificate need, in a constant number of statements."""
    query = (
        sa.select(Offering)
        .where(Offering.id == offering_id)
        .options(
            joinedload(Offering.venue),
            joinedload(Offering.course).selectinload(Course.approvals).joinedload(Approval.body),
            selectinload(Offering.instructors).joinedload(OfferingInstructor.user),
        )
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).unique().one()


def judge_class(session: Session, offering: Offering) -> list[Verdict]:
    """A verdict for everyone on the roll, by name, in a constant number of statements."""
    enrollments = on_roll(session, offering.id)
    return _judge(session, offering, enrollments, summaries(session, offering))


def judge_one(session: Session, enrollment: Enrollment) -> Verdict:
    """The verdict for one enrollment."""
    offering = load_offering(session, enrollment.offering_id)
    (verdict,) = _judge(session, offering, [enrollment], summaries(session, offering))
    return verdict


def _judge(
    session: Session, offering: Offering, enrollments: list[Enrollment], attended: Mapping[int, Summary]
) -> list[Verdict]:
    ids = [enrollment.id for enrollment in enrollments]
    live: dict[int, Certificate] = {}
    revoked: dict[int, Certificate] = {}
    query = sa.select(Certificate).where(
        Certificate.enrollment_id.in_(ids), Certificate.state != CertificateState.SUPERSEDED
    )
    for certificate in session.scalars(query.order_by(Certificate.id)):
        kept = revoked if certificate.state is CertificateState.REVOKED else live
        kept[certificate.enrollment_id] = certificate
    decided = {
        row.enrollment_id: row
        for row in session.scalars(
            sa.select(CertificateOverride)
            .where(CertificateOverride.enrollment_id.in_(ids))
            .options(joinedload(CertificateOverride.granted_by))
        )
    }
    completed = completion_dates(session, offering, enrollments)
    waiting_for = [unpaid_reasons(session, enrollments), missing_reasons(session, offering, enrollments)]
    return [
        _verdict(
            offering,
            enrollment,
            attended[enrollment.id],
            completed[enrollment.id],
            live=live.get(enrollment.id),
            revoked=None if enrollment.id in live else revoked.get(enrollment.id),
            override=decided.get(enrollment.id),
            waits=[found[enrollment.id] for found in waiting_for if enrollment.id in found],
        )
        for enrollment in enrollments
    ]


def _verdict(
    offering: Offering,
    enrollment: Enrollment,
    summary: Summary,
    day: date,
    *,
    live: Certificate | None,
    revoked: Certificate | None,
    override: CertificateOverride | None,
    waits: list[str],
) -> Verdict:
    reasons = (*_reasons(offering, enrollment, summary), *waits)
    overridden = override is not None and is_decidable(enrollment)
    lines = tuple(
        _line(offering, enrollment, approval, summary, day) for approval in _approvals(offering, day)
    )
    return Verdict(
        enrollment=enrollment,
        attended_minutes=summary.attended,
        total_minutes=summary.total,
        completed_on=day,
        lines=lines,
        reasons=() if overridden else reasons,
        live=live,
        revoked=revoked,
        override=override,
        set_aside=reasons if overridden else (),
    )


def _reasons(offering: Offering, enrollment: Enrollment, summary: Summary) -> list[str]:
    state = enrollment.state
    if state is EnrollmentState.ENROLLED:
        return [_("The attendance has not been signed off. The lead instructor finalizes the class first.")]
    if state in ROLL_STATES and offering.finalized_at is None:
        return [
            _("The class was opened again. The lead instructor signs the attendance off once more first.")
        ]
    if state is EnrollmentState.COMPLETED:
        return []
    if state is EnrollmentState.NO_SHOW:
        return [_("No attendance was marked. A correction with a reason would change this.")]
    if state is EnrollmentState.INCOMPLETE:
        return [
            _(
                "Attended %(attended)s of %(total)s hours; the policy asks for %(needed)s. "
                "A make-up or a correction would change this.",
                attended=hours(summary.attended, 2),
                total=hours(summary.total, 2),
                needed=hours(summary.needed, 2),
            )
        ]
    return [_("This enrollment holds no seat in the class.")]


def _approvals(offering: Offering, day: date) -> list[Approval]:
    """Each body's approval that counts: the (latest) one valid on the completion date, else its latest (to say why not)."""
    chosen: dict[int, Approval] = {}
    for approval in sorted(offering.course.approvals, key=lambda item: item.valid_from):
        current = chosen.get(approval.body_id)
        if current is None or _valid(approval, day) or not _valid(current, day):
            chosen[approval.body_id] = approval
    return sorted(chosen.values(), key=lambda item: item.body.title)


def _valid(approval: Approval, day: date) -> bool:
    return approval.valid_from <= day <= approval.valid_until


def _line(
    offering: Offering, enrollment: Enrollment, approval: Approval, summary: Summary, day: date
) -> Line:
    body = approval.body
    if not _valid(approval, day):
        reason = _(
            "%(body)s: the approval was valid from %(start)s to %(end)s, not on %(day)s.",
            body=body.title,
            start=long_date(approval.valid_from),
            end=long_date(approval.valid_until),
            day=long_date(day),
        )
        return Line(approval, Fraction(0), reason, outdated=True)
    units = rule_of(body, approval).earned(summary.attended, summary.total)
    if units <= 0:
        return Line(approval, units, _not_earned(approval, summary))
    missing = [what for what in body.requires if not has_fact(what, offering, enrollment, approval)]
    if missing:
        names = ", ".join(fact_name(what) for what in missing)
        reason = _("%(body)s asks for what is missing: %(names)s.", body=body.title, names=names)
        return Line(approval, units, reason, missing=tuple(missing))
    return Line(approval, units)


def _not_earned(approval: Approval, summary: Summary) -> str:
    if approval.body.partial_credit:
        return _("%(body)s: too few minutes for any credit.", body=approval.body.title)
    missed = summary.total - summary.attended
    return _(
        "%(body)s gives credit for full attendance only; %(missed)s minutes were missed.",
        body=approval.body.title,
        missed=number(missed, 0),
    )


def has_fact(what: str, offering: Offering, enrollment: Enrollment, approval: Approval) -> bool:
    """Whether a fact that a body asks for is there. An unknown name counts as missing: better no line than a wrong one."""
    license_ = enrollment.license
    facts = {
        "license_number": license_ is not None and bool(license_.number.strip()),
        "program": bool(approval.program_number.strip()),
        "provider_number": bool(approval.body.provider_number.strip()),
        "place": bool(offering.venue.place.strip()),
        "instructor": lead_of(offering) is not None,
        "title": bool(offering.course.title.strip()),
        "date": True,
        "delivery": True,
        "hours": True,
        "signature": True,
        "statement": bool(approval.body.statement.strip()),
    }
    return facts.get(what, False)


def fact_name(what: str) -> str:
    """What to call a fact, and where it is mended."""
    names = {
        "license_number": _("the license number (the office adds it)"),
        "program": _("the program number (on the course’s page)"),
        "provider_number": _("the provider number (on the body’s page)"),
        "place": _("the place (on the venue’s page)"),
        "instructor": _("the lead instructor (on the class’s page)"),
        "statement": _("the body’s statement (on the body’s page)"),
    }
    return names.get(what, what)


def lead_of(offering: Offering) -> OfferingInstructor | None:
    """The lead instructor's part, if there is one."""
    return next((part for part in offering.instructors if part.role is InstructorRole.LEAD), None)
