"""Policies: every version in words and where it is used; a new version of one; a new policy."""

import sqlalchemy as sa
from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.access import STAFF, roles
from core import clock
from core.database import db
from core.editing import Stored, note_with_stored
from core.errors import RuleError
from core.paging import page_number, rows_of_page
from core.school import current_school
from core.web import note, page, see_other
from courses import policies, versions
from courses.blueprint import blueprint
from courses.lookups import policy_of
from courses.models import Policy
from courses.office.policy_forms import SPARE_ROWS, NewPolicyForm, PolicyForm, policy_data, values_of
from courses.office.version_saving import save_first, save_next, stored_words
from courses.terms import office_words
from courses.versions import Using

PAGE = 50
MOST_CLASSES = 25


@blueprint.get("/office/policies")
@roles(*STAFF)
def office_policies() -> ResponseReturnValue:
    """Every version of every policy, the newest first, with how much rests on each."""
    query = sa.select(Policy).order_by(Policy.code, Policy.version.desc())
    rows, paging = rows_of_page(db.session, query, size=PAGE, number=page_number())
    found = [row[0] for row in rows]
    uses = policies.uses_of(db.session, [policy.id for policy in found], clock.now())
    return page("courses/office/policies.html", policies=found, uses=uses, paging=paging)


@blueprint.get("/office/policies/<code>/<int:version>")
@roles(*STAFF)
def office_policy(code: str, version: int) -> ResponseReturnValue:
    """One version in words, with the courses and classes that use it."""
    policy, now = policy_of(db.session, code, version), clock.now()
    last = versions.newest(db.session, Policy, policy.code)
    return page(
        "courses/office/policy.html",
        policy=policy,
        newest=last,
        words=office_words(policy, _currency(db.session)),
        courses=[
            user
            for user in versions.courses_using(db.session, Policy, policy.code)
            if user.version == policy.version
        ],
        classes=policies.open_classes(db.session, policy, now, MOST_CLASSES),
        uses=policies.uses_of(db.session, [policy.id], now)[policy.id],
    )


@blueprint.route("/office/policies/new", methods=["GET", "POST"])
@roles(*STAFF)
def office_new_policy() -> ResponseReturnValue:
    """A new policy, which no course uses yet."""
    form = NewPolicyForm(db.session, data={"refunds": [{}] * (SPARE_ROWS + 1)})
    words = None
    if form.validate_on_submit():
        try:
            if request.form.get("act") == "preview":
                words = _in_words(form, form.code.data or "", 1)
            else:
                code = save_first(form.code.data or "", policy_data(form), policies.add_policy)
                flash(_("%(name)s is stored. Courses can name it now.", name=code), "success")
                return see_other(url_for("courses.office_policy", code=code.lower(), version=1))
        except RuleError as error:
            note(form, error)
    return page(
        "courses/office/policy_edit.html", form=form, source=None, newest=None, words=words, stored=[]
    )


@blueprint.route("/office/policies/<code>/<int:version>/new-version", methods=["GET", "POST"])
@roles(*STAFF)
def office_new_policy_version(code: str, version: int) -> ResponseReturnValue:
    """The next version of a policy, written from one that is stored."""
    source = policy_of(db.session, code, version)
    last = versions.newest(db.session, Policy, source.code) or source
    users = versions.courses_using(db.session, Policy, source.code)
    form, stored, words = PolicyForm(db.session, users, data=values_of(source, users)), list[Stored](), None
    if not form.is_submitted():
        form.seen.data = str(last.id)
    elif form.validate():
        try:
            if request.form.get("act") == "preview":
                words = _in_words(form, source.code, last.version + 1)
            else:
                row_version, taken = save_next(
                    form, source, policy_data(form), policies.add_policy_version, _fresh
                )
                flash(stored_words(source.code, row_version, taken), "success")
                return see_other(url_for("courses.office_policy", code=code.lower(), version=row_version))
        except RuleError as error:
            stored = note_with_stored(form, error)
        last = versions.newest(db.session, Policy, source.code) or source
    return page(
        "courses/office/policy_edit.html", form=form, source=source, newest=last, words=words, stored=stored
    )


def _fresh(session: Session, last: Policy, users: list[Using]) -> PolicyForm:
    return PolicyForm(session, users, formdata=None, data=values_of(last, users))


def _in_words(form: PolicyForm, code: str, version: int) -> list[tuple[str, list[str]]]:
    """What a valid form says, in words. Raises RuleError as saving would."""
    data = policies.checked(policy_data(form))
    return office_words(policies.transient(code, version, data), _currency(db.session))


def _currency(session: Session) -> str:
    school = current_school(session)
    return school.currency if school else "USD"
