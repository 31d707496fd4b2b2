"""Fixtures of the students' room."""

import pytest
from sqlalchemy.orm import Session

from students.models import Student
from tests.factories import make_school, make_student


@pytest.fixture
def student(session: Session) -> Student:
    """A student of a school that is set up."""
    make_school(session)
    return make_student(session)
