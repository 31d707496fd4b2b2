"""Writing to a class: each student gets a mail of their own, and a class is not flooded."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import clock
from core.audit import AuditEvent
from core.database import begin_write
from core.delivery import to_email
from core.errors import RuleError
from core.outbox import OutgoingMail
from courses.offering_models import Offering
from students import class_messages, leaving
from students.notice_models import ClassMessage
from tests.accounts.cast import mail_to, text_of
from tests.factories import make_offering, make_school, make_user
from tests.helpers import mails_to, sign_in
from tests.students.acting import fill

pytestmark = pytest.mark.both_databases
SAID = {"subject": "Bring two sheets", "body": "One for you.\n\nOne for your partner."}


@pytest.fixture
def ines(session: Session) -> User:
    make_school(session)
    return make_user(session, Role.INSTRUCTOR, name="Ines Batista")


@pytest.fixture
def offering(session: Session, ines: User) -> Offering:
    """Two enrolled, one waiting."""
    made = make_offering(session, starts=clock.now() + timedelta(days=30), capacity=2, lead=ines)
    fill(session, made, 3, now=clock.now())
    session.commit()
    begin_write(session)
    return made


def recipients(session: Session) -> list[str]:
    query = sa.select(OutgoingMail.recipient).where(OutgoingMail.kind == "class-message")
    return sorted(session.scalars(query))


def everyone(session: Session) -> list[str]:
    return sorted(set(session.scalars(sa.select(OutgoingMail.recipient))))


def test_everyone_enrolled_gets_a_mail_of_their_own_without_the_others(
    app: Any, client: FlaskClient, session: Session, ines: User, offering: Offering
) -> None:
    session.commit()
    sign_in(client, ines)
    answer = client.post(f"/teaching/{offering.code}/message", data=SAID)
    assert answer.status_code == 303
    got = recipients(session)
    assert len(got) == 2
    message = mail_to(app, got[0], "class-message")
    assert message.subject == f"{offering.code}: Bring two sheets"
    for words in ("One for you.", "One for your partner.", "Ines Batista"):
        assert words in message.text
        assert words in message.html
    for other in everyone(session):
        assert other not in message.text + message.html
    row = session.scalars(sa.select(OutgoingMail).where(OutgoingMail.kind == "class-message")).first()
    assert row is not None
    email = to_email(row, message, "School", "no-reply@mail.example", "office@tideway.example")
    assert email["Reply-To"] == "School <office@tideway.example>"
    assert [address.addr_spec for address in email["To"].addresses] == [row.recipient]
    listed = text_of(client.get(f"/teaching/{offering.code}/message"))
    assert "Bring two sheets" in listed
    assert "to 2 people" in listed


def test_who_waits_gets_it_only_when_asked(session: Session, ines: User, offering: Offering) -> None:
    now = clock.now()
    class_messages.send(session, offering, **SAID, to_waiting=True, actor=ines, now=now)
    assert len(recipients(session)) == 3


def test_whoever_left_in_between_gets_nothing(
    app: Any, session: Session, ines: User, offering: Offering
) -> None:
    from core.outbox import kinds
    from students.roster import on_roll

    class_messages.send(session, offering, **SAID, to_waiting=False, actor=ines, now=clock.now())
    gone = on_roll(session, offering.id)[0]
    leaving.withdraw(session, gone, actor=gone.student.user, now=clock.now())
    session.commit()
    row = session.scalars(
        sa.select(OutgoingMail).where(
            OutgoingMail.kind == "class-message", OutgoingMail.recipient == gone.student.user.email
        )
    ).one()
    assert kinds()["class-message"].render(session, row) is None


def test_a_class_gets_so_many_a_day_and_not_more(session: Session, ines: User, offering: Offering) -> None:
    now = clock.now()

    def write(at: Any) -> None:
        class_messages.send(session, offering, **SAID, to_waiting=False, actor=ines, now=at)

    for number in range(class_messages.PER_DAY):
        write(now + number * class_messages.TWICE)
    with pytest.raises(RuleError, match="Send the next one later"):
        write(now + class_messages.PER_DAY * class_messages.TWICE)
    write(now + timedelta(days=1, hours=1))
    assert session.scalar(sa.select(sa.func.count(ClassMessage.id))) == class_messages.PER_DAY + 1


def test_a_message_that_was_sent_twice_by_a_slip_goes_out_once(
    session: Session, ines: User, offering: Offering
) -> None:
    now = clock.now()
    class_messages.send(session, offering, **SAID, to_waiting=False, actor=ines, now=now)
    with pytest.raises(RuleError, match="Nobody gets it twice"):
        class_messages.send(session, offering, **SAID, to_waiting=False, actor=ines, now=now)
    class_messages.send(
        session, offering, **(SAID | {"body": "More."}), to_waiting=False, actor=ines, now=now
    )


def test_what_it_says_is_not_in_the_audit_log(session: Session, ines: User, offering: Offering) -> None:
    class_messages.send(session, offering, **SAID, to_waiting=False, actor=ines, now=clock.now())
    session.commit()
    event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "students:class:messaged")).one()
    assert "sheets" not in str(event.payload)


@pytest.mark.parametrize("field", ["subject", "body"])
def test_an_empty_field_is_told_and_nothing_is_sent(
    client: FlaskClient, session: Session, ines: User, offering: Offering, field: str
) -> None:
    session.commit()
    sign_in(client, ines)
    answer = client.post(f"/teaching/{offering.code}/message", data=SAID | {field: " "})
    assert answer.status_code == 422
    assert recipients(session) == []


def test_an_empty_class_cannot_be_written_to(session: Session, ines: User) -> None:
    empty = make_offering(session, lead=ines)
    with pytest.raises(RuleError, match="no one is enrolled"):
        class_messages.send(session, empty, **SAID, to_waiting=False, actor=ines, now=clock.now())
    assert mails_to(ines.email) == []


def test_strangers_are_refused(client: FlaskClient, session: Session, offering: Offering) -> None:
    stranger = make_user(session, Role.INSTRUCTOR)
    session.commit()
    sign_in(client, stranger)
    assert client.post(f"/teaching/{offering.code}/message", data=SAID).status_code == 404
    assert client.delete(f"/teaching/{offering.code}/message").status_code == 405
