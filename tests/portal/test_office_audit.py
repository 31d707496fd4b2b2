"""The audit log's page, its words, and checking the chain."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import audit
from core.database import begin_write
from portal import office_audit
from portal.audit_words import ROOMS, WORDS, words_for
from students.models import EnrollmentState
from tests.factories import NOW, make_school, make_user
from tests.helpers import fields_of, sign_in, statements

ROOT = Path(__file__).parents[2]


def happen(session: Session, action: str, actor: User | None, count: int = 1, **details: str) -> None:
    begin_write(session)
    for _ in range(count):
        audit.record(session, action, None, actor=actor, now=NOW, **details)
    session.commit()


RECORDED = re.compile(r"record\(\s*session,\s*(?:f?)\"([a-z_]+:[^\"]+)\"")


def actions_in_the_source() -> set[str]:
    """Every action that the program records, read from its source; ``{…}`` where it depends on something."""
    rooms = ("accounts", "courses", "students", "attendance", "certificates", "portal", "core")
    files = [path.read_text() for room in rooms for path in (ROOT / room).rglob("*.py")]
    return {action for text in files for action in RECORDED.findall(text)}


def has_words(action: str) -> bool:
    """Whether an action stands among the words; one with ``{…}`` needs some that fit."""
    pattern = re.sub(r"\\{.*?\\}", "[a-z_]+", re.escape(action))
    return any(re.fullmatch(pattern, known) for known in WORDS)


def test_every_action_that_the_program_records_has_plain_words() -> None:
    found = actions_in_the_source()
    assert len(found) > 40
    missing = sorted(action for action in found if not has_words(action))
    assert missing == [], "add words for these to portal/audit_words.py"
    assert {f"students:enrollment:{state.value}" for state in EnrollmentState} <= set(WORDS)
    assert {action.split(":")[0] for action in found} <= set(ROOMS)


def test_an_action_of_another_version_is_read_as_it_is_written(app: Flask) -> None:
    with app.app_context():
        assert words_for("students:group:seats_painted") == "group: seats painted"


def test_the_log_tells_who_did_what(session: Session, client: FlaskClient, rosa: User) -> None:
    happen(session, "courses:course:created", rosa, code="CST9")
    happen(session, "students:enrollment:lapsed", None)
    text = client.get("/office/audit").text
    assert "Rosa Delgado <span" in text
    assert "wrote a new course" in text
    assert "The system <span" in text
    assert "<dd>CST9</dd>" in text


@pytest.mark.both_databases
def test_it_is_searched_by_person_code_and_room(
    session: Session, client: FlaskClient, rosa: User, backend: str
) -> None:
    charlie = make_user(session, name="Charlie Nguyễn", email="charlie@tideway.example")
    session.commit()
    happen(session, "courses:course:created", rosa, code="CST9")
    happen(session, "students:student:changed", charlie)
    found = {
        "q=cst9": "wrote a new course",
        "q=nguyễn": "changed a student’s details",
        "q=charlie@tideway.example": "changed a student’s details",
        "room=students": "changed a student’s details",
    }
    for asked, words in found.items():
        text = client.get(f"/office/audit?{asked}").text
        told = [known for known in set(found.values()) if known in text]
        assert told == [words], asked
    assert "No change like this" in client.get("/office/audit?q=%25").text


def test_the_chain_is_checked_and_tampering_is_told(
    session: Session, client: FlaskClient, rosa: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office_audit, "AT_ONCE", 4)
    happen(session, "courses:course:created", rosa, count=9, code="CST9")
    last = client.post("/office/audit/check")
    assert "Events 6 to 9 are whole and unchanged." in last.text
    before = fields_of(last)["before"]
    assert (
        "Events 2 to 5 are whole and unchanged."
        in client.post("/office/audit/check", data={"before": before}).text
    )
    begin_write(session)
    session.execute(sa.text("UPDATE audit_events SET actor_id = 99 WHERE id = 4"))
    session.commit()
    text = client.post("/office/audit/check", data={"before": before}).text
    assert "One thing is wrong with the log" in text
    assert "Event 4 was changed after it was written." in text
    assert 'href="/office/audit/check' not in text
    session.execute(sa.text("DELETE FROM audit_events WHERE id = 9"))
    session.commit()
    assert "its head says 9" in client.post("/office/audit/check").text


def test_an_erased_event_says_so(session: Session, client: FlaskClient, rosa: User) -> None:
    happen(session, "students:student:changed", rosa, note="gone")
    begin_write(session)
    audit.erase(session, list(session.scalars(sa.select(audit.AuditEvent))))
    session.commit()
    text = client.get("/office/audit").text
    assert "Erased because the law asks for it" in text
    assert "whole and unchanged" in client.post("/office/audit/check").text


def test_the_page_takes_as_many_statements_with_1000_events(
    session: Session, client: FlaskClient, app: Flask, rosa: User
) -> None:
    counts = []
    for count in (10, 990):
        happen(session, "courses:course:created", rosa, count=count, code="CST9")
        with statements(app) as seen:
            assert client.get("/office/audit").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 5
    assert "1 to 50 of 1,000 changes" in client.get("/office/audit").text


def test_strangers_and_wrong_methods_are_refused(session: Session, client: FlaskClient) -> None:
    make_school(session)
    people = [make_user(session), make_user(session, Role.INSTRUCTOR)]
    session.commit()
    assert client.get("/office/audit").status_code == 303
    for person in people:
        sign_in(client, person)
        assert client.get("/office/audit").status_code == 403
        assert client.post("/office/audit/check").status_code == 403
    assert client.get("/office/audit/check").status_code == 405
