"""Delivery of the outbox, by the worker: to an SMTP server, or into files when none is configured.

A mail is claimed for some minutes, sent, and marked as sent. When a worker dies in between, the claim is given back or
lapses, and the mail goes out (again) with the same Message-ID, by which mail programs recognise it.
"""

import contextlib
import logging
import os
import smtplib
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Session

from core import claims, clock, jobs, outbox
from core.database import db, writing
from core.outbox import MailState, Message, OutgoingMail
from core.school import current_school
from core.settings import Settings

log = logging.getLogger("stillpoint.mail")

CALENDAR = "text/calendar"
BATCH = 20
CLAIM = timedelta(minutes=10)
# No mail of a batch is begun after this, so that the last one is through before the claim lapses: a server that takes half a
# minute for each word would otherwise get mails from two workers.
BEGUN_WITHIN = CLAIM / 2
# Minutes until the next try after the first, second, … failure; then the mail is given up after about three days.
BACK_OFF = (1, 5, 15, 60, 180, 360, 720, 1440, 1440)


class Transport(Protocol):
    """What takes a mail away."""

    def send(self, message: EmailMessage, recipient: str, row_id: int) -> None:
        """Hand the mail over. Raises OSError or smtplib.SMTPException when that did not work."""


class FileTransport:
    """Writes each mail as a file that a developer can open with a mail program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: EmailMessage, recipient: str, row_id: int) -> None:
        """Write ``000017-recipient.eml``; writing the same row again replaces it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        safe = "".join(c if c.isalnum() or c in "@.-_" else "_" for c in recipient)[:80]
        path = self.folder / f"{row_id:06d}-{safe}.eml"
        aside = path.with_suffix(".part")
        aside.write_bytes(message.as_bytes())
        os.replace(aside, path)


class SmtpTransport:
    """One connection to the mail server, kept while a batch is sent."""

    def __init__(self, connection: smtplib.SMTP, sender: str) -> None:
        self.connection = connection
        self.sender = sender

    def send(self, message: EmailMessage, recipient: str, row_id: int) -> None:
        """Hand the mail to the server."""
        self.connection.send_message(message, self.sender, [_on_the_wire(recipient)])


@contextlib.contextmanager
def open_transport(settings: Settings, sender: str) -> Iterator[Transport]:
    """The configured way out. Raises OSError or smtplib.SMTPException when the server cannot be reached."""
    if not settings.smtp_host:
        yield FileTransport(settings.instance_path / "mail")
        return
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=30, context=context
        )
    else:
        connection = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=30)
    with connection:
        if settings.smtp_security == "starttls":
            connection.starttls(context=context)
        if settings.smtp_user:
            connection.login(settings.smtp_user, settings.smtp_password)
        yield SmtpTransport(connection, sender)


@jobs.job(outbox.DELIVERY_JOB, every=1)
def deliver_due() -> int:
    """Send everything that is due. Returns how many mails were sent."""
    sent = 0
    while claimed := claim_batch(clock.now()):
        sent += _send_batch(claimed)
    return sent


