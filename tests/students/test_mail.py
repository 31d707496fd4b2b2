"""Each mail about an enrollment: what it says, its calendar file, and when it is not sent at all."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from icalendar import Calendar
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import clock
from core.outbox import Message, OutgoingMail, kinds
from students import (
    approval,
    cancelling,
    closing,
    discounts,
    groups,
    leaving,
    ledger,
    seats,
    transferring,
    waitlist,
)
from students.models import Enrollment, EnrollmentState
from tests.factories import make_course, make_school, make_user
from tests.students.acting import ask, fill, soon
from tests.students.fees import pay
from tests.students.grouping import book, person

S = EnrollmentState


@pytest.fixture(autouse=True)
def school(session: Session) -> None:
    make_school(session)


@pytest.fixture
def rosa(session: Session) -> User:
    return make_user(session, Role.REGISTRAR)


def rendered(session: Session, enrollment: Enrollment, kind: str) -> Message | None:
    session.flush()
    row = session.scalars(
        sa.select(OutgoingMail).where(OutgoingMail.about_id == enrollment.id, OutgoingMail.kind == kind)
    ).one()
    return kinds()[kind].render(session, row)


def message(session: Session, enrollment: Enrollment, kind: str) -> Message:
    found = rendered(session, enrollment, kind)
    assert found is not None
    for text in (found.subject, found.text, found.html):
        assert "None" not in text
        assert "{{" not in text
        assert "{%" not in text
    assert found.html.count("<p") == found.html.count("</p>")
    return found


def entries(found: Message, method: str) -> list[Any]:
    (file,) = [item for item in found.attachments if item.parameters["method"] == method]
    parsed = Calendar.from_ical(file.content)
    assert str(parsed["METHOD"]) == method
    return list(parsed.walk("VEVENT"))


def test_the_confirmation_says_when_where_what_it_costs_and_how_to_leave(session: Session) -> None:
    offering = soon(session)
    (mine,) = fill(session, offering, 1, now=clock.now())
    found = message(session, mine, "confirmation")
    assert offering.course.title in found.subject
    for part in ("$795.00", offering.venue.name, "Recent skull fracture", "100 % of the price less $50.00"):
        assert part in found.text
        assert part in found.html
    assert f"https://school.test/classes/{offering.code}" in found.text


def test_the_price_in_a_mail_is_what_is_to_be_paid(session: Session) -> None:
    offering, now = soon(session, capacity=1, starts=clock.now() + timedelta(days=60)), clock.now()
    rosa = make_user(session, Role.REGISTRAR)
    discounts.make_code(
        session,
        code="EARLY10",
        percent=10,
        amount_cents=None,
        course=None,
        valid_until=None,
        most_uses=None,
        note="",
        actor=rosa,
        now=now,
    )
    seated = ask(session, offering, now=now, discount_code="EARLY10")
    waiting = ask(session, offering, now=now, discount_code="EARLY10")
    assert "$715.50: $200.00 as deposit now, the rest by" in message(session, seated, "confirmation").text
    account = ledger.account_of(session, seated.id)
    assert account is not None
    pay(session, account, 20000, actor=rosa, now=now, made_on=now.date())
    assert "$715.50, to be paid by" in message(session, seated, "confirmation").text
    pay(session, account, 51550, actor=rosa, now=now, made_on=now.date())
    assert "Price: $715.50\n" in message(session, seated, "confirmation").text
    leaving.withdraw(session, seated, actor=seated.student.user, now=now)
    assert "Price: $715.50\n" in message(session, waiting, "offer").text


def test_whoever_a_group_named_reads_who_pays(session: Session) -> None:
    now = clock.now()
    booking = groups.book(
        session,
        soon(session),
        organization="Harbor Clinic",
        contact_name="Kim Park",
        contact_email="kim@clinic.example",
        seat_count=1,
        actor=make_user(session, Role.REGISTRAR),
        now=now,
    )
    named = groups.name_person(
        session, booking, groups.Person("Nina New", "nina@x.example"), actor=None, now=now
    )
    found = message(session, named, "confirmation")
    for text in (found.text, found.html):
        assert "Paid by Harbor Clinic" in text
        assert "Harbor Clinic booked and pays for your seat" in text
        assert "$795.00" not in text
    leaving.withdraw(session, named, actor=named.student.user, now=now)
    assert "The seat stays with Harbor Clinic, which booked it." in message(session, named, "withdrawn").text


def test_calendar_entries_keep_their_name_and_their_number_rises(session: Session) -> None:
    offering = soon(session)
    (mine,) = fill(session, offering, 1, now=clock.now())
    first = entries(message(session, mine, "confirmation"), "REQUEST")
    offering.calendar_sequence = 3
    later = entries(message(session, mine, "confirmation"), "REQUEST")
    leaving.withdraw(session, mine, actor=mine.student.user, now=clock.now())
    gone = entries(message(session, mine, "withdrawn"), "CANCEL")
    uids = [[str(entry["UID"]) for entry in group] for group in (first, later, gone)]
    assert uids[0] == uids[1] == uids[2]
    assert len(uids[0]) == 1
    assert [[int(entry["SEQUENCE"]) for entry in group] for group in (first, later, gone)] == [[0], [6], [7]]
    assert {str(entry["STATUS"]) for entry in gone} == {"CANCELLED"}
    assert str(first[0]["ORGANIZER"]) == "mailto:office@tideway.example"


def test_a_confirmation_that_is_no_longer_true_is_not_sent(session: Session) -> None:
    offering = soon(session)
    (mine,) = fill(session, offering, 1, now=clock.now())
    leaving.withdraw(session, mine, actor=mine.student.user, now=clock.now())
    assert rendered(session, mine, "confirmation") is None


def test_waiting_offer_reminder_lapsed_and_declined(session: Session) -> None:
    offering = soon(session, capacity=1)
    now = clock.now()
    seated, head, second, third = fill(session, offering, 4, now=now)
    assert "number 2 in line" in message(session, second, "waiting").text
    leaving.withdraw(session, seated, actor=seated.student.user, now=now)
    offer = message(session, head, "offer")
    assert "A SEAT IS HELD FOR YOU UNTIL" in offer.text
    assert "https://school.test/my/" in offer.text
    assert "still held" in message(session, head, "offer-reminder").html.lower()
    waitlist.decline(session, head, actor=head.student.user, now=now)
    assert rendered(session, head, "offer") is None
    assert rendered(session, head, "offer-reminder") is None
    assert "You owe nothing" in message(session, head, "declined").text
    waitlist.lapse_in(session, offering.id, now=now + timedelta(hours=49))
    assert "end of the line" in message(session, second, "lapsed").text
    waitlist.lapse_in(session, offering.id, now=offering.starts_at)
    assert third.state in (S.OFFERED, S.LAPSED)


def test_who_decided_about_the_money_is_said_as_it_was(session: Session) -> None:
    now, rosa = clock.now(), make_user(session, Role.REGISTRAR)
    mine, other, third = fill(session, soon(session), 3, now=now)
    for enrollment in (mine, other, third):
        account = ledger.account_of(session, enrollment.id)
        assert account is not None
        pay(session, account, 79500, actor=rosa, now=now, made_on=now.date())
    leaving.withdraw(session, mine, actor=mine.student.user, now=now)
    leaving.withdraw(session, other, actor=rosa, now=now, reason="Ill", refund_cents=79500)
    leaving.withdraw(session, third, actor=rosa, now=now, reason="Rude", refund_cents=0)
    assert "By the terms, $745.00 of what you paid comes back" in message(session, mine, "withdrawn").text
    assert "The office gives you $795.00 of what you paid back" in message(session, other, "withdrawn").text
    assert "The office gives nothing back" in message(session, third, "withdrawn").html


def test_a_class_that_gives_seats_at_once_says_so_before_and_after(session: Session) -> None:
    now = clock.now()
    offering = soon(session, capacity=1, promotes_at_once=True)
    seated, waiting = fill(session, offering, 2, now=now)
    found = message(session, waiting, "waiting")
    for text in (found.text, found.html):
        assert "you are enrolled at once" in text
        assert "held for you" not in text
    leaving.withdraw(session, seated, actor=seated.student.user, now=now)
    found = message(session, waiting, "confirmation")
    for text in (found.text, found.html):
        assert "a seat became free, and you are enrolled in" in text
    assert "a seat became free" not in message(session, seated, "withdrawn").text


def test_the_list_that_closed_is_told(session: Session) -> None:
    offering = soon(session, capacity=1)
    _seated, waiter = fill(session, offering, 2, now=clock.now())
    waitlist.lapse_in(session, offering.id, now=offering.starts_at)
    assert "no seat became free" in message(session, waiter, "list-closed").text


def test_asked_approved_and_not_approved(session: Session, rosa: User) -> None:
    now = clock.now()
    offering = soon(session, capacity=1, needs_approval=True)
    first, second = fill(session, offering, 2, now=now)
    assert "A seat is held for you" in message(session, first, "asked").text
    assert "No seat is held for you" in message(session, second, "asked").text
    approval.approve(session, first, actor=rosa, now=now, message="Bring your books.")
    yes = message(session, first, "approved")
    assert "Bring your books." in yes.text
    for text in (yes.text, yes.html):
        assert "$795.00: $200.00 as deposit now, the rest by" in text, (
            "an approval is when the price falls due"
        )
    assert len(entries(yes, "REQUEST")) == 1
    approval.approve(session, second, actor=rosa, now=now)
    listed = message(session, second, "approved")
    assert "on the waitlist" in listed.subject
    assert listed.attachments == ()
    assert "$795.00" not in listed.text
    (third,) = fill(session, offering, 1, now=now)
    approval.decline(session, third, actor=rosa, now=now, message="Ask us <again> in May.")
    no = message(session, third, "not-approved")
    assert "Ask us <again> in May." in no.text
    assert "Ask us &lt;again&gt; in May." in no.html
    (fourth,) = fill(session, offering, 1, now=now)
    closing.end_requests(session, seats.lock(session, offering.id), now=now)
    none = message(session, fourth, "not-approved")
    assert none.subject.startswith("Not answered: ")
    assert ("nobody decided" in none.text, "The office writes" in none.text + none.html) == (True, False)


def test_moving_changes_the_entry_that_is_there(session: Session) -> None:
    course = make_course(session)
    here, there = soon(session, course), soon(session, course, meetings=3)
    (mine,) = fill(session, here, 1, now=clock.now())
    (old,) = entries(message(session, mine, "confirmation"), "REQUEST")
    transferring.transfer(session, mine, there, actor=mine.student.user, now=clock.now())
    found = message(session, mine, "transferred")
    (new,) = entries(found, "REQUEST")
    assert (str(old["UID"]), str(new["URL"]).endswith(there.code)) == (str(new["UID"]), True)
    assert int(new["SEQUENCE"]) > int(old["SEQUENCE"])
    assert there.code in found.text
    assert "$795.00 of $795.00 is still to be paid, by" in found.text
    moved = session.scalars(sa.select(Enrollment).where(Enrollment.offering_id == there.id)).one()
    leaving.withdraw(session, moved, actor=mine.student.user, now=clock.now())
    late = message(session, mine, "transferred")
    assert (late.attachments, "attached file" in late.text) == ((), False)


def test_a_cancelled_class_offers_other_dates(session: Session, rosa: User) -> None:
    course = make_course(session)
    offering, other = soon(session, course, capacity=1), soon(session, course)
    seated, waiter = fill(session, offering, 2, now=clock.now())
    cancelling.cancel(session, offering, reason="The hall is flooded.", actor=rosa, now=clock.now())
    found = message(session, seated, "cancelled")
    assert "The hall is flooded." in found.text
    assert f"/classes/{other.code}" in found.text
    assert len(entries(found, "CANCEL")) == 1
    assert "Everything you paid for it is given back." in found.text
    assert message(session, waiter, "cancelled").attachments == ()


def test_whoever_a_group_paid_for_is_promised_no_money_back(session: Session, rosa: User) -> None:
    offering = soon(session)
    booking = book(session, offering, actor=rosa, now=clock.now())
    seated = groups.name_person(session, booking, person(), actor=None, now=clock.now())
    cancelling.cancel(session, offering, reason="Flood", actor=rosa, now=clock.now())
    found = message(session, seated, "cancelled")
    for text in (found.text, found.html):
        assert ("You owe nothing." in text, "given back" in text) == (True, False)
    assert len(entries(found, "CANCEL")) == 1


def test_leaving_a_line_says_nothing_is_owed(app: Flask, session: Session) -> None:
    offering = soon(session, capacity=1)
    fill(session, offering, 1, now=clock.now())
    mine = ask(session, offering, now=clock.now())
    leaving.withdraw(session, mine, actor=mine.student.user, now=clock.now())
    found = message(session, mine, "withdrawn")
    assert "You owe nothing" in found.text
    assert found.attachments == ()


def test_an_approval_is_not_mailed_when_the_offer_after_it_has_run_out(session: Session, rosa: User) -> None:
    offering = soon(session, capacity=1, needs_approval=True, approval_holds_seat=False)
    now = clock.now()
    first, second = fill(session, offering, 2, now=now)
    approval.approve(session, first, actor=rosa, now=now)
    approval.approve(session, second, actor=rosa, now=now)
    leaving.withdraw(session, first, actor=first.student.user, now=now)
    waitlist.lapse_in(session, offering.id, now=now + timedelta(days=3))
    assert second.state is S.LAPSED
    assert rendered(session, second, "approved") is None


def test_a_lapsed_offer_does_not_speak_of_a_next_in_line_who_may_not_be_there(session: Session) -> None:
    offering = soon(session, capacity=1)
    now = clock.now()
    first, second = fill(session, offering, 2, now=now)
    leaving.withdraw(session, first, actor=first.student.user, now=now)
    waitlist.lapse_in(session, offering.id, now=now + timedelta(days=3))
    assert "next in line" not in message(session, second, "lapsed").text
