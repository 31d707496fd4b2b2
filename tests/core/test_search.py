"""A part of a name is found in any script and case, on both databases."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import User
from core.search import has_part
from tests.factories import make_user

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Åsa Öberg", "åsa"),
        ("Åsa Öberg", "Åsa"),
        ("Åsa Öberg", "öB"),
        ("ÅSA ÖBERG", "öberg"),
        ("Élodie", "E\u0301lod"),
        ("Николай", "ник"),
        ("Ann_Lee 100%", "n_l"),
        ("Ann_Lee 100%", "0%"),
        ("김서연", "서"),
    ],
)
def test_a_part_is_found_whatever_the_case_of_its_letters(session: Session, name: str, typed: str) -> None:
    user = make_user(session, name=name)
    make_user(session, name="Nobody Else")
    assert session.scalars(sa.select(User.id).where(has_part(User.name, typed))).all() == [user.id]


def test_marks_of_a_pattern_are_only_characters(session: Session) -> None:
    make_user(session, name="Ann Lee")
    for typed in ("n_l", "A%e", "\\"):
        assert session.scalars(sa.select(User.id).where(has_part(User.name, typed))).all() == []
