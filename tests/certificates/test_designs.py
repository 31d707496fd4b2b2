"""How certificates look: versions that never change, refused with a plain sentence when they would not hold."""

import io
import subprocess
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from babel.support import NullTranslations
from flask import g
from flask.testing import FlaskClient
from flask_babel import get_locale
from PIL import Image
from sqlalchemy.orm import Session

from accounts.models import Role, User
from certificates import designs, issuing
from certificates.design_models import CertificateDesign
from certificates.designs import contrast_on_white, current_look, save_look
from certificates.looks import Look
from certificates.models import Certificate, CertificateState
from certificates.samples import SAMPLES
from core import papers
from core.database import begin_write, writing
from core.errors import RuleError
from core.files import store
from core.papers import Paper, PaperState, paper_store
from core.pdf import own
from core.school import School, current_school
from courses.offering_models import Offering
from tests.certificates.test_issuing import finished_class
from tests.factories import NOW, make_school, make_user
from tests.helpers import fields_of, sign_in

pytestmark = pytest.mark.both_databases(postgresql="full")
ADDRESS = "/office/certificates/design"
OWN = (
    '<html lang="{{ lang }}"><head><title>{{ certificate.number }}</title></head><body>'
    '<p lang="{{ certificate.participant_lang }}">'
    "{{ certificate.participant }}, {{ certificate.course.title }}, our own words</p>"
    "<p>{{ certificate.number }}, {{ certificate.verify_text }}</p></body></html>"
)


@pytest.fixture
def staff(session: Session) -> User:
    return make_user(session, Role.REGISTRAR)


@pytest.fixture
def school(session: Session) -> School:
    return make_school(session)


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, (30, 60, 90)).save(target, kind)
    return target.getvalue()


def text_of(content: bytes) -> str:
    asked = ["pdftotext", "-layout", "-", "-"]
    return subprocess.run(asked, input=content, check=True, capture_output=True).stdout.decode()


def made(session: Session) -> bytes:
    session.rollback()
    papers.make_waiting()
    session.expire_all()
    row = session.scalars(sa.select(Paper).order_by(Paper.id.desc())).first()
    assert row is not None
    assert row.state is PaperState.READY, row.problem
    assert "not-issued" in row.file_name
    return paper_store().get(row.sha256 or "")


def test_a_saved_version_is_used_from_then_on_and_the_old_one_stays(
    session: Session, school: School, staff: User
) -> None:
    assert current_look(session) == Look()
    first = save_look(session, school, Look(certify="We say that"), actor=staff, now=NOW)
    second = save_look(session, school, replace(first, layout="certificate-quiet"), actor=staff, now=NOW)
    assert current_look(session) == second
    assert second.version > first.version
    again = save_look(session, school, second, actor=staff, now=NOW)
    assert again.version == second.version
    assert [row.certify for row in designs.versions(session)] == ["We say that"] * 2


