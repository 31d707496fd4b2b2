"""Every page stands on base.html and the macros; these tests draw them all."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from flask.testing import FlaskClient
from html5lib import HTMLParser

from app import create_app
from core.database import db
from core.settings import Settings
from tests.core.pages_app import ROOT, make_app, person

PAGES = sorted((ROOT / "templates").rglob("*.html"))
# Mail clients know no stylesheet, and papers are not served as pages.
FOR_BROWSERS = [p for p in PAGES if p.relative_to(ROOT / "templates").parts[0] not in ("mail", "pdf")]
ERROR_CODES = [400, 403, 404, 405, 413, 422, 429, 503]


def parsed(page: str) -> Element:
    """Return the tree of a page; a page that is not valid HTML fails here."""
    parser = HTMLParser(strict=False, namespaceHTMLElements=False)
    tree: Element = parser.parse(page)
    assert [error for error in parser.errors if error[1] != "unknown-doctype"] == []
    ids = [e.get("id") for e in tree.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    for e in tree.iter():
        for name in ("aria-describedby", "aria-labelledby", "for"):
            assert set((e.get(name) or "").split()) <= set(ids), (e.tag, e.attrib)
    return tree


def words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def find(tree: Element, tag: str, **attributes: str) -> list[Element]:
    wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
    return [e for e in tree.iter(tag) if all(e.get(name) == value for name, value in wanted.items())]


def get(user: Any = None, path: str = "/parts", endpoints: bool = True) -> Element:
    app = make_app(user, endpoints) if user else make_app(endpoints=endpoints)
    return parsed(app.test_client().get(path).text)


def navigation(tree: Element) -> list[str]:
    return [words(a) for a in find(find(tree, "nav", aria_label="Main")[0], "a")]


@pytest.mark.parametrize("path", FOR_BROWSERS, ids=lambda p: str(p.relative_to(ROOT / "templates")))
def test_no_page_carries_style_or_script_inside_itself(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", source, re.IGNORECASE)
    for script in re.findall(r"<script\b[^>]*>", source):
        assert "src=" in script or 'type="application/ld+json"' in script, script


def test_no_script_writes_inline_style_or_markup() -> None:
    for path in sorted((ROOT / "static").glob("*.js")):
        source = path.read_text()
        assert not re.search(
            r"(inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|document\.write|\beval\(|\.style\b", source
        ), path


def test_the_parts_page_draws_every_part_as_valid_html() -> None:
    tree = get(person("student"))
    assert find(tree, "html")[0].get("lang") == "en"
    assert find(tree, "html")[0].get("dir") == "ltr"


def test_every_file_that_a_page_asks_for_is_there() -> None:
    app = make_app()
    tree = parsed(app.test_client().get("/parts").text)
    addresses = [e.get("href") or e.get("src") or "" for e in tree.iter() if e.tag in ("link", "script")]
    assert len(addresses) == 5
    for address in addresses:
        with closing(app.test_client().get(address)) as answer:
            assert answer.status_code == 200, address
    css = (ROOT / "static/stillpoint.css").read_text()
    for name in re.findall(r'url\("([^"]+)"\)', css):
        assert (ROOT / "static" / name).exists(), name


@pytest.mark.parametrize(
    ("user", "entries"),
    [
        (None, ["Courses", "Check a certificate"]),
        (person("student"), ["Courses", "My classes", "Check a certificate"]),
        (person("instructor"), ["Teaching", "Courses", "My classes", "Check a certificate"]),
        (person("staff"), ["Office", "Courses", "Check a certificate"]),
    ],
    ids=["visitor", "student", "instructor", "staff"],
)
def test_everyone_finds_their_own_desk_in_the_navigation(user: Any, entries: list[str]) -> None:
    assert navigation(get(user)) == entries


def test_a_page_links_only_to_what_exists() -> None:
    tree = get(person("student"), endpoints=False)
    assert navigation(tree) == []
    assert find(tree, "a", href="/accounts/login") == []


def test_the_current_entry_follows_from_the_address() -> None:
    tree = get(path="/error/404")
    assert find(tree, "a", aria_current="page") == []
    with make_app().test_request_context("/courses/CST1"):
        from core.looks import nav_items

        assert [i.label for i in nav_items(None) if i.current] == ["Courses"]
        assert [i.label for i in nav_items(None, "certificates.verify_start") if i.current] == [
            "Check a certificate"
        ]


def test_signing_out_is_a_post_with_a_token() -> None:
    form = find(get(person("student")), "form", action="/accounts/logout")[0]
    assert form.get("method") == "post"
    assert find(form, "input", name="csrf_token")[0].get("value")


def test_a_visitor_may_sign_in() -> None:
    tree = get()
    assert [words(a) for a in find(tree, "a", href="/accounts/login")] == ["Sign in"]
    assert find(tree, "form", action="/accounts/logout") == []


def test_a_page_in_arabic_runs_from_right_to_left() -> None:
    page = make_app(LOCALE="ar_EG").test_client().get("/parts").text
    assert '<html lang="ar-EG" dir="rtl">' in page


def test_flash_messages_become_toasts_and_are_escaped() -> None:
    tree = get(path="/flash")
    toasts = [e for e in tree.iter("div") if e.get("class") == "toast"]
    said = [(t.get("role"), words(t)) for t in toasts]
    assert said == [("status", "Roll saved for <Saturday>."), ("alert", "Someone else saved first.")]


@pytest.mark.parametrize("name", ["ui", "forms"])
def test_every_macro_is_described_and_shown(name: str) -> None:
    macros = re.findall(r"{% macro ([a-z]\w*)\(", (ROOT / f"templates/_macros/{name}.html").read_text())
    guide = (ROOT / "docs/ui.md").read_text()
    assert [macro for macro in macros if f"`{macro}(" not in guide] == []
    if name == "ui":
        shown = (ROOT / "templates/_styleguide.html").read_text() + (ROOT / "templates/base.html").read_text()
        assert [macro for macro in macros if f"ui.{macro}(" not in shown] == []


# ── forms ──


def refused(**typed: str) -> Element:
    client = make_app(WTF_CSRF_ENABLED=False).test_client()
    answer = client.post("/parts", data=typed)
    assert answer.status_code == 422
    return parsed(answer.text)


def test_a_refused_form_says_so_in_its_title_and_above_its_fields() -> None:
    tree = refused(email="nope", payment="card")
    assert words(find(tree, "title")[0]).startswith("Error: Parts")
    summary = find(tree, "div", id="errors")[0]
    assert summary.get("role") == "alert"
    links = {a.get("href"): words(a) for a in find(summary, "a")}
    assert links["#name"] == "Full name: Fill this in."
    assert links["#email"].startswith("Email: This is not an email address.")
    ids = {e.get("id") for e in tree.iter()}
    assert {str(href)[1:] for href in links} <= ids


def test_a_refused_field_carries_its_message_and_what_was_typed() -> None:
    tree = refused(email="Nope", price="abc", name="Alice")
    email, price = find(tree, "input", id="email")[0], find(tree, "input", id="price")[0]
    assert (email.get("aria-invalid"), email.get("value")) == ("true", "nope")
    assert price.get("aria-describedby") == "price-error price-hint"
    assert price.get("value") == "abc"
    assert find(tree, "input", id="name")[0].get("aria-invalid") is None
    assert find(tree, "input", id="name")[0].get("aria-describedby") == "name-hint"


def test_a_form_in_order_has_no_summary_and_no_error_title() -> None:
    tree = get()
    assert find(tree, "div", id="errors") == []
    assert words(find(tree, "title")[0]) == "Parts · Tideway Bodywork Institute"


def test_what_was_typed_is_escaped() -> None:
    page = (
        make_app(WTF_CSRF_ENABLED=False)
        .test_client()
        .post("/parts", data={"name": '"><script>x</script>'})
        .text
    )
    assert "<script>x" not in page


def test_radio_buttons_stand_in_a_named_group() -> None:
    group = next(e for e in refused().iter("fieldset") if e.get("role") == "radiogroup")
    assert words(find(group, "legend")[0]) == "How you pay"
    assert group.get("aria-describedby") == "payment-error"
    assert [e.get("id") for e in find(group, "input", type="radio")] == ["payment-0", "payment-1"]


def test_a_confirmation_names_the_thing_and_its_two_outcomes() -> None:
    tree = get(path="/confirm")
    form = next(e for e in tree.iter("form") if e.get("data-confirm") is not None)
    assert words(find(form, "h1")[0]) == "Revoke TBI-26-0415?"
    assert words(find(form, "button", type="submit")[0]) == "Revoke certificate"
    assert [(a.get("href"), words(a)) for a in find(form, "a")] == [("/my/", "Keep it valid")]
    assert find(form, "input", name="csrf_token")
    assert form.get("action") == "/confirm"


# ── errors ──


@pytest.mark.parametrize("code", ERROR_CODES)
def test_each_error_has_a_page_with_plain_words_and_a_way_on(code: int) -> None:
    app = make_app(person("student"))
    answer = app.test_client().get(f"/error/{code}")
    assert answer.status_code == code
    main = find(parsed(answer.text), "main")[0]
    assert words(find(main, "h1")[0])
    assert find(main, "a")[0].get("href") == "/"
    assert not re.search(r"traceback|exception|werkzeug|server could not|html\b", words(main), re.IGNORECASE)


def test_every_error_code_has_its_template() -> None:
    names = {path.stem for path in (ROOT / "templates/errors").glob("*.html")}
    assert {str(code) for code in [*ERROR_CODES, 500]} <= names


def test_an_error_without_a_page_of_its_own_gets_the_general_one() -> None:
    answer = make_app().test_client().get("/error/418")
    assert answer.status_code == 418
    assert "That did not work" in answer.text


def test_a_view_s_own_words_replace_those_of_the_page() -> None:
    app = make_app()

    @app.get("/mine")
    def mine() -> str:
        from flask import abort

        abort(403, "This roll belongs to <another> instructor.")

    main = find(parsed(app.test_client().get("/mine").text), "main")[0]
    assert "This roll belongs to <another> instructor." in words(main)


def test_a_crash_says_so_without_a_traceback_and_without_asking_who_reads_it() -> None:
    class Broken:
        @property
        def is_authenticated(self) -> bool:
            raise RuntimeError("the database is on fire")

    answer = make_app(Broken()).test_client().get("/broken")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "on fire" not in answer.text
    parsed(answer.text)


def test_a_wrong_method_names_the_right_one() -> None:
    answer = make_app().test_client().post("/flash", data={})
    assert answer.status_code in (400, 405)
    answer = make_app(WTF_CSRF_ENABLED=False).test_client().post("/flash")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_form_without_its_token_is_told_to_open_it_again() -> None:
    client = make_app().test_client()
    answer = client.post("/parts", headers={"Referer": "http://localhost/parts"})
    assert answer.status_code == 400
    main = find(parsed(answer.text), "main")[0]
    assert words(find(main, "h1")[0]) == "This page was open for a long time"
    assert [a.get("href") for a in find(main, "a")] == ["http://localhost/parts"]
    foreign = client.post("/parts", headers={"Referer": "http://localhost.evil.example/parts"})
    assert "evil.example" not in foreign.text


# ── the same, in the real application ──


def test_the_application_answers_an_unknown_address_in_the_same_look(client: FlaskClient) -> None:
    answer = client.get("/no-such-page")
    assert answer.status_code == 404
    tree = parsed(answer.text)
    assert words(find(find(tree, "main")[0], "h1")[0]) == "There is no such page"


def test_a_missing_database_still_gives_a_page_also_to_someone_signed_in(tmp_path: Path) -> None:
    settings = Settings(
        instance_path=tmp_path, database_url=f"sqlite:///{tmp_path}/empty.db", secret_key="a secret for tests"
    )
    app = create_app(settings.completed())
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "1.1", True
    answer = client.get("/no-such-page")
    assert answer.status_code in (500, 503)
    main = find(parsed(answer.text), "main")[0]
    assert words(find(main, "h1")[0]) in ("Something broke on our side", "We are not ready just now")
    with app.app_context():
        db.engine.dispose()
