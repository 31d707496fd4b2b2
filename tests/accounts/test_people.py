"""The rules of the office's people, also when two things happen at once."""

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from accounts import people
from accounts.models import Role, User
from accounts.registration import register
from core import audit, clock
from core.database import db, writing
from core.errors import RuleError
from tests.accounts.cast import HASH, make_person

pytestmark = pytest.mark.both_databases


def at_once(app: Flask, *works: Callable[[], object]) -> list[object]:
    """Run each in a thread of its own, all starting together; what each returned or raised."""
    gate = threading.Barrier(len(works))
    results: list[object] = [None] * len(works)

    def run(number: int, work: Callable[[], object]) -> None:
        with app.app_context():
            gate.wait()
            try:
                results[number] = work()
            except Exception as error:
                results[number] = error

    threads = [threading.Thread(target=run, args=(n, work)) for n, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results


def active_admins() -> int:
    found = sa.select(sa.func.count()).where(User.role == Role.ADMIN, User.disabled_at.is_(None))
    return db.session.scalar(found) or 0


@pytest.mark.parametrize("how", ["disable", "role", "both"])
def test_two_admins_who_remove_each_other_at_once_leave_one(app: Flask, session: Session, how: str) -> None:
    first, second = (make_person(session, Role.ADMIN).id for _ in range(2))
    session.commit()

    def remove(actor_id: int, person_id: int, by: str) -> None:
        with writing() as own:
            person = people.lock_person(own, person_id)
            actor = own.get(User, actor_id, populate_existing=True)
            assert person is not None
            assert actor is not None
            if by == "disable":
                people.disable(own, person, actor=actor, now=clock.now())
            else:
                people.change_role(own, person, Role.STUDENT, actor=actor, now=clock.now())

    ways = {"disable": ("disable", "disable"), "role": ("role", "role"), "both": ("disable", "role")}[how]
    results = at_once(app, lambda: remove(first, second, ways[0]), lambda: remove(second, first, ways[1]))
    # One wins; the other finds a last admin, or is no admin any more.
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "RuleError"], results
    session.rollback()
    assert active_admins() == 1
    assert list(audit.verify(session)) == []


def test_an_admin_who_never_accepted_does_not_count_as_the_other_one(session: Session) -> None:
    admin = make_person(session, Role.ADMIN)
    make_person(session, Role.ADMIN, password_hash=None, confirmed_at=None)
    make_person(session, Role.ADMIN, disabled_at=clock.now())
    with pytest.raises(RuleError, match="is the last admin"):
        people.change_role(session, admin, Role.REGISTRAR, actor=admin, now=clock.now())
    with pytest.raises(RuleError, match="is the last admin"):
        people.disable(session, admin, actor=None, now=clock.now())


def test_the_second_admin_may_leave(session: Session) -> None:
    first, second = (make_person(session, Role.ADMIN) for _ in range(2))
    people.disable(session, second, actor=first, now=clock.now())
    assert not second.is_active


def test_ten_registrations_of_one_address_at_once_make_one_account(app: Flask, session: Session) -> None:
    session.rollback()

    def try_it(number: int) -> None:
        with writing() as own:
            register(own, name=f"Ada {number}", email="ada@example.org", password_hash=HASH, now=clock.now())

    results = at_once(app, *(lambda n=n: try_it(n) for n in range(10)))
    assert results == [None] * 10
    assert db.session.scalar(sa.select(sa.func.count(User.id))) == 1


def test_inviting_one_address_twice_at_once_makes_one_account(app: Flask, session: Session) -> None:
    admin = make_person(session, Role.ADMIN).id
    session.commit()

    def try_it() -> None:
        with writing() as own:
            actor = own.get_one(User, admin)
            people.invite(
                own, email="ines@example.org", name="Ines", role=Role.STUDENT, actor=actor, now=clock.now()
            )

    results = at_once(app, try_it, try_it)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "RuleError"]
    assert "has an account already" in str([r for r in results if r])


@pytest.mark.parametrize("role", [Role.STUDENT, Role.INSTRUCTOR])
def test_students_and_instructors_manage_nobody(session: Session, role: Role) -> None:
    actor, person = make_person(session, role), make_person(session)
    for rule in (people.disable, people.enable, people.invite_again):
        with pytest.raises(RuleError, match="Only an admin"):
            rule(session, person, actor=actor, now=clock.now())
    with pytest.raises(RuleError, match="Only an admin"):
        people.change_role(session, person, Role.ADMIN, actor=actor, now=clock.now())
    with pytest.raises(RuleError, match="Only an admin"):
        people.invite(session, email="x@y.example", name="X", role=role, actor=actor, now=clock.now())
