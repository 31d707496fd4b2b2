"""How a view ends."""

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from core.database import db
from core.errors import RuleError
from core.forms import EmailField, Form, Required
from core.school import School
from core.web import acting, note, page, safe_next, see_other
from tests import factories


class Sample(Form):
    email = EmailField("Email", [Required()])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/my/",
        "/classes/CST1-AST-A/enroll",
        "/courses/?q=a&page=2",
        "/courses/?q=a%20b",
        "/classes/ä",
        "/a//b",
        "/?u=//x",
    ],
)
def test_a_path_on_this_site_is_gone_on_to(app: Flask, path: str) -> None:
    with app.test_request_context():
        assert safe_next("/home", path) == path


@pytest.mark.parametrize(
    "target",
    [
        "",
        "my/",
        "evil.example",
        "https://evil.example/",
        "HTTP://evil.example",
        "https:evil.example",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/x\x00",
        "/a\\b",
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:x@evil.example",
        "//[",
        "http://[",
        "//evil.example:99999999/",
        "?next=/x",
        "#x",
    ],
)
def test_nothing_else_is(app: Flask, target: str) -> None:
    with app.test_request_context():
        assert safe_next("/home", target) == "/home"


def test_the_address_comes_from_the_request_when_none_is_given(app: Flask) -> None:
    with app.test_request_context("/?next=/my/"):
        assert safe_next("/home") == "/my/"
    with app.test_request_context("/", method="POST", data={"next": "//evil.example"}):
        assert safe_next("/home") == "/home"
    with app.test_request_context("/"):
        assert safe_next("/home") == "/home"


def test_success_answers_303(app: Flask) -> None:
    with app.test_request_context():
        answer = see_other("/my/")
    assert (answer.status_code, answer.location) == (303, "/my/")


def test_a_page_answers_422_only_when_its_form_has_errors(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data={"email": "x"}):
        form = Sample()
        assert page("errors/error.html", form=form).status_code == 200
        form.validate()
        assert page("errors/error.html", form=form).status_code == 422
        assert page("errors/error.html", form=form, status=410).status_code == 410
    with app.test_request_context("/", method="POST", data={"email": "a@b.example"}):
        form = Sample()
        form.validate()
        note(form, RuleError("No."))
        assert page("errors/error.html", form=form).status_code == 422


def test_a_rules_no_stands_at_its_field_or_above_the_form(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data={"email": "a@b.example"}):
        form = Sample()
        form.validate()
        note(form, RuleError("This one is taken.", field="email"))
        note(form, RuleError("The class is full."))
        note(form, RuleError("Nobody asked for this.", field="no_such_field"))
        assert form.email.errors == ["This one is taken."]
        assert form.form_errors == ["The class is full.", "Nobody asked for this."]


@pytest.mark.both_databases
def test_an_act_is_kept_when_it_ends_well(session: Session) -> None:
    session.rollback()
    with acting() as writing:
        factories.make_school(writing, name="Kept")
    assert db.session.scalar(sa.select(School.name)) == "Kept"


@pytest.mark.both_databases
@pytest.mark.parametrize("error", [RuleError("No."), ValueError("broken"), KeyboardInterrupt()])
def test_an_act_that_fails_leaves_nothing(session: Session, error: BaseException) -> None:
    session.rollback()

    def act() -> None:
        with acting() as writing:
            factories.make_school(writing)
            raise error

    with pytest.raises(type(error)):
        act()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(School)) == 0
    with acting() as writing:  # and the next one is not disturbed
        factories.make_school(writing)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(School)) == 1


def test_an_act_never_swallows_an_unsaved_change(session: Session) -> None:
    session.rollback()
    session.add(School(id=1))
    with pytest.raises(RuntimeError, match="before the first change"), acting():
        pass
    session.expunge_all()
