"""Where the office mends what stands in the way of a certificate, or reads the rule behind it."""

from collections.abc import Iterable, Iterator, Mapping

import sqlalchemy as sa
from flask import url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.eligibility import Line, Verdict
from courses.models import Body, Policy
from courses.offering_models import Offering
from students.models import EnrollmentState

# States whose reason is the school's attendance policy.
BY_POLICY = (EnrollmentState.INCOMPLETE,)


def fix_links(
    verdict: Verdict, *, offering: Offering, policies: Mapping[int, Policy]
) -> list[tuple[str, str]]:
    """Label and address of each page that a verdict leads to, once each; for staff.

    The policy when it is what speaks against a certificate, else what the bodies' lines wait for. The license has its
    own page beside the student (``students.office_printed``). ``policies`` are those of ``policies_against``.
    """
    if verdict.live is not None:
        return []
    if verdict.reasons:
        policy = policies.get(verdict.enrollment.policy_id)
        return [_policy(policy)] if policy and verdict.enrollment.state in BY_POLICY else []
    found: dict[str, str] = {}
    for line in verdict.lines:
        if not line.granted:
            for label, address in _pages(line, offering):
                found.setdefault(address, label)
    return [(label, address) for address, label in found.items()]


def policies_against(session: Session, verdicts: Iterable[Verdict]) -> dict[int, Policy]:
    """The policies that speak against a certificate, by id; one statement when there are any."""
    ids = {verdict.enrollment.policy_id for verdict in verdicts if verdict.enrollment.state in BY_POLICY}
    found = session.scalars(sa.select(Policy).where(Policy.id.in_(ids))) if ids else ()
    return {policy.id: policy for policy in found}


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


def _policy(policy: Policy) -> tuple[str, str]:
    label = _("Read the policy %(name)s, version %(n)s", name=policy.code, n=policy.version)
    return label, url_for("courses.office_policy", code=policy.code.lower(), version=policy.version)


def _body(body: Body) -> tuple[str, str]:
    label = _("Open %(body)s", body=body.title)
    return label, url_for("courses.office_body", code=body.code.lower())


def _course(offering: Offering) -> tuple[str, str]:
    label = _("Open the approvals of %(code)s", code=offering.course.code)
    return label, url_for("courses.office_course", code=offering.course.code.lower(), _anchor="approvals")