def test_a_version_never_changes(session: Session, school: School, staff: User) -> None:
    save_look(session, school, Look(certify="Once"), actor=staff, now=NOW)
    session.commit()
    begin_write(session)
    row = session.scalars(sa.select(CertificateDesign)).one()
    row.certify = "Twice"
    with pytest.raises(RuntimeError, match="never changes"):
        session.flush()
    session.rollback()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"html": "{% for x in %}"}, "can’t be used"),
        ({"html": "<p>{{ certificate.nothing }}</p>"}, "can’t be used"),
        ({"html": "<p>{{ ''.__class__.__mro__ }}</p>"}, "may not do"),
        ({"html": '<img src="file:///etc/passwd">'}, "shipped files"),
        ({"html": '<img src="https://example.org/pixel.png">'}, "shipped files"),
        ({"html": '<link rel="attachment" href="/etc/passwd">'}, "shipped files"),
        ({"html": '<p style="background: url(http://127.0.0.1/)">x</p>'}, "shipped files"),
        ({"html": "<style>p { background: url('//example.org/x') }</style>"}, "shipped files"),
        ({"html": OWN + "<style>@import 'https://example.org/a.css';</style>"}, "load nothing"),
        ({"html": OWN + r"<style>p { background: u\72l(//example.org/x) }</style>"}, "load nothing"),
        (
            {"html": "{% include 'other.html' %}"},
            "can’t be used: other.html.$",
        ),  # and no folder of the server
        ({"html": OWN.replace("{{ certificate.participant }}", "")}, "does not print the name"),
        ({"html": OWN.replace("<p>{{ certificate.number }},", "<p>")}, "does not print the number"),
        ({"html": OWN.replace("{{ certificate.verify_text }}", "")}, "does not print the address"),
        ({"html": OWN + "{{ 'x' * 2000000000 }}"}, "too much time or memory"),
        ({"html": OWN + "{{ '%2000000000s' % 1 }}"}, "too much time or memory"),
        ({"html": OWN + "{% for i in range(90000) %}<p>{% endfor %}"}, "too much"),
        ({"html": OWN + "<div>" * 500}, "too much for one page"),
        ({"css": "@import 'https://example.org/a.css';"}, "load nothing"),
        ({"css": "p { background: url( 'https://example.org/a.png' ) }"}, "shipped files"),
        ({"css": r"p { background: u\72l(https://example.org/a.png) }"}, "load nothing"),
        ({"css": "x" * 60_001}, "characters fit"),
        ({"css": "body { columns: 99999 }"}, "too much time or memory to lay out"),
        ({"css": "* { position: running(x) }"}, "can’t be laid out"),
        ({"color_main": "red", "color_second": "#102030"}, "six digits"),
        ({"color_main": "#ffee88", "color_second": "#102030"}, "too light"),
        ({"color_main": "#102030"}, "both colors"),
        ({"layout": "../../secret"}, "from the lists"),
    ],
)
def test_what_would_not_hold_is_refused_with_a_sentence(
    session: Session,
    school: School,
    staff: User,
    values: dict[str, Any],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own, "LAYOUT_SECONDS", 3)  # enough for what is refused for another reason
    with pytest.raises(RuleError, match=said):
        save_look(session, school, Look(**values), actor=staff, now=NOW)
    assert current_look(session) == Look()


def test_a_design_is_tried_where_the_libraries_are_known_and_no_secret_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("FONTCONFIG_PATH", "LD_LIBRARY_PATH", "SMTP_PASSWORD", "DATABASE_URL"):
        monkeypatch.setenv(name, "/somewhere")
    known = own.surroundings()
    assert known["FONTCONFIG_PATH"] == known["LD_LIBRARY_PATH"] == "/somewhere"
    assert not {"SMTP_PASSWORD", "DATABASE_URL"} & known.keys()


class _Marked(NullTranslations):
    """The texts of another language, told by a mark at their beginning."""

    def ugettext(self, message: str) -> str:
        return f"§ {message}"


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("{% for x in %}", "can’t be used: Expected"),
        ("{{ ''.__class__.__mro__ }}", "may not do"),
        ("<a href=\"{{ 'file:///x' | web }}\">x</a>", "not a web address"),
        ("{{ 'x' * 2000000000 }}", "too much time or memory"),
    ],
)
def test_a_refused_template_is_refused_in_the_language_of_the_reader(
    session: Session, school: School, staff: User, html: str, said: str
) -> None:
    get_locale()  # makes the place where the translations of this reader are kept
    g._flask_babel.babel_translations = _Marked()
    with pytest.raises(RuleError, match=said) as told:
        save_look(session, school, Look(html=html), actor=staff, now=NOW)
    assert str(told.value).startswith("§ ")


