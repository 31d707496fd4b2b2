"""A minimum to run: who decides until when, and what each decision mails."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from core import clock
from core.database import begin_write
from core.errors import RuleError
from courses.offering_models import Offering, OfferingState
from courses.offerings import OfferingDetails, edit_offering
from portal.needs import needs
from students import running
from tests.accounts.cast import mail_to, text_of
from tests.factories import NOW, make_offering, make_school, make_user
from tests.helpers import fields_of, mails_to, sign_in
from tests.students.acting import ask, changes_nothing, fill

pytestmark = pytest.mark.both_databases


@pytest.fixture
def rosa(session: Session) -> User:
    make_school(session)
    return make_user(session, Role.REGISTRAR)


def thin(session: Session, **values: Any) -> Offering:
    """A class that needs five and has two, decided in a week."""
    now = clock.now()
    defaults: dict[str, Any] = {
        "starts": now + timedelta(days=30),
        "capacity": 8,
        "minimum_to_run": 5,
        "decide_by": (now + timedelta(days=5)).date(),
    }
    offering = make_offering(session, **(defaults | values))
    fill(session, offering, 2, now=now)
    return offering


def emails(session: Session, offering: Offering) -> list[str]:
    from students.roster import on_roll

    return [row.student.user.email for row in on_roll(session, offering.id)]


def test_it_runs_and_everyone_enrolled_is_told(app: Any, session: Session, rosa: User) -> None:
    offering = thin(session)
    people = emails(session, offering)
    assert running.run(session, offering, actor=rosa, now=clock.now()) == 2
    session.commit()
    for address in people:
        assert mails_to(address) == ["confirmation", "runs"]
        assert "takes place" in mail_to(app, address).text
    begin_write(session)
    with pytest.raises(RuleError, match="nothing to decide any more"):
        running.run(session, offering, actor=rosa, now=clock.now())


def test_putting_off_tells_the_new_day_until_it_is_decided(app: Any, session: Session, rosa: User) -> None:
    offering = thin(session)
    people = emails(session, offering)
    later = (clock.now() + timedelta(days=12)).date()
    assert running.put_off(session, offering, later, actor=rosa, now=clock.now()) == 2
    session.commit()
    assert offering.decide_by == later
    message = mail_to(app, people[0], "put-off")
    assert "has too few students so far" in message.text
    assert str(later.day) in message.text


@pytest.mark.parametrize(
    ("days", "words"),
    [(None, "Say by which day"), (3, "Choose a later day"), (31, "before the class begins")],
)
def test_the_new_day_lies_between_now_and_the_class(
    session: Session, rosa: User, days: int | None, words: str
) -> None:
    offering = thin(session)
    until = (clock.now() + timedelta(days=days)).date() if days else None
    with changes_nothing(session, offering), pytest.raises(RuleError, match=words):
        running.put_off(session, offering, until, actor=rosa, now=clock.now())


def test_cancelling_tells_everyone_with_the_reason(session: Session, rosa: User) -> None:
    offering = thin(session)
    people = emails(session, offering)
    with changes_nothing(session, offering), pytest.raises(RuleError, match="Write why"):
        running.call_off(session, offering, " ", actor=rosa, now=clock.now())
    assert running.call_off(session, offering, "Too few", actor=rosa, now=clock.now()) == 2
    assert offering.state is OfferingState.CANCELLED
    assert mails_to(people[0]) == ["confirmation", "cancelled"]


@pytest.mark.parametrize(
    "values", [{"minimum_to_run": None, "decide_by": None}, {"minimum_to_run": 2}], ids=["none", "reached"]
)
def test_without_a_minimum_or_with_enough_there_is_nothing_to_decide(
    session: Session, rosa: User, values: dict[str, Any]
) -> None:
    offering = thin(session, **values)
    with pytest.raises(RuleError, match="nothing to decide"):
        running.run(session, offering, actor=rosa, now=clock.now())
    assert session.scalars(running.undecided(clock.now())).all() == []


def test_the_task_stands_on_the_offices_day_from_a_week_before(
    client: FlaskClient, session: Session, rosa: User
) -> None:
    offering = thin(session)
    now = clock.now()
    thin(session, decide_by=(now + timedelta(days=20)).date())
    session.commit()
    sign_in(client, rosa)
    words = text_of(client.get("/office/"))
    assert "class has too few students" in words
    assert f"/office/classes/{offering.code.lower()}/decision" in client.get("/office/").text.lower()
    with client.application.test_request_context():
        tasks = [task for task in needs(session, now=now, zone="UTC") if "too few" in task.title]
    assert [task.count for task in tasks] == [1]


def test_the_office_decides_on_the_page(client: FlaskClient, session: Session, rosa: User) -> None:
    offering = thin(session)
    session.commit()
    sign_in(client, rosa)
    address = f"/office/classes/{offering.code}/decision"
    shown = text_of(client.get(address))
    for words in ("5 students", "Everyone enrolled gets a mail that it takes place"):
        assert words in shown
    assert client.post(address, data={}).status_code == 422
    assert "Write why" in text_of(client.post(address, data={"decision": "cancel"}))
    assert "Say by which day" in text_of(client.post(address, data={"decision": "put_off"}))
    assert client.post(address, data={"decision": "run"}).status_code == 303
    assert "decided on" in text_of(client.get(address))
    assert client.post(address, data={"decision": "run"}).status_code == 422


def test_students_read_that_it_is_not_sure_yet(client: FlaskClient, session: Session, rosa: User) -> None:
    offering = thin(session)
    session.commit()
    assert "This class runs with 5 students." in text_of(client.get(f"/classes/{offering.code}"))
    begin_write(session)
    running.run(session, offering, actor=rosa, now=clock.now())
    session.commit()
    assert "This class runs with" not in text_of(client.get(f"/classes/{offering.code}"))


@pytest.mark.parametrize(
    ("minimum", "by", "field"),
    [
        (4, None, "decide_by"),
        (None, date(2027, 3, 20), "minimum_to_run"),
        (99, date(2027, 3, 20), "minimum_to_run"),
        (4, date(2028, 3, 20), "decide_by"),
    ],
)
def test_a_minimum_that_cannot_be_is_refused_at_its_field(
    session: Session, rosa: User, minimum: int | None, by: date | None, field: str
) -> None:
    offering = make_offering(session, capacity=8)
    details = OfferingDetails(
        price_cents=1, policy_id=offering.policy_id, minimum_to_run=minimum, decide_by=by
    )
    with pytest.raises(RuleError) as caught:
        edit_offering(session, offering, details, actor=rosa, now=NOW)
    assert caught.value.field == field


@pytest.mark.parametrize("values", [{"minimum_to_run": 0}, {"decide_by": None}], ids=["zero", "no day"])
def test_the_database_refuses_it_as_well(session: Session, rosa: User, values: dict[str, Any]) -> None:
    offering = thin(session)
    session.commit()
    begin_write(session)
    with pytest.raises(sa.exc.IntegrityError):
        session.execute(sa.update(Offering).where(Offering.id == offering.id).values(**values))


def test_the_offices_form_keeps_minimum_day_and_reminders(
    client: FlaskClient, session: Session, rosa: User
) -> None:
    offering = make_offering(session, starts=clock.now() + timedelta(days=60), capacity=8)
    session.commit()
    sign_in(client, rosa)
    address = f"/office/classes/{offering.code}/edit"
    form = fields_of(client.get(address))
    assert form["sends_reminders"]
    form.pop("sends_reminders")
    day = (clock.now() + timedelta(days=20)).date()
    form |= {"minimum_to_run": "4", "decide_by": day.isoformat()}
    assert client.post(address, data=form).status_code == 303
    session.expire_all()
    assert (offering.minimum_to_run, offering.decide_by, offering.sends_reminders) == (4, day, False)
    ask(session, offering, now=clock.now())
