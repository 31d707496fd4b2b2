"""How certificates look, set in a form: logo, colors, signatures, texts; looked at with sample people before saving."""

from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from accounts.access import STAFF, actor_again, roles
from accounts.models import Role, User
from certificates import designs
from certificates.blueprint import blueprint
from certificates.design_models import LAYOUTS
from certificates.looks import Look
from certificates.samples import LABELS, sample_document
from core import audit, clock, papers
from core.database import db, locked
from core.errors import RuleError
from core.files import store
from core.forms import (
    BooleanField,
    FileField,
    Form,
    Length,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from core.i18n import LOCALES
from core.papers import MadePaper, paper
from core.pdf.data import MAX_PICTURE_BYTES, PAPERS, check_picture
from core.school import School, current_school
from core.typed import row_number
from core.web import acting, note, page, see_other

PAPER = "certificate-design"
PICTURE_WIDTH = 1000  # pixels: sharp on a phone and beside the form


class DesignForm(Form):
    """Everything about a design; most schools never open the last part."""

    layout = RadioField(_l("Layout"), choices=list(zip(LAYOUTS, (_l("Engraved"), _l("Quiet")), strict=True)))
    page_size = SelectField(_l("Paper"), choices=[(name, name) for name in PAPERS])
    lang = SelectField(_l("Language of the fixed texts"), choices=[(name, name) for name in LOCALES])
    logo = FileField(_l("Logo"))
    remove_logo = BooleanField(_l("Use no logo"))
    color_main = StringField(_l("Main color"), [Length(max=7)])
    color_second = StringField(_l("Second color"), [Length(max=7)])
    certify = StringField(_l("Above the name"), [Length(max=120)])
    completed = StringField(_l("Above the course"), [Length(max=120)])
    retention = StringField(_l("How long to keep it"), [Length(max=200)])
    disclaimer = StringField(_l("What it is not"), [Length(max=200)])
    certificates_need_payment = BooleanField(_l("A certificate waits until everything is paid"))
    html = TextAreaField(_l("Own HTML in place of the layout’s"))
    css = TextAreaField(_l("Own CSS after the layout’s"))
    sample = SelectField(_l("Look at it with"), choices=list(LABELS.items()))


class PictureForm(Form):
    """One signature as a picture; without a file the picture is taken away."""

    file = FileField(_l("Picture"))


@blueprint.route("/office/certificates/design", methods=["GET", "POST"])
@roles(*STAFF)
def design() -> ResponseReturnValue:
    """The form; one button saves a new version, the other asks for a page with a sample person."""
    look, school = designs.current_look(db.session), _school(db.session)
    form = DesignForm(
        obj=look, data={"certificates_need_payment": school.certificates_need_payment, "sample": "short"}
    )
    if form.validate_on_submit():
        try:
            designs.check_look(school, _look_of(form, look))
            with acting() as session:
                address = _act(session, form)
        except RuleError as error:
            note(form, error)
        else:
            return see_other(address)
    people = sa.select(User).where(User.role == Role.INSTRUCTOR, User.disabled_at.is_(None))
    return page(
        "certificates/design.html",
        form=form,
        look=designs.current_look(db.session),
        versions=designs.versions(db.session),
        instructors=db.session.scalars(people.order_by(User.name)).all(),
        picture=PictureForm(formdata=None),
    )


@blueprint.post("/office/certificates/design/picture")
@roles(*STAFF)
def design_picture() -> ResponseReturnValue:
    """Ask for a picture of what the form says, to be shown beside it: where it will be, or what is wrong (JSON)."""
    look, school = designs.current_look(db.session), _school(db.session)
    form = DesignForm(obj=look, data={"sample": "short"})
    if form.validate_on_submit():
        try:
            designs.check_look(school, _look_of(form, look))
            with acting() as session:
                asked = _ask_for_sample(session, form, picture=True)
                paper_id = asked.id
        except RuleError as error:
            note(form, error)
        else:
            where = {
                "paper": url_for("papers.show", paper_id=paper_id),
                "picture": url_for("papers.file", paper_id=paper_id),
            }
            return where, 202
    problems = [*form.form_errors, *(text for field in form for text in field.errors)]
    return {"problem": str(problems[0]) if problems else _("This cannot be shown.")}, 422


def _ask_for_sample(session: Session, form: DesignForm, *, picture: bool) -> papers.Paper:
    actor, school = actor_again(session), _school(session)
    look = _look_of(form, designs.current_look(session))
    designs.check_look(school, look)
    return papers.request_paper(
        session,
        PAPER,
        actor=actor,
        now=clock.now(),
        look=asdict(look),
        sample=form.sample.data,
        picture=picture,
    )


def _school(session: Session) -> School:
    school = current_school(session)
    if school is None:
        abort(404)
    return school


def _act(session: Session, form: DesignForm) -> str:
    if "preview" in request.form:
        return url_for("papers.show", paper_id=_ask_for_sample(session, form, picture=False).id)
    actor, now, school = actor_again(session), clock.now(), _school(session)
    look = _look_of(form, designs.current_look(session))
    designs.save_look(session, school, look, actor=actor, now=now)
    needed = bool(form.certificates_need_payment.data)
    if school.certificates_need_payment is not needed:
        school.certificates_need_payment = needed
        audit.record(
            session, "certificates:payment-rule:changed", school, actor=actor, now=now, needed=needed
        )
    flash(_("Saved. Certificates issued from now on look like this."), "success")
    return url_for("certificates.design")


def _look_of(form: DesignForm, before: Look) -> Look:
    kept = ("version", "logo_sha256")
    values: dict[str, Any] = {
        name: (form[name].data or "").strip() for name in asdict(before) if name not in kept
    }
    logo = None if form.remove_logo.data else before.logo_sha256
    if (content := _picture(form.logo.data, "logo")) is not None:
        logo = store().put(content)
    return replace(before, **values, logo_sha256=logo)


def _picture(sent: object, name: str) -> bytes | None:
    """The bytes of an uploaded PNG or JPEG; None when nothing was chosen. Raises RuleError for anything else."""
    if not isinstance(sent, FileStorage) or not sent.filename:
        return None
    content: bytes = sent.read(MAX_PICTURE_BYTES + 1)
    sent.seek(0)  # it is asked for again when the design is saved
    try:
        check_picture(content)
    except RuleError as error:
        raise RuleError(str(error), field=name) from error
    return content


@blueprint.post("/office/certificates/signatures/<who>")
@roles(*STAFF)
def signature(who: str) -> ResponseReturnValue:
    """Keep the picture of a signature: of the school (``school``) or of an instructor (the user's id)."""
    try:
        content = _picture(PictureForm().file.data, "file")
        with acting() as session:
            actor, now = actor_again(session), clock.now()
            subject: School | User | None = None
            if who == "school":
                subject = _school(session)
            elif (number := row_number(who)) is not None:
                subject = locked(session, User, number)
            if subject is None or (isinstance(subject, User) and subject.role is not Role.INSTRUCTOR):
                abort(404)
            subject.signature_sha256 = store().put(content) if content is not None else None
            audit.record(
                session,
                "certificates:signature:changed",
                subject,
                actor=actor,
                now=now,
                there=content is not None,
            )
    except RuleError as error:
        flash(str(error), "error")
    else:
        flash(_("The signature is kept.") if content else _("The signature was taken away."), "success")
    return see_other(url_for("certificates.design", _anchor="signatures"))


@paper(PAPER)
def _make(session: Session, details: dict[str, Any]) -> MadePaper:
    from core.pdf import render_document

    look, school = Look(**details["look"]), _school(session)
    document = look.dress(sample_document(school, details["sample"]))
    pictures = {name: store().get(digest) for name, digest in look.pictures().items()}
    if school.signature_sha256:
        pictures["provider"] = store().get(school.signature_sha256)
    content = render_document(
        look.layout,
        document,
        page_size=look.page_size,
        lang=look.lang,
        images=pictures,
        source=look.html or None,
        css=look.css,
    )
    name = f"sample-{details['sample']}-not-issued"
    if details.get("picture"):
        from core.pdf.picture import first_page

        return MadePaper(first_page(content, width=PICTURE_WIDTH), f"{name}.png", "image/png")
    return MadePaper(content, f"{name}.pdf")
