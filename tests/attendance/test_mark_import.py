"""Marks from a CSV: looked at first, then saved, all or nothing."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from attendance.mark_import import preview
from attendance.models import MarkMethod, MarkStatus
from core.errors import RuleError
from tests.attendance.classes import START, Class, later, make_class, stored
from tests.helpers import sign_in

pytestmark = pytest.mark.usefixtures("at_ten")

P, L, E, A = MarkStatus.PRESENT, MarkStatus.LATE, MarkStatus.LEFT_EARLY, MarkStatus.ABSENT


def read(session: Session, made: Class, text: str) -> list[tuple[str, object]]:
    return [
        (line.who, (line.entry.status, line.entry.minutes) if line.entry else line.problem)
        for line in preview(session, made.meeting, text, made.meeting.starts_at + timedelta(hours=2))
    ]


@pytest.mark.both_databases
def test_a_status_by_address_license_or_name(session: Session, made: Class) -> None:
    first, second = (made.enrollments[n].student for n in range(2))
    text = (
        "Email,License,Name,Status,Minutes\r\n"
        f"{first.user.email.upper()},,,present,\r\n"
        f",{second.licenses[0].number},,Late,60\r\n"
        ",,student  002,absent,\r\n"
    )
    assert read(session, made, text) == [
        ("Student 000", (P, None)),
        ("Student 001", (L, 60)),
        ("Student 002", (A, None)),
    ]


def test_scan_times_become_marks(session: Session, made: Class) -> None:
    text = (
        "name;time\nStudent 000;8:58\nStudent 001;9:20\nStudent 002;2027-03-01T17:05:00+00:00\n"
        "Student 002;2027-03-01 10:00\n"
    )
    assert read(session, made, text) == [
        ("Student 000", (P, None)),
        ("Student 001", (L, 70)),
        ("Student 002", (E, 55)),
    ]


def test_scans_after_midnight_are_of_the_morning_after(session: Session) -> None:
    made = make_class(session, starts=START + timedelta(hours=14), meetings=1, minutes=180)  # 23:00 to 2:00
    text = "name,time\nStudent 000,22:50\nStudent 001,0:30\nStudent 002,22:58\nStudent 002,1:00\n"
    assert read(session, made, text) == [
        ("Student 000", (P, None)),
        ("Student 001", (L, 90)),
        ("Student 002", (E, 120)),
    ]


def test_a_remark_stands_beside_its_mark_and_none_leaves_the_old_one(session: Session, made: Class) -> None:
    text = (
        "name,status,minutes,time,remark\n"
        "Student 000,late,60,,  Train\tlate \nStudent 001,present,,,\nStudent 002,,,9:20,Bus\n"
    )
    lines = preview(session, made.meeting, text, later(60))
    assert [line.entry and line.entry.remark for line in lines] == ["Train late", None, "Bus"]
    long = preview(session, made.meeting, f"name,status,remark\nStudent 000,present,{'x' * 141}\n", later(60))
    assert long[0].problem == "A remark has at most 140 characters."


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("Nobody,present,,", "Nobody on this roll fits"),
        (",present,,", "names nobody"),
        ("Student 000,ill,,", "Choose present, late"),
        ("Student 000,late,91,", "This meeting has 90 minutes."),
        ("Student 000,late,many,", "whole number"),
        ("Student 000,,,noon", "Write a time as 9:05"),
        ("Student 000,,,12:00", "after the meeting"),
        ("Student 000,,,2027-03-09 09:00", "of another day"),
        ("Student 000,,,2027-02-28 21:00", "of another day"),
        ("Student 000,,,2027-03-01", "Write a time as 9:05"),
        ("Student 000,,,905", "Write a time as 9:05"),
        ("Student 000,,,09:05Z", "Write a time as 9:05"),
        ("Student 000,,,0001-01-01T00:00+14:00", "of another day"),
        ("Student 000,,,", "neither a mark nor a time"),
    ],
)
def test_each_line_says_what_is_wrong(session: Session, made: Class, row: str, told: str) -> None:
    ((_who, problem),) = read(session, made, f"name,status,minutes,time\n{row}\n")
    assert told in str(problem)


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "empty"), ("a,b\n1,2\n", "names the columns"), ('name,status\n"x', "not a CSV")],
)
def test_a_file_that_cannot_be_read_is_told(session: Session, made: Class, text: str, told: str) -> None:
    with pytest.raises(RuleError, match=told):
        read(session, made, text)


def test_the_page_looks_first_and_saves_all_or_nothing(app: Flask, client: FlaskClient, made: Class) -> None:
    sign_in(client, made.lead)
    address = f"/teaching/{made.offering.code}/meetings/1/import"
    bad = "name,status\nStudent 000,present\nNobody,present\n"
    assert "Nobody on this roll fits" in client.post(address, data={"text": bad}).text
    assert client.post(address, data={"text": bad, "save": "1"}).status_code == 422
    assert stored(app, made.ids[0]) == []
    good = "name,status\nStudent 000,present\n"
    shown = client.post(address, data={"text": good})
    assert "Save 1 mark" in shown.text
    assert stored(app, made.ids[0]) == []
    assert client.post(address, data={"text": good, "save": "1"}).status_code == 303
    assert [(mark.status, mark.method) for mark in stored(app, made.ids[0])] == [(P, MarkMethod.IMPORT)]
