"""Records that look like one person are suggested, until the office says that they are two."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from core.audit import AuditEvent
from core.errors import RuleError
from students import duplicates, merging
from students.models import KeptApart, License
from tests.factories import NOW, make_school, make_student, make_user
from tests.helpers import sign_in, statements
from tests.students.fees import registrar
from tests.students.test_merging import twins

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def _school(session: Session) -> None:
    make_school(session)


def found_ids(session: Session) -> set[tuple[int, int]]:
    return {(pair.first.id, pair.second.id) for pair in duplicates.find(session)}


def test_the_same_license_and_the_same_address_are_found(session: Session) -> None:
    keep, gone = twins(session)
    other = make_student(session)
    tagged = make_student(session, make_user(session, email=other.user.email.replace("@", "+two@")))
    make_student(session)
    found = {(pair.first.id, pair.second.id) for pair in duplicates.find(session)}
    assert found == {(keep.id, gone.id), (other.id, tagged.id)}


def test_finding_costs_the_same_whatever_there_is(session: Session, app: Flask) -> None:
    def cost() -> int:
        with statements(app) as seen:
            duplicates.find(session)
        return len(seen)

    twins(session)
    one = cost()
    for number in range(8):
        user = make_user(session, email=f"robin{number}@x.example")
        make_student(session, user)
        make_student(session, make_user(session, email=f"robin{number}+a@x.example"))
    assert cost() == one <= 6


def test_one_license_is_found_however_its_state_and_number_were_written(session: Session) -> None:
    one, other, third = (make_student(session) for _ in range(3))
    for student, state, number in ((one, "OR", "lmt-7"), (other, "OREGON", "LMT-7"), (third, "WA", "LMT-7")):
        student.licenses[0].jurisdiction, student.licenses[0].number = state, number
    session.flush()
    assert found_ids(session) == {(one.id, other.id)}


def test_boards_of_two_professions_number_by_themselves(session: Session) -> None:
    one, other, unsaid = (make_student(session) for _ in range(3))
    for student, profession in ((one, "LMT"), (other, "PT"), (unsaid, "")):
        student.licenses[0].profession, student.licenses[0].number = profession, "7"
    session.flush()
    assert found_ids(session) == {(one.id, unsaid.id), (other.id, unsaid.id)}


def test_what_is_left_of_a_merge_hides_no_other_pair(session: Session) -> None:
    """The license that both had stays on the record that went; only people who are still there are suggested."""
    staff = registrar(session)
    keep, gone = twins(session)
    merging.merge(session, keep.id, gone.id, actor=staff, now=NOW)
    one, other = make_student(session), make_student(session)
    other.licenses[0].number = one.licenses[0].number
    session.flush()
    assert session.scalar(sa.select(License.id).where(License.student_id == gone.id)) is not None
    assert [(p.first.id, p.second.id) for p in duplicates.find(session, most=1)] == [(one.id, other.id)]


def test_two_people_are_not_suggested_again_until_it_is_taken_back(session: Session) -> None:
    one, other = twins(session)
    staff = registrar(session)
    duplicates.keep_apart(session, other.id, one.id, actor=staff, now=NOW)
    duplicates.keep_apart(session, one.id, other.id, actor=staff, now=NOW)  # once more changes nothing
    assert found_ids(session) == set()
    (word,) = duplicates.kept_apart(session)
    assert (word.first.id, word.second.id, word.said_by.id, word.said_at) == (one.id, other.id, staff.id, NOW)
    with pytest.raises(RuleError, match="two people"):
        merging.merge(session, one.id, other.id, actor=staff, now=NOW)
    duplicates.take_back(session, one.id, other.id, actor=staff, now=NOW)
    with pytest.raises(RuleError, match="taken back already"):
        duplicates.take_back(session, one.id, other.id, actor=staff, now=NOW)
    assert found_ids(session) == {(one.id, other.id)}
    session.commit()  # the log is written last
    said = sa.select(AuditEvent.action).where(AuditEvent.action.startswith("students:student:"))
    actions = session.scalars(said.order_by(AuditEvent.id)).all()
    assert actions == ["students:student:kept_apart", "students:student:may_be_one"]


def test_a_third_record_is_asked_about_those_it_is_not_known_to_differ_from(session: Session) -> None:
    people = [
        make_student(session, make_user(session, email=f"desk{tag}@x.example")) for tag in ("", "+a", "+b")
    ]
    one, two, three = people
    staff = registrar(session)
    duplicates.keep_apart(session, one.id, three.id, actor=staff, now=NOW)
    assert found_ids(session) == {(one.id, two.id), (two.id, three.id)}
    duplicates.keep_apart(session, one.id, two.id, actor=staff, now=NOW)
    merging.merge(session, three.id, two.id, actor=staff, now=NOW)
    assert found_ids(session) == set()  # who is not the one that went is not the one that stays
    words = session.execute(sa.select(KeptApart.first_id, KeptApart.second_id)).all()
    assert [tuple(word) for word in words] == [(one.id, three.id)]


def test_nobody_differs_from_themselves_or_from_whom_they_became(session: Session) -> None:
    one, other = twins(session)
    staff = registrar(session)
    with pytest.raises(RuleError, match="the same record"):
        duplicates.keep_apart(session, one.id, one.id, actor=staff, now=NOW)
    with pytest.raises(LookupError):
        duplicates.keep_apart(session, one.id, 999, actor=staff, now=NOW)
    merging.merge(session, one.id, other.id, actor=staff, now=NOW)
    with pytest.raises(RuleError, match="merged already"):
        duplicates.keep_apart(session, one.id, other.id, actor=staff, now=NOW)


def test_the_office_says_so_on_the_list_and_takes_it_back_there(
    session: Session, client: FlaskClient
) -> None:
    one, other = twins(session)
    rosa = make_user(session, Role.REGISTRAR, name="Rosa Diaz")
    session.commit()
    sign_in(client, rosa)
    apart, together = (f"/office/people/{way}/{one.id}/{other.id}" for way in ("apart", "together"))
    assert apart in client.get("/office/people/duplicates").text
    said = client.post(apart, follow_redirects=True).text
    assert "Nobody is there twice" in said
    assert ("Rosa Diaz, " in said, together in said) == (True, True)
    assert "two people" in client.get(f"/office/people/merge/{one.id}/{other.id}").text
    assert apart in client.post(together, follow_redirects=True).text
    assert "taken back already" in client.post(together, follow_redirects=True).text
    assert client.post(f"/office/people/apart/{one.id}/999").status_code == 404
    assert client.post(f"/office/people/apart/{one.id}/{10**30}").status_code == 404
