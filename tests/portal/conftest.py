"""The desks are tried on the classes of the attendance tests, by the registrar of the courses' office tests."""

from tests.attendance.conftest import at_ten, made, teacher
from tests.courses.office.conftest import rosa

__all__ = ["at_ten", "made", "rosa", "teacher"]
