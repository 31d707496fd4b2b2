"""Fixtures of the office's pages for courses and classes."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from accounts.models import Role, User
from tests.factories import make_school, make_user
from tests.helpers import sign_in


@pytest.fixture
def rosa(session: Session, client: FlaskClient) -> User:
    """The registrar of a school that is set up, signed in."""
    make_school(session)
    rosa = make_user(session, Role.REGISTRAR, name="Rosa Delgado")
    session.commit()
    sign_in(client, rosa)
    return rosa
