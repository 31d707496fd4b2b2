"""Certificate numbers and tokens."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from certificates.numbers import new_token, next_number, normal_number, normal_token
from tests.factories import make_school


def test_numbers_count_per_year_in_the_school_s_zone(session: Session) -> None:
    school = make_school(session)
    new_year_in_london = datetime(2028, 1, 1, 0, 30, tzinfo=UTC)  # still 2027 in Astoria
    assert next_number(session, school, new_year_in_london) == (2027, 1, "TBI-27-0001")
    assert next_number(session, school, new_year_in_london) == (2027, 2, "TBI-27-0002")
    later = datetime(2028, 1, 1, 12, 0, tzinfo=UTC)
    assert next_number(session, school, later) == (2028, 1, "TBI-28-0001")


def test_tokens_have_130_bits_and_never_repeat() -> None:
    tokens = {new_token() for _ in range(500)}
    assert len(tokens) == 500
    assert all(len(token) == 26 for token in tokens)


def test_a_token_is_read_as_people_type_it() -> None:
    token = "0123456789abcdefghjkmnpqrs"
    assert normal_token(token.upper()) == token
    assert normal_token(" O123-4567-89ab cdef-ghjk-mnpq-rs ") == token
    assert normal_token("I123456789abcdefghjkmnpqrs") == "1123456789abcdefghjkmnpqrs"


@pytest.mark.parametrize("typed", ["", "abc", "u" * 26, "0" * 27, "' OR 1=1 --", "../" * 9, "é" * 26])
def test_what_cannot_be_a_token_is_none(typed: str) -> None:
    assert normal_token(typed) is None


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" tbi–27 –0042 ", "TBI-27-0042"),
        ("tbi 27 0042", "TBI-27-0042"),
        ("tbi270042", "TBI-27-0042"),
        ("TBI-270042", "TBI-27-0042"),
        ("T2 27 12345", "T2-27-12345"),
        ("t2270042", "T2-27-0042"),
        ("nonsense", "NONSENSE"),
        ("", ""),
    ],
)
def test_a_number_is_read_as_people_type_it(typed: str, stored: str) -> None:
    assert normal_number(typed) == stored
