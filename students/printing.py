"""What a certificate prints of an enrollment's person: the name and the license, set right by the office at any time.

Students change their own name and licenses themselves, but not what an enrollment took over once the class is finished.
"""

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core import audit
from core.database import locked
from core.errors import RuleError
from students.models import Enrollment
from students.people import LicenseEntry, checked_name, save_license


def set_printed(
    session: Session,
    enrollment: Enrollment,
    *,
    certificate_name: str,
    license_id: int | None,
    other: LicenseEntry | None,
    actor: User,
    now: datetime,
) -> None:
    """Set the name and the license that the next certificate of this enrollment prints.

    ``license_id`` is one of the student's licenses, or None for no license; ``other`` is a license that is not among them
    yet, and is added. What was issued keeps what it printed. Saying the same again changes nothing.
    Raises RuleError, with its field, for an empty or too long name, and for a license that is not theirs or not one.
    """
    row = locked(session, Enrollment, enrollment.id)
    if row is None:
        raise RuleError(_("This enrollment is not there any more."))
    name, student = checked_name(certificate_name), row.student
    if other is not None:
        added = save_license(session, student, other, actor=actor, now=now)
        session.flush()
        license_id = added.id
    elif license_id is not None and license_id not in {known.id for known in student.licenses}:
        raise RuleError(_("That license is not on this student’s list any more."), field="license")
    wanted = {"certificate_name": name, "license_id": license_id}
    changed = [field for field, value in wanted.items() if getattr(row, field) != value]
    if not changed:
        return
    row.certificate_name, row.license_id = name, license_id
    audit.record(session, "students:enrollment:printed-changed", row, actor=actor, now=now, changed=changed)
