"""Where the office mends what stands in the way of a certificate, or reads the rule behind it."""

from collections.abc import Iterator

from flask import url_for
from flask_babel import gettext as _

from certificates.eligibility import Line, Verdict
from courses.models import Body
from courses.offering_models import Offering


def fix_links(verdict: Verdict, offering: Offering) -> list[tuple[str, str]]:
    """Label and address of each page that a verdict's lines lead to, once each; for staff. No statement.

    The license has its own page beside the student (``students.office_printed``).
    """
    if verdict.live is not None or verdict.reasons:
        return []
    found: dict[str, str] = {}
    for line in verdict.lines:
        if not line.granted:
            for label, address in _pages(line, offering):
                found.setdefault(address, label)
    return [(label, address) for address, label in found.items()]


def _pages(line: Line, offering: Offering) -> Iterator[tuple[str, str]]:
    if line.missing:
        for what in line.missing:
            if what == "program":
                yield _course(offering)
            elif what == "place":
                address = url_for("courses.office_venue", code=offering.venue.code.lower())
                yield _("Open the venue %(name)s", name=offering.venue.name), address
            elif what == "instructor":
                address = url_for("courses.office_instructors", code=offering.code.lower())
                yield _("Name the lead instructor"), address
            elif what != "license_number":
                yield _body(line.approval.body)
    elif line.outdated:
        yield _course(offering)
    else:
        yield _body(line.approval.body)


def _body(body: Body) -> tuple[str, str]:
    label = _("Open %(body)s", body=body.title)
    return label, url_for("courses.office_body", code=body.code.lower())


def _course(offering: Offering) -> tuple[str, str]:
    label = _("Open the approvals of %(code)s", code=offering.course.code)
    return label, url_for("courses.office_course", code=offering.course.code.lower(), _anchor="approvals")
