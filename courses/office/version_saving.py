"""Storing versions from a form: the write transaction of a policy's and of a safety list's page."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import abort
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from accounts.access import actor_again
from core import audit, clock
from core.school import current_school
from core.web import acting
from courses import versions
from courses.models import Policy, ScreeningSet
from courses.office.version_forms import VersionForm, refuse_if_newer
from courses.versions import Using

V = TypeVar("V", Policy, ScreeningSet)


def save_first(code: str, data: Any, add: Callable[..., Policy | ScreeningSet]) -> str:
    """Store something new as version 1 by its rule; returns its name."""
    with acting() as session:
        return add(session, code, data, actor=actor_again(session), now=clock.now()).code


def save_next(
    form: VersionForm,
    source: V,
    data: Any,
    add: Callable[..., V],
    fresh: Callable[[Session, V, list[Using]], VersionForm],
) -> tuple[int, int]:
    """Store the next version by its rule; returns its number, and how many courses take it.

    ``fresh`` makes a form from the newest version that is stored. Raises StaleError when one was added since ``form`` was
    drawn, and RuleError as the rule does.
    """
    kind, code = type(source), source.code
    with acting() as session:
        actor, school = actor_again(session), current_school(session)
        versions.lock(session, kind, code)
        last = versions.newest(session, kind, code) or abort(404)
        users = versions.courses_using(session, kind, code)
        refuse_if_newer(
            form,
            last,
            fresh(session, last, users),
            last=audit.last_change(session, last),
            zone=school.time_zone if school else "UTC",
        )
        taken = form.courses.data or []
        row = add(session, code, data, actor=actor, now=clock.now(), course_ids=taken)
        return row.version, len(taken)


def stored_words(code: str, version: int, taken: int) -> str:
    """What the page after storing a version says."""
    if not taken:
        return _("%(name)s, version %(n)s is stored. No course takes it yet.", name=code, n=version)
    return ngettext(
        "%(name)s, version %(n)s is stored. %(num)s course takes it.",
        "%(name)s, version %(n)s is stored. %(num)s courses take it.",
        taken,
        name=code,
        n=version,
    )
