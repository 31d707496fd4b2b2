"""What most attendance tests begin with: a class that is running, its lead signed in, and the clock at ten."""

from collections.abc import Iterator

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.attendance.classes import NOW, Class, make_class
from tests.helpers import sign_in


@pytest.fixture
def at_ten() -> Iterator[None]:
    """It is 10:00 on the morning of NOW, and stays so: an hour into the first meeting."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def made(session: Session) -> Class:
    """A class of 9:00 to 10:30 and 11:00 to 12:30, three students, nobody marked; ten minutes of grace."""
    return make_class(session)


@pytest.fixture
def teacher(client: FlaskClient, made: Class) -> FlaskClient:
    """The lead instructor of the class, signed in."""
    sign_in(client, made.lead)
    return client
