"""What a certificate prints of a person, set right by the office after the class."""

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role
from core.audit import AuditEvent
from core.database import begin_write
from core.errors import RuleError
from students.models import Enrollment, EnrollmentState
from students.people import LicenseEntry
from students.printing import set_printed
from tests.factories import NOW, make_offering, make_student, make_user, put_enrollment
from tests.helpers import sign_in

pytestmark = pytest.mark.both_databases


@pytest.fixture
def enrollment(session: Session) -> Enrollment:
    """Of a class that is over, with no license."""
    row = put_enrollment(session, make_offering(session), state=EnrollmentState.COMPLETED)
    row.license_id = None
    session.commit()
    return row


def change(session: Session, row: Enrollment, **values: object) -> None:
    """Set name or license as the office does."""
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    begin_write(session)
    asked = {"certificate_name": "Maya Okonjo", "license_id": None, "other": None} | values
    set_printed(session, row, actor=rosa, now=NOW, **asked)  # type: ignore[arg-type]
    session.commit()


def test_the_name_and_a_new_license_reach_a_finished_enrollment(
    session: Session, enrollment: Enrollment
) -> None:
    change(session, enrollment, other=LicenseEntry("LMT", "OR", " 12345 "))
    session.refresh(enrollment)
    assert enrollment.certificate_name == "Maya Okonjo"
    assert enrollment.license is not None
    assert enrollment.license.number == "12345"
    said = session.scalars(
        sa.select(AuditEvent).where(AuditEvent.action == "students:enrollment:printed-changed")
    ).one()
    assert "12345" not in str(said.payload), "the log says what was changed, not what it says now"


def test_the_same_again_changes_nothing(session: Session, enrollment: Enrollment) -> None:
    change(session, enrollment, certificate_name=enrollment.certificate_name)
    query = sa.select(AuditEvent).where(AuditEvent.action == "students:enrollment:printed-changed")
    assert session.scalars(query).all() == []


def test_a_license_of_someone_else_is_refused(session: Session, enrollment: Enrollment) -> None:
    stranger = make_student(session)
    session.commit()
    with pytest.raises(RuleError, match="not on this student"):
        change(session, enrollment, license_id=stranger.licenses[0].id)


def test_the_page_saves_and_goes_back_to_where_it_was_opened(
    session: Session, client: FlaskClient, enrollment: Enrollment
) -> None:
    rosa = make_user(session, Role.REGISTRAR)
    session.commit()
    sign_in(client, rosa)
    address = f"/office/enrollments/{enrollment.id}/printed"
    assert "What the certificate of" in client.get(address).text
    sent = {
        "certificate_name": "Maya O.",
        "license": "other",
        "profession": "LMT",
        "license_state": "OR",
        "license_number": "777",
    }
    answer = client.post(f"{address}?next=/courses/", data=sent)
    assert (answer.status_code, answer.location) == (303, "/courses/")
    session.expire_all()
    assert enrollment.license is not None
    assert enrollment.license.number == "777"
    client.post(address, data=sent | {"license": "", "license_number": "778"})
    session.expire_all()
    assert enrollment.license.number == "778", "what was typed counts, also with nothing chosen above it"
    missing = client.post(address, data=sent | {"license_number": ""})
    assert missing.status_code == 422
    assert "Write the number" in missing.text
    assert client.post(address, data=sent | {"profession": ""}).status_code == 422
    assert client.post(address, data=sent | {"license": "4711"}).status_code == 422
    elsewhere = client.post(f"{address}?next=https://elsewhere.example/", data=sent)
    assert elsewhere.location == f"/office/enrollments/{enrollment.id}"
