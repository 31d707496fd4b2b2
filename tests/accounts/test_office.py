"""/office/people: the list, invitations, one person."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from accounts.people import PER_PAGE
from core import audit
from tests import factories
from tests.accounts.cast import login, make_person, text_of
from tests.helpers import mails_to, sign_in, statements

pytestmark = pytest.mark.both_databases
NEW = {"name": "Ines Batista", "email": "Ines@Example.org", "role": "instructor"}


@pytest.fixture
def cast(session: Session) -> dict[Role, User]:
    factories.make_school(session)
    people = {role: make_person(session, role) for role in Role}
    session.commit()
    return people


def browser(app: Flask, user: User) -> FlaskClient:
    client = app.test_client()
    sign_in(client, user)
    return client


GETS = ["/office/people", "/office/people/invite", "/office/people/1"]
POSTS = ["role", "disable", "enable", "invite"]


@pytest.mark.parametrize("role", [None, Role.STUDENT, Role.INSTRUCTOR])
def test_only_the_office_sees_people(app: Flask, cast: dict[Role, User], role: Role | None) -> None:
    client = browser(app, cast[role]) if role else app.test_client()
    expected = 403 if role else 303
    assert {client.get(path).status_code for path in GETS} == {expected}
    posts = {client.post(f"/office/people/1/{act}", data={"role": "admin"}).status_code for act in POSTS}
    assert posts | {client.post("/office/people/invite", data=NEW).status_code} == {expected}


def test_the_list_finds_people_by_name_address_and_role(
    app: Flask, cast: dict[Role, User], session: Session
) -> None:
    make_person(session, Role.INSTRUCTOR, name="Charlie Nguyễn", email="charlie@tideway.example")
    session.commit()
    client = browser(app, cast[Role.REGISTRAR])
    assert "5 people" in text_of(client.get("/office/people"))
    for query in ("q=charlie", "q=CHARLIE@TIDEWAY", "q=Nguyễn", "q=tideway&role=instructor"):
        text = text_of(client.get(f"/office/people?{query}"))
        assert "1 person" in text
        assert "Charlie Nguyễn" in text
    assert "Nobody found" in text_of(client.get("/office/people?q=charlie&role=student"))


@pytest.mark.parametrize(
    "query", ["q=%25", "q=_", "q='", "role=emperor", "page=0", "page=-3", "page=99", "page=x"]
)
def test_odd_questions_are_answered_calmly(app: Flask, cast: dict[Role, User], query: str) -> None:
    answer = browser(app, cast[Role.ADMIN]).get(f"/office/people?{query}")
    assert answer.status_code == 200
    if query in ("q=%25", "q=_", "q='"):
        assert "Nobody found" in text_of(answer)


def test_a_long_list_comes_in_pages_with_as_many_statements(
    app: Flask, cast: dict[Role, User], session: Session
) -> None:
    client = browser(app, cast[Role.REGISTRAR])
    client.get("/office/people")
    with statements(app) as few:
        client.get("/office/people")
    for number in range(PER_PAGE * 2):
        factories.make_user(session, family_name=f"Aaa{number:03d}")
    session.commit()
    with statements(app) as many:
        first = client.get("/office/people")
    assert len(few) == len(many) <= 5
    assert "1 to 50 of 104" in text_of(first)
    assert "page=2" in first.get_data(as_text=True)
    assert "101 to 104 of 104" in text_of(client.get("/office/people?page=3"))


def test_a_registrar_invites_an_instructor(app: Flask, cast: dict[Role, User], session: Session) -> None:
    client = browser(app, cast[Role.REGISTRAR])
    answer = client.post("/office/people/invite", data=NEW)
    assert answer.status_code == 303
    text = text_of(client.get(answer.location))
    assert "An invitation to ines@example.org is on its way." in text
    assert "Invited" in text
    assert mails_to("ines@example.org") == ["account-invitation"]
    event = session.scalars(sa.select(audit.AuditEvent)).one()
    assert (event.action, event.actor_id) == ("accounts:user:invited", cast[Role.REGISTRAR].id)


@pytest.mark.parametrize("role", ["registrar", "admin", "emperor", ""])
def test_a_registrar_cannot_invite_office_staff(app: Flask, cast: dict[Role, User], role: str) -> None:
    client = browser(app, cast[Role.REGISTRAR])
    answer = client.post("/office/people/invite", data=NEW | {"role": role})
    assert answer.status_code == 422
    assert "Role: Choose one" in text_of(answer)
    assert 'value="Ines Batista"' in answer.get_data(as_text=True)
    assert mails_to("ines@example.org") == []


def test_an_admin_invites_office_staff(app: Flask, cast: dict[Role, User]) -> None:
    client = browser(app, cast[Role.ADMIN])
    assert client.post("/office/people/invite", data=NEW | {"role": "admin"}).status_code == 303


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "Name: Fill this in."),
        ({"email": "ines"}, "Email: This is not an email address."),
    ],
)
def test_a_bad_invitation_is_told_and_kept(
    app: Flask, cast: dict[Role, User], fields: dict[str, str], told: str
) -> None:
    answer = browser(app, cast[Role.ADMIN]).post("/office/people/invite", data=NEW | fields)
    assert answer.status_code == 422
    assert told in text_of(answer)


def test_someone_with_an_account_is_not_invited(app: Flask, cast: dict[Role, User]) -> None:
    known = cast[Role.STUDENT].email
    answer = browser(app, cast[Role.ADMIN]).post("/office/people/invite", data=NEW | {"email": known.upper()})
    assert answer.status_code == 422
    assert f"Email: {known} has an account already." in text_of(answer)


def test_closing_an_account_ends_its_sessions_at_once(app: Flask, cast: dict[Role, User]) -> None:
    student = cast[Role.STUDENT]
    theirs = app.test_client()
    login(theirs, student.email, remember="y")
    assert theirs.get("/accounts/account").status_code == 200
    office = browser(app, cast[Role.REGISTRAR])
    answer = office.post(f"/office/people/{student.id}/disable")
    assert "The account is closed." in text_of(office.get(answer.location))
    assert theirs.get("/accounts/account").status_code == 303
    assert login(theirs, student.email).status_code == 422
    office.post(f"/office/people/{student.id}/enable")
    assert theirs.get("/accounts/account").status_code == 303  # the old session stays ended
    assert login(theirs, student.email).status_code == 303


@pytest.mark.parametrize("act", ["disable", "enable", "invite"])
@pytest.mark.parametrize("role", [Role.REGISTRAR, Role.ADMIN])
def test_a_registrar_cannot_touch_office_staff(
    app: Flask, cast: dict[Role, User], role: Role, act: str
) -> None:
    client = browser(app, cast[Role.REGISTRAR])
    assert client.post(f"/office/people/{cast[role].id}/{act}").status_code == 403
    assert "changed by an admin" in text_of(client.get(f"/office/people/{cast[role].id}"))


def test_only_an_admin_changes_roles(app: Flask, cast: dict[Role, User], session: Session) -> None:
    student = cast[Role.STUDENT]
    path = f"/office/people/{student.id}/role"
    assert browser(app, cast[Role.REGISTRAR]).post(path, data={"role": "instructor"}).status_code == 403
    admin = browser(app, cast[Role.ADMIN])
    assert admin.post(path, data={"role": "instructor"}).status_code == 303
    session.refresh(student)
    assert student.role is Role.INSTRUCTOR
    bad = admin.post(path, data={"role": "emperor"})
    assert bad.status_code == 422
    assert "Role: Choose one" in text_of(bad)


def test_the_last_admin_stays(app: Flask, cast: dict[Role, User]) -> None:
    admin = cast[Role.ADMIN]
    client = browser(app, admin)
    answer = client.post(f"/office/people/{admin.id}/role", data={"role": "student"})
    assert answer.status_code == 422
    assert "is the last admin" in text_of(answer)
    answer = client.post(f"/office/people/{admin.id}/disable")
    assert answer.status_code == 409
    assert "Someone else in the office has to close your own account." in text_of(answer)


def test_an_invitation_is_sent_again_until_it_is_accepted(
    app: Flask, cast: dict[Role, User], session: Session
) -> None:
    client = browser(app, cast[Role.REGISTRAR])
    client.post("/office/people/invite", data=NEW)
    invited = session.scalars(sa.select(User).where(User.email == "ines@example.org")).one()
    assert client.post(f"/office/people/{invited.id}/invite").status_code == 303
    assert mails_to("ines@example.org") == ["account-invitation"] * 2
    answer = client.post(f"/office/people/{cast[Role.STUDENT].id}/invite")
    assert answer.status_code == 409
    assert "can sign in" in text_of(answer)


def test_nobody_there_is_not_found(app: Flask, cast: dict[Role, User]) -> None:
    client = browser(app, cast[Role.ADMIN])
    assert client.get("/office/people/999").status_code == 404
    for act in POSTS:
        assert client.post(f"/office/people/999/{act}", data={"role": "admin"}).status_code == 404
        assert client.get(f"/office/people/1/{act}").status_code == 405
