"""Evaluations: asked for when the class is over, filled in once, kept without the name, waited for where required."""

from datetime import timedelta
from fractions import Fraction

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from certificates import evaluation, issuing
from certificates.eligibility import judge_class, judge_one, load_offering
from certificates.evaluation import Answers, fill_in, questions_of, summary_of
from certificates.evaluation_asking import ask
from certificates.evaluation_models import EvaluationAnswer, EvaluationReceipt
from certificates.models import Certificate
from core import delivery
from core.audit import AuditEvent
from core.database import begin_write
from core.errors import RuleError
from core.outbox import OutgoingMail
from courses.models import Delivery, Evaluation
from courses.offering_models import Offering
from students.models import Enrollment, EnrollmentState
from tests.certificates.test_issuing import finished_class
from tests.certificates.test_views import lead_of
from tests.factories import NOW, make_user, put_enrollment
from tests.helpers import sign_in, statements

pytestmark = pytest.mark.both_databases(postgresql="full")


@pytest.fixture
def offering(session: Session) -> Offering:
    """A class of four that requires an evaluation."""
    found = finished_class(session, students=4)
    found.course.evaluation = Evaluation.REQUIRED
    found.course.outcomes = ["Do one thing well.", "Do another."]
    session.flush()
    return found


def rows(session: Session, offering: Offering) -> list[Enrollment]:
    query = sa.select(Enrollment).where(Enrollment.offering_id == offering.id)
    return list(session.scalars(query.order_by(Enrollment.id)))


def good(offering: Offering, value: int = 5, **values: str) -> Answers:
    return Answers(dict.fromkeys(questions_of(offering), value), [value, value], **values)


def say(session: Session, row: Enrollment, value: int = 5, **values: str) -> None:
    fill_in(session, row, good(row.offering, value, **values), actor=row.student.user, now=NOW)


def sent(value: int = 4) -> dict[str, str]:
    names = ["outcome-0", "outcome-1", "content", "instructors", "respect", "facility", "practice", "overall"]
    return dict.fromkeys(names, str(value)) | {"helped": "The quiet.", "change": ""}


def test_a_certificate_waits_for_the_evaluation_where_the_course_requires_one(
    session: Session, offering: Offering
) -> None:
    row = rows(session, offering)[0]
    assert judge_one(session, row).reasons == (
        "The evaluation has not been filled in. The student finds it on their page and in a mail.",
    )
    say(session, row)
    assert judge_one(session, row).eligible
    offering.course.evaluation = Evaluation.ASKED
    session.flush()
    assert all(verdict.eligible for verdict in judge_class(session, load_offering(session, offering.id)))


def test_every_reason_is_named_and_the_office_may_decide_otherwise(
    session: Session, offering: Offering
) -> None:
    offering.capacity += 1
    row = put_enrollment(session, offering, state=EnrollmentState.INCOMPLETE)
    verdict = judge_one(session, row)
    assert len(verdict.reasons) == 2
    assert verdict.decidable


def test_nobody_is_asked_for_the_evaluation_of_a_class_that_they_missed(
    session: Session, offering: Offering
) -> None:
    row = rows(session, offering)[0]
    row.state = EnrollmentState.NO_SHOW
    session.flush()
    assert len(judge_one(session, row).reasons) == 1
    with pytest.raises(RuleError, match="cannot be evaluated"):
        say(session, row)


def test_judging_a_class_costs_one_statement_more_where_one_is_required(
    app: Flask, session: Session, offering: Offering
) -> None:
    loaded = load_offering(session, offering.id)
    with statements(app) as required:
        judge_class(session, loaded)
    loaded.course.evaluation = Evaluation.ASKED
    session.flush()
    with statements(app) as asked:
        judge_class(session, loaded)
    assert len(required) == len(asked) + 1


