"""Fixtures of the students' room."""

from collections.abc import Iterator

import pytest
import time_machine
from sqlalchemy.orm import Session

from students.models import Student
from tests.factories import NOW, make_school, make_student


@pytest.fixture
def student(session: Session) -> Student:
    """A student of a school that is set up."""
    make_school(session)
    return make_student(session)


@pytest.fixture
def school_now(session: Session) -> Iterator[None]:
    """A school that is set up, at the moment of the tests' own clock."""
    make_school(session)
    with time_machine.travel(NOW):
        yield
