"""Talks before a class: who sees what was agreed, where it must never appear, and when it is gone. And help with access."""

import json
import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import clock
from core.audit import AuditEvent
from core.database import begin_write
from core.errors import RuleError
from core.outbox import OutgoingMail
from courses.offering_models import Offering
from students import leaving, talks
from students.models import Enrollment
from students.talk_models import Outcome, TalkOutcome
from tests.accounts.cast import text_of
from tests.factories import make_offering, make_school, make_student, make_user
from tests.helpers import sign_in
from tests.students.acting import ask

pytestmark = pytest.mark.both_databases


@pytest.fixture
def ines(session: Session) -> User:
    make_school(session)
    return make_user(session, Role.INSTRUCTOR, name="Ines Batista")


@pytest.fixture
def offering(session: Session, ines: User) -> Offering:
    return make_offering(session, starts=clock.now() + timedelta(days=10), lead=ines)


@pytest.fixture
def asked(session: Session, offering: Offering) -> Enrollment:
    """Somebody who wants to talk; and somebody who does not."""
    now = clock.now()
    ask(session, offering, now=now)
    enrollment = ask(session, offering, now=now, talk_to_instructor=True)
    session.commit()
    return enrollment


def outcomes(session: Session) -> list[Outcome]:
    session.rollback()
    return list(session.scalars(sa.select(TalkOutcome.outcome)))


def test_the_instructor_sees_who_asked_and_records_how_they_take_part(
    client: FlaskClient, session: Session, ines: User, asked: Enrollment
) -> None:
    sign_in(client, ines)
    address = f"/teaching/{asked.offering.code}/talks"
    words = text_of(client.get(address))
    assert words.index(asked.student.user.name) < words.index("Somebody else of the class")
    answer = client.post(address, data={f"outcome-{asked.id}": "give_only"})
    assert answer.status_code == 303
    assert outcomes(session) == [Outcome.GIVE_ONLY]
    shown = client.get(address)
    assert '<option value="give_only" selected>' in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    client.post(address, data={f"outcome-{asked.id}": "observe"})
    assert outcomes(session) == [Outcome.OBSERVE]
    client.post(address, data={f"outcome-{asked.id}": ""})
    assert outcomes(session) == []


@pytest.mark.parametrize("data", [{"outcome-{id}": "dance"}, {"outcome-99999": "observe"}])
def test_anything_else_changes_nothing(
    client: FlaskClient, session: Session, ines: User, asked: Enrollment, data: dict[str, str]
) -> None:
    sign_in(client, ines)
    sent = {name.replace("{id}", str(asked.id)): value for name, value in data.items()}
    assert client.post(f"/teaching/{asked.offering.code}/talks", data=sent).status_code == 422
    assert outcomes(session) == []


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.ADMIN, 200), (Role.REGISTRAR, 403), (Role.INSTRUCTOR, 404), (Role.STUDENT, 403)],
)
def test_only_the_classs_instructors_and_admins_may_see_it(
    client: FlaskClient, session: Session, asked: Enrollment, role: Role, status: int
) -> None:
    someone = make_user(session, role)
    session.commit()
    sign_in(client, someone)
    assert client.get(f"/teaching/{asked.offering.code}/talks").status_code == status
    if status != 200:
        begin_write(session)
        with pytest.raises(RuleError, match="Only the instructors"):
            talks.record(session, asked.offering, {asked.id: Outcome.OBSERVE}, actor=someone, now=clock.now())


def test_no_trace_of_an_outcome_outside_its_table(
    client: FlaskClient, session: Session, ines: User, asked: Enrollment, caplog: pytest.LogCaptureFixture
) -> None:
    registrar = make_user(session, Role.REGISTRAR)
    session.commit()
    words = ("observe", "Observe", "bring_a_model", "Bring a model", "give_only", "Give only")
    with caplog.at_level(logging.DEBUG):
        sign_in(client, ines)
        code = asked.offering.code
        for outcome in ("observe", "bring_a_model", "give_only"):
            client.post(f"/teaching/{code}/talks", data={f"outcome-{asked.id}": outcome})
        pages = [client.get(f"/teaching/{code}/roster.csv").text, client.get(f"/teaching/{code}/").text]
        sign_in(client, registrar)
        pages += [
            client.get(f"/office/classes/{code}/roster").text,
            client.get(f"/office/enrollments/{asked.id}").text,
            client.get(f"/office/students/{asked.student_id}").text,
            client.get("/office/audit").text,
        ]
        sign_in(client, asked.student.user)
        pages.append(client.get("/my/").text)
    events = session.scalars(sa.select(AuditEvent)).all()
    assert [event.action for event in events].count("students:talk:recorded") == 3
    everything = [json.dumps(event.payload) for event in events]
    everything += [json.dumps(row.details) for row in session.scalars(sa.select(OutgoingMail))]
    everything += [record.getMessage() for record in caplog.records if "sqlalchemy" not in record.name]
    for word in words:
        for text in everything + pages:
            assert word not in text


def test_outcomes_are_erased_30_days_after_the_class_and_when_someone_leaves(
    session: Session, ines: User, asked: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_write(session)
    offering, now = asked.offering, clock.now()
    other = ask(session, offering, make_student(session), now=now, talk_to_instructor=True)
    both = {asked.id: Outcome.OBSERVE, other.id: Outcome.GIVE_ONLY}
    assert talks.record(session, offering, both, actor=ines, now=now) == 2
    session.commit()
    assert talks.erase() == 0
    begin_write(session)
    leaving.withdraw(session, other, actor=other.student.user, now=now)
    session.commit()
    assert talks.erase() == 1
    assert outcomes(session) == [Outcome.OBSERVE]
    ends = offering.ends_at
    session.rollback()
    monkeypatch.setattr(clock, "now", lambda: ends + talks.KEPT_FOR - timedelta(minutes=1))
    assert talks.erase() == 0
    monkeypatch.setattr(clock, "now", lambda: ends + talks.KEPT_FOR)
    assert talks.erase() == 1
    assert outcomes(session) == []
    begin_write(session)
    with pytest.raises(RuleError, match="is erased"):
        talks.record(session, offering, both, actor=ines, now=clock.now())


def test_a_tick_for_help_with_access_becomes_a_task_of_the_office(
    client: FlaskClient, session: Session, offering: Offering
) -> None:
    student, rosa = make_student(session), make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, student.user)
    form = {
        "certificate_name": "Robin",
        "accept_policy": "y",
        "acknowledge_screening": "y",
        "access_help": "y",
    }
    assert client.post(f"/classes/{offering.code}/enroll", data=form).status_code == 303
    sign_in(client, rosa)
    assert "student asks for help with access" in text_of(client.get("/office/"))
    assert student.user.name in text_of(client.get("/office/access"))
    enrollment = session.scalars(sa.select(Enrollment)).one()
    assert enrollment.wants_access_help
    number = enrollment.id
    session.rollback()
    assert client.post(f"/office/access/{number}/done").status_code == 303
    assert "Nobody waits for the office" in text_of(client.get("/office/access"))
    assert "help with access" not in text_of(client.get("/office/"))
    client.post(f"/office/access/{number}/done")
    done = sa.select(sa.func.count()).where(AuditEvent.action == "students:access:done")
    assert session.scalar(done) == 1
