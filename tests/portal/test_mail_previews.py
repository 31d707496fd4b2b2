"""Every kind of mail has a preview and stands in docs/mails.md."""

import re
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from accounts.tokens import Purpose, make_link
from core import clock, outbox
from core.outbox import OutgoingMail
from core.school import School
from portal import mail_samples
from tests.factories import make_school, make_user
from tests.helpers import sign_in

ROOT = Path(__file__).parents[2]


@pytest.fixture
def school(session: Session) -> School:
    return make_school(session)


@pytest.fixture
def rosa(session: Session, school: School, client: FlaskClient) -> User:
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, rosa)
    return rosa


def test_every_kind_has_a_sample_and_no_other(app: Flask) -> None:
    assert set(mail_samples.SAMPLES) == {kind for kind in outbox.kinds() if not kind.startswith("test-")}


def test_every_kind_is_described(app: Flask) -> None:
    text = (ROOT / "docs" / "mails.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)` \|", text, re.M)) == {
        kind for kind in outbox.kinds() if not kind.startswith("test-")
    }


@pytest.mark.parametrize("kind", sorted(mail_samples.SAMPLES))
def test_each_says_something_in_text_and_html_and_leaves_nothing_open(
    session: Session, school: School, kind: str
) -> None:
    message = mail_samples.render_sample(kind, school, now=clock.now())
    assert message.subject.strip()
    for words in (message.text, message.html):
        assert school.name in words
        for hole in ("None", "{{", "}}", "%(", "Undefined"):
            assert hole not in words, hole
    assert len(message.text) > 150
    # The template's tags swallow line ends: no two sentences or facts may end up glued together.
    prose = re.sub(r"https?://\S+", "", message.text)
    assert re.findall(r"[a-z0-9)][.!?:][A-Z]", prose) == []
    assert re.findall(r"[.!?]\n(?:Class|Dates|See the class|Your classes): ", prose) == []


def test_the_office_reads_text_and_html(client: FlaskClient, rosa: User) -> None:
    listed = client.get("/office/mail/preview")
    assert listed.text.count("/office/mail/preview/") == len(mail_samples.SAMPLES)
    shown = client.get("/office/mail/preview/confirmation")
    assert "Maya" in shown.text
    assert "meetings.ics" in shown.text
    html = client.get("/office/mail/preview/confirmation/html")
    assert "<table" in html.text
    assert "cid:" not in html.text
    policy = html.headers["Content-Security-Policy"]
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert "sandbox" in policy


def test_an_unknown_kind_is_not_found(client: FlaskClient, rosa: User) -> None:
    assert client.get("/office/mail/preview/nothing").status_code == 404
    assert client.get("/office/mail/preview/nothing/html").status_code == 404
    assert client.post("/office/mail/preview/offer").status_code == 405


@pytest.mark.parametrize(("role", "status"), [(Role.STUDENT, 403), (Role.INSTRUCTOR, 403), (Role.ADMIN, 200)])
def test_only_the_office_sees_them(
    client: FlaskClient, session: Session, school: School, role: Role, status: int
) -> None:
    user = make_user(session, role)
    session.commit()
    sign_in(client, user)
    assert client.get("/office/mail/preview/offer").status_code == status


def test_a_preview_writes_nothing_and_its_links_open_nothing(
    client: FlaskClient, session: Session, rosa: User
) -> None:
    for kind in ("account-reset", "group-invoice", "class-message"):
        assert client.get(f"/office/mail/preview/{kind}").status_code == 200
    assert session.scalar(sa.select(sa.func.count(OutgoingMail.id))) == 0
    assert session.scalar(sa.select(sa.func.count(User.id))) == 1
    link = re.search(r"/accounts/reset/([^\s<]+)", client.get("/office/mail/preview/account-reset").text)
    assert link is not None
    assert link[1] != make_link(Purpose.RESET, rosa)
    answer = client.get(f"/accounts/reset/{link[1]}")
    assert "new password" not in answer.text.lower() or answer.status_code != 200


def test_no_preview_makes_a_pdf_in_a_web_process(client: FlaskClient, rosa: User) -> None:
    before = "weasyprint" in sys.modules
    client.get("/office/mail/preview/group-invoice")
    assert ("weasyprint" in sys.modules) == before
