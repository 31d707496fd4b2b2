"""Certificates that carry a body's line: the body stays, with how long its records are kept."""

import contextlib

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from certificates.models import Certificate
from courses.bodies import a_use
from courses.models import Body


@a_use
def printed_lines(session: Session, body: Body) -> str:
    """A sentence when a certificate, in force or not, carries the body's line; else nothing. One statement."""
    # The code stands in the snapshot's text, perhaps elsewhere too: the snapshot itself says which.
    query = sa.select(Certificate.snapshot).where(
        sa.cast(Certificate.snapshot, sa.Text).contains(f'"{body.code}"', autoescape=True)
    )
    with contextlib.closing(session.scalars(query.execution_options(yield_per=100))) as snapshots:
        carried = any(
            line["body"] == body.code for snapshot in snapshots for line in snapshot["facts"]["credits"]
        )
    return _("Certificates carry its line, and it says how long they are kept.") if carried else ""
