"""Safety lists: every version as students see it; a new version of one; a new list."""

from typing import Any

import sqlalchemy as sa
from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from accounts.access import STAFF, roles
from core.database import db
from core.editing import Stored, note_with_stored
from core.errors import RuleError
from core.forms import Length, Required, StringField, TextAreaField
from core.paging import page_number, rows_of_page
from core.web import note, page, see_other
from courses import safety_lists, versions
from courses.blueprint import blueprint
from courses.lookups import safety_list_of
from courses.models import ScreeningSet
from courses.office.course_forms import lines
from courses.office.version_forms import HandleField, VersionForm
from courses.office.version_saving import save_first, save_next, stored_words
from courses.safety_lists import SafetyListData
from courses.versions import Using

PAGE = 50


class SafetyListForm(VersionForm):
    """Everything that a version of a list says."""

    do_not_receive = TextAreaField(_l("Do not receive the techniques with"), [Length(max=8000)])
    ask_first = TextAreaField(_l("Talk to the instructor first with"), [Length(max=8000)])
    source = StringField(_l("Where this list is from"), [Length(max=200)])


class NewSafetyListForm(SafetyListForm):
    """The same, with the name of something new."""

    code = HandleField(_l("Name"), [Required()])


def values_of(row: ScreeningSet, users: list[Using]) -> dict[str, Any]:
    """What the form shows of a stored version; every course that uses the list takes the new version."""
    return {
        "source": row.source,
        "do_not_receive": "\n".join(row.do_not_receive),
        "ask_first": "\n".join(row.ask_first),
        "courses": [user.course.id for user in users],
    }


def list_data(form: SafetyListForm) -> SafetyListData:
    """What a valid form says: a line each, with single spaces."""
    first, second = (
        [" ".join(line.split()) for line in lines(field.data)]
        for field in (form.do_not_receive, form.ask_first)
    )
    return SafetyListData(source=form.source.data or "", do_not_receive=first, ask_first=second)


@blueprint.get("/office/safety-lists")
@roles(*STAFF)
def office_safety_lists() -> ResponseReturnValue:
    """Every version of every list, the newest first, with how many courses use each."""
    query = sa.select(ScreeningSet).order_by(ScreeningSet.code, ScreeningSet.version.desc())
    rows, paging = rows_of_page(db.session, query, size=PAGE, number=page_number())
    found = [row[0] for row in rows]
    used = safety_lists.courses_with(db.session, [row.id for row in found])
    return page("courses/office/safety_lists.html", lists=found, used=used, paging=paging)


@blueprint.get("/office/safety-lists/<code>/<int:version>")
@roles(*STAFF)
def office_safety_list(code: str, version: int) -> ResponseReturnValue:
    """One version as students see it, with the courses that use it."""
    row = safety_list_of(db.session, code, version)
    users = versions.courses_using(db.session, ScreeningSet, row.code)
    return page(
        "courses/office/safety_list.html",
        screening=row,
        newest=versions.newest(db.session, ScreeningSet, row.code),
        courses=[user for user in users if user.version == row.version],
    )


@blueprint.route("/office/safety-lists/new", methods=["GET", "POST"])
@roles(*STAFF)
def office_new_safety_list() -> ResponseReturnValue:
    """A new list, which no course uses yet."""
    form, preview = NewSafetyListForm(), None
    if form.validate_on_submit():
        code = form.code.data or ""
        try:
            if request.form.get("act") == "preview":
                preview = _shown(form, code, 1)
            else:
                code = save_first(code, list_data(form), safety_lists.add_safety_list)
                flash(_("%(name)s is stored. Courses can name it now.", name=code), "success")
                return see_other(url_for("courses.office_safety_list", code=code.lower(), version=1))
        except RuleError as error:
            note(form, error)
    return _edit_page(form, None, None, preview, [])


@blueprint.route("/office/safety-lists/<code>/<int:version>/new-version", methods=["GET", "POST"])
@roles(*STAFF)
def office_new_safety_list_version(code: str, version: int) -> ResponseReturnValue:
    """The next version of a list, written from one that is stored."""
    source = safety_list_of(db.session, code, version)
    last = versions.newest(db.session, ScreeningSet, source.code) or source
    users = versions.courses_using(db.session, ScreeningSet, source.code)
    form, stored, preview = SafetyListForm(users, data=values_of(source, users)), list[Stored](), None
    if not form.is_submitted():
        form.seen.data = str(last.id)
    elif form.validate():
        try:
            if request.form.get("act") == "preview":
                preview = _shown(form, source.code, last.version + 1)
            else:
                row_version, taken = save_next(
                    form, source, list_data(form), safety_lists.add_safety_list_version, _fresh
                )
                flash(stored_words(source.code, row_version, taken), "success")
                return see_other(
                    url_for("courses.office_safety_list", code=code.lower(), version=row_version)
                )
        except RuleError as error:
            stored = note_with_stored(form, error)
        last = versions.newest(db.session, ScreeningSet, source.code) or source
    return _edit_page(form, source, last, preview, stored)


def _fresh(session: Session, last: ScreeningSet, users: list[Using]) -> SafetyListForm:
    return SafetyListForm(users, formdata=None, data=values_of(last, users))


def _shown(form: SafetyListForm, code: str, version: int) -> ScreeningSet:
    data = list_data(form)
    safety_lists.check(data)
    return safety_lists.transient(code, version, data)


def _edit_page(
    form: SafetyListForm,
    source: ScreeningSet | None,
    last: ScreeningSet | None,
    preview: ScreeningSet | None,
    stored: list[Stored],
) -> ResponseReturnValue:
    return page(
        "courses/office/safety_list_edit.html",
        form=form,
        source=source,
        newest=last,
        preview=preview,
        stored=stored,
    )