@pytest.mark.full
@pytest.mark.parametrize(
    "loop",
    [
        "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}",
        "{% set n = namespace(s='x') %}{% for i in range(90) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    ],
)
def test_a_template_that_does_not_end_is_stopped(
    session: Session, school: School, staff: User, loop: str
) -> None:
    with pytest.raises(RuleError, match="too much time or memory"):
        save_look(session, school, Look(html=OWN + loop), actor=staff, now=NOW)


def test_contrast_is_as_wcag_computes_it() -> None:
    assert contrast_on_white("#000000") == pytest.approx(21)
    assert contrast_on_white("#ffffff") == pytest.approx(1)
    assert contrast_on_white("#767676") == pytest.approx(4.54, abs=0.01)


def test_an_issued_certificate_keeps_the_version_it_was_made_with(session: Session, staff: User) -> None:
    offering = finished_class(session, students=1)
    school = current_school(session)
    assert school is not None
    logo = store().put(picture())
    look = Look(
        layout="certificate-quiet",
        page_size="Letter",
        logo_sha256=logo,
        color_main="#204060",
        color_second="#0a5c4a",
        completed="has sat through",
    )
    saved = save_look(session, school, look, actor=staff, now=NOW)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    save_look(session, school, Look(certify="Later"), actor=staff, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    row = session.scalars(sa.select(Certificate)).one()
    assert row.state is CertificateState.ISSUED, row.problem
    assert row.snapshot["design"] == saved.version
    assert row.template == "certificate-quiet"
    text = text_of(store().get(row.pdf_sha256 or ""))
    assert "has sat through" in text
    assert "Later" not in text


def test_an_own_template_is_printed_from_the_snapshot(session: Session, staff: User) -> None:
    offering: Offering = finished_class(session, students=1)
    school = current_school(session)
    assert school is not None
    save_look(session, school, Look(html=OWN, css="p { font-size: 20pt }"), actor=staff, now=NOW)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    issuing.make_waiting()
    session.expire_all()
    row = session.scalars(sa.select(Certificate)).one()
    assert row.state is CertificateState.ISSUED, row.problem
    assert "our own words" in text_of(store().get(row.pdf_sha256 or ""))


def test_the_form_saves_logo_colors_and_texts(
    session: Session, client: FlaskClient, school: School, staff: User
) -> None:
    session.commit()
    sign_in(client, staff)
    fields: dict[str, Any] = fields_of(client.get(ADDRESS))
    fields.pop("file", None)
    fields |= {
        "layout": "certificate-quiet",
        "color_main": "#204060",
        "color_second": "#0a5c4a",
        "certify": "We gladly say that",
        "certificates_need_payment": "y",
        "logo": (io.BytesIO(picture()), "logo.png"),
    }
    fields.pop("preview", None)
    fields.pop("remove_logo", None)
    answer = client.post(ADDRESS, data=fields)
    assert answer.status_code == 303, answer.text
    session.expire_all()
    look = current_look(session)
    assert (look.layout, look.certify) == ("certificate-quiet", "We gladly say that")
    assert store().get(look.logo_sha256 or "") == picture()
    assert session.get_one(School, 1).certificates_need_payment is True


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"%PDF-1.7", picture()[:80], b""])
def test_a_logo_that_is_no_image_is_refused(
    session: Session, client: FlaskClient, school: School, staff: User, content: bytes
) -> None:
    session.commit()
    sign_in(client, staff)
    fields: dict[str, Any] = {
        "layout": "certificate-quiet",
        "page_size": "A4",
        "lang": "en",
        "sample": "short",
    }
    answer = client.post(ADDRESS, data=fields | {"logo": (io.BytesIO(content), "logo.png")})
    assert answer.status_code == 422
    assert "not a PNG or JPEG picture" in answer.text
    assert current_look(session) == Look()


def test_a_logo_that_was_just_chosen_is_looked_at_before_saving(
    session: Session, client: FlaskClient, school: School, staff: User
) -> None:
    session.commit()
    sign_in(client, staff)
    fields = {"layout": "certificate-quiet", "page_size": "A4", "lang": "en", "sample": "short"}
    sent = {"preview": "1", "logo": (io.BytesIO(picture()), "logo.png")}
    answer = client.post(ADDRESS, data=fields | sent)
    assert answer.status_code == 303, answer.text
    made(session)
    (row,) = session.scalars(sa.select(Paper))
    assert row.details["look"]["logo_sha256"]


def test_a_logo_in_the_colors_of_a_printing_press_is_refused(
    session: Session, client: FlaskClient, school: School, staff: User
) -> None:
    session.commit()
    sign_in(client, staff)
    target = io.BytesIO()
    Image.new("CMYK", (60, 40), (10, 200, 30, 5)).save(target, "JPEG")
    fields = fields_of(client.get(ADDRESS)) | {"logo": (io.BytesIO(target.getvalue()), "logo.jpg")}
    answer = client.post(ADDRESS, data=fields)
    assert answer.status_code == 422
    assert "printing press (CMYK)" in answer.text


