"""A small application with nothing but the look: templates, pictures, error pages, and what they link to."""

import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Flask, abort, flash, render_template
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect

from core.database import Base, db
from core.forms import (
    BooleanField,
    CodeField,
    DateField,
    EmailField,
    Form,
    MoneyField,
    PersonNameField,
    RadioField,
    Required,
    SelectField,
    TextAreaField,
)
from core.looks import register_looks
from core.pages import init_pages
from core.pathlayout import PathCourse, PathEdge
from core.pathpicture import curriculum_path
from core.strokes import DISCS, ICONS

ROOT = Path(__file__).parents[2]
SCHOOL = SimpleNamespace(
    name="Tideway Bodywork Institute", address="12 Harbour Row, Astoria", email="office@tideway.example"
)
VISITOR = SimpleNamespace(is_authenticated=False)
COURSES = [
    PathCourse("ANA1", "Anatomy of the Craniosacral System", "6 h", done=True),
    PathCourse("CST1", "Craniosacral Therapy 1", "24 h"),
    PathCourse("CST2", "Craniosacral Therapy 2", "24 h"),
    PathCourse("SER1", "SomatoEmotional Release 1", "24 h"),
    PathCourse("SER2", "SomatoEmotional Release 2", "24 h"),
    PathCourse("ADV1", "Advanced Practice Intensive", "30 h"),
    PathCourse("PED1", "Infant Handling Skills", "12 h"),
    PathCourse("FAS1", "Gentle Fascia Techniques", "12 h"),
]
EDGES = [
    PathEdge("ANA1", "CST1", "recommended"),
    PathEdge("CST1", "CST2"),
    PathEdge("CST2", "SER1"),
    PathEdge("SER1", "SER2"),
    PathEdge("SER1", "ADV1"),
    PathEdge("SER2", "ADV1", "instructor_approval"),
    PathEdge("CST2", "PED1"),
]


def person(*roles: str, name: str = "Alice") -> SimpleNamespace:
    """Return a signed-in user with some of the roles staff, instructor and student."""
    return SimpleNamespace(
        is_authenticated=True,
        given_name=name,
        **{f"is_{r}": r in roles for r in ("staff", "instructor", "student")},
    )


class SampleForm(Form):
    name = PersonNameField("Full name", [Required()])
    email = EmailField("Email", [Required()])
    place = SelectField("Place", choices=[("", "Anywhere"), ("AST", "Astoria"), ("CHI", "Chicago")])
    price = MoneyField("Price")
    day = DateField("Day")
    note = TextAreaField("Note to the office")
    payment = RadioField("How you pay", choices=[("card", "By card"), ("bank", "By bank transfer")])
    agree = BooleanField("I agree", [Required()])
    code = CodeField("Class code")


def make_app(user: Any = VISITOR, endpoints: bool = True, **config: Any) -> Flask:
    """Return an application whose current user is `user`; without `endpoints` it has only its own."""
    app = Flask("stillpoint", root_path=str(ROOT))
    app.config.update(SECRET_KEY="only for tests", **config)
    app.config["SQLALCHEMY_ENGINES"] = {"default": {"url": "sqlite://", "poolclass": sa.StaticPool}}
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        weakref.finalize(app, db.engine.dispose)
    Babel(app, locale_selector=lambda: str(app.config.get("LOCALE", "en")))
    CSRFProtect(app)
    init_pages(app)
    register_looks(app)
    app.context_processor(lambda: {"current_user": user, "school": SCHOOL})
    if endpoints:
        _add_endpoints(app)

    @app.get("/parts")
    def parts() -> str:
        form = SampleForm(formdata=None)
        return _parts(form)

    @app.post("/parts")
    def send_parts() -> tuple[str, int]:
        form = SampleForm()
        form.validate()
        return _parts(form), 422

    @app.get("/flash")
    def flashed() -> str:
        flash("Roll saved for <Saturday>.", "success")
        flash("Someone else saved first.", "error")
        return render_template("base.html")

    @app.get("/confirm")
    def confirm() -> str:
        words = {
            "title": "Revoke TBI-26-0415?",
            "message": "Anyone who checks it will see that it is not valid.",
        }
        return render_template(
            "_confirm.html",
            **words,
            action_label="Revoke certificate",
            keep_label="Keep it valid",
            keep_url="/my/",
        )

    @app.get("/error/<int:code>")
    def fail(code: int) -> str:
        abort(code)

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("the database is on fire")

    return app


def _parts(form: SampleForm) -> str:
    picture = curriculum_path(COURSES, EDGES, "CST1", lambda code: f"/courses/{code}")
    return render_template(
        "_styleguide.html", form=form, picture=picture, icon_names=list(ICONS), mark_names=list(DISCS)
    )


def _add_endpoints(app: Flask) -> None:
    def empty(**_: str) -> str:
        return ""

    for name, rules in {
        "courses": [("/", "catalog"), ("/courses/<code>", "course")],
        "accounts": [("/accounts/login", "login"), ("/accounts/", "account")],
        "portal": [("/my/", "my"), ("/teaching/", "teaching"), ("/office/", "office")],
        "certificates": [("/verify/", "verify_start")],
    }.items():
        blueprint = Blueprint(name, __name__)
        for rule, endpoint in rules:
            blueprint.add_url_rule(rule, endpoint, empty)
        if name == "accounts":
            blueprint.add_url_rule("/accounts/logout", "logout", empty, methods=["POST"])
        app.register_blueprint(blueprint)


if __name__ == "__main__":
    make_app(person("student", "instructor")).run(port=5001, debug=True)