def test_what_was_said_is_kept_without_the_person(session: Session, offering: Offering) -> None:
    row = rows(session, offering)[0]
    say(session, row, 3, helped="The quiet.")
    answer = session.scalars(sa.select(EvaluationAnswer)).one()
    receipt = session.scalars(sa.select(EvaluationReceipt)).one()
    assert receipt.enrollment_id == row.id
    names = set(EvaluationAnswer.__table__.columns.keys())
    assert names == {"id", "offering_id", "ratings", "outcomes", "helped", "change"}
    assert answer.outcomes[0] == {"text": "Do one thing well.", "rating": 3}
    session.commit()
    event = session.scalars(
        sa.select(AuditEvent).where(AuditEvent.action == "certificates:evaluation:filled-in")
    ).one()
    assert "quiet" not in str(event.payload)


def test_it_is_filled_in_once(session: Session, offering: Offering) -> None:
    row = rows(session, offering)[0]
    say(session, row)
    with pytest.raises(RuleError, match="already"):
        say(session, row)
    assert session.scalar(sa.select(sa.func.count(EvaluationAnswer.id))) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"overall": 0}, "one of the five"),
        ({"overall": 6}, "one of the five"),
        ({"outcomes": 1}, "changed meanwhile"),
    ],
)
def test_a_rating_that_is_missing_or_odd_is_refused(
    session: Session, offering: Offering, change: dict[str, int], told: str
) -> None:
    answers = good(offering)
    ratings = {**answers.ratings, **{k: v for k, v in change.items() if k != "outcomes"}}
    outcomes = list(answers.outcomes)[change.get("outcomes", 0) :]
    row = rows(session, offering)[0]
    with pytest.raises(RuleError, match=told):
        fill_in(session, row, Answers(ratings, outcomes), actor=row.student.user, now=NOW)


def test_the_form_opens_in_the_last_hour_of_the_class(session: Session, offering: Offering) -> None:
    row = rows(session, offering)[0]
    assert not evaluation.is_open(row, offering.ends_at - timedelta(hours=2))
    assert evaluation.is_open(row, offering.ends_at - timedelta(minutes=30))
    offering.cancelled_at = NOW
    assert not evaluation.is_open(row, NOW)


def test_a_summary_is_shown_from_three_answers_on(session: Session, offering: Offering) -> None:
    four = rows(session, offering)
    for number, row in enumerate(four[:2]):
        say(session, row, 4, helped=f"Thing {number}")
    few = summary_of(session, offering)
    assert (few.asked, few.answered, few.is_shown, few.helped) == (4, 2, False, [])
    say(session, four[2], 1)
    summary = summary_of(session, offering)
    assert summary.is_shown
    assert [rated.mean for rated in summary.outcomes] == [3, 3]
    assert sorted(summary.helped) == ["Thing 0", "Thing 1"]
    assert summary.questions[0].counts == {4: 2, 1: 1}
    (line,) = evaluation.classes_with_answers(session, NOW)
    assert (line.asked, line.answered, line.mean) == (4, 3, Fraction(3))


def test_online_classes_are_asked_of_sound_and_picture(session: Session, offering: Offering) -> None:
    assert "rooms" in questions_of(offering)["facility"]
    offering.course.delivery = Delivery.LIVE_ONLINE
    assert "Sound" in questions_of(offering)["facility"]


