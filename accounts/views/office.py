"""The office's people: the list, invitations, one person."""

from typing import Any

from flask import Response, abort, flash, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts import people
from accounts.access import STAFF, actor_again, me, roles
from accounts.blueprint import blueprint
from accounts.forms import ROLE_NAMES, InviteForm, PeopleFilter, RoleForm
from accounts.models import Role, User
from core import clock
from core.database import db
from core.errors import RuleError
from core.web import acting, note, page, see_other


@blueprint.get("/office/people")
@roles(*STAFF)
def office_people() -> Response:
    """Everyone with an account, narrowed by ``q`` and ``role``."""
    form = PeopleFilter(request.args)
    q = form.q.data or ""
    role = Role(form.role.data) if form.role.data in set(Role) else None
    number = request.args.get("page", 1, type=int)
    found = people.list_people(db.session, q=q[:120], role=role, number=number)
    asked = {"q": q or None, "role": role.value if role else None}
    return page(
        "accounts/people.html",
        filters=form,
        found=found,
        asked=asked,
        role_names=ROLE_NAMES,
        earlier=_list_url(asked, found.number - 1) if found.number > 1 else "",
        later=_list_url(asked, found.number + 1) if found.has_later else "",
    )


def _list_url(asked: dict[str, Any], number: int) -> str:
    return url_for("accounts.office_people", **asked, page=number)


@blueprint.route("/office/people/invite", methods=["GET", "POST"])
@roles(*STAFF)
def office_invite() -> Response:
    """Invite someone by mail, into a role that one may give."""
    form = InviteForm(data={"role": Role.STUDENT} if request.method == "GET" else None)
    form.role.choices = [(r.value, ROLE_NAMES[r]) for r in Role if people.may_manage(me(), r)]
    if form.validate_on_submit():
        try:
            with acting() as session:
                invited = people.invite(
                    session,
                    email=form.email.data or "",
                    name=form.name.data,
                    role=form.role.data,
                    actor=actor_again(session),
                    now=clock.now(),
                )
        except RuleError as error:
            note(form, error)
        else:
            flash(_("An invitation to %(email)s is on its way.", email=invited.email), "success")
            return see_other(url_for("accounts.office_person", user_id=invited.id))
    return page("accounts/invite.html", form=form)


@blueprint.get("/office/people/<int:user_id>")
@roles(*STAFF)
def office_person(user_id: int) -> Response:
    """One person's account."""
    person = db.session.get(User, user_id)
    if person is None:
        abort(404)
    return _show(person)


def _show(person: User, form: RoleForm | None = None, problem: str = "") -> Response:
    actor = me()
    return page(
        "accounts/person.html",
        form=form or RoleForm(data={"role": person.role}),
        person=person,
        role_names=ROLE_NAMES,
        may_manage=people.may_manage(actor, person.role),
        is_me=actor.id == person.id,
        problem=problem,
        status=409 if problem else None,
    )


@blueprint.post("/office/people/<int:user_id>/role")
@roles(Role.ADMIN)
def office_role(user_id: int) -> Response:
    """Give someone another role; for admins."""
    form = RoleForm()
    if form.validate_on_submit():
        try:
            with acting() as session:
                person, actor = _lock(session, user_id)
                people.change_role(session, person, form.role.data, actor=actor, now=clock.now())
        except RuleError as error:
            note(form, error)
        else:
            flash(_("%(name)s's role is saved.", name=person.name), "success")
            return see_other(url_for("accounts.office_person", user_id=user_id))
    person_again = db.session.get(User, user_id)
    if person_again is None:
        abort(404)
    return _show(person_again, form)


@blueprint.post("/office/people/<int:user_id>/disable")
@roles(*STAFF)
def office_disable(user_id: int) -> Response:
    """Close an account; its sessions end at once."""
    return _act(people.disable, user_id, _("The account is closed. Every session of it has ended."))


@blueprint.post("/office/people/<int:user_id>/enable")
@roles(*STAFF)
def office_enable(user_id: int) -> Response:
    """Open a closed account."""
    return _act(people.enable, user_id, _("The account is open again."))


@blueprint.post("/office/people/<int:user_id>/invite")
@roles(*STAFF)
def office_invite_again(user_id: int) -> Response:
    """Send the invitation once more."""
    return _act(people.invite_again, user_id, _("The invitation is on its way again."))


def _act(rule: Any, user_id: int, done: str) -> Response:
    try:
        with acting() as session:
            person, actor = _lock(session, user_id)
            rule(session, person, actor=actor, now=clock.now())
    except RuleError as error:
        return _show(db.session.get_one(User, user_id), problem=str(error))
    flash(done, "success")
    return see_other(url_for("accounts.office_person", user_id=user_id))


def _lock(session: Session, user_id: int) -> tuple[User, User]:
    """The person, locked, and the actor as of after the lock; 404 for nobody, 403 for a role beyond the actor."""
    person = people.lock_person(session, user_id)
    actor = actor_again(session)
    if person is None:
        abort(404)
    if not people.may_manage(actor, person.role):
        abort(403)
    return person, actor
