"""Nobody sees what is not theirs: every address × role → status. The table stands in ``tests/addresses.py``."""

import re
from collections import Counter
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import IntegerConverter, Rule

from core.audit import AuditEvent
from core.database import db
from tests.addresses import TABLE, Row
from tests.conftest import Databases
from tests.world import WHO, World, build_world

pytestmark = pytest.mark.both_databases(postgresql="full")
REFUSED = {"login", "400", "403", "404", "405", "410", "422", "429"}
_worlds: dict[str, World] = {}
# Which database is the untouched world: bringing it back takes time, and most tests only look.
_untouched: dict[str, int] = {}


@pytest.fixture
def world(databases: Databases, backend: str) -> World:
    """The small world, made once for each kind of database and brought back when something has touched it."""
    if backend not in _worlds:
        _worlds[backend] = build_world(databases.app(backend))
        databases.keep("addresses", backend)
    bring_back(databases, backend)
    return _worlds[backend]


def bring_back(databases: Databases, backend: str) -> None:
    if _untouched.get(backend) != databases.generation:
        databases.restore("addresses", backend)
        _untouched[backend] = databases.generation


@pytest.fixture
def app(databases: Databases, backend: str, world: World) -> Flask:
    return databases.apps[backend]


def browser(app: Flask, world: World, who: str) -> FlaskClient:
    client = app.test_client()
    if who != "visitor":
        with client.session_transaction() as session:
            session["_user_id"] = world.people[who]
            session["_fresh"] = True
    return client


def ask(app: Flask, world: World, who: str, method: str, row: Row) -> str:
    """The status, or ``login`` for who is sent to sign in before anything was done (what is done says so)."""
    client = browser(app, world, who)
    path = row.path.format(**world.values)
    fields = {name: value.format(**world.values) for name, value in row.fields.items()}
    answer = client.open(path, method=method, data=None if method == "GET" else fields)
    if answer.status_code == 303 and urlsplit(answer.location).path == "/accounts/login":
        with client.session_transaction() as session:
            if "_flashes" not in session:
                return "login"
    return str(answer.status_code)


def events(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count(AuditEvent.id))) or 0


def methods_of(rule: Rule) -> set[str]:
    return (rule.methods or set()) - {"HEAD", "OPTIONS"}


def test_every_address_stands_in_the_table_and_no_other(app: Flask) -> None:
    there = Counter(
        f"{method} {rule.rule}" for rule in app.url_map.iter_rules() for method in methods_of(rule)
    )
    missing, gone = sorted(set(there) - set(TABLE)), sorted(set(TABLE) - set(there))
    assert missing == [], "add a line for each to tests/addresses.py"
    assert gone == [], "these addresses are no more: take their lines out of tests/addresses.py"
    assert [key for key, times in there.items() if times > 1] == [], "two views answer at the same address"


@pytest.mark.parametrize("key", TABLE)
def test_everyone_gets_the_answer_that_is_theirs(
    app: Flask, databases: Databases, backend: str, world: World, key: str
) -> None:
    method, row = key.split(" ")[0], TABLE[key]
    expected = dict(zip(WHO, row.answers.split(), strict=True))
    found, changed = {}, []
    before = events(app)
    for who in WHO:
        answer = found[who] = ask(app, world, who, method, row)
        if method == "GET" or answer in REFUSED:
            changed += [who] if events(app) != before else []
        else:
            _untouched.pop(backend)
            bring_back(databases, backend)
    if method != "GET":
        _untouched.pop(backend, None)  # attempts are counted also where nothing else happens
    assert found == expected, row.path.format(**world.values)
    assert changed == [], "a refusal or a GET left an audit event"


@pytest.mark.parametrize("key", [key for key in TABLE if key.startswith("GET ")])
def test_odd_questions_never_break_a_page(app: Flask, world: World, key: str) -> None:
    """Too large pages, wrong choices, other scripts, long words: a calm answer, whatever it is."""
    path = TABLE[key].path.format(**world.values)
    client = browser(app, world, "admin")
    wrong = "&".join(
        f"{name}=x" for name in ("page", "level", "role", "state", "subject", "place", "delivery")
    )
    odd = (
        "page=0&q=%27%22%3Cb%3E&month=2027-13",
        "page=99999999999999999999&month=99999-99",
        "page=-1&q=%25_%5C&month=0000-00",
        f"{wrong}&month=x",
        "month=%F0%9F%8C%8A&q=%F0%9F%8C%8A&next=%2F%2Fevil.example",
        "q=" + "a" * 2000,
    )
    codes = {question: client.get(f"{path}?{question}").status_code for question in odd}
    assert {question: code for question, code in codes.items() if code >= 500 and key != "GET /readyz"} == {}


# What a second click meets is said on the page one comes from: it is off the list, whosever it was.
SAID_ON_THE_PAGE = {"/my/licenses/<int:license_id>/remove", "/office/mail/<int:mail_id>/again"}
SAID_ON_THE_PAGE |= {"/check-in/<token>"}  # an old code, or none: scan again


@pytest.mark.parametrize(
    "rule", sorted({key.split(" ", 1)[1] for key in TABLE if "<" in key} - SAID_ON_THE_PAGE)
)
def test_a_subject_that_is_not_there_is_not_found(app: Flask, world: World, rule: str) -> None:
    """Unknown codes, numbers and tokens, also odd ones: 404 for the admin, by every method."""
    client = browser(app, world, "admin")
    for one in (one for one in app.url_map.iter_rules() if one.rule == rule):
        for word in ("NOSUCHTHING", "%E2%98%83", "a" * 300, "-1", "%27%3B--"):
            path = rule
            for name, kind in one._converters.items():
                value = str(2**31 - 1) if isinstance(kind, IntegerConverter) else word
                path = re.sub(rf"<([^<>:]+:)?{name}>", value.replace("\\", ""), path)
            for method in methods_of(one):
                answer = client.open(path, method=method, data={})
                assert answer.status_code == 404, f"{method} {path}"
