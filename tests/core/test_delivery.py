"""The outbox and its delivery: by files, and to a real SMTP server."""

import email
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession
from flask import Flask
from sqlalchemy.orm import Session

from core import clock, delivery, outbox
from core.database import begin_write
from core.outbox import Attachment, MailState, Message, OutgoingMail
from tests.factories import make_school
from tests.ports import free_port

pytestmark = pytest.mark.both_databases


@outbox.mail("test-note")
def render_note(session: Session, row: OutgoingMail) -> Message | None:
    if row.details.get("gone"):
        return None
    if row.details.get("broken"):
        raise ZeroDivisionError
    note = Attachment("note.txt", b"hello", "text/plain")
    if row.details.get("calendar"):
        note = Attachment(
            "day.ics",
            "BEGIN:VCALENDAR ä".encode(),
            "text/calendar",
            {"method": "REQUEST", "charset": "utf-8"},
        )
    return Message("A note", "Hello", "<p>Hello</p><img src='cid:wave' alt=''>", (note,))


@dataclass
class Inbox:
    """What a real SMTP server took, and what it shall answer."""

    messages: list[EmailMessage] = field(default_factory=list)
    answer: str = "250 OK"
    takes: timedelta = timedelta()
    clock: time_machine.Traveller | None = None

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        if self.clock:
            self.clock.shift(self.takes)
        if self.answer.startswith("250"):
            self.messages.append(
                email.message_from_bytes(bytes(envelope.original_content or b""), policy=default)
            )
        return self.answer


@pytest.fixture
def server() -> Iterator[tuple[Controller, Inbox]]:
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), ready_timeout=60)
    controller.start()
    yield controller, inbox
    controller.stop()


@pytest.fixture
def smtp(app: Flask, server: tuple[Controller, Inbox]) -> Iterator[Inbox]:
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(
        before, smtp_host="127.0.0.1", smtp_port=server[0].port, smtp_security="none"
    )
    yield server[1]
    app.extensions["settings"] = before


def put(session: Session, event: str = "test:1", to: str = "alice@example.org", **details: Any) -> None:
    begin_write(session)
    outbox.enqueue(
        session, "test-note", to=to, event=event, now=clock.now(), to_name="Alice Okafor", **details
    )
    session.commit()


def states(session: Session) -> list[MailState]:
    session.expire_all()
    return list(session.scalars(sa.select(OutgoingMail.state).order_by(OutgoingMail.id)))


def test_a_mail_reaches_the_server_once_with_its_parts(session: Session, smtp: Inbox) -> None:
    make_school(session)
    session.commit()
    put(session)
    put(session)  # the same event again
    assert delivery.deliver_due() == 1
    assert delivery.deliver_due() == 0
    (message,) = smtp.messages
    assert message["Subject"] == "A note"
    assert message["From"] == "Tideway Bodywork Institute <office@tideway.example>"
    assert message["To"] == "Alice Okafor <alice@example.org>"
    assert message["Message-ID"].endswith("@school.test>")
    kinds = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "image/png", "text/plain"]
    assert states(session) == [MailState.SENT]


def test_an_invitation_stands_beside_the_text_and_among_the_files(session: Session, smtp: Inbox) -> None:
    make_school(session)
    session.commit()
    put(session, calendar=True)
    delivery.deliver_due()
    (message,) = smtp.messages
    parts = [part for part in message.walk() if not part.is_multipart()]
    kinds = [part.get_content_type() for part in parts]
    # HTML comes last of the ways to read the mail: what knows it shows it, and not the invitation alone.
    assert kinds == ["text/plain", "text/calendar", "text/html", "image/png", "text/calendar"]
    invitations = [part for part in parts if part.get_content_type() == "text/calendar"]
    assert [part.get_content_disposition() for part in invitations] == [None, "attachment"]
    assert [part["content-type"].params["method"] for part in invitations] == ["REQUEST", "REQUEST"]
    assert [part.get_content().strip() for part in invitations] == ["BEGIN:VCALENDAR ä"] * 2


def test_without_a_server_the_mail_becomes_a_file(session: Session, app: Flask) -> None:
    put(session)
    delivery.deliver_due()
    (path,) = (app.extensions["settings"].instance_path / "mail").glob("*.eml")
    message = email.message_from_bytes(path.read_bytes(), policy=default)
    assert message["To"] == "Alice Okafor <alice@example.org>"


