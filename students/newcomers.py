"""People whom someone else enters: named by a group's contact, or read from a file. Known by address, else invited."""

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts import people as accounts
from accounts.models import Role, User
from accounts.registration import by_email
from core.errors import RuleError
from students import people
from students.models import Student


def find_or_invite(session: Session, *, email: str, name: str, actor: User | None, now: datetime) -> Student:
    """The student with this address; made, and invited by mail to choose a password, when nobody has it.

    ``actor`` None: a group's contact. Raises RuleError for a closed account.
    """
    user = by_email(session, email)
    if user is None:
        staff = actor if actor is not None and actor.is_staff else None
        user = accounts.invite(session, email=email, name=name, role=Role.STUDENT, actor=staff, now=now)
    elif not user.is_active:
        known = people.find_student(session, user.id)
        if known is not None and known.merged_into is not None:
            return known.merged_into
        if actor is None:  # whoever typed it need not know that there is an account
            raise RuleError(_("Nobody can be named by this address. Write to the office."), field="email")
        raise RuleError(_("The account of %(email)s is closed.", email=email), field="email")
    return people.student_of(session, user)