def claim_batch(now: datetime) -> list[int]:
    """Claim up to ``BATCH`` due mails for this worker; the ids of those that are now its own, oldest first."""
    token = claims.claimant() or uuid4().hex
    due = sa.or_(
        sa.and_(OutgoingMail.state == MailState.QUEUED, OutgoingMail.next_attempt_at <= now),
        sa.and_(OutgoingMail.state == MailState.SENDING, OutgoingMail.claimed_until <= now),
    )
    # Look before taking the write lock: mostly there is nothing to do.
    if db.session.scalar(sa.select(OutgoingMail.id).where(due).limit(1)) is None:
        db.session.rollback()
        return []
    db.session.rollback()
    with writing() as session:
        wanted = (
            sa.select(OutgoingMail.id)
            .where(due)
            .order_by(OutgoingMail.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        ids = list(session.scalars(wanted))
        session.execute(
            sa.update(OutgoingMail)
            .where(OutgoingMail.id.in_(ids))
            .values(
                state=MailState.SENDING,
                claim=token,
                claimed_until=now + CLAIM,
                attempts=OutgoingMail.attempts + 1,
            )
        )
    return ids


@claims.gives_back
def _give_back(session: Session, worker: str) -> None:
    """As if the worker had never taken them: nothing failed, and the pauses between tries stay as long as they are."""
    held = sa.and_(OutgoingMail.claim == worker, OutgoingMail.state == MailState.SENDING)
    session.execute(
        sa.update(OutgoingMail)
        .where(held)
        .values(state=MailState.QUEUED, claim=None, claimed_until=None, attempts=OutgoingMail.attempts - 1)
    )
    jobs.nudge(session, outbox.DELIVERY_JOB)


def _send_batch(ids: list[int]) -> int:
    settings: Settings = current_app.extensions["settings"]
    sent, no_more_after = 0, clock.now() + BEGUN_WITHIN
    with db.sessionmaker() as session:
        sender_name, sender = sender_of(session, settings)
        school = current_school(session)
        answers_to = school.email if school else ""
        rows = session.scalars(
            sa.select(OutgoingMail).where(OutgoingMail.id.in_(ids)).order_by(OutgoingMail.id)
        ).all()
        rendered: list[tuple[OutgoingMail, EmailMessage]] = []
        for row in rows:
            try:
                message = outbox.kinds()[row.kind].render(session, row)
                email = to_email(row, message, sender_name, sender, answers_to) if message else None
            except Exception as error:
                log.exception("mail %s (%s) cannot be rendered", row.id, row.kind)
                _postpone(row, f"cannot be rendered: {error}")
                continue
            if email is None:
                _mark(row.id, state=MailState.DROPPED, claimed_until=None)
            else:
                rendered.append((row, email))
        session.rollback()  # no reading transaction stays open while the network is slow
        if not rendered:
            return 0
        remaining = list(rendered)
        try:
            with open_transport(settings, sender) as transport:
                while remaining and clock.now() < no_more_after:
                    row, email = remaining[0]
                    try:
                        transport.send(email, row.recipient, row.id)
                    except (
                        smtplib.SMTPRecipientsRefused,
                        smtplib.SMTPDataError,
                        smtplib.SMTPSenderRefused,
                    ) as error:
                        _refused(row, error)
                    else:
                        _mark(
                            row.id,
                            state=MailState.SENT,
                            sent_at=clock.now(),
                            claimed_until=None,
                            problem=None,
                        )
                        sent += 1
                    remaining.pop(0)
        except (OSError, smtplib.SMTPException) as error:
            log.warning("mail cannot be sent now: %s", error)
            for row, _ in remaining:
                _postpone(row, f"the mail server cannot be reached: {error}")
        else:
            for row, _ in remaining:  # the server is slow: these go with the next batch, and nothing failed
                _mark(row.id, state=MailState.QUEUED, claimed_until=None, attempts=row.attempts - 1)
    return sent


def _refused(row: OutgoingMail, error: smtplib.SMTPException) -> None:
    codes = [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    if codes and all(code >= 500 for code in codes):
        log.warning("mail %s to %s was refused for good: %s", row.id, row.recipient, error)
        _mark(
            row.id, state=MailState.FAILED, problem=f"refused by the mail server: {error}", claimed_until=None
        )
    else:
        _postpone(row, f"refused for now by the mail server: {error}")


def _postpone(row: OutgoingMail, problem: str) -> None:
    if row.attempts > len(BACK_OFF):
        log.error("mail %s to %s is given up: %s", row.id, row.recipient, problem)
        _mark(row.id, state=MailState.FAILED, problem=problem, claimed_until=None)
        return
    later = clock.now() + timedelta(minutes=BACK_OFF[max(row.attempts, 1) - 1])
    _mark(row.id, state=MailState.QUEUED, next_attempt_at=later, problem=problem, claimed_until=None)


def _mark(row_id: int, **values: object) -> None:
    with writing() as session:
        session.execute(sa.update(OutgoingMail).where(OutgoingMail.id == row_id).values(**values))


def sender_of(session: Session, settings: Settings) -> tuple[str, str]:
    """Name and address that mail comes from."""
    school = current_school(session)
    name = school.name if school else "Stillpoint"
    return name, settings.mail_from or (school.email if school else "stillpoint@localhost")


def to_email(
    row: OutgoingMail, message: Message, sender_name: str, sender: str, answers_to: str = ""
) -> EmailMessage:
    """The mail as it goes over the wire: plain text, HTML with the wave picture inside, attachments."""
    settings: Settings = current_app.extensions["settings"]
    host = urlsplit(settings.public_url).hostname or "stillpoint.invalid"
    email = EmailMessage()
    # Folded here: Python's own folding puts a second space before a dash or an accent at the end of a line.
    subject = " ".join(message.subject.split())
    charset = "us-ascii" if subject.isascii() else "utf-8"
    email.set_raw("Subject", Header(subject, charset, header_name="Subject").encode())
    email["From"] = formataddr((sender_name, sender))
    email["To"] = formataddr((row.recipient_name, _on_the_wire(row.recipient)))
    email["Date"] = format_datetime(row.created_at)
    email["Message-ID"] = f"<{row.message_key}@{host}>"
    email["Auto-Submitted"] = "auto-generated"
    if answers_to and answers_to != sender:
        email["Reply-To"] = formataddr((sender_name, answers_to))
    email.set_content(message.text)
    for item in message.attachments:
        if item.mime_type == CALENDAR:
            # Outlook looks for an invitation beside text and HTML (MS-OXCMAIL, 2.1.3.3.8), others among the files. The HTML
            # comes last: a program shows the last that it knows, and Thunderbird would show the invitation instead.
            parameters = {"method": item.parameters["method"]}
            email.add_alternative(item.content.decode(), subtype="calendar", params=parameters)
    email.add_alternative(message.html, subtype="html")
    if "cid:wave" in message.html:
        wave = (Path(current_app.root_path) / "static" / "mail-wave.png").read_bytes()
        html_part = email.get_payload()[-1]  # type: ignore[index]
        html_part.add_related(wave, "image", "png", cid="<wave>", filename="wave.png", disposition="inline")  # type: ignore[union-attr]
    for item in message.attachments:
        main, sub = item.mime_type.split("/", 1)
        email.add_attachment(item.content, main, sub, filename=item.name, params=item.parameters)
    return email


def _on_the_wire(address: str) -> str:
    """An address with its domain as mail servers write it: bücher.example becomes xn--bcher-kva.example."""
    local, at, domain = address.rpartition("@")
    return local + at + domain.encode("idna").decode("ascii")


def waiting(session: Session, now: datetime) -> tuple[int, datetime | None]:
    """How many mails are due and unsent, and since when the oldest of them waits."""
    row = session.execute(
        sa.select(sa.func.count(), sa.func.min(OutgoingMail.next_attempt_at)).where(
            OutgoingMail.state.in_([MailState.QUEUED, MailState.SENDING]), OutgoingMail.next_attempt_at <= now
        )
    ).one()
    return row[0], row[1]
