"""What the forms of policies and safety lists share: their name, the courses that take a version, who was first."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms.validators import StopValidation

from core.editing import EditForm, StaleError, differences
from core.formatting import clock_time, weekday_date
from core.forms import SelectMultipleField, StringField
from courses.models import Policy, ScreeningSet
from courses.versions import Using


class HandleField(StringField):
    """A short name as the catalog file has it: letters A to Z, digits, hyphens, dots and underscores."""

    def pre_validate(self, form: Any) -> None:
        """Raise StopValidation for what the catalog file could not name."""
        if not self.data:
            return
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", self.data):
            raise StopValidation(
                _("A name here has only letters A to Z, digits, and - . _ between them, without spaces.")
            )
        if len(self.data) > 40:
            raise StopValidation(_("A name here has at most %(n)s characters.", n=40))


class VersionForm(EditForm):
    """A new version of something. ``seen`` is the id of the newest version when the form was drawn."""

    courses = SelectMultipleField(_l("Courses that take this version"), coerce=int)

    def __init__(self, users: Sequence[Using] = (), **kwargs: Any) -> None:
        self._users = users
        super().__init__(**kwargs)

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Set the choices before anything typed is read; all take the new version unless told otherwise."""
        self.courses.choices = [
            (
                user.course.id,
                _(
                    "%(code)s %(title)s, now version %(n)s",
                    code=user.course.code,
                    title=user.course.title,
                    n=user.version,
                ),
            )
            for user in self._users
        ]
        super().process(*args, **kwargs)


def refuse_if_newer(
    form: VersionForm,
    newest: Policy | ScreeningSet,
    fresh: VersionForm,
    *,
    last: tuple[str | None, datetime] | None,
    zone: str,
) -> None:
    """Raise StaleError when a version was added since the form was drawn; sending it again goes through."""
    if form.seen.data == str(newest.id):
        return
    form.seen.data = str(newest.id)
    advice = _(
        "What you typed still stands here. Compare it, then save again to add a version after that one."
    )
    if last is None:
        told = _("Version %(n)s was added while you were writing.", n=newest.version)
    else:
        told = _(
            "%(name)s added version %(n)s on %(day)s at %(time)s, while you were writing.",
            name=last[0] or _("The system"),
            n=newest.version,
            day=weekday_date(last[1], zone),
            time=clock_time(last[1], zone),
        )
    raise StaleError(f"{told} {advice}", list(differences(form, fresh)))
