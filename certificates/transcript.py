"""The transcript: every certificate of a student, with hours per body and year, as a PDF that the worker makes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload, selectinload

from certificates.holding import has_expired
from certificates.models import Certificate, CertificateState
from certificates.snapshot import delivery_name, school_data
from core import clock, links, papers
from core.audit import Actor
from core.clock import local_date
from core.errors import RuleError
from core.files import store
from core.formatting import date_part, long_date, number
from core.papers import MadePaper, paper
from core.school import School, current_school
from courses.models import Delivery
from students.jurisdictions import jurisdiction_name
from students.models import Enrollment, License, Student
from students.people import profession_label

PAPER = "transcript"


@dataclass
class Sums:
    """Minutes attended and units per body code, over some certificates in force."""

    minutes: int = 0
    units: dict[str, Fraction] = field(default_factory=dict)

    def add(self, facts: dict[str, Any]) -> None:
        """Count one certificate's facts."""
        self.minutes += facts["attended_minutes"]
        for line in facts["credits"]:
            self.units[line["body"]] = self.units.get(line["body"], Fraction(0)) + Fraction(line["units"])


def sums_by_year(certificates: Iterable[Certificate]) -> dict[int, Sums]:
    """Hours and units per year of completion, newest first; only certificates in force count."""
    years: dict[int, Sums] = {}
    for row in certificates:
        if row.state is CertificateState.ISSUED:
            facts = row.snapshot["facts"]
            year = date.fromisoformat(facts["completed_on"]).year
            years.setdefault(year, Sums()).add(facts)
    return dict(sorted(years.items(), reverse=True))


def ask_for_transcript(
    session: Session, student: Student, *, lang: str, actor: Actor, now: datetime
) -> papers.Paper:
    """Ask the worker for a student's transcript; the caller has checked that the actor may have it.

    Raises RuleError when there is nothing to list.
    """
    if not _listed(session, student.id):
        raise RuleError(_("There is no certificate to list yet."))
    return papers.request_paper(session, PAPER, actor=actor, now=now, student_id=student.id, lang=lang)


@paper(PAPER)
def _make(session: Session, details: dict[str, Any]) -> MadePaper:
    from core.pdf import render_document

    student = session.scalars(
        sa.select(Student)
        .where(Student.id == details["student_id"])
        .options(joinedload(Student.user), selectinload(Student.licenses))
    ).one()
    school = current_school(session)
    if school is None:
        raise RuleError(_("The school's name and address are not set up yet."))
    now = clock.now()
    with force_locale(details["lang"]):
        data = transcript_data(school, student, _listed(session, student.id), now=now)
        pictures = {"provider": store().get(school.signature_sha256)} if school.signature_sha256 else {}
        content = render_document("transcript", data, lang=details["lang"], images=pictures)
    day = local_date(now, school.time_zone)
    return MadePaper(content, f"transcript-{day.isoformat()}.pdf")


def _listed(session: Session, student_id: int) -> list[Certificate]:
    query = (
        sa.select(Certificate)
        .join(Certificate.enrollment)
        .where(Enrollment.student_id == student_id, Certificate.state != CertificateState.PREPARING)
        .order_by(Certificate.id)
    )
    return list(session.scalars(query))


def transcript_data(
    school: School, student: Student, certificates: list[Certificate], *, now: datetime
) -> dict[str, Any]:
    """What the template takes (``core.pdf.contracts.TranscriptDocument``). Replaced and revoked rows do not count."""
    rows = sorted(certificates, key=lambda row: (row.snapshot["facts"]["completed_on"], row.id))
    bodies = _bodies(rows)
    today = local_date(now, school.time_zone)
    total = Sums()
    counted = [row for row in rows if row.state is CertificateState.ISSUED]
    for row in counted:
        total.add(row.snapshot["facts"])
    in_force = sum(1 for row in counted if not has_expired(row.snapshot["facts"], today))
    first = rows[0].snapshot["facts"]["completed_on"] if rows else today.isoformat()
    return {
        "school": school_data(school),
        "made_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "made_on": long_date(today),
        "period": _(
            "Courses completed from %(first)s to %(last)s",
            first=long_date(date.fromisoformat(first)),
            last=long_date(today),
        ),
        "student": {
            "name": student.certificate_name,
            "licenses": [_license_line(item) for item in student.licenses],
        },
        "totals": _totals(bodies, total, in_force),
        "totals_note": _(
            "Replaced and revoked certificates are listed and not counted; the hours of expired ones are. "
            "Each body counts hours by its own rule, so columns differ."
        ),
        "bodies": bodies,
        "years": _years(rows, sums_by_year(rows), today),
    }


def _bodies(rows: list[Certificate]) -> list[dict[str, str]]:
    """The bodies whose lines are on any of the certificates, by name, as they were last printed."""
    found = {line["body"]: line for row in rows for line in row.snapshot["facts"]["credits"]}
    return [
        {
            "key": line["body"],
            "short": line["body"],
            "unit": line["unit"],
            "name": line["title"],
            "provider_number": line["provider_number"],
        }
        for line in sorted(found.values(), key=lambda line: str(line["title"]))
    ]


def _totals(bodies: list[dict[str, str]], total: Sums, valid: int) -> list[dict[str, str]]:
    return [
        {"label": _("Contact hours"), "value": number(Fraction(total.minutes, 60), 2)},
        *(
            {
                "label": f"{body['name']}, {body['unit']}",
                "value": number(total.units.get(body["key"], Fraction(0)), 3),
            }
            for body in bodies
        ),
        {"label": _("Certificates in force"), "value": number(valid, 0)},
    ]


def _years(rows: list[Certificate], sums: dict[int, Sums], today: date) -> list[dict[str, Any]]:
    years: dict[int, list[Certificate]] = {}
    for row in rows:
        years.setdefault(date.fromisoformat(row.snapshot["facts"]["completed_on"]).year, []).append(row)
    return [
        {
            "year": str(year),
            "contact": number(Fraction(sums.get(year, Sums()).minutes, 60), 2),
            "credits": {code: number(units, 3) for code, units in sums.get(year, Sums()).units.items()},
            "rows": [_row(row, today) for row in years[year]],
        }
        for year in sorted(years, reverse=True)
    ]


def _row(row: Certificate, today: date) -> dict[str, Any]:
    facts = row.snapshot["facts"]
    url = links.absolute("certificates.verify", token=row.token)
    status = {
        CertificateState.SUPERSEDED: _("replaced"),
        CertificateState.REVOKED: _("revoked"),
        CertificateState.ISSUED: _("expired") if has_expired(facts, today) else "",
    }.get(row.state, "")
    return {
        "completed": date_part(date.fromisoformat(facts["completed_on"]), "MMMM d"),
        "code": facts["course_code"],
        "title": facts["course_title"],
        "place": facts["place"],
        "delivery": delivery_name(Delivery(facts["delivery"])),
        "contact": number(Fraction(facts["attended_minutes"], 60), 2),
        "credits": {line["body"]: number(Fraction(line["units"]), 3) for line in facts["credits"]},
        "number": row.number,
        "verify_url": url,
        "verify_text": url.split("://", 1)[-1],
        "status": status,
    }


def _license_line(license_: License) -> str:
    facts = ", ".join(
        part
        for part in (
            profession_label(license_.profession),
            jurisdiction_name(license_.jurisdiction),
            license_.number,
        )
        if part
    )
    if license_.expires_on is None:
        return facts
    return str(_("%(license)s (expires %(day)s)", license=facts, day=long_date(license_.expires_on)))