def test_nobody_waits_while_a_design_is_tried_and_it_is_tried_once(
    session: Session, client: FlaskClient, school: School, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.commit()
    sign_in(client, staff)
    tried, ask = [], own._ask
    for kept in (designs._pages, designs._lay_out):
        kept.cache_clear()

    def and_write(what: str, *asked: Any) -> dict[str, Any]:
        with writing():  # waits, and fails, while the form holds the lock
            tried.append(what)
        return ask(what, *asked)

    monkeypatch.setattr(own, "_ask", and_write)
    fields = fields_of(client.get(ADDRESS)) | {"html": OWN, "css": "p { color: #123456 }"}
    assert client.post(ADDRESS, data=fields).status_code == 303
    assert current_look(session).css == "p { color: #123456 }"
    assert tried == ["pages", "layout"]


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_every_sample_person_is_shown_before_saving(
    session: Session, client: FlaskClient, school: School, staff: User, sample: str
) -> None:
    session.commit()
    sign_in(client, staff)
    fields = {"layout": "certificate-engraved", "page_size": "A4", "lang": "en", "sample": sample}
    answer = client.post(ADDRESS, data=fields | {"preview": "1"})
    assert "/papers/" in answer.headers["Location"]
    text = text_of(made(session))
    assert "SAMPLE, not issued" in text
    assert current_look(session) == Look()
    assert len(SAMPLES["long"]) == 90


def test_the_page_is_drawn_beside_the_form_and_nothing_is_saved(
    session: Session, client: FlaskClient, school: School, staff: User
) -> None:
    session.commit()
    sign_in(client, staff)
    fields = fields_of(client.get(ADDRESS)) | {"layout": "certificate-quiet", "sample": "arabic"}
    answer = client.post(f"{ADDRESS}/picture", data=fields)
    assert answer.status_code == 202
    papers.make_waiting()
    assert client.get(answer.get_json()["paper"]).status_code == 303
    shown = client.get(answer.get_json()["picture"])
    assert shown.mimetype == "image/png"
    with Image.open(io.BytesIO(shown.data)) as drawn:
        assert drawn.width == 1000
        assert 1.40 < drawn.height / drawn.width < 1.42  # A4
        assert len(drawn.getcolors(1_000_000) or ()) > 50  # something stands on it
    assert session.scalar(sa.select(CertificateDesign.id)) is None


def test_what_cannot_be_drawn_is_said_in_place_of_the_picture(
    session: Session, client: FlaskClient, school: School, staff: User
) -> None:
    session.commit()
    sign_in(client, staff)
    fields = fields_of(client.get(ADDRESS))
    for change, told in (
        ({"color_main": "#ffff00", "color_second": "#000000"}, "too light"),
        ({"html": "{% if %}"}, "template"),
        ({"css": "@import url(https://elsewhere.example)"}, "load nothing"),
    ):
        answer = client.post(f"{ADDRESS}/picture", data=fields | change)
        assert answer.status_code == 422
        assert told in answer.get_json()["problem"]


def test_signatures_of_the_school_and_of_instructors_are_kept_and_taken_away(
    session: Session, client: FlaskClient, school: School, staff: User
) -> None:
    teacher, student = make_user(session, Role.INSTRUCTOR), make_user(session)
    session.commit()
    sign_in(client, staff)
    for who in ("school", str(teacher.id)):
        sent = {"file": (io.BytesIO(picture()), "sign.png")}
        assert client.post(f"/office/certificates/signatures/{who}", data=sent).status_code == 303
    session.expire_all()
    digest = session.get_one(School, 1).signature_sha256
    assert digest is not None
    assert session.get_one(User, teacher.id).signature_sha256 == digest
    bad = {"file": (io.BytesIO(b"no picture"), "sign.png")}
    told = client.post("/office/certificates/signatures/school", data=bad, follow_redirects=True)
    assert "not a PNG or JPEG picture" in told.text
    client.post("/office/certificates/signatures/school", data={})
    session.expire_all()
    assert session.get_one(School, 1).signature_sha256 is None
    for who in (str(student.id), "999999", "someone", "²", "9" * 30, "9" * 5000):
        assert client.post(f"/office/certificates/signatures/{who}", data={}).status_code == 404
