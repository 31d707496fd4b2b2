"""The office's page for subjects: the list in its order, a new one, renaming, removing."""

import re
import threading
import time

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import User
from core.database import writing
from core.errors import RuleError
from courses.models import Subject
from courses.subjects import add_subject, move_subject, remove_subject
from tests.courses.test_editing_races import at_once
from tests.factories import NOW, add, make_course
from tests.helpers import MANY, fields_of, statements

PAGE = "/office/subjects"


def shown(client: FlaskClient) -> list[str]:
    """The titles as the page lists them."""
    return re.findall(r'<a class="tap" href="/office/subjects/\d+">([^<]+)</a>', client.get(PAGE).text)


def key(session: Session, title: str) -> int:
    session.rollback()
    return session.scalars(sa.select(Subject.id).where(Subject.title == title)).one()


@pytest.fixture
def three(session: Session, rosa: User) -> None:
    # as an import and a course's page leave them: gaps, and two in one place
    for title, position in (("Anatomy", 0), ("Dialogue", 4), ("Fascia", 4)):
        add(session, Subject(title=title, position=position))
    session.commit()


def test_a_new_subject_goes_to_the_end_and_has_a_title_of_its_own(
    session: Session, client: FlaskClient, three: None
) -> None:
    assert client.post(PAGE, data={"title": "Ethics"}).status_code == 303
    assert shown(client) == ["Anatomy", "Dialogue", "Fascia", "Ethics"]
    for wrong, told in (("ethics", "There is a subject with this title already."), ("", "Fill this in.")):
        answer = client.post(PAGE, data={"title": wrong})
        assert answer.status_code == 422
        assert f"Title: {told}" in answer.text
        assert f'value="{wrong}"' in answer.text


def test_subjects_move_up_and_down_and_the_catalog_follows(
    session: Session, client: FlaskClient, three: None
) -> None:
    fascia = key(session, "Fascia")
    answer = client.post(f"{PAGE}/{fascia}/move", data={"way": "up"})
    assert answer.headers["Location"].endswith(f"#subject-{fascia}")
    assert shown(client) == ["Anatomy", "Fascia", "Dialogue"]
    client.post(f"{PAGE}/{fascia}/move", data={"way": "up"})
    client.post(f"{PAGE}/{fascia}/move", data={"way": "up"})  # it is the first already
    assert shown(client) == ["Fascia", "Anatomy", "Dialogue"]
    client.post(f"{PAGE}/{fascia}/move", data={"way": "down"})
    assert shown(client) == ["Anatomy", "Fascia", "Dialogue"]
    assert client.post(f"{PAGE}/{fascia}/move", data={"way": "sideways"}).status_code == 400
    assert client.post(f"{PAGE}/999/move", data={"way": "up"}).status_code == 404


def test_a_subject_is_renamed_unless_another_is_called_so(
    session: Session, client: FlaskClient, three: None
) -> None:
    address = f"{PAGE}/{key(session, 'Fascia')}"
    form = fields_of(client.get(address))
    answer = client.post(address, data=form | {"title": "anatomy"})
    assert answer.status_code == 422
    assert "There is a subject with this title already." in answer.text
    assert client.post(address, data=form | {"title": "fascia"}).status_code == 303
    stale = client.post(address, data=form | {"title": "Fasciae"})
    assert stale.status_code == 422
    assert "Rosa Delgado saved this" in stale.text
    assert "<dt>Title</dt><dd>fascia</dd>" in stale.text
    assert shown(client) == ["Anatomy", "Dialogue", "fascia"]


def test_only_a_subject_without_courses_is_removed(
    session: Session, client: FlaskClient, three: None
) -> None:
    subject = session.scalars(sa.select(Subject).where(Subject.title == "Fascia")).one()
    make_course(session, subject=subject, code="FAS1")
    session.commit()
    page = client.get(PAGE).text
    assert page.count(">Remove<") == 2
    refused = client.post(f"{PAGE}/{key(session, 'Fascia')}/remove", follow_redirects=True)
    assert "Fascia has 1 course: FAS1. Give it another subject first." in refused.text
    gone = client.post(f"{PAGE}/{key(session, 'Anatomy')}/remove", follow_redirects=True)
    assert "Anatomy is removed." in gone.text
    assert shown(client) == ["Dialogue", "Fascia"]


@pytest.mark.both_databases
def test_two_people_change_the_list_at_once(app: Flask, session: Session, rosa: User, three: None) -> None:
    who = rosa.id
    first, last = key(session, "Anatomy"), key(session, "Fascia")
    session.rollback()

    def move(subject: int, by: int) -> None:
        with writing() as own:
            move_subject(own, own.get_one(Subject, subject), by, actor=own.get_one(User, who), now=NOW)

    def new() -> None:
        with writing() as own:
            add_subject(own, "Ethics", actor=own.get_one(User, who), now=NOW)

    raised = at_once(app, lambda: move(first, 1), lambda: move(last, -1), new, new)
    assert [type(error) for error in raised] == [RuleError]
    session.rollback()
    found = session.scalars(sa.select(Subject).order_by(Subject.position, Subject.id)).all()
    assert sorted(subject.title for subject in found) == ["Anatomy", "Dialogue", "Ethics", "Fascia"]
    assert found[-1].title == "Ethics"


@pytest.mark.both_databases
@pytest.mark.parametrize("way", ["", "/move", "/remove"])
def test_who_changes_one_subject_waits_for_the_list_and_blocks_nobody(
    app: Flask, session: Session, client: FlaskClient, rosa: User, three: None, way: str
) -> None:
    who, last = rosa.id, key(session, "Fascia")
    form = fields_of(client.get(f"{PAGE}/{last}")) | {"title": "Fasciae", "way": "up"}
    session.rollback()
    begun, answers = threading.Event(), list[int]()

    def remover() -> None:
        with writing() as own:
            own.scalars(sa.select(Subject).order_by(Subject.id).limit(1).with_for_update()).one()
            begun.set()
            time.sleep(0.3)  # so that the other begins to lock, too
            remove_subject(own, own.get_one(Subject, last), actor=own.get_one(User, who), now=NOW)

    def office() -> None:
        begun.wait(10)
        answers.append(client.post(f"{PAGE}/{last}{way}", data=form).status_code)

    assert at_once(app, remover, office) == []
    assert answers == [404]


@pytest.mark.parametrize("many", MANY)
def test_the_list_takes_as_many_statements_however_long_it_is(
    session: Session, client: FlaskClient, app: Flask, rosa: User, many: int
) -> None:
    counts = []
    for number, more in enumerate((5, many)):
        session.add_all([Subject(title=f"{number}-{n}", position=n) for n in range(more)])
        session.commit()
        with statements(app) as seen:
            assert client.get(PAGE).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 5