def test_the_student_fills_it_in_on_a_page_and_the_certificate_follows_by_itself(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    row = rows(session, offering)[0]
    offering.issues_on_finalize = True
    address, user = f"/my/enrollments/{row.id}/evaluation", row.student.user
    session.commit()
    with time_machine.travel(NOW, tick=False):
        sign_in(client, user)
        page = client.get("/my/").text
        assert "Your certificate waits for your evaluation." in page
        assert address in page
        assert "Do another." in client.get(address).text
        bad = client.post(address, data=sent() | {"overall": ""})
        assert bad.status_code == 422
        assert "Choose one of the five." in bad.text
        assert "The quiet." in bad.text  # what was typed stays
        assert client.post(address, data=sent()).status_code == 303
        assert address not in client.get("/my/").text
        assert "filled this in" in client.get(address).text
        assert client.post(address, data=sent()).status_code == 422
        assert issuing.issue_finalized() == 1
    assert session.scalars(sa.select(Certificate.enrollment_id)).one() == row.id


def test_another_student_and_a_course_that_asks_for_nothing_answer_404(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    row = rows(session, offering)[0]
    stranger, user = make_user(session), row.student.user
    session.commit()
    sign_in(client, stranger)
    assert client.get(f"/my/enrollments/{row.id}/evaluation").status_code == 404
    begin_write(session)
    offering.course.evaluation = Evaluation.NONE
    session.commit()
    sign_in(client, user)
    assert client.get(f"/my/enrollments/{row.id}/evaluation").status_code == 404


def test_instructors_and_the_office_read_the_summary(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    for row in rows(session, offering)[:3]:
        say(session, row, 4, change="<b>Longer breaks.</b>")
    lead, other = lead_of(session, offering), make_user(session, Role.INSTRUCTOR)
    registrar = make_user(session, Role.REGISTRAR)
    session.commit()
    address = f"/teaching/{offering.code}/evaluation"
    sign_in(client, lead)
    page = client.get(address).text
    assert "3 of 4 have answered" in page
    assert "&lt;b&gt;Longer breaks." in page
    sign_in(client, other)
    assert client.get(address).status_code == 404
    with time_machine.travel(NOW, tick=False):
        sign_in(client, registrar)
        assert client.get(address).status_code == 200
        assert offering.code in client.get("/office/evaluations").text


def _states(session: Session, email: str) -> list[str]:
    query = sa.select(OutgoingMail.state).where(OutgoingMail.recipient == email)
    return [state.value for state in session.scalars(query.order_by(OutgoingMail.id))]


def _asked(session: Session, offering: Offering, days: int) -> object:
    with time_machine.travel(offering.ends_at + timedelta(days=days), tick=False):
        return ask()


def test_everyone_is_asked_by_mail_once_and_again_a_week_later_if_required(
    session: Session, offering: Offering
) -> None:
    first, second = rows(session, offering)[:2]
    emails = [first.student.user.email, second.student.user.email]
    ends = offering.ends_at
    session.commit()
    assert _asked(session, offering, days=1) == 4
    assert _asked(session, offering, days=1) == 0
    assert [_states(session, email) for email in emails] == [["queued", "queued"]] * 2
    with time_machine.travel(ends + timedelta(days=1), tick=False):
        delivery.deliver_due()
    begin_write(session)
    say(session, session.get_one(Enrollment, first.id))
    session.commit()
    with time_machine.travel(ends + timedelta(days=8), tick=False):
        delivery.deliver_due()
    assert [_states(session, email) for email in emails] == [["sent", "dropped"], ["sent", "sent"]]


def test_who_switched_reminders_off_is_asked_only_where_a_certificate_waits(
    session: Session, offering: Offering
) -> None:
    offering.course.evaluation = Evaluation.ASKED
    rows(session, offering)[0].student.wants_reminders = False
    session.commit()
    assert _asked(session, offering, days=1) == 3
    begin_write(session)
    offering.course.evaluation = Evaluation.REQUIRED
    session.commit()
    assert _asked(session, offering, days=1) == 1


def test_nobody_is_asked_about_a_class_long_ago_or_before_it_ends(
    session: Session, offering: Offering
) -> None:
    session.commit()
    assert _asked(session, offering, days=20) == 0
    assert _asked(session, offering, days=-1) == 0


def test_the_office_sets_it_on_the_course_page(
    session: Session, client: FlaskClient, offering: Offering
) -> None:
    staff: User = make_user(session, Role.REGISTRAR)
    code = offering.course.code
    session.commit()
    sign_in(client, staff)
    page = client.get(f"/office/courses/{code}").text
    assert '<option selected value="required">' in page
