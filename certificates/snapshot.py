"""What is printed on a certificate, taken once at issue: the facts, and the same facts as the template takes them.

The snapshot is all the worker needs: the PDF can be explained from it, and nothing that changes later changes it.
"""

from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from flask_babel import force_locale
from flask_babel import gettext as _

from certificates.eligibility import Line, Verdict, lead_of
from certificates.looks import Look
from core import links
from core.clock import local_date
from core.formatting import date_range, long_date, number
from core.school import School
from courses.models import Delivery
from courses.offering_models import Offering
from students.jurisdictions import jurisdiction_name
from students.models import Enrollment
from students.people import profession_label

VERSION = 1


def take_snapshot(
    school: School,
    offering: Offering,
    verdict: Verdict,
    *,
    number_: str,
    token: str,
    issued_at: datetime,
    look: Look | None = None,
    certificate_name: str | None = None,
) -> dict[str, Any]:
    """Every printed fact, as JSON, and how it looks (``look``: as shipped when None).

    ``certificate_name`` replaces the enrollment's (a corrected name).

    Raises SettingsError when PUBLIC_URL is not set: the QR code would lead nowhere.
    """
    enrollment, look = verdict.enrollment, look or Look()
    name = certificate_name or enrollment.certificate_name
    with force_locale(look.lang):
        facts = _facts(school, offering, verdict, name, number_, issued_at)
        document = {
            "school": school_data(school),
            "made_at": issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "certificate": _certificate(facts, school, offering, verdict, name, token, issued_at),
        }
    return {
        "version": VERSION,
        "template": look.layout,
        "design": look.version,
        "source": look.html,
        "css": look.css,
        "page_size": look.page_size,
        "lang": look.lang,
        "token": token,
        "facts": facts,
        "document": look.dress(document),
        "pictures": _pictures(school, offering) | look.pictures(),
        "badge": _badge(school, offering, verdict),
    }


def _facts(
    school: School, offering: Offering, verdict: Verdict, name: str, number_: str, issued_at: datetime
) -> dict[str, Any]:
    enrollment, zone = verdict.enrollment, offering.time_zone
    lead = lead_of(offering)
    return {
        "number": number_,
        "school": school.name,
        "participant": name,
        "family_name": enrollment.student.user.family_name,
        "license": _license_facts(enrollment),
        "course_code": offering.course.code,
        "course_title": offering.course.title,
        "class_code": offering.code,
        "starts_on": local_date(offering.starts_at, zone).isoformat(),
        "completed_on": verdict.completed_on.isoformat(),
        "issued_on": local_date(issued_at, school.time_zone).isoformat(),
        "time_zone": zone,
        "place": offering.venue.place,
        "delivery": offering.course.delivery.value,
        "instructor": lead.user.name if lead else "",
        "attended_minutes": verdict.attended_minutes,
        "total_minutes": verdict.total_minutes,
        "valid_until": _valid_until(offering, verdict.completed_on),
        "credits": [_credit_facts(line) for line in verdict.granted],
    }


def _badge(school: School, offering: Offering, verdict: Verdict) -> dict[str, Any]:
    """What the Open Badges credential says beside the facts."""
    course = offering.course
    # A stable identifier of the holder that says nothing about them: the same in all their credentials.
    holder = uuid5(
        NAMESPACE_URL, f"{links.public_base()}/holders/{verdict.enrollment.student.calendar_token}"
    )
    return {
        "subject": holder.urn,
        "issuer": school.name,
        "email": school.email,
        "description": course.summary,
        "criteria": " ".join(course.outcomes),
        "course_hours": course.contact_minutes / 60,
    }


def _pictures(school: School, offering: Offering) -> dict[str, str]:
    """The digests of the signature pictures, which lie in the file store."""
    lead = lead_of(offering)
    wanted = {"provider": school.signature_sha256, "instructor": lead.user.signature_sha256 if lead else None}
    return {name: digest for name, digest in wanted.items() if digest}


def _license_facts(enrollment: Enrollment) -> dict[str, str] | None:
    license_ = enrollment.license
    if license_ is None:
        return None
    return {
        "profession": license_.profession,
        "jurisdiction": license_.jurisdiction,
        "number": license_.number,
    }


