"""Subjects arrive as they were written, however long and in whatever script."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from flask import Flask

from core import clock
from core.delivery import to_email
from core.outbox import Message, OutgoingMail


@pytest.mark.parametrize(
    "subject",
    [
        "A short one",
        "Approved: your seat in Advanced Practice Intensive, Mar 23 – 27, 2027",
        "You left Craniosacral Therapy 1, Dec 11 – 14, 2026, and the office of the school wrote to you about it",
        "Zulässig: Kurs für Fortgeschrittene in Düsseldorf, Anfang März, mit Übungen und einer Prüfung am Ende",
        "أهلا وسهلا بكم في الدورة التدريبية الأولى للعلاج القحفي العجزي في مدينة لشبونة",
        "クラニオセイクラル療法1、リスボン、1月2日から5日まで、座席の確認",
    ],
)
def test_a_subject_arrives_as_it_was_written(app: Flask, subject: str) -> None:
    row = OutgoingMail(
        recipient="x@example.org", recipient_name="X", created_at=clock.now(), message_key="key", details={}
    )
    with app.app_context():
        sent = to_email(row, Message(subject, "Hello", "<p>Hello</p>"), "School", "office@example.org")
    raw = sent.as_bytes()
    assert sent["Subject"] == subject
    for policy in (default, default.clone(utf8=False)):
        read: EmailMessage = message_from_bytes(raw, policy=policy)
        assert read["Subject"] == subject
    head = raw.split(b"\n\n")[0].decode("ascii")
    assert "  =?" not in head.replace("\r\n", "").replace("\n", "")
