"""The audit chain."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core import audit
from core.database import begin_write

pytestmark = pytest.mark.both_databases
NOW = datetime(2027, 3, 12, 9, 0, tzinfo=UTC)


def write(session: Session, *actions: str) -> None:
    begin_write(session)
    for action in actions:
        audit.record(session, action, None, actor=None, now=NOW, detail=action)
    session.commit()


def test_events_of_several_transactions_form_one_chain(session: Session) -> None:
    session.rollback()
    write(session, "core:thing:made", "core:thing:changed")
    write(session, "core:thing:removed")
    assert list(audit.verify(session)) == []
    actions = session.scalars(sa.select(audit.AuditEvent.action).order_by(audit.AuditEvent.id)).all()
    assert actions == ["core:thing:made", "core:thing:changed", "core:thing:removed"]


def test_a_rolled_back_change_leaves_no_event(session: Session) -> None:
    audit.record(session, "core:thing:made", None, actor=None, now=NOW)
    session.rollback()
    write(session, "core:thing:changed")
    assert session.scalar(sa.select(sa.func.count(audit.AuditEvent.id))) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE audit_events SET action = 'core:thing:other' WHERE id = 2", "Event 2 was changed"),
        (
            """UPDATE audit_events SET payload = '{"by": "me"}' WHERE id = 2""",
            "details of event 2 were changed",
        ),
        ("DELETE FROM audit_events WHERE id = 2", "Event 2 is missing"),
        ("DELETE FROM audit_events WHERE id = 3", "its head says 3"),
        ("UPDATE audit_events SET payload = 'null' WHERE id = 1", "removed, but not by an erasure"),
    ],
)
def test_tampering_is_told(session: Session, change: str, told: str) -> None:
    session.rollback()
    write(session, "core:thing:made", "core:thing:changed", "core:thing:removed")
    begin_write(session)
    session.execute(sa.text(change.replace(":thing:", "\\:thing\\:").replace(": ", "\\: ")))
    session.commit()
    assert any(told in problem for problem in audit.verify(session))


def test_a_payload_erased_by_law_leaves_the_chain_whole(session: Session) -> None:
    session.rollback()
    write(session, "core:thing:made", "core:thing:changed")
    begin_write(session)
    event = session.get(audit.AuditEvent, 1)
    assert event is not None
    audit.erase(session, [event])
    session.commit()
    assert list(audit.verify(session)) == []


def test_the_head_is_not_taken_when_a_savepoint_ends(session: Session) -> None:
    session.rollback()
    begin_write(session)
    audit.record(session, "core:thing:made", None, actor=None, now=NOW)
    with session.begin_nested():
        session.execute(sa.text("SELECT 1"))
    assert session.scalar(sa.select(sa.func.count(audit.AuditEvent.id))) == 0
    session.commit()
    assert session.scalar(sa.select(sa.func.count(audit.AuditEvent.id))) == 1
    assert list(audit.verify(session)) == []