def _credit_facts(line: Line) -> dict[str, str]:
    body = line.approval.body
    return {
        "body": body.code,
        "title": body.title,
        "provider_number": body.provider_number,
        "program_number": line.approval.program_number,
        "units": plain(line.units),
        "unit": body.unit,
        "statement": body.statement,
    }


def _valid_until(offering: Offering, completed_on: date) -> str | None:
    months = offering.course.validity_months
    if not months:
        return None
    from dateutil.relativedelta import relativedelta

    until: date = completed_on + relativedelta(months=months)
    return until.isoformat()


def school_data(school: School) -> dict[str, Any]:
    """The school as every printed document takes it; its signature is the picture ``image:provider``."""
    website = school.website
    return {
        "name": school.name,
        "address": school.address,
        "email": school.email,
        "website": website or links.public_base(),
        "website_text": (website or links.public_base()).split("://", 1)[-1].rstrip("/"),
        "tax_id": "",
        "signatory": {
            "name": school.signatory or school.name,
            "role": school.signatory_role or _("Director"),
            "signature": "image:provider" if school.signature_sha256 else "",
        },
    }


def _certificate(
    facts: dict[str, Any],
    school: School,
    offering: Offering,
    verdict: Verdict,
    name: str,
    token: str,
    issued_at: datetime,
) -> dict[str, Any]:
    lead, zone = lead_of(offering), offering.time_zone
    url = links.absolute("certificates.verify", token=token)
    license_ = facts["license"]
    return {
        "number": facts["number"],
        "kind": _("Certificate of Completion"),
        "participant": name,
        "participant_lang": language_of(name),
        "license": license_
        and {
            "profession": profession_label(license_["profession"]),
            "jurisdiction": jurisdiction_name(license_["jurisdiction"]),
            "number": license_["number"],
        },
        "course": {"code": facts["course_code"], "title": facts["course_title"]},
        "dates": date_range(offering.starts_at, offering.ends_at, zone),
        "completed": long_date(verdict.completed_on),
        "place": place_line(offering),
        "delivery": delivery_name(offering.course.delivery),
        "contact_hours": number(verdict.attended_minutes / 60, 2),
        "issued": long_date(issued_at, school.time_zone),
        "instructor": {
            "name": facts["instructor"],
            "role": _("Lead instructor"),
            "signature": "image:instructor" if lead and lead.user.signature_sha256 else "",
        },
        "verify_url": url,
        "verify_text": url.split("://", 1)[-1],
        # California BRN, 16 CCR 1458: the participant keeps the certificate for four years.
        "retention": _("Keep this certificate for at least four years after the course concludes."),
        "disclaimer": _("Completion of a course; not a license to practice."),
        "credits": [
            {
                "body": line["title"],
                "provider_number": line["provider_number"],
                "program_number": line["program_number"],
                "hours": line["units"],
                "unit": line["unit"],
                "statement": line["statement"],
            }
            for line in facts["credits"]
        ],
    }


def place_line(offering: Offering) -> str:
    """Where the class was held, in one line: venue, city, region and country."""
    venue = offering.venue
    if venue.is_online:
        return venue.name
    return ", ".join(part for part in (venue.name, venue.city, venue.region, venue.country) if part)


def delivery_name(delivery: Delivery) -> str:
    """The kind of delivery, in the words that boards use (NCBTMB: live / webinar)."""
    if delivery is Delivery.IN_PERSON:
        return str(_("Live, in person"))
    return str(_("Live, online"))


def language_of(name: str) -> str:
    """The language tag that picks the forms of the characters: Japanese when kana are there, Korean, Chinese, else en."""
    for character in name:
        code = ord(character)
        if 0x3040 <= code <= 0x30FF:
            return "ja"
        if 0xAC00 <= code <= 0xD7A3:
            return "ko"
    if any(0x4E00 <= ord(character) <= 0x9FFF for character in name):
        return "zh-Hans"
    if any(0x0600 <= ord(character) <= 0x06FF for character in name):
        return "ar"
    if any(0x0900 <= ord(character) <= 0x097F for character in name):
        return "hi"
    return "en"


def plain(units: Fraction) -> str:
    """Units as a decimal without needless zeros, for the record: 28.5, 2.4, 24."""
    whole, rest = divmod(round(units * 1000), 1000)
    return f"{whole}.{rest:03d}".rstrip("0") if rest else str(whole)
