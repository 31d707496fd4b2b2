"""The desks are tried on the classes of the attendance tests."""

from tests.attendance.conftest import at_ten, made, teacher

__all__ = ["at_ten", "made", "teacher"]