def test_a_worker_killed_after_sending_sends_again_with_the_same_message_id(
    session: Session, smtp: Inbox
) -> None:
    put(session)
    delivery.deliver_due()
    begin_write(session)  # as if the worker had died before it could note the success
    later = clock.now() - timedelta(seconds=1)
    session.execute(sa.update(OutgoingMail).values(state=MailState.SENDING, claimed_until=later))
    session.commit()
    delivery.deliver_due()
    first, second = smtp.messages
    assert first["Message-ID"] == second["Message-ID"]


def test_a_claimed_mail_is_left_to_its_worker(session: Session, smtp: Inbox) -> None:
    put(session)
    assert len(delivery.claim_batch(clock.now())) == 1
    assert delivery.claim_batch(clock.now()) == []
    assert delivery.deliver_due() == 0


def test_a_slow_server_gets_no_mail_whose_claim_may_have_lapsed(session: Session, smtp: Inbox) -> None:
    for number in range(6):
        put(session, f"test:{number}")
    session.commit()
    with time_machine.travel(clock.now(), tick=False) as smtp.clock:
        smtp.takes = timedelta(minutes=2)
        ids = delivery.claim_batch(clock.now())
        assert delivery._send_batch(ids) == 3
        session.expire_all()
        assert states(session) == [MailState.SENT] * 3 + [MailState.QUEUED] * 3
        assert list(session.scalars(sa.select(OutgoingMail.attempts).order_by(OutgoingMail.id))) == [
            1,
            1,
            1,
            0,
            0,
            0,
        ]
        assert delivery.deliver_due() == 3
    assert len({message["Message-ID"] for message in smtp.messages}) == len(smtp.messages) == 6


def test_an_unreachable_server_is_tried_again_later(session: Session, app: Flask) -> None:
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(
        before, smtp_host="127.0.0.1", smtp_port=free_port(), smtp_security="none"
    )
    put(session)
    try:
        delivery.deliver_due()
        assert states(session) == [MailState.QUEUED]
        row = session.scalars(sa.select(OutgoingMail)).one()
        assert row.next_attempt_at > clock.now() + timedelta(seconds=50)
        assert "cannot be reached" in (row.problem or "")
        for _ in range(20):
            session.rollback()
            with time_machine.travel(clock.now() + timedelta(days=30 + _ * 30), tick=True):
                delivery.deliver_due()
        assert states(session) == [MailState.FAILED]
    finally:
        app.extensions["settings"] = before


def test_a_refused_recipient_is_given_up_and_the_others_still_get_theirs(
    session: Session, smtp: Inbox
) -> None:
    smtp.answer = "550 no such person"
    put(session)
    delivery.deliver_due()
    smtp.answer = "250 OK"
    put(session, to="bob@example.org")
    delivery.deliver_due()
    assert states(session) == [MailState.FAILED, MailState.SENT]


def test_what_is_no_longer_true_is_dropped_and_what_breaks_waits(session: Session, smtp: Inbox) -> None:
    put(session, "test:1", gone=True)
    put(session, "test:2", broken=True)
    put(session, "test:3")
    delivery.deliver_due()
    assert states(session) == [MailState.DROPPED, MailState.QUEUED, MailState.SENT]
    assert len(smtp.messages) == 1


def test_a_mail_that_cannot_be_addressed_holds_up_no_other(session: Session, smtp: Inbox) -> None:
    put(session, "test:1", to="josé@example.org")
    put(session, "test:2", to="anna@bücher.example")
    put(session, "test:3", to="bob@example.org")
    delivery.deliver_due()
    assert states(session) == [MailState.QUEUED, MailState.SENT, MailState.SENT]
    assert [message["To"].addresses[0].addr_spec for message in smtp.messages] == [
        "anna@xn--bcher-kva.example",
        "bob@example.org",
    ]


def test_an_unknown_kind_of_mail_is_refused_at_once(session: Session) -> None:
    with pytest.raises(LookupError, match="no mail called"):
        outbox.enqueue(session, "no-such-mail", to="a@example.org", event="x", now=clock.now())


def test_nothing_is_claimed_before_its_time(session: Session) -> None:
    begin_write(session)
    later = clock.now() + timedelta(hours=1)
    outbox.enqueue(session, "test-note", to="a@example.org", event="x", now=clock.now(), not_before=later)
    session.commit()
    assert delivery.claim_batch(clock.now()) == []
    assert len(delivery.claim_batch(later + timedelta(seconds=1))) == 1


def test_two_workers_share_the_mails(session: Session, app: Flask, smtp: Inbox) -> None:
    import threading

    for number in range(60):
        put(session, f"test:{number}")
    session.rollback()

    def work() -> None:
        with app.app_context():
            delivery.deliver_due()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(smtp.messages) == 60
    assert len({message["Message-ID"] for message in smtp.messages}) == 60
    assert set(states(session)) == {MailState.SENT}
